"""Nests run in NumPy: what a schedule means, one whole nest at a time. Tests compare every pass with it.

All points of a nest are computed at once, as arrays over its axes (the reduce axis last). It rounds as NumPy does; bits
are promised by native code alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from backgraph.compiler.memory import concrete
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
    storage,
)
from backgraph.language.op import Array
from backgraph.language.ops import elementwise
from backgraph.language.ops.random import mask_word


def _meaning(name: str) -> Callable[..., Array]:
    return getattr(elementwise, name).numpy


NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "gt": np.greater,
    "lt": np.less,
    "ge": np.greater_equal,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "isnan": np.isnan,
    "select": np.where,
    "max": np.maximum,
    "min": np.minimum,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sigmoid": _meaning("sigmoid"),
    "softplus": _meaning("softplus"),
    "pow": np.power,
    "philox": mask_word,
}
"""What every scalar operation means."""

REDUCTIONS: dict[str, Callable[..., Array]] = {
    "fma": np.sum,
    "add": np.sum,
    "add_chain": np.sum,
    "max": np.max,
    "min": np.min,
    "mul": np.prod,
}


def run_nests(nests: Sequence[Nest], given: Mapping[Value, Array], sizes: Mapping[str, int]) -> dict[Value, Array]:
    """The arrays of all memory after running `nests`, from those `given` for arguments and constants."""
    memory: dict[Value, Array] = {value: np.array(array) for value, array in given.items()}
    with np.errstate(all="ignore"):
        for nest in nests:
            Grid(nest, memory, sizes).run()
    return memory


class Grid:
    """All points of one nest."""

    def __init__(self, nest: Nest, memory: dict[Value, Array], sizes: Mapping[str, int]) -> None:
        self.nest, self.memory, self.sizes = nest, memory, sizes
        axes = [*nest.axes, *([nest.reduce] if nest.reduce is not None else [])]
        self.shape = tuple(concrete(axis.size, sizes) for axis in axes)
        self.at: dict[Axis, Array] = {
            axis: np.arange(n).reshape([n if p == q else 1 for q in range(len(axes))])
            for p, (axis, n) in enumerate(zip(axes, self.shape, strict=True))
        }
        self.combined: Array | None = None

    def run(self) -> None:
        """Reduce, then write."""
        reduction = self.nest.reduction
        if reduction is None:
            self.write()
        elif reduction == "scatter":
            self.scatter()
        else:
            self.combined = self.reduced(reduction)
            self.write()

    def reduced(self, reduction: str) -> Array:
        """The reduction over the last axis, kept as an axis of one; a scan keeps the whole axis."""
        points = np.broadcast_to(self.product(), self.shape)
        if not reduction.startswith("scan"):
            return REDUCTIONS[reduction](points, axis=-1, keepdims=True)
        function = np.cumsum if "add" in reduction else np.cumprod
        if not reduction.endswith("before"):
            return function(points, axis=-1)
        shifted = np.concatenate([np.ones_like(points[..., :1]), points[..., :-1]], axis=-1)
        return function(shifted, axis=-1)

    def product(self) -> Array:
        """The operands multiplied."""
        total = self.expr(self.nest.operands[0])
        for operand in self.nest.operands[1:]:
            total = total * self.expr(operand)
        return total

    def write(self) -> None:
        """value[index] = body, write after write."""
        for write in self.nest.writes:
            array = self.array(write.value)
            index = tuple(self.index(i) for i in write.index)
            body = self.expr(write.body)
            array[index] = body if index else np.reshape(body, ())

    def scatter(self) -> None:
        """value[index] += operand, in order of the reduce axis."""
        (write,) = self.nest.writes
        index = np.broadcast_arrays(*(self.index(i) for i in write.index), np.empty(self.shape))[:-1]
        np.add.at(self.array(write.value), tuple(index), np.broadcast_to(self.product(), self.shape))

    def array(self, value: Value) -> Array:
        """The memory of a value in its shape; made at the first write."""
        base = storage(value)
        if base not in self.memory:
            self.memory[base] = np.zeros(tuple(concrete(d, self.sizes) for d in base.shape), base.dtype)
        return self.memory[base].reshape(tuple(concrete(d, self.sizes) for d in value.shape))

    def index(self, index: Index) -> Any:
        """An index at all points."""
        if isinstance(index, Lookup):
            return self.expr(index.read)
        total: Any = concrete(index.offset, self.sizes)
        for axis, coefficient in index.terms:
            total = total + coefficient * self.at[axis]
        return np.asarray(total)

    def expr(self, expr: Expr) -> Any:
        """A scalar expression at all points."""
        if isinstance(expr, Read):
            return np.asarray(self.array(expr.value)[tuple(self.index(i) for i in expr.index)])
        if isinstance(expr, Literal):
            return np.asarray(expr.number, expr.dtype)
        if isinstance(expr, Extent):
            return np.asarray(concrete(expr.dim, self.sizes), expr.dtype)
        if isinstance(expr, Position):
            return self.position(expr.at, expr.dtype)
        if isinstance(expr, Combined):
            assert self.combined is not None
            return self.combined
        return self.call(expr)

    def position(self, at: Affine, dtype: str) -> Array:
        """An index as a number."""
        return np.asarray(self.index(at)).astype(dtype)

    def call(self, expr: Call) -> Any:
        """An operation on evaluated operands."""
        arguments = [self.expr(a) for a in expr.arguments]
        return arguments[0].astype(expr.dtype) if expr.name == "cast" else NUMPY[expr.name](*arguments)
