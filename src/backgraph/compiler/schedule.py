"""The schedule: which nests run together, and where threads must wait for each other.

Each pass takes nests that run in order and returns nests that run in order and compute the same bits.

    fuse       c[i,j] = Σ…; y[i,j] = f(c[i,j])       →  c, y written by one nest, c from its register
    pack       Σ_k A[i,k] B[j,k]                     →  P[k,j] = B[j,k]; Σ_k A[i,k] P[k,j]
    in place   w'[i] = w[i]-…  into the memory of w, after every reader of the old w
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from backgraph.compiler.blocking import is_turned
from backgraph.compiler.contract import needs_packing
from backgraph.compiler.nest import (
    Affine,
    Axis,
    Call,
    Combined,
    Expr,
    Index,
    Nest,
    Read,
    Value,
    Write,
    along,
    storage,
    substituted,
)


@dataclass(frozen=True)
class Program:
    """Nests in an order that runs. `kept` are values that must be in memory at the end; `in_place[new] = old` says
    that the new value shall take the place of an argument. `expected` are sizes of open dimensions that it shall be
    fast for; it is right for all.
    """

    nests: tuple[Nest, ...]
    kept: tuple[Value, ...]
    in_place: dict[Value, Value] = field(default_factory=dict)
    expected: Mapping[str, int] | None = None


def writers(nests: Iterable[Nest]) -> dict[Value, list[Nest]]:
    """Who writes each piece of memory."""
    table: dict[Value, list[Nest]] = {}
    for nest in nests:
        for write in nest.writes:
            table.setdefault(storage(write.value), []).append(nest)
    return table


def is_map(nest: Nest) -> bool:
    """Whether it only writes one value, all of it, element by element at its axes."""
    return nest.reduce is None and len(nest.writes) == 1 and writes_whole(nest.writes[0], nest.axes)


def writes_whole(write: Write, axes: Sequence[Axis]) -> bool:
    """Whether a write goes to every element of its value, at the axes."""
    return is_identity(write.index, axes) and write.value.shape == tuple(axis.size for axis in axes)


def is_identity(index: Sequence[Index], axes: Sequence[Axis]) -> bool:
    """Whether an index is just the axes, in order."""
    return tuple(index) == tuple(map(along, axes))


def moves_only(expr: Expr) -> bool:
    """Whether it computes nothing: an index map, a literal, a choice between them, a comparison of positions."""
    if isinstance(expr, Call):
        return expr.name in ("select", "eq", "cast") and all(moves_only(a) for a in expr.arguments)
    return not isinstance(expr, Combined)


def reorder(program: Program) -> Program:
    """Every nest just before its first reader, reductions last among what a reader needs: so that the maps which read a
    reduction find their other operands ready, and can join it.
    """
    table = writers(program.nests)
    order: list[Nest] = []
    done: set[int] = set()
    roots = [n for value in program.kept for n in table.get(storage(value), [])]
    for root in roots:
        stack: list[tuple[Nest, bool]] = [(root, False)]
        while stack:
            nest, expanded = stack.pop()
            if nest.order in done:
                continue
            if expanded:
                done.add(nest.order)
                order.append(nest)
                continue
            stack.append((nest, True))
            needed = [n for n in _needs(nest, table) if n.order not in done]
            stack += [(n, False) for n in sorted(needed, key=lambda n: n.reduce is None)]
    return replace(program, nests=tuple(order))


def _needs(nest: Nest, table: dict[Value, list[Nest]]) -> list[Nest]:
    """Whom a nest must come after: the writers of what it reads, and earlier writers of parts of what it writes."""
    before = [n for r in nest.reads for n in table.get(storage(r.value), []) if n is not nest]
    parts = [n for w in nest.writes for n in table[storage(w.value)] if n.order < nest.order]
    return list({n.order: n for n in [*before, *parts]}.values())


def fuse(program: Program) -> Program:
    """Maps join the nest that computes what they read, if they visit the same points and need nothing later."""
    nests = list(program.nests)
    parted = {value for value, own in writers(nests).items() if len(own) > 1}
    position = 0
    while position < len(nests):
        host = nests[position]
        later = {storage(w.value) for n in nests[position:] for w in n.writes}
        guest = _guest(host, nests[position + 1 :], later, parted)
        if guest is None:
            position += 1
            continue
        nests[position] = replace(host, writes=(*host.writes, _at_axes(guest, host)))
        nests.remove(guest)
    return replace(program, nests=tuple(nests))


def _guest(host: Nest, others: Sequence[Nest], later: set[Value], parted: set[Value]) -> Nest | None:
    """The first of the following nests that may join `host`. Values written in parts are left alone."""
    if not host.axes or (host.reduction or "").startswith(("scan", "scatter")):
        return None
    own = {w.value for w in host.writes}
    if own & parted or not all(writes_whole(w, host.axes) for w in host.writes):
        return None
    return next((n for n in others if _may_join(n, host, own, later) and n.writes[0].value not in parted), None)


def _may_join(guest: Nest, host: Nest, own: set[Value], later: set[Value]) -> bool:
    if not is_map(guest) or len(guest.axes) != len(host.axes):
        return False
    if any(a.size != b.size for a, b in zip(guest.axes, host.axes, strict=True)):
        return False
    reads = guest.reads
    if not any(r.value in own for r in reads):
        return False
    return all(is_identity(r.index, guest.axes) if r.value in own else storage(r.value) not in later for r in reads)


def _at_axes(guest: Nest, host: Nest) -> Write:
    axes: dict[Axis, Index] = {g: along(h) for g, h in zip(guest.axes, host.axes, strict=True)}
    write = guest.writes[0]
    return Write(write.value, tuple(map(along, host.axes)), substituted(write.body, axes))


def pack(program: Program) -> Program:
    """An operand whose columns are not neighbours in memory is copied, so that the kernel can read vectors of them."""
    nests: list[Nest] = []
    for nest in program.nests:
        position = None if is_turned(nest) else needs_packing(nest)
        if position is not None and nest.reduce is not None:
            copy, read = _packed(nest, position)
            nests.append(copy)
            operands = list(nest.operands)
            operands[position] = read
            nest = replace(nest, operands=tuple(operands))
        nests.append(nest)
    return replace(program, nests=tuple(nests))


def _packed(nest: Nest, position: int) -> tuple[Nest, Read]:
    assert nest.reduce is not None
    operand = nest.operands[position]
    assert isinstance(operand, Read)
    used = [a for a in nest.axes if any(isinstance(i, Affine) and i.coefficient(a) for i in operand.index)]
    order = [*used[:-1], nest.reduce, used[-1]]
    value = Value(f"packed {operand.value.label}", tuple(a.size for a in order), operand.dtype)
    fresh = tuple(Axis(a.label, a.size) for a in order)
    axes: dict[Axis, Index] = {old: along(new) for old, new in zip(order, fresh, strict=True)}
    copy = Nest(fresh, (Write(value, tuple(map(along, fresh)), substituted(operand, axes)),), label=value.label)
    return copy, Read(value, tuple(map(along, order)))


def drop_unread(program: Program) -> Program:
    """Writes whose values nobody reads go, and nests that are left without any."""
    nests = list(program.nests)
    while True:
        read = {storage(r.value) for n in nests for r in n.reads} | {storage(v) for v in program.kept}
        kept = [replace(n, writes=tuple(w for w in n.writes if storage(w.value) in read)) for n in nests]
        if sum(len(n.writes) for n in kept) == sum(len(n.writes) for n in nests):
            return replace(program, nests=tuple(nests))
        nests = [n for n in kept if n.writes]


def place_updates(program: Program) -> Program:
    """A new value takes an argument's memory only after every reader of the old one (decision 10); where the order of
    nests cannot be so, it goes to memory of its own and is copied at the end.
    """
    nests = list(program.nests)
    in_place = dict(program.in_place)
    for new, old in program.in_place.items():
        ordered = _writer_last(nests, new, old)
        if ordered is not None:
            nests = ordered
            continue
        fresh = Value(f"{new.label} copied", new.shape, new.dtype)
        axes = tuple(Axis(f"i{n}", dim) for n, dim in enumerate(new.shape))
        index = tuple(map(along, axes))
        nests.append(Nest(axes, (Write(fresh, index, Read(new, index)),), label="copy"))
        del in_place[new]
        in_place[fresh] = old
    kept = tuple(_moved(v, program.in_place, in_place) for v in program.kept)
    return replace(program, nests=tuple(nests), in_place=in_place, kept=kept)


def _moved(value: Value, before: dict[Value, Value], after: dict[Value, Value]) -> Value:
    if value not in before or value in after:
        return value
    return next(new for new, old in after.items() if old is before[value])


def _writer_last(nests: list[Nest], new: Value, old: Value) -> list[Nest] | None:
    """The nests with the writer of `new` moved behind all readers of `old`; None if that cannot be."""
    writer = next((n for n in nests if any(w.value is new for w in n.writes)), None)
    if writer is None or not _reads_own_place(writer, new, old):
        return None
    last = max((i for i, n in enumerate(nests) if n is not writer and _reads(n, old)), default=-1)
    at = nests.index(writer)
    if last < at:
        return nests
    written = {storage(w.value) for w in writer.writes}
    if any(storage(r.value) in written for n in nests[at + 1 : last + 1] for r in n.reads):
        return None
    return [*nests[:at], *nests[at + 1 : last + 1], writer, *nests[last + 1 :]]


def _reads(nest: Nest, value: Value) -> bool:
    return any(storage(r.value) is value for r in nest.reads)


def _reads_own_place(writer: Nest, new: Value, old: Value) -> bool:
    """Whether the writer itself reads the old value only where it writes, and not as an operand of a reduction."""
    index = next(w.index for w in writer.writes if w.value is new)
    in_operands = any(storage(r.value) is old for r in Nest((), (), operands=writer.operands).reads)
    reads = [r for w in writer.writes for r in Nest((), (w,)).reads if storage(r.value) is old]
    return not in_operands and all(r.value is old and r.index == index for r in reads)
