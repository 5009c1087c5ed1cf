"""Shapes: signatures, broadcasting, and the errors that explain a mismatch.

A *signature* is written as NumPy's generalised ufuncs write it: `(m,k),(k,n)->(m,n)`. Letters are the core dimensions
of one operation; dimensions in front of them are batch dimensions and are the same for all operands, because
broadcasting has been made explicit before (`language.op`).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from backgraph.errors import GraphError
from backgraph.language.dims import Dim, Open, Shape, shape_text
from backgraph.language.node import Node

Core = tuple[str, ...]
_package = str(Path(__file__).resolve().parent.parent)


@functools.cache
def parse_signature(signature: str) -> tuple[tuple[Core, ...], Core]:
    """`"(m,k),(k,n)->(m,n)"` as (("m","k"), ("k","n")), ("m","n")."""
    left, right = signature.split("->")
    groups = [group.strip("()") for group in left.replace(" ", "").split("),")] if left else []
    cores = tuple(tuple(letter for letter in group.split(",") if letter) for group in groups)
    return cores, tuple(letter for letter in right.strip("() ").split(",") if letter)


def here() -> str:
    """`file:line` of the user's code that is building the graph."""
    frame = sys._getframe()  # pyright: ignore[reportPrivateUsage]  # inspect.stack() would read every source file
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_package):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def described(node: Node) -> str:
    """`W1 m×h` for an error message: the operation or name with the shape."""
    return f"{node.op} {shape_text(node.shape)}"


def infer_shape(name: str, signature: str, inputs: Sequence[Node]) -> Shape:
    """The shape of the result of an operation by its signature.

    Raises GraphError BG101 that names the clashing dimension.
    """
    cores, result = parse_signature(signature)
    if not result and not any(cores):
        return _same_shape(name, signature, inputs)
    sizes: dict[str, Dim] = {}
    batches: list[tuple[Dim, ...]] = []
    for core, node in zip(cores, inputs, strict=True):
        shape = node.shape
        if isinstance(shape, Open):
            raise mismatch(name, signature, inputs, "the shape of an operand is open; annotate it with --shape")
        if len(shape) < len(core):
            raise mismatch(name, signature, inputs, f"{described(node)} has fewer axes than ({','.join(core)})")
        split = len(shape) - len(core)
        batches.append(shape[:split])
        for letter, dim in zip(core, shape[split:], strict=True):
            if sizes.setdefault(letter, dim) != dim:
                raise mismatch(name, signature, inputs, f"dimension {letter} is {sizes[letter]} and {dim}")
    if any(batch != batches[0] for batch in batches):
        raise mismatch(name, signature, inputs, "the batch dimensions differ")
    return (batches[0] if batches else ()) + tuple(sizes[letter] for letter in result)


def _same_shape(name: str, signature: str, inputs: Sequence[Node]) -> Shape:
    shape = inputs[0].shape
    for node in inputs:
        if node.shape is not shape and node.shape != shape:
            raise mismatch(name, signature, inputs, "the operands differ in shape")
    return shape


def mismatch(name: str, signature: str, inputs: Sequence[Node], why: str) -> GraphError:
    """The error for operands that do not fit, with both operands, the signature and the user's line."""
    got = ", ".join(described(node) for node in inputs)
    return GraphError("BG101", f"{here()} {name}", why, got=got, expected=signature)


def broadcast_shapes(name: str, inputs: Sequence[Node]) -> Shape:
    """The common shape of operands of an elementwise operation, aligned at the last axis as NumPy does.

    Only a literal 1 (or a missing axis) is stretched; two different symbols never fit. An open shape is taken to fit
    into any shape that is not a scalar.
    """
    shapes = [node.shape for node in inputs if node.shape != ()]
    if all(shape == shapes[0] for shape in shapes):
        return shapes[0] if shapes else ()
    known = [shape for shape in shapes if isinstance(shape, tuple)]
    rank = max((len(shape) for shape in known), default=0)
    if rank == 0 and any(isinstance(shape, Open) for shape in shapes):
        return Open(frozenset(name for shape in shapes if isinstance(shape, Open) for name in shape.names))
    result: list[Dim] = [1] * rank
    for shape in known:
        for axis, dim in enumerate(shape, start=rank - len(shape)):
            if result[axis] == 1:
                result[axis] = dim
            elif dim not in (1, result[axis]):
                raise mismatch(name, "(),()->()", inputs, f"axis {axis - rank} is {result[axis]} and {dim}")
    return tuple(result)


def common_dtype(name: str, inputs: Sequence[Node]) -> str:
    """The one float dtype of the operands. Raises GraphError BG102 where they mix."""
    first = inputs[0].dtype
    for node in inputs:
        if node.dtype != first:
            wider = max((each.dtype for each in inputs if each.dtype.startswith("float")), default="float64")
            raise GraphError(
                "BG102", f"{here()} {name}", "operands differ in dtype",
                got=", ".join(described_dtype(each) for each in inputs), expected="one dtype",
                hint=f"write cast(x, '{wider}')",
            )  # fmt: skip
    return first


def described_dtype(node: Node) -> str:
    """`X float32` for an error message."""
    return f"{node.op} {node.dtype}"


def normal_axis(name: str, axis: int, rank: int) -> int:
    """A non-negative axis. Raises GraphError BG103 outside −rank … rank − 1."""
    if not -rank <= axis < rank:
        raise GraphError(
            "BG103", f"{here()} {name}", "axis outside the shape", got=axis, expected=f"-{rank}…{rank - 1}"
        )
    return axis % rank


def normal_axes(name: str, axis: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Sorted non-negative axes. Raises GraphError BG103 for one outside the shape or given twice."""
    given = [axis] if isinstance(axis, int) else list(axis)
    axes = [normal_axis(name, each, rank) for each in given]
    if len(set(axes)) != len(axes):
        raise GraphError("BG103", f"{here()} {name}", "an axis is given twice", got=axis)
    return tuple(sorted(axes))
