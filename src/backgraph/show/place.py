"""Coordinates for a ladder whose links have their ways: boxes, edges, bands and labels.

    port       the height at which a link leaves or enters the side of a box; no two links share one
    track      a line in a gutter or a gap; links that overlap along it get tracks of their own (left-edge algorithm)

Heights come first: from the rows' boxes, their ports and the tracks of the gaps; then the tracks of the gutters, which
give the widths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backgraph.show.glyphs import printable
from backgraph.show.ladder import Item, Ladder
from backgraph.show.picture import Point, Rect
from backgraph.show.route import Grid, Way
from backgraph.show.typeset import Line, markup, set_markup

SIZE, SMALL = 15.0, 10.5
"""Points: formulas in boxes, and captions and labels on edges."""
PORT, TRACK = 9.0, 9.0
"""Distances of ports on a side, and of tracks in a gutter."""
MARGIN, GAP, STACK = 30.0, 34.0, 30.0
"""Around the drawing, between rows, and between the boxes of one cell."""
TOP, LEFT = 64.0, 46.0
"""Room for headings, and for the names of the bands."""
LEAF_STACK = 9.0


@dataclass
class Plan:
    """All coordinates of a drawing."""

    ladder: Ladder
    ways: Sequence[Way]
    areas: dict[int, Rect]
    lines: list[tuple[Point, ...]]
    rows: list[tuple[float, float]]
    """Top and bottom of each row."""
    columns: dict[int, tuple[float, float]]
    width: float
    height: float


def caption_markup(item: Item) -> str:
    """What stands above the formula of a box."""
    return "" if item.path in ("leaf", "use") else printable(item.caption.replace("_", " "))


def size_of(item: Item) -> float:
    """The size of type of its formula."""
    return SIZE - 2 if item.path == "use" else SIZE


def plan(ladder: Ladder, ways: Sequence[Way], zones: dict[int, float]) -> Plan:
    """Coordinates; `zones` says how much of each gutter is kept for labels."""
    grid = Grid(ladder.items)
    ends = _ends(ways)
    sizes = {item.number: _size(item, ends) for item in ladder.items}
    gap_tracks = _gap_tracks(ways)
    rows, centres = _heights(grid, sizes, gap_tracks)
    ports = _ports(ways, ends, centres)
    gutter_tracks = _gutter_tracks(ways, ports, rows, gap_tracks)
    columns, gutters = _widths(grid, sizes, gutter_tracks, zones)
    areas = {item.number: _area(item, sizes, centres, columns) for item in ladder.items}
    lines = [
        _line(i, way, areas, ports, _Tracks(gap_tracks, gutter_tracks, gutters, rows)) for i, way in enumerate(ways)
    ]
    width = max(right for _, right in columns.values()) + MARGIN + _after(gutter_tracks, columns)
    return Plan(ladder, ways, areas, lines, rows, columns, width, rows[0][1] + MARGIN)


def _ends(ways: Sequence[Way]) -> dict[tuple[int, str], list[tuple[int, bool]]]:
    """For each side of each box, the ends of links there: the number of the link, and whether it starts there."""
    ends: dict[tuple[int, str], list[tuple[int, bool]]] = {}
    for i, way in enumerate(ways):
        ends.setdefault((way.link.source.number, way.leaves), []).append((i, True))
        ends.setdefault((way.link.target.number, way.enters), []).append((i, False))
    return ends


def _size(item: Item, ends: dict[tuple[int, str], list[tuple[int, bool]]]) -> tuple[float, float]:
    line, caption = set_markup(markup(item.tree)), set_markup(caption_markup(item))
    leaf = item.path in ("leaf", "use")
    k = size_of(item) / 1000
    inner = max(line.width * k, caption.width * SMALL / 1000 + 10)
    height = max(_text_height(line, k), 12) + (14 if leaf else 26)
    most = max((len(ends.get((item.number, side), ())) for side in ("left", "right")), default=0)
    return inner + (20 if leaf else 22), max(height, PORT * (2 * most - 1) + 10 if most > 1 else 0)


def _text_height(line: Line, k: float) -> float:
    return (line.height + line.depth) * k


def _stack_gap(item: Item) -> float:
    return LEAF_STACK if item.path in ("leaf", "use") else STACK


def _heights(
    grid: Grid, sizes: dict[int, tuple[float, float]], gap_tracks: dict[int, dict[int, int]]
) -> tuple[list[tuple[float, float]], dict[int, float]]:
    """Rows with their tops and bottoms, from the bottom row up, and the centre of every box."""
    count = max(row for _, row in grid.cells) + 1
    cells: dict[int, list[list[Item]]] = {}
    for (_, row), cell in grid.cells.items():
        cells.setdefault(row, []).append(cell)
    y, rows, centres = TOP, [(0.0, 0.0)] * count, dict[int, float]()
    for row in range(count - 1, -1, -1):
        y += TRACK * _count(gap_tracks.get(row + 1, {}))
        height = max((_cell_height(cell, sizes) for cell in cells.get(row, [])), default=0.0)
        rows[row] = (y, y + height)
        for cell in cells.get(row, []):
            top = y + (height - _cell_height(cell, sizes)) / 2
            for item in cell:
                centres[item.number] = top + sizes[item.number][1] / 2
                top += sizes[item.number][1] + _stack_gap(item)
        y += height + GAP
    return rows, centres


def _cell_height(cell: Sequence[Item], sizes: dict[int, tuple[float, float]]) -> float:
    return sum(sizes[item.number][1] + _stack_gap(item) for item in cell) - _stack_gap(cell[0])


def _count(tracks: dict[int, int]) -> int:
    return max(tracks.values(), default=-1) + 1


def _ports(
    ways: Sequence[Way], ends: dict[tuple[int, str], list[tuple[int, bool]]], centres: dict[int, float]
) -> dict[tuple[int, bool], float]:
    """The height of every end of a link at the left or right of a box."""
    ports: dict[tuple[int, bool], float] = {}
    for (number, side), here in ends.items():
        if side not in ("left", "right"):
            continue
        ordered = sorted(here, key=lambda end: (_other(ways[end[0]], end[1], centres), end[0]))
        level = [i for i, (link, _) in enumerate(ordered) if ways[link].kind == "level"]
        middle = level[0] if level else (len(ordered) - 1) / 2
        for i, end in enumerate(ordered):
            ports[end] = centres[number] + (i - middle) * PORT
    return ports


def _other(way: Way, starts: bool, centres: dict[int, float]) -> float:
    return centres[(way.link.target if starts else way.link.source).number]


def colour(intervals: Iterable[tuple[int, float, float]]) -> dict[int, int]:
    """A track for each interval (number, from, to) so that those on one track stay apart: the left-edge algorithm."""
    tracks: dict[int, int] = {}
    ends: list[float] = []
    for number, low, high in sorted(intervals, key=lambda each: (each[1], each[2], each[0])):
        track = next((i for i, end in enumerate(ends) if end < low), len(ends))
        ends[track : track + 1] = [high]
        tracks[number] = track
    return tracks


def _gap_tracks(ways: Sequence[Way]) -> dict[int, dict[int, int]]:
    intervals: dict[int, list[tuple[int, float, float]]] = {}
    for i, way in enumerate(ways):
        if way.kind == "bypass":
            low, high = sorted(way.gutters)
            intervals.setdefault(way.gap, []).append((i, low, high))
    return {gap: colour(here) for gap, here in intervals.items()}


def _gutter_tracks(
    ways: Sequence[Way],
    ports: dict[tuple[int, bool], float],
    rows: Sequence[tuple[float, float]],
    gap_tracks: dict[int, dict[int, int]],
) -> dict[int, dict[int, int]]:
    """Tracks by gutter; a bypass has one in each of its two gutters, under 2i and 2i + 1."""
    intervals: dict[int, list[tuple[int, float, float]]] = {}
    for i, way in enumerate(ways):
        if not way.gutters:
            continue
        start, end = ports[i, True], ports[i, False]
        if way.kind == "gutter":
            stops = [(2 * i, way.gutters[0], start, end)]
        else:
            y = _gap_height(way.gap, gap_tracks[way.gap][i], rows)
            stops = [(2 * i, way.gutters[0], start, y), (2 * i + 1, way.gutters[1], y, end)]
        for number, gutter, a, b in stops:
            intervals.setdefault(gutter, []).append((number, min(a, b) - 3, max(a, b) + 3))
    return {gutter: colour(here) for gutter, here in intervals.items()}


def _gap_height(gap: int, track: int, rows: Sequence[tuple[float, float]]) -> float:
    """Where a track of a gap lies: above the row over which the gap is."""
    return rows[gap - 1][0] - 12 - TRACK * track


def _widths(
    grid: Grid,
    sizes: dict[int, tuple[float, float]],
    gutter_tracks: dict[int, dict[int, int]],
    zones: dict[int, float],
) -> tuple[dict[int, tuple[float, float]], dict[int, float]]:
    """Left and right of each column, and the x of the first track of each gutter."""
    x, columns, gutters = LEFT, dict[int, tuple[float, float]](), dict[int, float]()
    for column in range(max(grid.stacks) + 2):
        tracks = TRACK * _count(gutter_tracks.get(column, {}))
        zone = zones.get(column, 0.0) if column in grid.stacks else 0.0
        gutters[column] = x + zone + 14
        x += zone + tracks + (28 if column in grid.stacks or tracks else 0)
        if column in grid.stacks:
            width = max(sizes[item.number][0] for item in grid.stacks[column])
            columns[column] = (x, x + width)
            x += width
    return columns, gutters


def _after(gutter_tracks: dict[int, dict[int, int]], columns: dict[int, tuple[float, float]]) -> float:
    tracks = TRACK * _count(gutter_tracks.get(max(columns) + 1, {}))
    return tracks + 20 if tracks else 0.0


def _area(
    item: Item,
    sizes: dict[int, tuple[float, float]],
    centres: dict[int, float],
    columns: dict[int, tuple[float, float]],
) -> Rect:
    left, right = columns[item.column]
    (width, height), x, y = sizes[item.number], (left + right) / 2, centres[item.number]
    return Rect(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


@dataclass(frozen=True)
class _Tracks:
    gap: dict[int, dict[int, int]]
    gutter: dict[int, dict[int, int]]
    first: dict[int, float]
    rows: Sequence[tuple[float, float]]

    def x(self, number: int, gutter: int) -> float:
        return self.first[gutter] + TRACK * self.gutter[gutter][number]


def _line(
    i: int, way: Way, areas: dict[int, Rect], ports: dict[tuple[int, bool], float], tracks: _Tracks
) -> tuple[Point, ...]:
    """The corners of a link."""
    source, target = areas[way.link.source.number], areas[way.link.target.number]
    start = _end(source, way.leaves, ports.get((i, True), 0.0))
    end = _end(target, way.enters, ports.get((i, False), 0.0))
    if way.kind in ("vertical", "level"):
        return (start, end)
    if way.kind == "bend_down":
        return (start, (end[0], start[1]), end)
    if way.kind == "bend_up":
        return (start, (start[0], end[1]), end)
    x = tracks.x(2 * i, way.gutters[0])
    if way.kind == "gutter":
        return (start, (x, start[1]), (x, end[1]), end) if abs(start[1] - end[1]) > 0.5 else (start, end)
    y, other = _gap_height(way.gap, tracks.gap[way.gap][i], tracks.rows), tracks.x(2 * i + 1, way.gutters[1])
    return (start, (x, start[1]), (x, y), (other, y), (other, end[1]), end)


def _end(area: Rect, side: str, port: float) -> Point:
    middle = (area.left + area.right) / 2
    places = {"left": (area.left, port), "right": (area.right, port)}
    return places.get(side) or (middle, area.top if side == "top" else area.bottom)
