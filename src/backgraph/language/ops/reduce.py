"""Reductions and scans. Operations along one axis work on the last; others are brought there by a transpose.

The order of summation that compiled code keeps to is the law of decision 0002; here NumPy's order serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backgraph.errors import GraphError
from backgraph.language import notation
from backgraph.language.check import normal_axes, normal_axis
from backgraph.language.dims import Dim, Open, Shape
from backgraph.language.node import OPERATORS, Node
from backgraph.language.op import Array, Operation, Parametrised
from backgraph.language.ops.elementwise import equal, mul, where
from backgraph.language.ops.leaf import SizeOf, constant, eye, size
from backgraph.language.ops.shape import (
    Reshape,
    broadcast,
    expand,
    moved_back,
    moved_last,
    ones_like,
    reshape,
    scalar_to,
    zeros_like,
)


@dataclass(frozen=True)
class Sum(Parametrised):
    """Σ over `axes`; over all elements when `axes` is None: `(...)->()`."""

    name: ClassVar[str] = "sum"
    signature: ClassVar[str] = "(...)->(...)"

    axes: tuple[int, ...] | None

    def shape(self, *inputs: Node) -> Shape:
        if self.axes is None:
            return ()
        return tuple(dim for axis, dim in enumerate(inputs[0].shape) if axis not in self.axes)  # type: ignore[arg-type]

    def numpy(self, *arrays: Array) -> Array:
        return np.asarray(arrays[0].sum(axis=self.axes))

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        (x,) = inputs
        return scalar_to(G, x.shape) if self.axes is None else expand(G, self.axes, x.shape)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        shape = inputs[0].shape
        over = () if self.axes is None else tuple(axis_name(shape, axis) for axis in self.axes)
        return notation.BigSum(trees[0], over)


class LastAxis(Operation):
    """Works along the last axis; what reduces it names it, as in max_h(U), where there are others."""

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        reduces = self.signature == "(n)->()"
        return notation.Apply(self.name, (_whole(inputs[0], trees[0]),), _last(inputs[0]) if reduces else ())


@dataclass(frozen=True)
class Max(LastAxis):
    """The largest element: `(n)->()`. A tie shares the gradient in equal parts."""

    name: ClassVar[str] = "max"
    signature: ClassVar[str] = "(n)->()"
    ties: ClassVar[str] = "the gradient is shared equally among all largest elements"

    def numpy(self, *arrays: Array) -> Array:
        (x,) = arrays
        first = np.argmax(np.real(_some("max", x)), axis=-1)  # a NaN counts as the largest
        return np.take_along_axis(x, first[..., None], -1)[..., 0]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        (x,) = inputs
        return _spread(G, x) * _winners(x, self.apply(x))

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        (x,), (tangent,) = inputs, tangents
        return None if tangent is None else sum(_winners(x, self.apply(x)) * tangent, axis=-1)


@dataclass(frozen=True)
class ArgMax(LastAxis):
    """The index of the (first) largest element: `(n)->()`, an integer."""

    name: ClassVar[str] = "argmax"
    signature: ClassVar[str] = "(n)->()"
    ties: ClassVar[str] = "the first of the largest elements"

    def dtype(self, *inputs: Node) -> str:
        return "int64"

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Apply(self.name, trees, _last(inputs[0]))  # the number of an element depends on how it lies

    def numpy(self, *arrays: Array) -> Array:
        return np.argmax(np.real(_some("argmax", arrays[0])), axis=-1)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return zeros_like(inputs[0])

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        return None


@dataclass(frozen=True)
class LogSumExp(LastAxis):
    """log Σ eˣ, computed after subtracting the maximum: `(n)->()`. Section 4.1."""

    name: ClassVar[str] = "logsumexp"
    signature: ClassVar[str] = "(n)->()"

    def numpy(self, *arrays: Array) -> Array:
        (x,) = arrays
        top = _top(x)
        return np.log(np.sum(np.exp(x - top), axis=-1)) + top[..., 0]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return softmax(inputs[0]) * _spread(G, inputs[0])

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        return None if tangents[0] is None else sum(softmax(inputs[0]) * tangents[0], axis=-1)


@dataclass(frozen=True)
class Softmax(LastAxis):
    """softmax(x)_i = e^{x_i} / Σ_j e^{x_j}: `(n)->(n)`. Its Jacobian diag(p) − p pᵀ is symmetric. Section 6.2.2.3."""

    name: ClassVar[str] = "softmax"
    signature: ClassVar[str] = "(n)->(n)"

    def numpy(self, *arrays: Array) -> Array:
        (x,) = arrays
        e = np.exp(x - _top(x))
        return e / e.sum(axis=-1, keepdims=True)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        p = self.apply(*inputs)
        return p * (G - _spread(sum(p * G, axis=-1), p))

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        return None if tangents[0] is None else self.bprop(inputs, 0, tangents[0])


@dataclass(frozen=True)
class LogSoftmax(LastAxis):
    """log softmax(x) = x − logsumexp(x): `(n)->(n)`; never takes the logarithm of an underflowed 0."""

    name: ClassVar[str] = "log_softmax"
    signature: ClassVar[str] = "(n)->(n)"

    def numpy(self, *arrays: Array) -> Array:
        (x,) = arrays
        shifted = x - _top(x)
        return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        (x,) = inputs
        return G - softmax(x) * _spread(sum(G, axis=-1), x)

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        (x,), (tangent,) = inputs, tangents
        return None if tangent is None else tangent - _spread(sum(softmax(x) * tangent, axis=-1), x)


@dataclass(frozen=True)
class CumSum(Parametrised, LastAxis):
    """Running sums along the last axis, from the front or, `reverse`, from the back: `(n)->(n)`."""

    name: ClassVar[str] = "cumsum"
    signature: ClassVar[str] = "(n)->(n)"

    reverse: bool

    def numpy(self, *arrays: Array) -> Array:
        (x,) = arrays
        return np.cumsum(x[..., ::-1], axis=-1)[..., ::-1] if self.reverse else np.cumsum(x, axis=-1)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return CumSum(not self.reverse).apply(G)


@dataclass(frozen=True)
class Prod(LastAxis):
    """Π x_i: `(n)->()`."""

    name: ClassVar[str] = "prod"
    signature: ClassVar[str] = "(n)->()"

    def numpy(self, *arrays: Array) -> Array:
        return np.prod(arrays[0], axis=-1)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        (x,) = inputs
        return ProdOfOthers().apply(x) * _spread(G, x)

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        (x,), (tangent,) = inputs, tangents
        return None if tangent is None else sum(ProdOfOthers().apply(x) * tangent, axis=-1)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.BigSum(_whole(inputs[0], trees[0]), _last(inputs[0]), "Π")


@dataclass(frozen=True)
class ProdOfOthers(LastAxis):
    """y_i = Π_{j≠i} x_j, without division, so zeros are no trouble: `(n)->(n)`. Its Jacobian is symmetric."""

    name: ClassVar[str] = "prod_of_others"
    signature: ClassVar[str] = "(n)->(n)"

    def numpy(self, *arrays: Array) -> Array:
        (x,) = arrays
        one = np.ones_like(x[..., :1])
        before = np.cumprod(np.concatenate([one, x[..., :-1]], -1), -1)
        after = np.cumprod(np.concatenate([one, x[..., :0:-1]], -1), -1)[..., ::-1]
        return before * after

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        (x,) = inputs
        n = x.shape[-1]  # type: ignore[index]
        square_shape = (*x.shape, n)  # type: ignore[misc]
        diagonal = broadcast(eye(n, x.dtype), square_shape) > 0.5
        rows = where(diagonal, 1.0, expand(x, (x.rank - 1,), square_shape))
        pairs = where(diagonal, 0.0, ProdOfOthers().apply(rows))
        return sum(pairs * expand(G, (x.rank,), square_shape), axis=-2)

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        return None if tangents[0] is None else self.bprop(inputs, 0, tangents[0])


def _some(name: str, x: Array) -> Array:
    """`x`, if there is something to choose from. Raises GraphError BG103 for rows without elements."""
    if x.shape[-1] == 0:
        raise GraphError("BG103", name, "the axis has no elements", got="size 0", expected="1 or more")
    return x


def _top(x: Array) -> Array:
    """The largest real part along the last axis, kept as an axis; 0 where that is −∞, so that ∞ − ∞ never arises."""
    top = np.real(x).max(axis=-1, keepdims=True, initial=-np.inf)
    return np.where(np.isneginf(top), 0, top)


def _spread(x: Node, like: Node) -> Node:
    return expand(x, (like.rank - 1,), like.shape)


def _winners(x: Node, y: Node) -> Node:

    mask = where(equal(x, _spread(y, x)), ones_like(x), 0.0)
    return mask / _spread(sum(mask, axis=-1), x)


def axis_name(shape: Shape, axis: int) -> str:
    """How formulas call an axis: by its size, or by its number where that says nothing or two axes have it."""
    dims: tuple[Dim, ...] = shape  # type: ignore[assignment]
    return f"axis {axis}" if isinstance(dims[axis], int) or dims.count(dims[axis]) > 1 else str(dims[axis])


def _last(x: Node) -> tuple[str, ...]:
    return (axis_name(x.shape, x.rank - 1),) if isinstance(x.shape, tuple) and x.rank > 1 else ()


def _whole(x: Node, tree: notation.Tree) -> notation.Tree:
    """Of an array that was flattened to be reduced as a whole, the array: max(U)."""
    if isinstance(x.op, Reshape) and x.rank == 1 and isinstance(tree, notation.Apply) and tree.function == "reshape":
        return tree.arguments[0]
    return tree


Axis = int | Sequence[int] | None


def _reduced(name: str, x: Node, axis: Axis, keepdims: bool, card: LastAxis) -> Node:
    """Apply a card of one axis to any axes, by flattening those into the last."""
    axes = tuple(range(x.rank)) if axis is None else normal_axes(name, axis, x.rank)
    kept = [a for a in range(x.rank) if a not in axes]
    dims: tuple[Dim, ...] = x.shape  # type: ignore[assignment]
    if axes != (x.rank - 1,):
        from backgraph.language.ops.shape import transpose

        flat = transpose(x, [*kept, *axes]) if kept + list(axes) != list(range(x.rank)) else x
        x = reshape(flat, (*(dims[a] for a in kept), -1)) if len(axes) != 1 else flat
    result = card.apply(x)
    return reshape(result, tuple(1 if a in axes else dim for a, dim in enumerate(dims))) if keepdims else result


def _along(name: str, x: Node, axis: int, card: Operation) -> Node:
    """Apply a card `(n)->(n)` along any axis."""
    at = normal_axis(name, axis, x.rank)
    return card.apply(x) if at == x.rank - 1 else moved_back(card.apply(moved_last(x, at)), at)


def sum(x: Node, axis: Axis = None, keepdims: bool = False) -> Node:
    """Σ over `axis` (an integer, several, or all). Raises GraphError BG103."""
    if x.shape == ():
        return x
    if axis is None and not keepdims:
        return Sum(None).apply(x)
    axes = tuple(range(x.rank)) if axis is None else normal_axes("sum", axis, x.rank)
    if not axes:
        return x
    result = Sum(None if len(axes) == x.rank else axes).apply(x)
    kept = tuple(1 if i in axes else dim for i, dim in enumerate(x.shape))  # type: ignore[arg-type]
    return reshape(result, kept) if keepdims else result


def count_of(x: Node, axis: Axis = None) -> Node:
    """The number of elements that a mean over `axis` divides by, as a scalar node."""
    if isinstance(x.shape, Open):
        return SizeOf().apply(x)
    axes = tuple(range(x.rank)) if axis is None else normal_axes("mean", axis, x.rank)
    result = constant(1.0, x.dtype)
    for factor in (size(x.shape[a], x.dtype) for a in axes):
        result = factor if _is_one(result) else mul(result, factor)
    return result


def mean(x: Node, axis: Axis = None, keepdims: bool = False) -> Node:
    """The sum times 1/size. Raises GraphError BG103."""
    return sum(x, axis, keepdims) * (1 / count_of(x, axis))


def max(x: Node, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest element over `axis`."""
    return _reduced("max", x, axis, keepdims, Max())


