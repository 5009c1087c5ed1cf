"""Nests as LLVM functions `nest(batch, low, high, pointers…)`: rows low … high − 1 of the axis the threads share.

The innermost parallel axis goes by 16 lanes with a masked remainder; a reduction over a last axis takes its lanes along
that axis instead. Sums of products are left to `compiler.contract`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llvmlite import ir

from backgraph.compiler import emit_reduce as reduce
from backgraph.compiler.llvm import (
    BYTES,
    ELEMENT,
    I8,
    LANES,
    STORED,
    gather_lanes,
    integer,
    is_vector,
    lane_numbers,
    load_lanes,
    loop,
    mask_below,
    scatter_lanes,
    splat,
    store_lanes,
    vector_of,
)
from backgraph.compiler.nest import (
    Affine,
    Axis,
    Call,
    Combined,
    Expr,
    Extent,
    Index,
    Literal,
    Lookup,
    Nest,
    Position,
    Read,
    Value,
    Write,
)
from backgraph.compiler.scalar import EMIT, IN_FOURS, convert
from backgraph.language.dims import Dim, Polynomial, product

ON_LANES = ("add", "max", "min", "mul")
"""Reductions over a last axis: lane = index mod 16, then halves."""


@dataclass
class Frame:
    """Where the emission stands: axes as registers, the axis that goes by lanes, its mask, and what is known."""

    axes: dict[Axis, ir.Value]
    lanes: Axis | None = None
    mask: ir.Value | None = None
    known: dict[Any, ir.Value] = field(default_factory=dict)

    def inside(self, axis: Axis, at: ir.Value, lanes: bool = False, mask: ir.Value | None = None) -> Frame:
        """The frame one loop further in."""
        inner = replace(self, axes={**self.axes, axis: at}, known={})
        return replace(inner, lanes=axis, mask=mask) if lanes else inner


class Emitter:
    """Emits the body of one function; `pointers` gives the memory of every value, `batch` the run-time size.

    `rows` are the first row and the end of a block, for sums over the rows that go on from block to block.
    """

    def __init__(
        self,
        b: ir.IRBuilder,
        pointers: dict[Value, ir.Value],
        batch: ir.Value,
        rows: tuple[ir.Value, ir.Value] | None = None,
    ) -> None:
        self.b, self.pointers, self.batch, self.rows = b, pointers, batch, rows
        self.entry = b.block

    def dim(self, dim: Dim) -> ir.Value:
        """A dimension as a 64-bit register."""
        if not isinstance(dim, Polynomial):
            return integer(dim)
        total: ir.Value = integer(0)
        for monomial, coefficient in dim.terms:
            term: ir.Value = integer(coefficient)
            for _ in range(sum(power for _, power in monomial)):
                term = self.b.mul(term, self.batch)
            total = self.b.add(total, term)
        return total

    def affine(self, index: Affine, frame: Frame) -> ir.Value:
        """An index at the first lane."""
        total = self.dim(index.offset)
        for axis, coefficient in index.terms:
            at = frame.axes[axis]
            total = self.b.add(total, at if coefficient == 1 else self.b.mul(at, integer(coefficient)))
        return total

    def address(self, value: Value, index: Sequence[Index], frame: Frame) -> tuple[ir.Value, int, ir.Value | None]:
        """Offset of the first lane, distance between lanes, and offsets of lanes where there is no such distance."""
        first: ir.Value = integer(0)
        distance, scattered = 0, None
        for axis, at in enumerate(index):
            stride = product(value.shape[axis + 1 :])
            if isinstance(at, Lookup):
                row = self.bounded(self.expr(at.read, frame), value.shape[axis])
                part = self.times(row, stride)
                if is_vector(part):
                    scattered = part if scattered is None else self.b.add(scattered, part)
                else:
                    first = self.b.add(first, part)
                continue
            first = self.b.add(first, self.times(self.affine(at, frame), stride))
            along = at.coefficient(frame.lanes) if frame.lanes is not None else 0
            if along and isinstance(stride, Polynomial):
                part = self.times(lane_numbers(), stride * along)
                scattered = part if scattered is None else self.b.add(scattered, part)
            elif not isinstance(stride, Polynomial):
                distance += along * stride
        return first, distance, scattered

    def bounded(self, row: ir.Value, size: Dim) -> ir.Value:
        """A looked-up index held inside its axis, so that no value can make a read leave its array."""
        last = self.b.sub(self.dim(size), integer(1))
        last = splat(self.b, last) if is_vector(row) else last
        return self.b.select(self.b.icmp_unsigned("<", row, last), row, last)

    def times(self, value: ir.Value, factor: Dim) -> ir.Value:
        """value · factor."""
        if factor == 1:
            return value
        by = self.dim(factor)
        return self.b.mul(value, splat(self.b, by) if is_vector(value) else by)

    def spread(self, first: ir.Value, distance: int, scattered: ir.Value | None) -> ir.Value:
        """The offsets of all lanes."""
        total = splat(self.b, first)
        if distance:
            total = self.b.add(total, self.b.mul(lane_numbers(), splat(self.b, integer(distance))))
        return total if scattered is None else self.b.add(total, scattered)

    def load(self, read: Read, frame: Frame) -> ir.Value:
        """A read: one element where it is the same for all lanes."""
        first, distance, scattered = self.address(read.value, read.index, frame)
        base, dtype = self.pointers[read.value], read.dtype
        if frame.lanes is None or (distance == 0 and scattered is None):
            at = self.b.gep(base, [first], source_etype=STORED[dtype])
            loaded = self.b.load(at, typ=STORED[dtype], align=BYTES[dtype])
        elif distance == 1 and scattered is None:
            at = self.b.gep(base, [first], source_etype=STORED[dtype])
            loaded = load_lanes(self.b, at, dtype, frame.mask)
        else:
            loaded = gather_lanes(self.b, base, self.spread(first, distance, scattered), dtype, frame.mask)
        return self.from_memory(loaded, dtype)

    def from_memory(self, loaded: ir.Value, dtype: str) -> ir.Value:
        """Booleans are bytes in memory and bits in registers."""
        if dtype != "bool":
            return loaded
        zero = ir.Constant(loaded.type, [0] * LANES if is_vector(loaded) else 0)
        return self.b.icmp_unsigned("!=", loaded, zero)

    def store(self, write: Write, value: ir.Value, frame: Frame) -> None:
        """value[index] = register."""
        dtype, base = write.value.dtype, self.pointers[write.value]
        if dtype == "bool":
            value = self.b.zext(value, vector_of(I8) if is_vector(value) else I8)
        first, distance, scattered = self.address(write.value, write.index, frame)
        at = self.b.gep(base, [first], source_etype=STORED[dtype])
        if frame.lanes is None:
            self.b.store(value, at, align=BYTES[dtype])
        elif distance == 1 and scattered is None:
            store_lanes(self.b, splat(self.b, value), at, dtype, frame.mask)
        else:
            scatter_lanes(
                self.b, splat(self.b, value), base, self.spread(first, distance, scattered), dtype, frame.mask
            )

    def expr(self, expr: Expr, frame: Frame) -> ir.Value:
        """A scalar expression: a scalar where it is the same for all lanes, else a vector."""
        if expr not in frame.known:
            frame.known[expr] = self._expr(expr, frame)
        return frame.known[expr]

    def _expr(self, expr: Expr, frame: Frame) -> ir.Value:
        if isinstance(expr, Read):
            return self.load(expr, frame)
        if isinstance(expr, Literal):
            return ir.Constant(ELEMENT[expr.dtype], expr.number)
        if isinstance(expr, Extent):
            return convert(self.b, self.dim(expr.dim), expr.dtype)
        if isinstance(expr, Position):
            return convert(self.b, self.position(expr.at, frame), expr.dtype)
        if isinstance(expr, Combined):
            raise AssertionError("the reduction is not finished here")  # noqa: TRY004  (a defect of a pass, not a wrong type)
        return self.call(expr, frame)

    def position(self, at: Affine, frame: Frame) -> ir.Value:
        """An index as a number, in every lane."""
        first = self.affine(at, frame)
        along = at.coefficient(frame.lanes) if frame.lanes is not None else 0
        return self.spread(first, along, None) if along else first

    def call(self, expr: Call, frame: Frame) -> ir.Value:
        """An operation on evaluated operands; if one of them is a vector, all are."""
        arguments = [self.expr(a, frame) for a in expr.arguments]
        if expr.name in IN_FOURS and self.are_neighbours(expr.arguments[-1], arguments[:-1], frame):
            return self.in_fours(expr, arguments, frame)
        if any(is_vector(a) for a in arguments):
            arguments = [splat(self.b, a) for a in arguments]
        if expr.name == "cast":
            return convert(self.b, arguments[0], expr.dtype)
        return EMIT[expr.name](self.b, *arguments)

    def are_neighbours(self, place: Expr, others: Sequence[ir.Value], frame: Frame) -> bool:
        """Whether the lanes are places side by side, and differ in nothing else."""
        along = isinstance(place, Position) and frame.lanes is not None and place.at.coefficient(frame.lanes) == 1
        return along and not any(is_vector(other) for other in others)

    def in_fours(self, expr: Call, arguments: Sequence[ir.Value], frame: Frame) -> ir.Value:
        """An operation on neighbours: four at a time where the first is a multiple of 4, else lane by lane."""
        b, place = self.b, expr.arguments[-1]
        assert isinstance(place, Position)
        first = self.affine(place.at, frame)
        with b.if_else(b.icmp_signed("==", b.and_(first, integer(3)), integer(0))) as (then, otherwise):
            with then:
                fast = IN_FOURS[expr.name](b, *arguments[:-1], first)
                fast_end = b.block
            with otherwise:
                slow = EMIT[expr.name](b, *(splat(b, a) for a in arguments))
                slow_end = b.block
        result = b.phi(slow.type)
        result.add_incoming(fast, fast_end)
        result.add_incoming(slow, slow_end)
        return result

    def write_all(self, nest: Nest, frame: Frame, combined: ir.Value | None = None) -> None:
        """The writes of a nest; what one has written the next ones read from its register."""
        if combined is not None:
            frame.known[Combined(nest.operands[0].dtype)] = combined
        for write in nest.writes:
            value = self.expr(write.body, frame)
            frame.known[Read(write.value, write.index)] = value
            if write.value in self.pointers:
                self.store(write, value, frame)

    def nest(self, nest: Nest, shared: Axis | None, low: ir.Value, high: ir.Value) -> None:
        """The whole nest for `low ≤ shared < high`."""
        ranges = {shared: (low, high)} if shared is not None else {}
        by_lanes = nest.reduction in ON_LANES
        axes = list(nest.axes)
        last = None if by_lanes or not axes or (nest.reduction or "").startswith("scan") else axes.pop()
        self.loops(axes, ranges, Frame({}), lambda frame: self.innermost(nest, last, ranges, frame))

    def loops(self, axes: Sequence[Axis], ranges: dict[Any, Any], frame: Frame, body: Callable[[Frame], None]) -> None:
        """Loops over `axes`, outermost first."""
        if not axes:
            body(frame)
            return
        axis, *rest = axes
        low, high = ranges.get(axis, (integer(0), self.dim(axis.size)))
        with loop(self.b, low, high) as this:
            self.loops(rest, ranges, frame.inside(axis, this.index), body)

    def innermost(self, nest: Nest, last: Axis | None, ranges: dict[Any, Any], frame: Frame) -> None:
        """One row: by lanes along `last`, or the reduction by lanes, or scalar."""
        if last is None:
            self.point(nest, frame)
            return
        low, high = ranges.get(last, (integer(0), self.dim(last.size)))
        self.by_lanes(last, low, high, frame, lambda inner: self.point(nest, inner))

    def by_lanes(self, axis: Axis, low: ir.Value, high: ir.Value, frame: Frame, body: Callable[[Frame], None]) -> None:
        """`body` for every 16 elements of an axis, the remainder under a mask."""
        length = self.b.sub(high, low)
        whole = self.b.add(low, self.b.and_(length, integer(-LANES)))
        if not _known_below(low, high, LANES):
            with loop(self.b, low, whole, LANES) as this:
                body(frame.inside(axis, this.index, lanes=True))
        if not _known_multiple(low, high):
            with self.b.if_then(self.b.icmp_signed("<", whole, high)):
                mask = mask_below(self.b, self.b.sub(high, whole))
                body(frame.inside(axis, whole, lanes=True, mask=mask))

    def point(self, nest: Nest, frame: Frame) -> None:
        """One point (or 16) of the parallel axes."""
        if nest.reduce is None:
            self.write_all(nest, frame)
        elif nest.reduction in ON_LANES:
            self.write_all(nest, frame, reduce.reduced_by_lanes(self, nest, nest.reduce, frame))
        elif nest.reduction == "scatter":
            reduce.scattered(self, nest, nest.reduce, frame)
        elif nest.reduction.startswith("scan"):  # type: ignore[union-attr]
            reduce.scanned(self, nest, nest.reduce, frame)
        else:
            self.write_all(nest, frame, reduce.chain(self, nest, nest.reduce, frame))

    def span(self, nest: Nest, axis: Axis) -> tuple[ir.Value, ir.Value]:
        """What a reduction goes over: its whole axis, or the rows of a block."""
        if nest.resumes and self.rows is not None:
            return self.rows
        return integer(0), self.dim(axis.size)

    def so_far(self, nest: Nest, frame: Frame, zero: ir.Value) -> ir.Value:
        """The sum of the blocks before this one: 0 in the first."""
        if not nest.resumes or self.rows is None:
            return zero
        (write,) = nest.writes
        before = self.load(Read(write.value, write.index), frame)
        return self.b.select(self.b.icmp_signed("==", self.rows[0], integer(0)), zero, before)

    def zero(self, dtype: str, frame: Frame) -> ir.Constant:
        """0 in the width of the frame."""
        element = ELEMENT[dtype]
        return ir.Constant(vector_of(element), [0] * LANES) if frame.lanes is not None else ir.Constant(element, 0)

    def smaller(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """min of two integers."""
        return self.b.select(self.b.icmp_signed("<", x, y), x, y)


def _known_below(low: ir.Value, high: ir.Value, count: int) -> bool:
    bounds = _constants(low, high)
    return bounds is not None and bounds[1] - bounds[0] < count


def _known_multiple(low: ir.Value, high: ir.Value) -> bool:
    bounds = _constants(low, high)
    return bounds is not None and (bounds[1] - bounds[0]) % LANES == 0


def _constants(low: ir.Value, high: ir.Value) -> tuple[int, int] | None:
    if isinstance(low, ir.Constant) and isinstance(high, ir.Constant):
        return low.constant, high.constant
    return None
