"""The time of a step against its work, as a picture: logarithmic axes, a line for each contestant, and the roofline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backgraph.show.axes import Axis, Frame, legend, legend_width, span
from backgraph.show.canvas import DASHES, Canvas

LEFT, TOP, WIDTH, HEIGHT, BOTTOM, RIGHT = 74.0, 44.0, 460.0, 300.0, 54.0, 20.0
ROOF = "limit of the processors"


def step_times(rows: Mapping[str, Sequence[tuple[float, float]]], peak: float, threads: int) -> str:
    """SVG: for each name, pairs of floating-point operations and microseconds; `peak` is in GFLOP/s."""
    work = sorted({flop for line in rows.values() for flop, _ in line})
    roof = [flop / peak / 1e3 for flop in work]
    described = f"Microseconds a step of {', '.join(rows)}; {threads} threads, peak {peak:.0f} GFLOP/s."
    canvas = Canvas("Time of a training step", described, prefix="steps")
    across = Axis(*span(work, log=True), LEFT, LEFT + WIDTH, log=True)
    up = Axis(*span([*roof, *(t for line in rows.values() for _, t in line)], log=True), TOP + HEIGHT, TOP, log=True)
    canvas.words(LEFT, 26, canvas.title, 15, bold=True)
    Frame(across, up, "floating-point operations of the products", "microseconds a step").draw(canvas)
    entries: list[tuple[str, str, str]] = [(canvas.theme.note, "2 4", ROOF)]
    canvas.line(
        [(across.place(f), up.place(t)) for f, t in zip(work, roof, strict=True)], canvas.theme.note, 1.4, "2 4"
    )
    for number, (name, points) in enumerate(rows.items()):
        colour, dashes = canvas.theme.colours[number % len(canvas.theme.colours)], DASHES[number % len(DASHES)]
        entries.append((colour, dashes, name))
        placed = [(across.place(flop), up.place(t)) for flop, t in points]
        canvas.line(placed, colour, 2.2, dashes)
        for at in placed:
            canvas.circle(*at, 3, colour)
    legend(canvas, LEFT + WIDTH + 24, TOP + 12, entries, legend_width(entries))
    return canvas.svg(LEFT + WIDTH + 24 + legend_width(entries) + RIGHT, TOP + HEIGHT + BOTTOM)