def min(x: Node, axis: Axis = None, keepdims: bool = False) -> Node:
    """The smallest element over `axis`."""
    return -max(-x, axis, keepdims)


def argmax(x: Node, axis: Axis = None) -> Node:
    """The index of the first largest element along `axis`."""
    return _reduced("argmax", x, axis, False, ArgMax())


def prod(x: Node, axis: Axis = None, keepdims: bool = False) -> Node:
    """Π over `axis`."""
    return _reduced("prod", x, axis, keepdims, Prod())


def logsumexp(x: Node, axis: Axis = -1, keepdims: bool = False) -> Node:
    """log Σ eˣ over `axis`, stable."""
    return _reduced("logsumexp", x, axis, keepdims, LogSumExp())


def softmax(x: Node, axis: int = -1) -> Node:
    """e^{x_i} / Σ e^{x_j} along `axis`."""
    return _along("softmax", x, axis, Softmax())


def log_softmax(x: Node, axis: int = -1) -> Node:
    """log softmax(x) along `axis`, stable."""
    return _along("log_softmax", x, axis, LogSoftmax())


def cumsum(x: Node, axis: int = -1) -> Node:
    """Running sums along `axis`."""
    return _along("cumsum", x, axis, CumSum(False))


def _is_one(node: Node) -> bool:
    from backgraph.language.ops.leaf import literal

    return literal(node) == 1.0


OPERATORS["sum"] = sum
