"""Inlining: a nest that only maps elements goes into the nests that read it, and its value needs no memory.

    t[i] = x[i,0]; y[i] = t[i]+1          →  y[i] = x[i,0]+1

Index maps and small expressions of scalars go into every reader; any other map into its only reader, if that visits as
many points. The same operations are done on the same numbers, so no bit changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from backgraph.compiler.nest import (
    Affine,
    Call,
    Expr,
    Index,
    Nest,
    Read,
    Value,
    mapped,
    reads_of,
    storage,
    substituted,
)
from backgraph.compiler.schedule import Program, is_map, moves_only, writers
from backgraph.language.dims import Dim, product

SMALL = 8
"""Nodes of a scalar expression that every reader may compute for itself rather than wait for another thread."""
LARGEST = 200
"""Nodes of an expression that inlining may make."""


def inline(program: Program) -> Program:
    """Every map that may, inlined; in the order of the program, so that chains of maps end in one."""
    nests = {nest.order: nest for nest in program.nests}
    pinned = {storage(value) for value in program.kept} | _aliased(program.nests)
    once = {value for value, own in writers(program.nests).items() if len(own) == 1}
    readers: dict[Value, set[int]] = {}
    for nest in program.nests:
        _note(nest, readers)
    for number in list(nests):
        producer = nests[number]
        if not is_map(producer):
            continue
        value = producer.writes[0].value
        if value in pinned or storage(value) not in once:
            continue
        changed = _changed([nests[n] for n in readers.get(value, ()) if n in nests], producer)
        if changed is None:
            continue
        del nests[number]
        for nest in changed:
            nests[nest.order] = nest
            _note(nest, readers)
    return replace(program, nests=tuple(nests.values()))


def _note(nest: Nest, readers: dict[Value, set[int]]) -> None:
    for read in nest.reads:
        readers.setdefault(read.value, set()).add(nest.order)


def _changed(readers: list[Nest], producer: Nest) -> list[Nest] | None:
    """The readers with the producer in them; None where one of them cannot take it."""
    if not all(_may_inline(producer, reader, len(readers)) for reader in readers):
        return None
    try:
        return [_inlined(reader, producer) for reader in readers]
    except NotImplementedError:  # a lookup would stand inside a sum of indices: keep the value in memory
        return None


def _aliased(nests: Iterable[Nest]) -> set[Value]:
    return {storage(r.value) for n in nests for r in n.reads if r.value.base is not None}


def _may_inline(producer: Nest, reader: Nest, readers: int) -> bool:
    body = producer.writes[0].body
    if reader.reduction == "fma":
        return isinstance(body, Read) and all(isinstance(i, Affine) for i in body.index)
    scalars = not producer.axes or not any(r.index for r in reads_of(body))
    if moves_only(body) or (_size(body) <= SMALL and scalars):
        return True
    value = producer.writes[0].value
    once = readers == 1 and sum(r.value is value for r in reader.reads) == 1
    small = _size(body) + sum(_size(e) for e in (*reader.operands, *(w.body for w in reader.writes))) <= LARGEST
    return once and small and _points(reader) == _points(producer) and reader.reduction != "scatter"


def _size(expr: Expr) -> int:
    return 1 + sum(_size(a) for a in expr.arguments) if isinstance(expr, Call) else 1


def _points(nest: Nest) -> Dim:
    return product([axis.size for axis in nest.axes] + ([nest.reduce.size] if nest.reduce is not None else []))


def _inlined(reader: Nest, producer: Nest) -> Nest:
    write = producer.writes[0]

    def change(expr: Expr) -> Expr | None:
        if not isinstance(expr, Read) or expr.value is not write.value:
            return None
        return substituted(write.body, dict(zip(producer.axes, expr.index, strict=True)))

    def index(at: Index) -> Index:
        if isinstance(at, Affine):
            return at
        new = mapped(at.read, change)
        if not isinstance(new, Read):
            raise NotImplementedError
        return replace(at, read=new)

    written = tuple(
        replace(w, body=mapped(w.body, change), index=tuple(index(i) for i in w.index)) for w in reader.writes
    )
    return replace(reader, operands=tuple(mapped(o, change) for o in reader.operands), writes=written)
