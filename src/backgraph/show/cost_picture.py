"""Lifetimes as SVG: a bar for each value from the step that makes it to the last one that reads it; the total below.

Values that are kept for the backward pass are filled, others pale; a line stands where the forward pass ends.
"""

from __future__ import annotations

from backgraph.language.dims import at
from backgraph.show.canvas import Canvas
from backgraph.show.cost_page import CostPage, symbols_of

ROW, STEP, LEFT, TOP, BARS = 20.0, 16.0, 250.0, 46.0, 90.0


def lifetimes_svg(page: CostPage, theme: str = "light") -> str:
    """The picture; without sizes every dimension counts as 8 in the bars of the total."""
    found, rows = page.accounts, page.rows_of_picture()
    title = page.say("lives_title", turn=found.turn)
    canvas = Canvas(title, page.say("not_counted"), theme=theme, prefix="lifetimes")
    canvas.words(12, 24, title, 14, bold=True)
    kept = set(found.kept)
    for i, life in enumerate(rows):
        y = TOP + i * ROW
        canvas.words(LEFT - 8, y + 13, page.label(life)[:40], 12, anchor="end")
        x, length = LEFT + (life.made - 1) * STEP, (life.last - life.made + 1) * STEP
        fill = canvas.theme.colours[0] if life in kept else canvas.theme.grid
        canvas.group(f"{life.name}: {page.say('steps', made=life.made, last=life.last)}")
        canvas.rect(x, y + 3, length - 2, ROW - 6, fill=fill, round=3)
        canvas.end()
    _total(page, canvas, TOP + len(rows) * ROW + 16)
    turn, bottom = LEFT + found.turn * STEP - 1, TOP + len(rows) * ROW + 16 + BARS
    canvas.line([(turn, TOP - 6), (turn, bottom)], canvas.theme.text, 1, "4 3")
    return canvas.svg(LEFT + len(found.lines) * STEP + 24, bottom + 14)


def _total(page: CostPage, canvas: Canvas, top: float) -> None:
    """One bar for each step: the bytes alive in it."""
    lines = page.accounts.lines
    alive = [page.accounts.live(line.step) for line in lines]
    sizes = dict.fromkeys((name for dim in alive for name in symbols_of(dim)), 8) | dict(page.sizes)
    totals = [int(str(at(dim, sizes))) for dim in alive]
    most = max(totals, default=0) or 1
    for line, total in zip(lines, totals, strict=True):
        height = BARS * total / most
        x = LEFT + (line.step - 1) * STEP
        canvas.rect(x, top + BARS - height, STEP - 2, height, fill=canvas.theme.colours[1], round=1)
    label = page.say("bytes", n=f"{most:,}") if not page.missing else page.say("all")
    canvas.words(LEFT - 8, top + 12, label, 12, anchor="end", colour=canvas.theme.note)
