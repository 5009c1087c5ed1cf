"""Where links leave and enter boxes.

    port       the height at which a link leaves or enters the side of a box; links of one source and path share theirs

Ports on a side keep a distance, and level lines of different boxes across a gutter do not run on one another.
"""

from __future__ import annotations

from collections.abc import Sequence

from backgraph.show.route import Way

PORT = 9.0
"""The distance of ports on a side."""
APART, NUDGES = 2.2, (0.0, 2.3, -2.3, 3.4, -3.4)
"""How near level lines of different links may come, and by how much a port may be moved to that end."""
SHIFT = {"left": -PORT / 4, "right": PORT / 4}
"""So that a link leaving a box is never taken for one that enters the box across the gutter."""

Ends = dict[tuple[int, str], dict[tuple[int, str], list[tuple[int, bool]]]]
"""For each side of each box, the ends of links there, together where they share a port: (link, whether it starts)."""


def ends_of(ways: Sequence[Way]) -> Ends:
    """All ends of links, by the sides of boxes."""
    ends: Ends = {}
    for i, way in enumerate(ways):
        link = way.link
        ends.setdefault((link.source.number, way.leaves), {}).setdefault((-1, link.path), []).append((i, True))
        ends.setdefault((link.target.number, way.enters), {}).setdefault((i, ""), []).append((i, False))
    return ends


def ports_of(ways: Sequence[Way], ends: Ends, centres: dict[int, float]) -> dict[tuple[int, bool], float]:
    """The height of every end of a link at the left or right of a box; `centres` are those of the boxes."""
    ports: dict[tuple[int, bool], float] = {}
    for (number, side), groups in ends.items():
        if side not in ("left", "right"):
            continue
        ordered = sorted(groups.values(), key=lambda group: (_other(ways, group, centres), group[0][0]))
        level = [i for i, group in enumerate(ordered) if any(ways[link].kind == "level" for link, _ in group)]
        middle = level[0] if level else (len(ordered) - 1) // 2
        for i, group in enumerate(ordered):
            aside = 0.0 if i in level else SHIFT[side]
            ports |= dict.fromkeys(group, centres[number] + (i - middle) * PORT + aside)
    return _apart(ways, ends, ports)


def _apart(ways: Sequence[Way], ends: Ends, ports: dict[tuple[int, bool], float]) -> dict[tuple[int, bool], float]:
    """Ports moved a little where a level line from one box would run on that from another."""
    groups = [group for (_, side), of in ends.items() if side in ("left", "right") for group in of.values()]
    lines: dict[int, list[tuple[float, int, int, tuple[int, str]]]] = {}
    fixed = {id(group) for group in groups if any(ways[i].kind == "level" for i, _ in group)}
    for group in sorted(groups, key=lambda group: (id(group) not in fixed, ports[group[0]], group[0])):
        reach = [_reach(ways[i], starts) for i, starts in group]
        low, high = min(a for a, _ in reach), max(b for _, b in reach)
        link = ways[group[0][0]].link
        owner = (link.source.number, link.path)
        tries = (0.0,) if id(group) in fixed else NUDGES
        found = next((y for y in (ports[group[0]] + n for n in tries) if _free(lines, y, low, high, owner)), None)
        y = ports[group[0]] if found is None else found
        ports |= dict.fromkeys(group, y)
        lines.setdefault(int(y // PORT), []).append((y, low, high, owner))
    return ports


def _free(
    lines: dict[int, list[tuple[float, int, int, tuple[int, str]]]],
    y: float,
    low: int,
    high: int,
    owner: tuple[int, str],
) -> bool:
    near = (line for band in (-1, 0, 1) for line in lines.get(int(y // PORT) + band, ()))
    return not any(abs(y - other) < APART and a < high and low < b and o != owner for other, a, b, o in near)


def _reach(way: Way, starts: bool) -> tuple[int, int]:
    """Between which columns (odd numbers) and gutters (even ones) the level line at an end of a link runs."""
    here, there = way.link.source.column, way.link.target.column
    if not starts:
        here, there = there, here
    end = 2 * there + 1 if not way.gutters else 2 * way.gutters[0 if starts else -1]
    return min(2 * here + 1, end), max(2 * here + 1, end) + (1 if way.gutters else 0)


def _other(ways: Sequence[Way], group: Sequence[tuple[int, bool]], centres: dict[int, float]) -> float:
    others = [(ways[i].link.target if starts else ways[i].link.source).number for i, starts in group]
    return sum(centres[number] for number in others) / len(others)
