"""The way of every link through a drawing, decided on the grid of columns and rows before there are coordinates.

    gutter     the space left of a column; gutter g lies between columns g - 1 and g
    gap        the space below a row; gap r lies between rows r - 1 and r
    side       where a link leaves or enters a box: left, right, top or bottom

Boxes stand in cells; gutters and gaps hold none. A link goes straight where nothing stands between (straight), turns
once in an empty column (bend), runs along one gutter (S, or C if both ends lie on its same side), or through a gutter,
a gap and a gutter (bypass). So no link can cross a box, whatever the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from backgraph.show.ladder import FORWARD, SIDE, Item, Link

Cell = tuple[int, int]


@dataclass(frozen=True)
class Way:
    """How a link runs. `gutters` and `gap` are empty where it needs none."""

    link: Link
    kind: str
    """vertical, level, bend_down, bend_up, gutter or bypass."""
    leaves: str
    enters: str
    gutters: tuple[int, ...] = ()
    gap: int = -1


@dataclass
class Grid:
    """Which cells are taken, in columns from left to right and rows from the bottom."""

    items: Sequence[Item]
    cells: dict[Cell, list[Item]] = field(default_factory=dict[Cell, list[Item]])
    stacks: dict[int, list[Item]] = field(default_factory=dict[int, list[Item]])
    """The items of each column from the top down."""
    place: dict[int, int] = field(default_factory=dict[int, int])
    busy: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])
    rows_of: dict[int, list[int]] = field(default_factory=dict[int, list[int]])

    def __post_init__(self) -> None:
        """Sort the items into cells and columns."""
        for item in self.items:
            self.cells.setdefault((item.column, item.row), []).append(item)
        for cell in self.cells.values():
            cell.sort(key=lambda item: item.slot)
        for _, cell in sorted(self.cells.items(), key=lambda entry: (entry[0][0], -entry[0][1])):
            stack = self.stacks.setdefault(cell[0].column, [])
            for item in cell:
                self.place[item.number] = len(stack)
                stack.append(item)

    def free_row(self, row: int, first: int, last: int) -> bool:
        """Whether no box stands in the columns from first to last, both included, of a row."""
        return all((column, row) not in self.cells for column in range(first, last + 1))

    def centred(self, item: Item) -> bool:
        """Whether the middle of the row goes through an item: it has its cell for itself, or is the cell's anchor."""
        return item.anchor or len(self.cells[item.column, item.row]) == 1

    def take(self, item: Item, side: str) -> bool:
        """Claim the top or bottom of a box, which has room for one link."""
        if (item.number, side) in self.busy:
            return False
        self.busy.add((item.number, side))
        return True


def ways(items: Sequence[Item], links: Sequence[Link]) -> list[Way]:
    """The way of each link, in the order of `links`."""
    grid = Grid(items)
    chosen: dict[int, Way] = {}
    for attempt in (_vertical, _level, _bend, _gutter, _bypass):
        for number, link in enumerate(links):
            if number not in chosen and (way := attempt(grid, link)) is not None:
                chosen[number] = way
    return [chosen[number] for number in range(len(links))]


def _vertical(grid: Grid, link: Link) -> Way | None:
    source, target = link.source, link.target
    down = grid.place[target.number] - grid.place[source.number]
    if source.column != target.column or abs(down) != 1:
        return None
    leaves, enters = ("bottom", "top") if down > 0 else ("top", "bottom")
    if (source.number, leaves) in grid.busy or not grid.take(target, enters):
        return None
    grid.take(source, leaves)
    return Way(link, "vertical", leaves, enters)


def _level(grid: Grid, link: Link) -> Way | None:
    source, target = link.source, link.target
    leaves, enters = _sides(source, target)
    first, last = sorted((source.column, target.column))
    beside = source.row == target.row and source.column != target.column
    clear = beside and grid.free_row(source.row, first + 1, last - 1)
    if not clear or not (grid.centred(source) and grid.centred(target)):
        return None
    if (source.number, leaves) in grid.busy or not grid.take(target, enters):
        return None
    grid.take(source, leaves)
    return Way(link, "level", leaves, enters)


def _bend(grid: Grid, link: Link) -> Way | None:
    """Along the row of the upper box, then down or up in the column of the lower one."""
    source, target = link.source, link.target
    if source.column == target.column or source.row == target.row or link.path == "kept":
        return None
    down = source.row > target.row
    upper, lower = (source, target) if down else (target, source)
    toward = 1 if upper.column > lower.column else -1
    first, last = sorted((lower.column, upper.column - toward))
    if not grid.free_row(upper.row, first, last) or not _open_above(grid, lower, upper.row):
        return None
    if not grid.take(lower, "top"):
        return None
    side = "left" if toward > 0 else "right"
    return Way(link, "bend_down", side, "top") if down else Way(link, "bend_up", "top", side)


def _open_above(grid: Grid, lower: Item, row: int) -> bool:
    """Whether nothing stands above `lower` in its column as far as `row`."""
    place = grid.place[lower.number]
    return place == 0 or grid.stacks[lower.column][place - 1].row > row


def _gutter(grid: Grid, link: Link) -> Way | None:
    source, target = link.source, link.target
    if source.column == target.column:
        side = "left" if source.column in (FORWARD, SIDE) else "right"
        gutter = source.column + (side == "right")
        return Way(link, "gutter", side, side, (gutter,))
    leaves, enters = _sides(source, target)
    rightward = source.column < target.column
    first, last = sorted((source.column, target.column))
    for gutter in range(last, first, -1) if rightward else range(first + 1, last + 1):
        left, right = (source.row, target.row) if rightward else (target.row, source.row)
        if grid.free_row(left, first + 1, gutter - 1) and grid.free_row(right, gutter, last - 1):
            return Way(link, "gutter", leaves, enters, (gutter,))
    return None


def _bypass(_grid: Grid, link: Link) -> Way | None:
    source, target = link.source, link.target
    leaves, enters = _sides(source, target)
    gutters = (source.column + (leaves == "right"), target.column + (enters == "right"))
    gap = target.row + (source.row >= target.row)
    return Way(link, "bypass", leaves, enters, gutters, gap)


def _sides(source: Item, target: Item) -> tuple[str, str]:
    return ("right", "left") if source.column < target.column else ("left", "right")
