"""Coordinates for a ladder whose links have their ways: boxes, edges, rows and columns.

    track      a line in a gutter or a gap; what overlaps along it gets tracks of its own (left-edge algorithm), but
               links of one source and path share one and branch off it
    leg        the part of a link that runs along a gutter

Heights come first: from the rows' boxes, their ports and the tracks of the gaps; then the tracks of the gutters, which
give the widths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backgraph.show.boxes import box_size
from backgraph.show.ladder import Item, Ladder
from backgraph.show.picture import Look, Point, Rect
from backgraph.show.ports import ends_of, ports_of
from backgraph.show.route import Grid, Way

TRACK = 9.0
"""The distance of tracks in a gutter."""
GAP, STACK, LEAF_STACK = 34.0, 30.0, 9.0
"""Between rows, and between the boxes of one cell."""
TOP = 74.0
"""Room for headings."""
GUTTER = 28.0
"""The width of a gutter without tracks."""
BAND = 12.0
"""How far a band reaches beyond its rows."""

Net = tuple[int, str, int]
"""Links that share a track: number of the source, path, and the gutter or gap."""


@dataclass
class Plan:
    """All coordinates of a drawing."""

    ladder: Ladder
    look: Look
    ways: Sequence[Way]
    areas: dict[int, Rect]
    lines: list[tuple[Point, ...]]
    rows: list[tuple[float, float]]
    """Top and bottom of each row."""
    columns: dict[int, tuple[float, float]]
    width: float
    height: float


def plan(ladder: Ladder, ways: Sequence[Way], zones: dict[int, float], look: Look) -> Plan:
    """Coordinates; `zones` says how much of each gutter is kept for labels."""
    grid = Grid(ladder.items)
    ends = ends_of(ways)
    sizes = {item.number: box_size(item, ends, look) for item in ladder.items}
    gap_tracks = _gap_tracks(ways)
    rows, centres = _heights(grid, sizes, gap_tracks)
    ports = ports_of(ways, ends, centres)
    gutter_tracks = _gutter_tracks(ways, ports, rows, gap_tracks)
    columns, gutters = _widths(grid, sizes, gutter_tracks, zones, look)
    areas = {item.number: _area(item, sizes, centres, columns) for item in ladder.items}
    tracks = _Tracks(gap_tracks, gutter_tracks, gutters, rows)
    lines = [_line(i, way, areas, ports, tracks) for i, way in enumerate(ways)]
    width = max(right for _, right in columns.values()) + look.margin + _after(gutter_tracks, columns)
    return Plan(ladder, look, ways, areas, lines, rows, columns, width, rows[0][1] + look.margin)


def _stack_gap(item: Item) -> float:
    return LEAF_STACK if item.is_leaf else STACK


def _heights(
    grid: Grid, sizes: dict[int, tuple[float, float]], gap_tracks: dict[Net, int]
) -> tuple[list[tuple[float, float]], dict[int, float]]:
    """Rows with their tops and bottoms, from the bottom row up, and the centre of every box."""
    count = max(row for _, row in grid.cells) + 1
    cells: dict[int, list[list[Item]]] = {}
    for (_, row), cell in grid.cells.items():
        cells.setdefault(row, []).append(cell)
    y, rows, centres = TOP, [(0.0, 0.0)] * count, dict[int, float]()
    counts = _counts(gap_tracks)
    for row in range(count - 1, -1, -1):
        y += TRACK * counts.get(row + 1, 0)
        above = max((_above(cell, sizes) for cell in cells.get(row, [])), default=0.0)
        below = max((_cell_height(c, sizes) - _above(c, sizes) for c in cells.get(row, [])), default=0.0)
        rows[row] = (y, y + above + below)
        for cell in cells.get(row, []):
            top = y + above - _above(cell, sizes)
            for item in cell:
                centres[item.number] = top + sizes[item.number][1] / 2
                top += sizes[item.number][1] + _stack_gap(item)
        y += above + below + GAP
    return rows, centres


def _cell_height(cell: Sequence[Item], sizes: dict[int, tuple[float, float]]) -> float:
    return sum(sizes[item.number][1] + _stack_gap(item) for item in cell) - _stack_gap(cell[-1])


def _above(cell: Sequence[Item], sizes: dict[int, tuple[float, float]]) -> float:
    """How much of a cell lies above the middle of its row."""
    anchor = next((i for i, item in enumerate(cell) if item.anchor), None)
    if anchor is None:
        return _cell_height(cell, sizes) / 2
    before = sum(sizes[item.number][1] + _stack_gap(item) for item in cell[:anchor])
    return before + sizes[cell[anchor].number][1] / 2


def _counts(tracks: dict[Net, int]) -> dict[int, int]:
    """How many tracks each gutter, or gap, has."""
    counts: dict[int, int] = {}
    for (_, _, where), track in tracks.items():
        counts[where] = max(counts.get(where, 0), track + 1)
    return counts


def colour(intervals: Iterable[tuple[Net, float, float]]) -> dict[Net, int]:
    """A track for each interval (net, from, to) so that those on one track stay apart: the left-edge algorithm."""
    tracks: dict[Net, int] = {}
    ends: list[float] = []
    for net, low, high in sorted(intervals, key=lambda each: (each[1], each[2], each[0])):
        track = next((i for i, end in enumerate(ends) if end < low), len(ends))
        ends[track : track + 1] = [high]
        tracks[net] = track
    return tracks


def _coloured(spans: Iterable[tuple[Net, float, float]]) -> dict[Net, int]:
    """Tracks for nets in all gutters, or gaps; a net covers all its spans."""
    whole: dict[Net, tuple[float, float]] = {}
    for net, low, high in spans:
        known = whole.get(net, (low, high))
        whole[net] = (min(low, known[0]), max(high, known[1]))
    by_place: dict[int, list[tuple[Net, float, float]]] = {}
    for net, (low, high) in whole.items():
        by_place.setdefault(net[2], []).append((net, low, high))
    return {net: track for spans in by_place.values() for net, track in colour(spans).items()}


def net_of(way: Way, place: int) -> Net:
    """What a link shares a track with at a gutter or gap."""
    return (way.link.source.number, way.link.path, place)


def _gap_tracks(ways: Sequence[Way]) -> dict[Net, int]:
    ways = [way for way in ways if way.kind == "bypass"]
    return _coloured((net_of(way, way.gap), float(min(way.gutters)), float(max(way.gutters))) for way in ways)


def _gutter_tracks(
    ways: Sequence[Way],
    ports: dict[tuple[int, bool], float],
    rows: Sequence[tuple[float, float]],
    gap_tracks: dict[Net, int],
) -> dict[Net, int]:
    spans: list[tuple[Net, float, float]] = []
    for i, way in enumerate(ways):
        if not way.gutters:
            continue
        stops = [ports[i, True], ports[i, False]]
        if way.kind == "bypass":
            stops.insert(1, _gap_height(way.gap, gap_tracks[net_of(way, way.gap)], rows))
        for gutter, a, b in zip(way.gutters, stops, stops[1:], strict=False):
            spans.append((net_of(way, gutter), min(a, b) - 3, max(a, b) + 3))
    return _coloured(spans)


def _gap_height(gap: int, track: int, rows: Sequence[tuple[float, float]]) -> float:
    """Where a track of a gap lies: above the row over which the gap is."""
    return rows[gap - 1][0] - BAND - TRACK * track


def _widths(
    grid: Grid,
    sizes: dict[int, tuple[float, float]],
    gutter_tracks: dict[Net, int],
    zones: dict[int, float],
    look: Look,
) -> tuple[dict[int, tuple[float, float]], dict[int, float]]:
    """Left and right of each column, and the x of the first track of each gutter."""
    x, tight, columns, gutters = look.left, look.tight, dict[int, tuple[float, float]](), dict[int, float]()
    counts = _counts(gutter_tracks)
    for column in range(max(grid.stacks) + 2):
        tracks = TRACK * counts.get(column, 0)
        zone = zones.get(column, 0.0) if column in grid.stacks else 0.0
        gutters[column] = x + zone + GUTTER * tight / 2
        x += zone + tracks + (GUTTER * tight if column in grid.stacks or tracks else 0)
        if column in grid.stacks:
            width = max(sizes[item.number][0] for item in grid.stacks[column])
            columns[column] = (x, x + width)
            x += width
    return columns, gutters


def _after(gutter_tracks: dict[Net, int], columns: dict[int, tuple[float, float]]) -> float:
    tracks = TRACK * _counts(gutter_tracks).get(max(columns) + 1, 0)
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
    gap: dict[Net, int]
    gutter: dict[Net, int]
    first: dict[int, float]
    rows: Sequence[tuple[float, float]]

    def x(self, way: Way, gutter: int) -> float:
        return self.first[gutter] + TRACK * self.gutter[net_of(way, gutter)]

    def y(self, way: Way) -> float:
        return _gap_height(way.gap, self.gap[net_of(way, way.gap)], self.rows)


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
    x = tracks.x(way, way.gutters[0])
    if way.kind == "gutter":
        return (start, (x, start[1]), (x, end[1]), end) if abs(start[1] - end[1]) > 0.5 else (start, end)
    y, other = tracks.y(way), tracks.x(way, way.gutters[1])
    return (start, (x, start[1]), (x, y), (other, y), (other, end[1]), end)


def _end(area: Rect, side: str, port: float) -> Point:
    middle = (area.left + area.right) / 2
    places = {"left": (area.left, port), "right": (area.right, port)}
    return places.get(side) or (middle, area.top if side == "top" else area.bottom)
