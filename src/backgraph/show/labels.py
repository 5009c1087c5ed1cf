"""Labels on edges: the shape of each value once, what a rule keeps, and the 1 that starts the gradient.

A label is put where it covers no box, no other edge and no other label; where an edge has no such place it has none,
and its title tells what the label would.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from backgraph.show.colours import NOTE, STYLES
from backgraph.show.ladder import Link
from backgraph.show.picture import Label, Point, Rect, Tag
from backgraph.show.place import SMALL, Plan
from backgraph.show.typeset import MEDIUM, dimension, markup, set_markup

CELL = 64.0
PLACES = (0.5, 0.35, 0.65, 0.2, 0.8)
"""Where along a piece of an edge a label may stand."""


class Taken:
    """What is taken already: rectangles by the squares of a coarse grid that they meet."""

    def __init__(self) -> None:
        self.squares: dict[tuple[int, int], list[tuple[int, Rect]]] = {}

    def add(self, area: Rect, edge: int = -1) -> None:
        """Take an area; `edge` says whose it is."""
        for square in self._squares(area):
            self.squares.setdefault(square, []).append((edge, area))

    def free(self, area: Rect, edge: int) -> bool:
        """Whether nothing but this edge itself lies there."""
        near = (each for square in self._squares(area) for each in self.squares.get(square, ()))
        return not any(owner != edge and area.meets(other) for owner, other in near)

    @staticmethod
    def _squares(area: Rect) -> Iterator[tuple[int, int]]:
        for column in range(int(area.left // CELL), int(area.right // CELL) + 1):
            for row in range(int(area.top // CELL), int(area.bottom // CELL) + 1):
                yield column, row


def pieces(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """The straight pieces of an edge."""
    return list(itertools.pairwise(points))


def strip(piece: tuple[Point, Point], by: float = 1.5) -> Rect:
    """What a piece of an edge covers."""
    (x0, y0), (x1, y1) = piece
    return Rect(min(x0, x1) - by, min(y0, y1) - by, max(x0, x1) + by, max(y0, y1) + by)


def kept_markup(link: Link) -> str:
    """`keeps H, W⁽²⁾`."""
    names = f",{MEDIUM}".join(markup(tree) for tree in link.kept)
    return f"keeps {names}" if names else ""


def tags(plan: Plan, bands: Sequence[Rect]) -> list[Tag]:
    """All labels of edges."""
    taken = Taken()
    for area in (*plan.areas.values(), *bands):
        taken.add(area.grown(1))
    for i, points in enumerate(plan.lines):
        for piece in pieces(points):
            taken.add(strip(piece), i)
    found: list[Tag] = []
    told: set[int] = set()
    for i, text in _wanted(plan):
        link = plan.ways[i].link
        if link.path != "kept" and link.source.number in told:
            continue
        tag = _placed(text, i, plan.lines[i], link.path, taken)
        if tag is not None:
            taken.add(tag.area)
            found.append(tag)
            told.add(link.source.number if link.path != "kept" else -1)
    return found


def _wanted(plan: Plan) -> Iterator[tuple[int, str]]:
    """Edges with their labels, the straight ones first: there a label reads best."""
    for i, way in sorted(enumerate(plan.ways), key=lambda each: (len(plan.lines[each[0]]), each[0])):
        link = way.link
        text = kept_markup(link) if link.path == "kept" else "1" if link.seed else _shape(link.source.shape)
        if text:
            yield i, text


def _shape(shape: str) -> str:
    return "" if shape == "scalar" or " " in shape else dimension(shape)


def _placed(text: str, edge: int, points: Sequence[Point], path: str, taken: Taken) -> Tag | None:
    line = set_markup(text)
    k = SMALL / 1000
    width, height, depth = line.width * k, line.height * k, line.depth * k
    for x, y in _spots(points, width, height + depth, above=path == "kept"):
        colour = NOTE if path == "kept" else STYLES[path].stroke
        label = Label(text, x - width / 2, y + (height - depth) / 2, SMALL, colour)
        area = label.area().grown(2)
        if taken.free(area, edge if path != "kept" else -2):
            return Tag(label, edge, area)
    return None


def _spots(points: Sequence[Point], width: float, height: float, above: bool) -> Iterator[Point]:
    """Centres for a label, on long pieces first; above or below the line if it is not to stand on it."""
    for (x0, y0), (x1, y1) in sorted(pieces(points), key=lambda p: -abs(p[0][0] - p[1][0]) - abs(p[0][1] - p[1][1])):
        level = abs(y0 - y1) < 0.5
        room = abs(x1 - x0) - width if level else abs(y1 - y0) - height
        if room < (10 if not above else 4) or (above and not level):
            continue
        for part in PLACES:
            x, y = x0 + (x1 - x0) * part, y0 + (y1 - y0) * part
            beside = ((0.0, -height / 2 - 4), (0.0, height / 2 + 5)) if above else ((0.0, 0.0),)
            yield from ((x + dx, y + dy) for dx, dy in beside if _within(x, x0, x1, width, level))


def _within(x: float, x0: float, x1: float, width: float, level: bool) -> bool:
    """Whether the label leaves the head of the arrow free."""
    low, high = sorted((x0, x1))
    return not level or (low + 2 <= x - width / 2 and x + width / 2 <= high - 2)
