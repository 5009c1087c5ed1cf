"""How long the values of a drawing live, and what they take: its boxes executed one at a time, in their order.

A value lives from the step that makes it to the last step that reads it; what is asked for lives to the end. A view
lives in the value it shows. For a drawing of every node these are the numbers of `show.cost.accounts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backgraph.language.dims import Dim, at, count
from backgraph.show.cost import BYTES
from backgraph.show.ladder import Item, Ladder


@dataclass(frozen=True)
class Life:
    """A value from step `made` to step `last`, both included."""

    item: Item
    made: int
    last: int
    bytes: Dim


def lives(ladder: Ladder) -> list[Life]:
    """The lives of all values that take a step to make, in the order of execution."""
    executed = ladder.executed
    last = {item.number: item.order for item in executed}
    for item in executed:
        for source in read_by(item):
            last[source.number] = max(last.get(source.number, 0), item.order)
    for item in ladder.items:
        if item.stays:
            last[(item.view_of or item).number] = len(executed)
    return [Life(item, item.order, last[item.number], bytes_of(item)) for item in executed]


def read_by(item: Item) -> list[Item]:
    """The values in memory that an item reads."""
    return list(dict.fromkeys(source.view_of or source for source in item.reads))


def bytes_of(item: Item) -> Dim:
    """What a value takes."""
    return count(item.value.shape) * BYTES[item.value.dtype]


def number(dim: Dim, sizes: Mapping[str, int]) -> int:
    """A dimension or account as a number; what has no size counts as 1."""
    value = at(dim, sizes)
    while not isinstance(value, int):
        value = value.at(dict.fromkeys(value.symbols, 1))
    return value


def live_bytes(found: Sequence[Life], sizes: Mapping[str, int]) -> list[int]:
    """Bytes alive while each step runs."""
    changes = [0] * (len(found) + 2)
    for life in found:
        size = number(life.bytes, sizes)
        changes[life.made] += size
        changes[life.last + 1] -= size
    totals, total = list[int](), 0
    for step in range(1, len(found) + 1):
        total += changes[step]
        totals.append(total)
    return totals


def shown_bytes(ladder: Ladder, full: Ladder, sizes: Mapping[str, int]) -> list[int]:
    """For each step of a drawing with cards, the most bytes alive while the steps run that it stands for."""
    if ladder is full or not ladder.stacked:
        return live_bytes(lives(ladder), sizes)
    totals = live_bytes(lives(full), sizes)
    steps = [[old.order for old in item.stands_for or [item]] for item in ladder.executed]
    return [max(totals[step - 1] for step in orders) for orders in steps]
