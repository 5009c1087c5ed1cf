"""Repeated blocks of a ladder folded into one card: layers 2–49 are drawn once, with an index ℓ.

    block      so many neighbouring rows, with everything that stands in them
    pattern    a formula with # for every number in its names
    run        neighbouring blocks that are equal in patterns and links, and whose numbers grow evenly
    ℓ          the index of a block: the number of its layer, or its place in the run, from 1

Blocks are found by comparing hashes of rows. What a card stands for is kept (`Item.stands_for`), so nothing is lost.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from backgraph.language.notation import Name, Tree
from backgraph.show.ladder import Item, Ladder, Link

FEWEST = 3
"""Blocks that are worth a card."""
MOST_TRIED = 8
"""Runs that are looked into before a ladder is taken to have none."""
NUMBER = re.compile(r"\d+")
INDEX = "ℓ"


@dataclass(frozen=True)
class Run:
    """`count` blocks of `period` rows each, from row `start` up."""

    start: int
    period: int
    count: int

    @property
    def end(self) -> int:
        """The first row above it."""
        return self.start + self.period * self.count

    def block(self, row: int) -> int:
        """The block that a row belongs to, from 0; -1 below the run, `count` above it."""
        return -1 if row < self.start else min((row - self.start) // self.period, self.count)


def folded_repeats(ladder: Ladder) -> Ladder:
    """The ladder with every run of equal blocks drawn once, the longest first."""
    for item in ladder.items:
        item.stands_for = item.stands_for or [item]
    fixed = 0
    while fixed >= 0:
        rows = _rows(ladder)
        keys = [_key(row) for row in rows]
        fixed = -1
        for run in _candidates(keys, ladder)[:MOST_TRIED]:
            sound = _sound(run, rows, ladder)
            if sound is not None:
                ladder = _drawn_once(sound, rows, ladder)
                fixed = run.start
                break
    return ladder


def _rows(ladder: Ladder) -> list[list[Item]]:
    rows: list[list[Item]] = [[] for _ in range(max((item.row for item in ladder.items), default=-1) + 1)]
    for item in sorted(ladder.items, key=lambda item: (item.column, item.slot)):
        rows[item.row].append(item)
    return rows


def mapped(tree: Any, rename: Callable[[Name], Tree]) -> Any:
    """A tree with its names replaced."""
    if isinstance(tree, Name):
        return rename(tree)
    if isinstance(tree, tuple):
        return tuple(mapped(part, rename) for part in tree)
    if not dataclasses.is_dataclass(tree) or isinstance(tree, type):
        return tree
    parts = {field.name: mapped(getattr(tree, field.name), rename) for field in dataclasses.fields(tree)}
    return type(tree)(**parts)


@functools.lru_cache(8192)
def pattern(tree: Any) -> Any:
    """A formula, or several, with # for every number in its names."""
    return mapped(tree, lambda name: Name(NUMBER.sub("#", name.text)))


@functools.lru_cache(8192)
def numbers(tree: Any) -> tuple[int, ...]:
    """The numbers in the names of a formula, or of several, in order."""
    found: list[int] = []

    def collect(name: Name) -> Name:
        found.extend(int(digits) for digits in NUMBER.findall(name.text))
        return name

    mapped(tree, collect)
    return tuple(found)


def _key(row: Sequence[Item]) -> int:
    return hash(tuple((item.column, item.path, item.caption, item.shape, pattern(item.tree)) for item in row))


