"""Phases: which nests threads run without waiting for each other, and where a barrier must stand.

Every thread owns a range of a nest's *shared axis*. A nest may follow another within a phase if all that a thread reads
of it lies in rows that the same thread has written; else it goes into a later phase, behind a barrier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backgraph.compiler.nest import Axis, Index, Nest, Value, along, storage


@dataclass(frozen=True)
class Phase:
    """Nests that threads run without waiting; a barrier stands between phases."""

    nests: tuple[Nest, ...]


def shared_axis(nest: Nest) -> Axis | None:
    """The axis whose range threads share out: unless another was chosen, the first that is longer than 1."""
    if nest.share is not None:
        return nest.share
    return next((axis for axis in nest.axes if axis.size != 1), None)


def phases(nests: Sequence[Nest], place: dict[Value, Value]) -> list[Phase]:
    """Nests gathered into as few phases as their dependences allow; each runs in the first phase it can.

    A nest depends on an earlier one that touches the same memory, unless both only read. It may follow that one within
    a phase if every thread touches only rows that it owns itself. `place[value]` is the memory that a value shares
    with another (in-place updates).
    """
    touched = [_touched(nest, place) for nest in nests]
    level: list[int] = []
    toucher: dict[Value, list[int]] = {}
    for number, nest in enumerate(nests):
        first = 0
        reads, writes = touched[number]
        for key in {**reads, **writes}:
            for earlier in toucher.setdefault(key, []):
                if key not in writes and key not in touched[earlier][1]:
                    continue
                apart = _conflict(key, nests[earlier], touched[earlier], nest, touched[number])
                first = max(first, level[earlier] + apart)
            toucher[key].append(number)
        level.append(first)
    groups: list[list[Nest]] = [[] for _ in range(max(level, default=-1) + 1)]
    for number, nest in enumerate(nests):
        groups[level[number]].append(nest)
    return [Phase(tuple(group)) for group in groups]


Touched = dict[Value, list[tuple[Value, tuple[Index, ...]]]]


def _touched(nest: Nest, place: dict[Value, Value]) -> tuple[Touched, Touched]:
    reads: Touched = {}
    writes: Touched = {}
    for read in nest.reads:
        key = storage(read.value)
        reads.setdefault(place.get(key, key), []).append((read.value, read.index))
    for write in nest.writes:
        key = storage(write.value)
        writes.setdefault(place.get(key, key), []).append((write.value, write.index))
    if nest.reduction == "scatter":
        for key, places in writes.items():
            reads.setdefault(key, []).extend(places)
    return reads, writes


def _conflict(key: Value, a: Nest, of_a: tuple[Touched, Touched], b: Nest, of_b: tuple[Touched, Touched]) -> bool:
    """Whether a thread in `b` may touch what another one writes in `a`, or write what another one reads there."""
    pairs = [(of_a[1], of_b[0]), (of_a[1], of_b[1]), (of_a[0], of_b[1])]
    return any(not _same_rows(x, a, y, b) for one, other in pairs for x in one.get(key, []) for y in other.get(key, []))


def _same_rows(x: tuple[Value, tuple[Index, ...]], a: Nest, y: tuple[Value, tuple[Index, ...]], b: Nest) -> bool:
    """Whether whatever a thread touches of `x` in `a` is what the same thread touches of `y` in `b`."""
    axis_a, axis_b = shared_axis(a), shared_axis(b)
    if axis_a is None and axis_b is None:
        return True  # both run on the first thread
    if axis_a is None or axis_b is None or axis_a.size != axis_b.size:
        return False
    if len(x[1]) != len(y[1]) or any(m != n for m, n in zip(x[0].shape, y[0].shape, strict=True)):
        return False
    return any(m == along(axis_a) and n == along(axis_b) for m, n in zip(x[1], y[1], strict=True))
