"""Reductions, scans and scattered sums along one axis, emitted through an `Emitter` in the order of decision 0002."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from backgraph.compiler.llvm import (
    CHUNK,
    ELEMENT,
    LANES,
    float_call,
    halves,
    integer,
    loop,
    mask_below,
    splat,
    vector_of,
)
from backgraph.compiler.nest import Axis, Nest, Read
from backgraph.compiler.scalar import EMIT

if TYPE_CHECKING:  # it calls the functions below
    from backgraph.compiler.emit import Emitter, Frame


def chain(e: Emitter, nest: Nest, axis: Axis, frame: Frame) -> ir.Value:
    """Sum (of products) along an axis: chains of 256, added in order."""
    zero = e.zero(nest.operands[0].dtype, frame)
    first, end = e.span(nest, axis)

    def chunk(start: ir.Value, stop: ir.Value) -> ir.Value:
        with loop(e.b, start, stop, 1, [zero]) as this:
            inner = frame.inside(axis, this.index)
            this.next = [step(e, nest, inner, this.carried[0])]
        return this.carried[0]

    if isinstance(axis.size, int) and axis.size <= CHUNK:
        return e.b.fadd(zero, chunk(integer(0), end))
    with loop(e.b, first, end, CHUNK, [e.so_far(nest, frame, zero)]) as outer:
        stop = e.smaller(e.b.add(outer.index, integer(CHUNK)), end)
        outer.next = [e.b.fadd(outer.carried[0], chunk(outer.index, stop))]
    return outer.carried[0]


def step(e: Emitter, nest: Nest, frame: Frame, so_far: ir.Value) -> ir.Value:
    """One step of a chain: fma of two operands, or add of one."""
    values = [e.expr(o, frame) for o in nest.operands]
    if frame.lanes is not None:
        values = [splat(e.b, v) for v in values]
    if nest.reduction == "fma":
        return float_call(e.b, "fma", *values, so_far)
    return e.b.fadd(so_far, values[0])


def reduced_by_lanes(e: Emitter, nest: Nest, axis: Axis, frame: Frame) -> ir.Value:
    """A reduction along a last axis: lane = index mod 16 in chunks of 256, then halves; chunks in order."""
    combine, identity = combiner(e, nest)
    kind = nest.operands[0].dtype
    start = ir.Constant(vector_of(ELEMENT[kind]), [identity] * LANES)
    first, end = e.span(nest, axis)

    def lanes(low: ir.Value, high: ir.Value) -> ir.Value:
        whole = e.b.add(low, e.b.and_(e.b.sub(high, low), integer(-LANES)))
        with loop(e.b, low, whole, LANES, [start]) as this:
            this.next = [combine(this.carried[0], lanes_of(e, nest, this.index, frame, None))]
        total, before = this.carried[0], e.b.block
        with e.b.if_then(e.b.icmp_signed("<", whole, high)):
            mask = mask_below(e.b, e.b.sub(high, whole))
            more = e.b.select(mask, lanes_of(e, nest, whole, frame, mask), start)
            rest, inside = combine(total, more), e.b.block
        merged = e.b.phi(start.type)
        merged.add_incoming(total, before)
        merged.add_incoming(rest, inside)
        return halves(e.b, merged, combine)

    if nest.reduction != "add":
        return lanes(integer(0), end)
    if isinstance(axis.size, int) and axis.size <= CHUNK:
        return e.b.fadd(ir.Constant(ELEMENT[kind], 0), lanes(integer(0), end))
    before = e.so_far(nest, frame, ir.Constant(ELEMENT[kind], 0))
    with loop(e.b, first, end, CHUNK, [before]) as outer:
        stop = e.smaller(e.b.add(outer.index, integer(CHUNK)), end)
        outer.next = [e.b.fadd(outer.carried[0], lanes(outer.index, stop))]
    return outer.carried[0]


def lanes_of(e: Emitter, nest: Nest, at: ir.Value, frame: Frame, mask: ir.Value | None) -> ir.Value:
    """16 operands of a reduction."""
    assert nest.reduce is not None
    inner = frame.inside(nest.reduce, at, lanes=True, mask=mask)
    return splat(e.b, e.expr(nest.operands[0], inner))


def combiner(e: Emitter, nest: Nest) -> tuple[Callable[[ir.Value, ir.Value], ir.Value], Any]:
    """How two partial results are combined, and what changes nothing."""
    dtype = nest.operands[0].dtype
    infinity: Any = float("inf") if dtype.startswith("float") else 2**63 - 1
    identity = {"add": 0, "mul": 1, "max": -infinity, "min": infinity}[nest.reduction or ""]
    return (lambda x, y: EMIT[nest.reduction or ""](e.b, x, y)), identity


def scanned(e: Emitter, nest: Nest, axis: Axis, frame: Frame) -> None:
    """Running results along an axis, one element after the other."""
    dtype = nest.operands[0].dtype
    adds = "add" in (nest.reduction or "")
    start = ir.Constant(ELEMENT[dtype], 0 if adds else 1)
    with loop(e.b, integer(0), e.dim(axis.size), 1, [start]) as this:
        inner = frame.inside(axis, this.index)
        value = EMIT["add" if adds else "mul"](e.b, this.carried[0], e.expr(nest.operands[0], inner))
        before = (nest.reduction or "").endswith("before")
        e.write_all(nest, inner, this.carried[0] if before else value)
        this.next = [value]


def scattered(e: Emitter, nest: Nest, axis: Axis, frame: Frame) -> None:
    """value[index] += operand, in the order of the source."""
    (write,) = nest.writes
    with loop(e.b, *e.span(nest, axis)) as this:
        inner = frame.inside(axis, this.index)
        value = e.expr(nest.operands[0], inner)
        so_far = e.load(Read(write.value, write.index), inner)
        if frame.lanes is not None:
            so_far, value = splat(e.b, so_far), splat(e.b, value)
        e.store(write, e.b.fadd(so_far, value), inner)
