"""The picture of `benchmarks.score`: a panel for each data set, score over the logarithm of seconds.

A panel reaches down four times as far from the best score as a quarter of the points lie; a hollow point is below.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.score_page import Result as Point

PANEL, GAP, COLUMNS = (230, 150), 60, 3
CAPTION = "score (accuracy or R²) over the time of a fit, on a logarithmic axis; ○ lies below the panel"
COLOURS = ("#0072B2", "#D55E00", "#E69F00", "#CC79A7", "#009E73")


def curves(points: Sequence[Point]) -> str:
    """The panels, three in a row, and the legend."""
    sets, names = (list(dict.fromkeys(getattr(p, key) for p in points)) for key in ("data", "contestant"))
    colours = dict(zip(names, COLOURS, strict=False))
    rows = math.ceil(len(sets) / COLUMNS)
    width, height = COLUMNS * (PANEL[0] + GAP) + GAP, rows * (PANEL[1] + GAP) + GAP + 40
    apart = (width - GAP) / max(len(colours), 1)
    panels = [
        panel([p for p in points if p.data == name], name, colours, at(number)) for number, name in enumerate(sets)
    ]
    legend = "".join(
        f'<text x="{GAP + apart * n:.0f}" y="{height - 36}" fill="{colour}">● {escape(name)}</text>'
        for n, (name, colour) in enumerate(colours.items())
    )
    legend += f'<text x="{GAP}" y="{height - 14}">{CAPTION}</text>'
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
    left, right, low, high = min(times), max(times), lowest(scores), max(scores)

    def place(p: Point) -> tuple[float, float]:
        x = corner[0] + PANEL[0] * (math.log10(p.seconds) - left) / ((right - left) or 1)
        return round(x, 1), round(corner[1] + PANEL[1] * (1 - (max(p.score, low) - low) / ((high - low) or 1)), 1)

    drawn = ""
    for contestant, colour in colours.items():
        places = sorted((*place(p), p.score < low) for p in points if p.contestant == contestant)
        line = " ".join(f"{x},{y}" for x, y, _ in places)
        drawn += f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        drawn += "".join(
            f'<circle cx="{x}" cy="{y}" r="3.5" fill="{"#fff" if below else colour}" stroke="{colour}"/>'
            for x, y, below in places
        )
    x, y, bottom = corner[0], corner[1], corner[1] + PANEL[1]
    words = (
        f'<text x="{x}" y="{y - 10}" font-weight="bold">{escape(name)}</text>'
        f'<text x="{x - 6}" y="{y + 6}" text-anchor="end">{high:.3f}</text>'
        f'<text x="{x - 6}" y="{bottom}" text-anchor="end">{low:.3f}</text>'
        f'<text x="{x}" y="{bottom + 18}">{duration(10**left)}</text>'
        f'<text x="{x + PANEL[0]}" y="{bottom + 18}" text-anchor="end">{duration(10**right)}</text>'
    )
    return f'<path d="M{x - 3} {y - 4}V{bottom + 4}H{x + PANEL[0] + 6}" fill="none" stroke="#888"/>{drawn}{words}'


def lowest(scores: Sequence[float]) -> float:
    """Where a panel begins: at the least score, unless that is far below the others."""
    if len(scores) < 2:
        return min(scores)
    high, quarter = max(scores), statistics.quantiles(scores, n=4, method="inclusive")[0]
    return max(min(scores), high - 4 * (high - quarter))


def duration(seconds: float) -> str:
    """Two digits: 4.2 ms, 0.12 s, 68 s."""
    if seconds < 0.1:
        return f"{seconds * 1e3:.2g} ms"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
