"""Small words for writing LLVM: types, vectors of 16 lanes, loops as context managers, masked memory.

Everything is emitted through llvmlite's builder, never pasted from strings. Nothing here carries a fast-math flag.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llvmlite import ir

LANES = 16
CHUNK = 256
"""Sums are cut at multiples of 256 (decision 0002)."""

POINTER = ir.PointerType()
I1, I8, I32, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
ELEMENT = {"float32": ir.FloatType(), "float64": ir.DoubleType(), "int64": I64, "bool": I1}
"""Type of an element in a register."""
STORED = {**ELEMENT, "bool": I8}
"""Type of an element in memory."""
BYTES = {"float32": 4, "float64": 8, "int64": 8, "bool": 1}
SUFFIX = {"float32": "f32", "float64": "f64", "int64": "i64", "bool": "i8"}
MASK = ir.VectorType(I1, LANES)


def integer(value: int) -> ir.Constant:
    """A 64-bit integer."""
    return ir.Constant(I64, value)


def vector_of(element: ir.Type, lanes: int = LANES) -> ir.VectorType:
    """16 lanes of `element`, or so many."""
    return ir.VectorType(element, lanes)


def is_vector(value: ir.Value) -> bool:
    """Whether a register holds lanes."""
    return isinstance(value.type, ir.VectorType)


def splat(b: ir.IRBuilder, value: ir.Value, lanes: int = LANES) -> ir.Value:
    """The same scalar in all lanes."""
    if is_vector(value):
        return value
    kind = vector_of(value.type, lanes)
    if isinstance(value, ir.Constant):
        return ir.Constant(kind, [value.constant] * lanes)
    undefined = ir.Constant(kind, ir.Undefined)
    return shuffled(b, b.insert_element(undefined, value, ir.Constant(I32, 0)), undefined, [0] * lanes)


def lane_numbers() -> ir.Constant:
    """0, 1, …, 15."""
    return ir.Constant(vector_of(I64), list(range(LANES)))


def mask_below(b: ir.IRBuilder, count: ir.Value) -> ir.Value:
    """Lanes whose number is less than `count`."""
    return b.icmp_signed("<", lane_numbers(), splat(b, count))


def all_lanes() -> ir.Constant:
    """The mask of every lane."""
    return ir.Constant(MASK, [1] * LANES)


def stack(b: ir.IRBuilder, kind: ir.Type) -> ir.Value:
    """An aligned place on the stack, as an untyped pointer (llvmlite's own alloca gives a typed one)."""
    place = b.alloca(kind)
    place.align = 64
    untyped = ir.instructions.CastInstr(b.block, "bitcast", place, POINTER)
    b._insert(untyped)
    return untyped


@dataclass
class Loop:
    """Inside a loop: its index, the values carried into this turn, and (set by the body) into the next."""

    index: ir.Value
    carried: list[ir.Value]
    next: list[ir.Value] = field(default_factory=list)


@contextmanager
def loop(
    b: ir.IRBuilder, low: ir.Value, high: ir.Value, step: int | ir.Value = 1, carried: Sequence[ir.Value] = ()
) -> Generator[Loop]:
    """`for index = low; index < high; index += step`. After it `Loop.carried` holds the final values."""
    before = b.block
    head, body, after = (b.append_basic_block(name) for name in ("head", "body", "after"))
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(I64)
    index.add_incoming(low, before)
    phis = [b.phi(value.type) for value in carried]
    for phi, value in zip(phis, carried, strict=True):
        phi.add_incoming(value, before)
    b.cbranch(b.icmp_signed("<", index, high), body, after)
    b.position_at_end(body)
    this = Loop(index, list(phis))
    yield this
    following = b.add(index, step if isinstance(step, ir.Value) else integer(step))
    index.add_incoming(following, b.block)
    for phi, value in zip(phis, this.next, strict=True):
        phi.add_incoming(value, b.block)
    b.branch(head)
    b.position_at_end(after)


def intrinsic(b: ir.IRBuilder, name: str, result: ir.Type, arguments: Sequence[ir.Value]) -> ir.Value:
    """A call of an LLVM intrinsic by its full name."""
    module = b.module
    declared = module.globals.get(name)
    if declared is None:
        declared = ir.Function(module, ir.FunctionType(result, [a.type for a in arguments]), name)
    return b.call(declared, list(arguments))


def type_suffix(kind: Any) -> str:
    """`v16f32`, `f64`: how intrinsics spell a type."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{type_suffix(kind.element)}"
    return {"float": "f32", "double": "f64"}.get(str(kind), str(kind))


def float_call(b: ir.IRBuilder, name: str, *arguments: ir.Value) -> ir.Value:
    """llvm.NAME on floats or vectors of them: fma, sqrt, fabs."""
    kind = arguments[0].type
    return intrinsic(b, f"llvm.{name}.{type_suffix(kind)}", kind, arguments)


def load_lanes(
    b: ir.IRBuilder, pointer: ir.Value, dtype: str, mask: ir.Value | None = None, lanes: int = LANES
) -> ir.Value:
    """16 neighbouring elements, or so many; lanes outside the mask are not touched and read 0."""
    kind = vector_of(STORED[dtype], lanes)
    align = BYTES[dtype]
    if mask is None:
        return b.load(pointer, typ=kind, align=align)
    zero = ir.Constant(kind, [0] * lanes)
    name = f"llvm.masked.load.{type_suffix(kind)}.p0"
    return intrinsic(b, name, kind, [pointer, ir.Constant(I32, align), mask, zero])


def store_lanes(b: ir.IRBuilder, value: ir.Value, pointer: ir.Value, dtype: str, mask: ir.Value | None) -> None:
    """Store 16 neighbouring elements, only those in the mask."""
    if mask is None:
        b.store(value, pointer, align=BYTES[dtype])
        return
    name = f"llvm.masked.store.{type_suffix(value.type)}.p0"
    intrinsic(b, name, ir.VoidType(), [value, pointer, ir.Constant(I32, BYTES[dtype]), mask])


def gather_lanes(b: ir.IRBuilder, base: ir.Value, offsets: ir.Value, dtype: str, mask: ir.Value | None) -> ir.Value:
    """One element at each offset (in elements)."""
    kind = vector_of(STORED[dtype])
    pointers = b.gep(splat(b, base), [offsets], source_etype=STORED[dtype])
    arguments = [pointers, ir.Constant(I32, BYTES[dtype]), mask or all_lanes(), ir.Constant(kind, [0] * LANES)]
    return intrinsic(b, f"llvm.masked.gather.{type_suffix(kind)}.v{LANES}p0", kind, arguments)


def scatter_lanes(  # noqa: PLR0917  (as LLVM's own)
    b: ir.IRBuilder, value: ir.Value, base: ir.Value, offsets: ir.Value, dtype: str, mask: ir.Value | None
) -> None:
    """Store one element at each offset (in elements)."""
    pointers = b.gep(splat(b, base), [offsets], source_etype=STORED[dtype])
    arguments = [value, pointers, ir.Constant(I32, BYTES[dtype]), mask or all_lanes()]
    intrinsic(b, f"llvm.masked.scatter.{type_suffix(value.type)}.v{LANES}p0", ir.VoidType(), arguments)


def prefetch(b: ir.IRBuilder, pointer: ir.Value, for_writing: bool = False) -> None:
    """Ask for a cache line before it is needed; changes no value."""
    arguments = [pointer, *(ir.Constant(I32, x) for x in (int(for_writing), 3, 1))]
    intrinsic(b, "llvm.prefetch.p0", ir.VoidType(), arguments)


def halves(b: ir.IRBuilder, value: ir.Value, combine: Any) -> ir.Value:
    """Combine 16 lanes into one by halves: 8, 4, 2, 1."""
    width = LANES
    undefined = ir.Constant(value.type, ir.Undefined)
    while width > 1:
        width //= 2
        picks = ir.Constant(ir.VectorType(I32, LANES), [i + width if i < width else 0 for i in range(LANES)])
        value = combine(value, b.shuffle_vector(value, undefined, picks))
    return b.extract_element(value, ir.Constant(I32, 0))


def transposed(b: ir.IRBuilder, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """16 vectors of 16 lanes, turned: lane j of row i becomes lane i of row j. Four rounds swap ever smaller blocks."""
    vectors = list(rows)
    for half in (8, 4, 2, 1):
        upper = [LANES + i - half if i & half else i for i in range(LANES)]
        lower = [LANES + i if i & half else i + half for i in range(LANES)]
        for n in range(LANES):
            if not n & half:
                x, y = vectors[n], vectors[n + half]
                vectors[n], vectors[n + half] = shuffled(b, x, y, upper), shuffled(b, x, y, lower)
    return vectors


def shuffled(b: ir.IRBuilder, x: ir.Value, y: ir.Value, picks: Sequence[int]) -> ir.Value:
    """Lanes of two vectors, by number."""
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, len(picks)), list(picks)))


def piece(b: ir.IRBuilder, vector: ir.Value, first: int, lanes: int) -> ir.Value:
    """Some neighbouring lanes of a vector."""
    return vector if lanes == LANES else shuffled(b, vector, vector, range(first, first + lanes))


def joined(b: ir.IRBuilder, pieces: Sequence[ir.Value]) -> ir.Value:
    """One vector of pieces of equal length, 1, 2, 4 … of them."""
    vectors = list(pieces)
    while len(vectors) > 1:
        lanes = range(2 * vectors[0].type.count)
        vectors = [shuffled(b, x, y, lanes) for x, y in zip(vectors[::2], vectors[1::2], strict=True)]
    return vectors[0]
