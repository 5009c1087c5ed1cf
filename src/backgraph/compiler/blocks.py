"""Row blocks: the memory of a step bounded, whatever the minibatch.

    before   nests that no row of the minibatch enters                               once
    body     nests whose rows are independent, and sums over the rows, resumed       for every block of rows
    after    what needs finished sums: updates, the cost                             once

A nest of the body touches what the body makes only in the row that it is at. Such values are *local*: their memory
holds one block. A sum over the rows keeps its finished chunks in an accumulator; as blocks begin at multiples of 256,
where the law of summation (decision 0002) cuts sums anyway, the block size changes no bit. A nest that needs several
rows at once goes behind the body, and what it reads is kept for all rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from backgraph.compiler.nest import (
    Axis,
    Combined,
    Index,
    Nest,
    Read,
    Value,
    Write,
    along,
    mapped,
    reads_of,
    storage,
)
from backgraph.compiler.phases import shared_axis
from backgraph.compiler.schedule import Program
from backgraph.language.dims import Dim, symbol, symbols

BLOCK = 256
"""Blocks hold a multiple of so many rows: the chunk of the law of summation."""

RESUMED = ("fma", "add", "add_chain", "scatter")
"""Reductions that may be stored and resumed at a multiple of 256 without touching a bit."""


@dataclass
class Blocks:
    """The nests of a program in three parts, and the values whose memory holds one block of rows."""

    rows: Dim
    before: list[Nest] = field(default_factory=list[Nest])
    body: list[Nest] = field(default_factory=list[Nest])
    after: list[Nest] = field(default_factory=list[Nest])
    local: frozenset[Value] = frozenset()


Place = tuple[Value, tuple[Index, ...]]


def row_blocks(program: Program, batch: str) -> tuple[Program, Blocks]:
    """`program` in the order before, body, after; `batch` names the dimension that counts rows."""
    parts = _Sorter(program, symbol(batch))
    for nest in program.nests:
        parts.add(nest)
    blocks = parts.blocks
    blocks.local = frozenset(parts.local())
    return replace(program, nests=(*blocks.before, *blocks.body, *blocks.after)), blocks


class _Sorter:
    """Puts nests, in their order, into the three parts."""

    def __init__(self, program: Program, rows: Dim) -> None:
        self.program, self.rows, self.blocks = program, rows, Blocks(rows)
        self.in_body: set[Value] = set()
        self.finished: set[Value] = set()

    def add(self, nest: Nest) -> None:
        """One nest; those before it are in place already."""
        touched = {storage(value) for value, _ in _places(nest)}
        written = {storage(w.value) for w in nest.writes}
        if touched & self.finished:
            self._after(nest)
        elif self._is_row_nest(nest):
            self.blocks.body.append(nest)
            self.in_body |= written
        elif self._is_resumed(nest):
            self._resume(nest)
        elif touched & self.in_body or written & self.program.in_place.keys():
            self._after(nest)
        else:
            self.blocks.before.append(nest)

    def _after(self, nest: Nest) -> None:
        self.blocks.after.append(nest)
        self.finished |= {storage(w.value) for w in nest.writes}

    def _resume(self, nest: Nest) -> None:
        """A sum over rows: its chunks into an accumulator in the body, its writes behind it."""
        if nest.reduction == "scatter":
            self.blocks.body.append(replace(nest, resumes=True))
            self.finished |= {storage(w.value) for w in nest.writes}
            return
        shape, kind = tuple(axis.size for axis in nest.axes), nest.operands[0].dtype
        sums = Value(f"sums of {nest.label}", shape, kind)
        index = tuple(map(along, nest.axes))
        self.blocks.body.append(replace(nest, writes=(Write(sums, index, Combined(kind)),), resumes=True))
        done = Read(sums, index)
        writes = tuple(
            replace(w, body=mapped(w.body, lambda e: done if isinstance(e, Combined) else None)) for w in nest.writes
        )
        self._after(Nest(nest.axes, writes, label=nest.label))

    def _is_row_nest(self, nest: Nest) -> bool:
        axis = shared_axis(nest)
        if axis is None or axis.size != self.rows or (nest.reduce is not None and nest.reduce.size == self.rows):
            return False
        return all(self._at_row(p, axis) for p in _written(nest)) and self._stays_in_row(_places(nest), axis)

    def _is_resumed(self, nest: Nest) -> bool:
        axis = nest.reduce
        if axis is None or axis.size != self.rows or nest.reduction not in RESUMED:
            return False
        if any(self.rows in (a.size, *_symbols_of(a.size)) for a in nest.axes):
            return False
        summed = [(r.value, r.index) for operand in nest.operands for r in reads_of(operand)]
        targets = [(r.value, r.index) for w in nest.writes for i in w.index for r in _looked_up(i)]
        own = {storage(w.value) for w in nest.writes}
        return not own & self.in_body and self._stays_in_row([*summed, *targets], axis)

    def _stays_in_row(self, places: Iterable[Place], axis: Axis) -> bool:
        """Whether what the body makes is touched only in the row that `axis` is at."""
        return all(self._at_row(p, axis) for p in places if storage(p[0]) in self.in_body)

    def _at_row(self, place: Place, axis: Axis) -> bool:
        value, index = place
        return bool(index) and index[0] == along(axis) and value.shape[0] == self.rows

    def local(self) -> set[Value]:
        """Values that are made and read within the body, row by row."""
        kept = {storage(value) for value in self.program.kept}
        outside = {storage(v) for nest in (*self.blocks.before, *self.blocks.after) for v, _ in _places(nest)}
        found = self.in_body - kept - outside
        return {v for v in found if v.role == "temporary" and v.shape[0] == self.rows and not symbols(v.shape[1:])}


def _symbols_of(size: Dim) -> list[Dim]:
    return [symbol(name) for name in symbols((size,))]


def _looked_up(index: Index) -> list[Read]:
    read = getattr(index, "read", None)
    return list(reads_of(read)) if read is not None else []


def _written(nest: Nest) -> list[Place]:
    return [(w.value, w.index) for w in nest.writes]


def _places(nest: Nest) -> list[Place]:
    return [*((r.value, r.index) for r in nest.reads), *_written(nest)]