def _candidates(keys: Sequence[int], ladder: Ladder) -> list[Run]:
    """Runs of rows with equal keys, those first that save most; aligned with the bands where that is possible."""
    runs: list[Run] = []
    for period in range(1, len(keys) // FEWEST + 1):
        start = 0
        while start + period < len(keys):
            length = 0
            while start + length + period < len(keys) and keys[start + length] == keys[start + length + period]:
                length += 1
            if length + period >= FEWEST * period:
                runs += _aligned(start, period, length + period, ladder.bands)
            start += max(length, 1)
    stacked = ladder.stacked.keys()
    free = [run for run in runs if not any(row in stacked for row in range(run.start, run.end))]
    return sorted(free, key=lambda run: (-run.period * (run.count - 1), run.period, run.start))


def _aligned(start: int, period: int, length: int, bands: Sequence[str]) -> list[Run]:
    first = [s for s in range(start, start + period) if s == 0 or bands[s] != bands[s - 1]]
    found: list[Run] = []
    for s in first or [start]:
        count = (length - (s - start)) // period
        if count >= FEWEST:
            found += [Run(s, period, count)]
    return found


def _sound(run: Run, rows: Sequence[Sequence[Item]], ladder: Ladder) -> Run | None:
    """The run, or what is left of it without its outermost blocks, if links and numbers repeat, too."""
    shorter = (
        run, dataclasses.replace(run, count=run.count - 1),
        Run(run.start + run.period, run.period, run.count - 1), Run(run.start + run.period, run.period, run.count - 2),
    )  # fmt: skip
    links = _links_of(ladder)
    return next((each for each in shorter if each.count >= FEWEST and _repeats(each, rows, links)), None)


Ends = dict[int, list[tuple[str, str, Item, Link]]]
"""For each item its links: out or in, path, the item at the other end."""


def _links_of(ladder: Ladder) -> Ends:
    ends: Ends = {}
    for link in ladder.links:
        ends.setdefault(link.source.number, []).append(("out", link.path, link.target, link))
        ends.setdefault(link.target.number, []).append(("in", link.path, link.source, link))
    return ends


def _blocks(run: Run, rows: Sequence[Sequence[Item]]) -> list[list[Item]]:
    return [
        [item for row in rows[run.start + k * run.period : run.start + (k + 1) * run.period] for item in row]
        for k in range(run.count)
    ]


def _repeats(run: Run, rows: Sequence[Sequence[Item]], links: Ends) -> bool:
    blocks = _blocks(run, rows)
    place = {item.number: j for block in blocks for j, item in enumerate(block)}
    for items in zip(*blocks, strict=True):
        if any(item.stands_for != [item] for item in items) or not _evenly([numbers(item.tree) for item in items]):
            return False
        seen = [_ends(items[k], k, run, place, links) for k in range(run.count)]
        middle = seen[1]
        if any(each != middle for each in seen[1:-1]):
            return False
        if not (_fits(seen[0], middle, "below") and _fits(seen[-1], middle, "above")):
            return False
    return True


def _ends(item: Item, k: int, run: Run, place: dict[int, int], links: Ends) -> list[tuple[object, ...]]:
    """The links of an item, told relative to its block."""
    found: list[tuple[object, ...]] = []
    for direction, path, other, link in links.get(item.number, []):
        kept = tuple(pattern(tree) for tree in link.kept)
        block = run.block(other.row)
        if 0 <= block < run.count and abs(block - k) <= 1:
            where: tuple[object, ...] = (("below", "local", "above")[block - k + 1], place[other.number])
        else:
            where = ("below" if other.row < item.row else "above", other.number)
            where = (*where, "outside") if block in (-1, run.count) else ("far", other.number)
        found.append((direction, path, link.seed, kept, *where))
    return sorted(found, key=repr)


def _fits(outer: list[tuple[object, ...]], inner: list[tuple[object, ...]], side: str) -> bool:
    """Whether the first or last block has the links of an inner one, whatever they lead to on that side."""

    def blurred(ends: list[tuple[object, ...]]) -> list[str]:
        return sorted(repr((*end[:4], side) if end[4] == side else end) for end in ends)

    return blurred(outer) == blurred(inner)


def _evenly(rows: Sequence[Sequence[int]]) -> bool:
    """Whether each number grows by the same step from block to block."""
    return all(
        all(value == column[0] + k * (column[1] - column[0]) for k, value in enumerate(column))
        for column in zip(*rows, strict=True)
    )


def _drawn_once(run: Run, rows: Sequence[Sequence[Item]], ladder: Ladder) -> Ladder:
    blocks = _blocks(run, rows)
    first = _first_index(run, ladder)
    new: dict[int, Item] = {}
    result = Ladder(
        ladder.words, ladder.operations, subheadings=dict(ladder.subheadings), derivations=ladder.derivations
    )
    spare = run.period * (run.count - 1)
    for items in zip(*blocks, strict=True):
        tree = indexed(items[0].tree, items[1].tree, first)
        same = dataclasses.replace(items[0], tree=tree, stands_for=list(items), first_index=first, reads=[])
        new |= dict.fromkeys((item.number for item in items), same)
    for item in ladder.items:
        if item.number not in new:
            row = item.row - spare if item.row >= run.end else item.row
            new[item.number] = dataclasses.replace(item, row=row, reads=[])
    result.items = list(dict.fromkeys(new[item.number] for item in ladder.items))
    _renumber(result, ladder, new)
    _join(result, ladder, new, run, first)
    result.bands = [*ladder.bands[: run.start + run.period], *ladder.bands[run.end :]]
    label = ladder.words["band_layers" if _layered(run, ladder) else "band_blocks"]
    words = label.format(first=first, last=first + run.count - 1, n=run.count)
    result.bands[run.start : run.start + run.period] = [words] * run.period
    moved = {row - spare if row >= run.end else row: count for row, count in ladder.stacked.items()}
    result.stacked = moved | dict.fromkeys(range(run.start, run.start + run.period), run.count)
    return result


def _renumber(result: Ladder, ladder: Ladder, new: dict[int, Item]) -> None:
    order = list(dict.fromkeys(new[item.number] for item in ladder.executed))
    for step, item in enumerate(order, start=1):
        item.order = step
    result.steps = len(order)
    for old in ladder.items:
        item = new[old.number]
        item.reads = list(dict.fromkeys([*item.reads, *(new[each.number] for each in old.reads)]))
        item.view_of = None if old.view_of is None else new[old.view_of.number]
    for number, item in enumerate(result.items):
        item.number = number


def _join(result: Ladder, ladder: Ladder, new: dict[int, Item], run: Run, first: int) -> None:
    """Links inside a block and to what stands outside the run; those from block to block are told by ℓ."""
    same: dict[tuple[int, int, str], list[Link]] = {}
    for link in ladder.links:
        source, target = new[link.source.number], new[link.target.number]
        ends = run.block(link.source.row), run.block(link.target.row)
        if ends[0] == ends[1] or not all(0 <= block < run.count for block in ends):
            same.setdefault((source.number, target.number, link.path), []).append(link)
    for links in same.values():
        links.sort(key=lambda link: link.target.row)
        link, kept = links[0], links[0].kept
        if 0 <= run.block(link.target.row) < run.count and len(links) > 1:
            kept = tuple(indexed(a, b, first) for a, b in zip(kept, links[1].kept, strict=True))
        source, target = new[link.source.number], new[link.target.number]
        result.links.append(Link(source, target, link.path, kept, link.seed))


def indexed(first: Any, second: Any, start: int) -> Any:
    """A formula of the first block with ℓ for what is larger by a step in the second block."""
    following = iter(numbers(second))

    def rename(name: Name) -> Name:
        return Name(NUMBER.sub(lambda found: _linear(int(found[0]), next(following), start), name.text))

    return mapped(first, rename)


def _linear(number: int, following: int, start: int) -> str:
    """`{ℓ−1}` for a number that grows with the index of the block."""
    step = following - number
    if step == 0:
        return str(number)
    rest = number - step * start
    return "{" + (f"{step}" if step != 1 else "") + INDEX + (f"{rest:+d}".replace("-", "−") if rest else "") + "}"


def _layered(run: Run, ladder: Ladder) -> bool:
    """Whether each block is one layer, numbered by ones."""
    names = [set(ladder.bands[run.start + k * run.period : run.start + (k + 1) * run.period]) for k in range(run.count)]
    found = [NUMBER.findall(next(iter(each))) for each in names if len(each) == 1]
    digits = [int(each[0]) for each in found if len(each) == 1]
    return len(digits) == run.count and all(b == a + 1 for a, b in itertools.pairwise(digits))


def _first_index(run: Run, ladder: Ladder) -> int:
    return int(NUMBER.findall(ladder.bands[run.start])[0]) if _layered(run, ladder) else 1
