"""Labels on edges: the shape of each value once, what a rule keeps, and the 1 that starts the gradient.

A label is put where it covers no box, no other edge and no other label; where an edge has no such place it has none,
and its title tells what the label would.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from backgraph.language.dims import Shape, at, shape_text, symbols
from backgraph.show.glyphs import bold
from backgraph.show.ladder import Ladder, Link
from backgraph.show.picture import Label, Look, Point, Rect, Tag
from backgraph.show.place import Plan
from backgraph.show.typeset import MEDIUM, dimension, markup, set_markup

CELL, CELLS_HIGH = 64.0, 50
"""The width of the squares that a page is searched by, and how many stand on one another."""
BADGE, BADGE_TYPE = 7.5, 9.0
"""Half the height of the number of a step, and its size of type."""
HEAD = 8.0
"""The length of the head of an arrow."""
PLACES = (0.5, 0.4, 0.35, 0.3, 0.6, 0.65, 0.2, 0.8)
"""Where along a piece of an edge a label may stand."""


class Taken:
    """What is taken already: rectangles by the squares of a coarse grid that they meet."""

    def __init__(self, height: float) -> None:
        self.high = max(CELL, height / CELLS_HIGH)
        self.squares: dict[tuple[int, int], list[tuple[object, Rect]]] = {}

    def add(self, area: Rect, owner: object = None) -> None:
        """Take an area; `owner` says whose it is."""
        entry, squares = (owner, area), self.squares
        first, last = int(area.top // self.high), int(area.bottom // self.high) + 1
        for column in range(int(area.left // CELL), int(area.right // CELL) + 1):
            for row in range(first, last):
                if (column, row) in squares:
                    squares[column, row].append(entry)
                else:
                    squares[column, row] = [entry]

    def free(self, area: Rect, owner: object) -> bool:
        """Whether nothing lies there but what is its owner's."""
        near = (each for square in self._squares(area) for each in self.squares.get(square, ()))
        return not any(other != owner and area.meets(taken) for other, taken in near)

    def _squares(self, area: Rect) -> Iterator[tuple[int, int]]:
        for column in range(int(area.left // CELL), int(area.right // CELL) + 1):
            for row in range(int(area.top // self.high), int(area.bottom // self.high) + 1):
                yield column, row


def badge_area(box: Rect, order: int) -> Rect:
    """Where the number of a step stands: at the corner of its box."""
    half = max(BADGE, set_markup(bold(str(order))).width * BADGE_TYPE / 2000 + 3)
    x, y = box.left + 1, box.top + 1
    return Rect(x - half, y - BADGE, x + half, y + BADGE)


def pieces(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """The straight pieces of an edge."""
    return list(itertools.pairwise(points))


def strip(piece: tuple[Point, Point], by: float = 1.5) -> Rect:
    """What a piece of an edge covers."""
    (x0, y0), (x1, y1) = piece
    return Rect(min(x0, x1) - by, min(y0, y1) - by, max(x0, x1) + by, max(y0, y1) + by)


def keeps(ladder: Ladder, look: Look) -> str:
    """The word before what is kept; without captions, the key says what dots mean."""
    return ladder.words["keeps"] if look.captions else ""


def kept_markup(link: Link, keeps: str) -> str:
    """`keeps H, W⁽²⁾`."""
    names = f",{MEDIUM}".join(markup(tree) for tree in link.kept)
    return f"{keeps}{names}" if names else ""


def tags(plan: Plan, bands: Sequence[Rect], sizes: Mapping[str, int]) -> list[Tag]:
    """All labels of edges; `sizes` are the numbers that shapes may be told in."""
    taken = Taken(plan.height)
    for area in (*plan.areas.values(), *bands):
        taken.add(area.grown(1))
    for item in plan.ladder.items:
        if item.order:
            taken.add(badge_area(plan.areas[item.number], item.order).grown(1))
    for i, points in enumerate(plan.lines):
        for piece in pieces(points):
            taken.add(strip(piece), owner(plan, i))
        taken.add(head_area(points), "head")
    found: list[Tag] = []
    told: set[tuple[int, str]] = set()
    for i, words, numbers in _wanted(plan, sizes):
        link = plan.ways[i].link
        if (link.source.number, words if link.path == "kept" else "") in told:
            continue
        tag = _placed((words, numbers), i, plan, taken)
        if tag is not None:
            taken.add(tag.area)
            found.append(tag)
            told.add((link.source.number, words if link.path == "kept" else ""))
    return found


def owner(plan: Plan, edge: int) -> tuple[int, str]:
    """What all edges of one source and path, which may run on one another, have in common."""
    link = plan.ways[edge].link
    return (link.source.number, link.path)


def _wanted(plan: Plan, sizes: Mapping[str, int]) -> Iterator[tuple[int, str, str]]:
    """Edges with their labels, the straight ones first: there a label reads best."""
    kept = keeps(plan.ladder, plan.look)
    for i, way in sorted(enumerate(plan.ways), key=lambda each: (len(plan.lines[each[0]]), each[0])):
        link = way.link
        if link.path == "kept":
            words, numbers = kept_markup(link, kept), ""
        elif link.seed:
            words, numbers = "1", ""
        else:
            words, numbers = shape_labels(link.source.value.shape, sizes)
        if words:
            yield i, words, numbers


def shape_labels(shape: Shape, sizes: Mapping[str, int]) -> tuple[str, str]:
    """`m×h` and `32×64`; nothing for scalars and for shapes that are not known."""
    if not isinstance(shape, tuple) or not shape:
        return "", ""
    words = shape_text(shape)
    if " " in words:
        return "", ""
    numbers = shape_text(tuple(at(dim, sizes) for dim in shape))
    return dimension(words), dimension(numbers) if symbols(shape) else ""


def head_area(points: Sequence[Point]) -> Rect:
    """What the head of an arrow along these points covers."""
    (x0, y0), (x1, y1) = points[-2:]
    across, down = (x0 > x1) - (x0 < x1), (y0 > y1) - (y0 < y1)
    x, y = x1 + across * HEAD, y1 + down * HEAD
    wide, high = (0.0, HEAD / 2) if across else (HEAD / 2, 0.0)
    return Rect(min(x, x1) - wide, min(y, y1) - high, max(x, x1) + wide, max(y, y1) + high)


def _placed(words: tuple[str, str], edge: int, plan: Plan, taken: Taken) -> Tag | None:
    path, k = plan.ways[edge].link.path, plan.look.small / 1000
    lines = [set_markup(each) for each in words]
    width, height = max(line.width for line in lines) * k, lines[0].height * k
    depth = lines[0].depth * k
    ink = "note" if path == "kept" else path
    for x, y in _spots(plan.lines[edge], width, height + depth, above=path == "kept"):
        labels = [
            Label(each, x - line.width * k / 2, y + (height - depth) / 2, plan.look.small, ink)
            for each, line in zip(words, lines, strict=True)
        ]
        area = Rect(x - width / 2 - 2, labels[0].y - height - 2, x + width / 2 + 2, labels[0].y + depth + 2)
        if taken.free(area, owner(plan, edge) if path != "kept" else "label"):
            return Tag(labels[0], edge, area, labels[1] if words[1] else None)
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
