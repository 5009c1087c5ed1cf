"""The picture of `benchmarks.score`: a panel for each data set, score over the logarithm of seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.score_page import Result as Point

PANEL, GAP, COLUMNS = (230, 150), 60, 3
COLOURS = ("#0072B2", "#D55E00", "#E69F00", "#CC79A7", "#009E73")


def curves(points: Sequence[Point]) -> str:
    """The panels, three in a row, and the legend."""
    sets, names = (list(dict.fromkeys(getattr(p, key) for p in points)) for key in ("data", "contestant"))
    colours = dict(zip(names, COLOURS, strict=False))
    rows = math.ceil(len(sets) / COLUMNS)
    width, height = COLUMNS * (PANEL[0] + GAP) + GAP, rows * (PANEL[1] + GAP) + GAP + 20
    panels = [
        panel([p for p in points if p.data == name], name, colours, at(number)) for number, name in enumerate(sets)
    ]
    legend = "".join(
        f'<text x="{GAP + 220 * n}" y="{height - 16}" fill="{colour}">● {escape(name)}</text>'
        for n, (name, colour) in enumerate(colours.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="#fff"/>{"".join(panels)}{legend}</svg>\n'
    )


def at(number: int) -> tuple[float, float]:
    """The upper left corner of a panel."""
    return GAP + number % COLUMNS * (PANEL[0] + GAP), GAP / 2 + number // COLUMNS * (PANEL[1] + GAP)


def panel(points: Sequence[Point], name: str, colours: dict[str, str], corner: tuple[float, float]) -> str:
    """One data set: axes with their ends, and a line through the points of each contestant."""
    times, scores = [math.log10(p.seconds) for p in points], [p.score for p in points]
    left, right, low, high = min(times), max(times), min(scores), max(scores)

    def place(p: Point) -> tuple[float, float]:
        x = corner[0] + PANEL[0] * (math.log10(p.seconds) - left) / ((right - left) or 1)
        return round(x, 1), round(corner[1] + PANEL[1] * (1 - (p.score - low) / ((high - low) or 1)), 1)

    drawn = ""
    for contestant, colour in colours.items():
        places = sorted(place(p) for p in points if p.contestant == contestant)
        line = " ".join(f"{x},{y}" for x, y in places)
        drawn += f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        drawn += "".join(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in places)
    x, y, bottom = corner[0], corner[1], corner[1] + PANEL[1]
    words = (
        f'<text x="{x}" y="{y - 10}" font-weight="bold">{escape(name)}</text>'
        f'<text x="{x - 6}" y="{y + 6}" text-anchor="end">{high:.3f}</text>'
        f'<text x="{x - 6}" y="{bottom}" text-anchor="end">{low:.3f}</text>'
        f'<text x="{x}" y="{bottom + 18}">{10**left:.2f} s</text>'
        f'<text x="{x + PANEL[0]}" y="{bottom + 18}" text-anchor="end">{10**right:.2f} s</text>'
    )
    return f'<path d="M{x - 3} {y - 4}V{bottom + 4}H{x + PANEL[0] + 6}" fill="none" stroke="#888"/>{drawn}{words}'
