"""Operations that move elements about: broadcast, sum_to, transpose, reshape, slice, concatenate, take, cast.

Broadcasting is an explicit node, so "un-broadcasting" in back-propagation is simply its `bprop`: the sum over the axes
it inserted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from backgraph.errors import GraphError
from backgraph.language import notation
from backgraph.language.check import here, mismatch, normal_axis
from backgraph.language.dims import Dim, Open, Polynomial, Shape, as_shape, product, shape_text
from backgraph.language.node import FLOATS, OPERATORS, Node
from backgraph.language.op import Array, Parametrised
from backgraph.language.ops.leaf import literal, number


@dataclass(frozen=True)
class Broadcast(Parametrised):
    """Copies along new axes: input axis i becomes axis `axes[i]` of `to`. `axes` None: aligned at the last axis."""

    name: ClassVar[str] = "broadcast"
    is_view: ClassVar[bool] = True
    signature: ClassVar[str] = "(...)->(..., ...)"

    to: Shape
    axes: tuple[int, ...] | None

    def shape(self, *inputs: Node) -> Shape:
        return self.to

    def dtype(self, *inputs: Node) -> str:
        return inputs[0].dtype

    def numpy(self, *arrays: Array) -> Array:
        (x,) = arrays
        if self.axes is not None:
            kept = [1] * len(self.to)  # type: ignore[arg-type]  # concrete when evaluated
            for axis, n in zip(self.axes, x.shape, strict=True):
                kept[axis] = n
            x = x.reshape(kept)
        return np.broadcast_to(x, self.to)  # type: ignore[arg-type]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        if self.axes is None:
            return SumTo(inputs[0].shape).apply(G, inputs[0])
        inserted = [axis for axis in range(G.rank) if axis not in self.axes]
        return OPERATORS["sum"](G, tuple(inserted))

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return trees[0]


@dataclass(frozen=True)
class SumTo(Parametrised):
    """The sum of a value over everything that broadcasting a second one to it would copy: the adjoint of broadcast."""

    name: ClassVar[str] = "sum_to"
    signature: ClassVar[str] = "(..., ...),(...)->(...)"

    to: Shape

    def shape(self, *inputs: Node) -> Shape:
        return self.to

    def dtype(self, *inputs: Node) -> str:
        return inputs[0].dtype

    def numpy(self, *arrays: Array) -> Array:
        x, like = arrays
        x = x.sum(axis=tuple(range(x.ndim - like.ndim)))
        stretched = tuple(axis for axis, n in enumerate(like.shape) if n == 1 != x.shape[axis])
        return x.sum(axis=stretched, keepdims=True)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return Broadcast(inputs[0].shape, None).apply(G) if position == 0 else zeros_like(inputs[1])

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        like = trees[1]
        return notation.BigSum(trees[0], (), to=like)


@dataclass(frozen=True)
class Transpose(Parametrised):
    """Axis i of the result is axis `permutation[i]` of the input; of a matrix, Aᵀ."""

    name: ClassVar[str] = "transpose"
    is_view: ClassVar[bool] = True
    signature: ClassVar[str] = "(m,n)->(n,m)"

    permutation: tuple[int, ...]

    def shape(self, *inputs: Node) -> Shape:
        if len(self.permutation) != inputs[0].rank:
            raise mismatch(self.name, self.signature, inputs, f"the permutation {self.permutation} has another length")
        return tuple(inputs[0].shape[axis] for axis in self.permutation)  # type: ignore[index]

    def dtype(self, *inputs: Node) -> str:
        return inputs[0].dtype

    def numpy(self, *arrays: Array) -> Array:
        return arrays[0].transpose(self.permutation)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return Transpose(tuple(int(axis) for axis in np.argsort(self.permutation))).apply(G)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        rank = len(self.permutation)
        if self.permutation == (*range(rank - 2), rank - 1, rank - 2):
            return notation.transposed(trees[0])
        order = ",".join(map(str, self.permutation))
        return notation.Apply("transpose", (trees[0], notation.Name(f"({order})")))


@dataclass(frozen=True)
class Reshape(Parametrised):
    """The same elements, in the same order of rows, in another shape."""

    name: ClassVar[str] = "reshape"
    is_view: ClassVar[bool] = True
    signature: ClassVar[str] = "(...)->(...)"

    to: Shape

    def shape(self, *inputs: Node) -> Shape:
        have, want = inputs[0].shape, self.to
        if isinstance(have, Open) or isinstance(want, Open) or product(have) != product(want):
            why = f"cannot hold the elements of {shape_text(have)} in {shape_text(want)}"
            raise mismatch(self.name, self.signature, inputs, why)
        return want

    def dtype(self, *inputs: Node) -> str:
        return inputs[0].dtype

    def numpy(self, *arrays: Array) -> Array:
        return arrays[0].reshape(self.to)  # type: ignore[arg-type]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return Reshape(inputs[0].shape).apply(G)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        have, want = ([dim for dim in shape if dim != 1] for shape in (inputs[0].shape, self.to))  # type: ignore[union-attr]
        if have == want:
            return trees[0]  # axes of size 1 come and go without being written
        return notation.Apply("reshape", (trees[0], notation.Name(shape_text(self.to))))


Bounds = tuple[Dim, Dim, int]
"""start, length and step of a slice; start counts from 0."""


@dataclass(frozen=True)
class Slice(Parametrised):
    """Every step-th element from a start, along each axis: x[a:b:c]."""

    name: ClassVar[str] = "slice"
    is_view: ClassVar[bool] = True
    signature: ClassVar[str] = "(...)->(...)"

    bounds: tuple[Bounds, ...]

    def shape(self, *inputs: Node) -> Shape:
        return tuple(length for _, length, _ in self.bounds)

    def dtype(self, *inputs: Node) -> str:
        return inputs[0].dtype

    def numpy(self, *arrays: Array) -> Array:
        return arrays[0][self.index()]

    def index(self) -> tuple[slice, ...]:
        """What NumPy takes between brackets."""
        return tuple(_numpy_slice(*bound) for bound in self.bounds)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return Place(inputs[0].shape, self.bounds).apply(G)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        pairs = zip(self.bounds, inputs[0].shape, strict=True)  # type: ignore[arg-type]
        return notation.Indexed(trees[0], ", ".join(_slice_text(bound, whole) for bound, whole in pairs))


@dataclass(frozen=True)
class Place(Parametrised):
    """Zeros of shape `to`, with the input where a slice would read: the adjoint of slice."""

    name: ClassVar[str] = "place"
    signature: ClassVar[str] = "(...)->(...)"

    to: Shape
    bounds: tuple[Bounds, ...]

    def shape(self, *inputs: Node) -> Shape:
        return self.to

    def dtype(self, *inputs: Node) -> str:
        return inputs[0].dtype

    def numpy(self, *arrays: Array) -> Array:
        result = np.zeros(self.to, arrays[0].dtype)  # type: ignore[arg-type]
        result[Slice(self.bounds).index()] = arrays[0]
        return result

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return Slice(self.bounds).apply(G)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        pairs = zip(self.bounds, self.to, strict=True)  # type: ignore[arg-type]
        index = ", ".join(_slice_text(bound, whole) for bound, whole in pairs)
        return notation.Apply("place", (trees[0], notation.Name(f"[{index}]")))


@dataclass(frozen=True)
class Concatenate(Parametrised):
    """The operands one after the other along `axis`."""

    name: ClassVar[str] = "concatenate"
    signature: ClassVar[str] = "(...,p),(...,q)->(...,p+q)"

    axis: int

    def shape(self, *inputs: Node) -> Shape:
        rests = {_without(node.shape, self.axis) for node in inputs}
        if len(rests) != 1 or any(node.rank <= self.axis for node in inputs):
            raise mismatch(self.name, self.signature, inputs, f"shapes differ outside axis {self.axis}")
        along: Dim = 0
        for node in inputs:
            along = along + node.shape[self.axis]  # type: ignore[index,operator]
        rest = rests.pop()
        return (*rest[: self.axis], along, *rest[self.axis :])

    def numpy(self, *arrays: Array) -> Array:
        return np.concatenate(arrays, self.axis)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        start: Dim = 0
        for node in inputs[:position]:
            start = start + node.shape[self.axis]  # type: ignore[index,operator]
        bounds = [(0, dim, 1) for dim in inputs[position].shape]  # type: ignore[union-attr]
        bounds[self.axis] = (start, bounds[self.axis][1], 1)  # type: ignore[assignment]
        return Slice(tuple(bounds)).apply(G)

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        return self.apply(*(zeros_like(x) if t is None else t for x, t in zip(inputs, tangents, strict=True)))

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Apply("concatenate", trees)


@dataclass(frozen=True)
class Take(Parametrised):
    """Rows of a table by index: `(n,…),(m)->(m,…)`."""

    name: ClassVar[str] = "take"
    signature: ClassVar[str] = "(n,...),(...m)->(...m,...)"

    def shape(self, *inputs: Node) -> Shape:
        table, index = inputs
        if index.dtype != "int64" or table.rank < 1:
            raise mismatch(self.name, self.signature, inputs, "needs a table and integer indices")
        return (*index.shape, *table.shape[1:])  # type: ignore[misc,index]

    def dtype(self, *inputs: Node) -> str:
        return inputs[0].dtype

    def numpy(self, *arrays: Array) -> Array:
        table, index = arrays
        return table[self.inside(index, len(table))]

    def indexed(self, inputs: tuple[Node, ...]) -> tuple[Node, Dim] | None:
        return inputs[1], inputs[0].shape[0]  # type: ignore[index]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return ScatterAdd(inputs[0].shape).apply(G, inputs[1]) if position == 0 else None

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Apply("take", trees)


@dataclass(frozen=True)
class ScatterAdd(Parametrised):
    """Zeros of shape `to` with row i of the input added to row `index[i]`, in order of i: the adjoint of take."""

    name: ClassVar[str] = "scatter_add"
    signature: ClassVar[str] = "(...m,...),(...m)->(n,...)"

    to: Shape

    def shape(self, *inputs: Node) -> Shape:
        return self.to

    def dtype(self, *inputs: Node) -> str:
        return inputs[0].dtype

    def numpy(self, *arrays: Array) -> Array:
        result = np.zeros(self.to, arrays[0].dtype)  # type: ignore[arg-type]
        np.add.at(result, self.inside(arrays[1], len(result)), arrays[0])
        return result

    def indexed(self, inputs: tuple[Node, ...]) -> tuple[Node, Dim] | None:
        return inputs[1], self.to[0]  # type: ignore[index]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return Take().apply(G, inputs[1]) if position == 0 else None


@dataclass(frozen=True)
class Cast(Parametrised):
    """The same number in another dtype."""

    name: ClassVar[str] = "cast"
    signature: ClassVar[str] = "()->()"

    to: str

    def dtype(self, *inputs: Node) -> str:
        return self.to

    def numpy(self, *arrays: Array) -> Array:
        (x,) = arrays
        extended = x.dtype.kind == "c" or x.dtype == np.longdouble
        return x if extended and self.to in FLOATS else x.astype(self.to)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        if inputs[0].dtype == "bool":
            return zeros_like(inputs[0])
        return cast(G, inputs[0].dtype) if inputs[0].dtype in FLOATS and self.to in FLOATS else None

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        (tangent,) = tangents
        return None if tangent is None or inputs[0].dtype not in FLOATS else self.apply(tangent)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Iverson(trees[0]) if inputs[0].dtype == "bool" else trees[0]


def broadcast(x: Node, shape: Any) -> Node:
    """`x` copied to `shape`, aligned at the last axis as NumPy does. Raises GraphError BG101 where it does not fit."""
    to = as_shape(shape)
    if x.shape == to:
        return x
    if x.shape == ():
        return scalar_to(x, to)
    if isinstance(x.shape, Open) or isinstance(to, Open):
        return Broadcast(to, None).apply(x)
    ahead = len(to) - x.rank
    if ahead < 0 or any(have not in (1, want) for have, want in zip(x.shape, to[ahead:], strict=True)):
        raise mismatch("broadcast", f"->{shape_text(to)}", [x], f"{shape_text(x.shape)} does not fit {shape_text(to)}")
    kept = [axis for axis, dim in enumerate(x.shape) if dim == to[axis + ahead]]
    if len(kept) < x.rank:
        x = reshape(x, tuple(x.shape[axis] for axis in kept))
    return x if x.shape == to else Broadcast(to, tuple(axis + ahead for axis in kept)).apply(x)


def scalar_to(x: Node, to: Shape) -> Node:
    """A scalar copied to any shape, an open one included."""
    return x if to == () else Broadcast(to, ()).apply(x)


def expand(x: Node, axes: Sequence[int], shape: Shape) -> Node:
    """`x`, whose `axes` were reduced away, copied back to `shape`."""
    kept = tuple(axis for axis in range(len(shape)) if axis not in axes)  # type: ignore[arg-type]
    return Broadcast(shape, kept).apply(x)


def full_like(x: Node, value: float) -> Node:
    """`value` everywhere, in the shape of `x`."""
    return scalar_to(number(value, x.dtype if x.dtype in FLOATS else "float64"), x.shape)


def zeros_like(x: Node) -> Node:
    """0 everywhere, in the shape of `x`."""
    return full_like(x, 0.0)


def ones_like(x: Node) -> Node:
    """1 everywhere, in the shape of `x`."""
    return full_like(x, 1.0)


def is_full_of(node: Node, value: float) -> bool:
    """Whether the node is, by construction, `value` everywhere."""
    while isinstance(node.op, Broadcast):
        node = node.inputs[0]
    return literal(node) == value


def transpose(x: Node, permutation: Sequence[int] | None = None) -> Node:
    """`x` with its axes permuted; without `permutation` in reverse order. Raises GraphError BG103."""
    order = tuple(range(x.rank))[::-1] if permutation is None else tuple(permutation)
    axes = tuple(normal_axis("transpose", axis, x.rank) for axis in order)
    if sorted(axes) != list(range(x.rank)):
        raise GraphError("BG103", f"{here()} transpose", "not a permutation of the axes", got=order)
    return x if axes == tuple(range(x.rank)) else Transpose(axes).apply(x)


def swapped(x: Node) -> Node:
    """The last two axes changed places; a vector stays as it is."""
    return transpose(x, (*range(x.rank - 2), x.rank - 1, x.rank - 2)) if x.rank >= 2 else x


def moved_last(x: Node, axis: int) -> Node:
    """`axis` moved behind the others."""
    return transpose(x, [*(a for a in range(x.rank) if a != axis), axis])


def moved_back(x: Node, axis: int) -> Node:
    """The last axis moved to `axis`: undoes `moved_last`."""
    order = list(range(x.rank - 1))
    order.insert(axis, x.rank - 1)
    return transpose(x, order)


def reshape(x: Node, shape: Sequence[int | str | Polynomial]) -> Node:
    """`x` in another shape of as many elements; one size may be −1. Raises GraphError BG101."""
    to = as_shape(shape)
    if isinstance(to, tuple) and -1 in to:
        to = _with_unknown_size(x, to)
    return x if x.shape == to else Reshape(to).apply(x)


def cast(x: Node, dtype: str) -> Node:
    """`x` in another dtype."""
    return x if x.dtype == dtype else Cast(dtype).apply(x)


def concatenate(*operands: Node, axis: int = 0) -> Node:
    """The operands one after the other along `axis`. Raises GraphError BG101, BG103."""
    parts = list(operands)
    return Concatenate(normal_axis("concatenate", axis, parts[0].rank)).apply(*parts)


def take(table: Node, index: Node) -> Node:
    """Rows of `table` by integer `index`."""
    return Take().apply(table, index)


def getitem(x: Node, index: Any) -> Node:
    """x[index] for integers, slices, `...` and None. Raises GraphError BG103."""
    parts = _whole_index(x, index if isinstance(index, tuple) else (index,))
    shape: list[Dim] = []
    bounds: list[Bounds] = []
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        dim = x.shape[len(bounds)]  # type: ignore[index]
        bound = _bounds(part, dim)
        bounds.append(bound)
        if isinstance(part, slice):
            shape.append(bound[1])
    whole = all(bound == (0, dim, 1) for bound, dim in zip(bounds, x.shape, strict=True))  # type: ignore[arg-type]
    return reshape(x if whole else Slice(tuple(bounds)).apply(x), tuple(shape))


def _whole_index(x: Node, index: tuple[Any, ...]) -> list[Any]:
    used = sum(part is not None and part is not Ellipsis for part in index)
    if used > x.rank or sum(part is Ellipsis for part in index) > 1:
        raise GraphError("BG103", f"{here()} slice", "too many indices", got=index, expected=f"at most {x.rank}")
    at = next((i for i, part in enumerate(index) if part is Ellipsis), len(index))
    return [*index[:at], *[slice(None)] * (x.rank - used), *index[at + 1 :]]


def _bounds(part: Any, dim: Dim) -> Bounds:
    if isinstance(part, slice) and part == slice(None):
        return (0, dim, 1)
    if isinstance(dim, Polynomial):
        raise GraphError("BG103", f"{here()} slice", "an axis of symbolic size can only be taken whole", got=str(dim))
    if isinstance(part, slice):
        start, stop, step = part.indices(dim)
        length = len(range(start, stop, step))
        return (start, length, step) if length else (0, 0, 1)  # nothing may begin before the first element
    if isinstance(part, (int, np.integer)):
        return (normal_axis("slice", int(part), dim), 1, 1)
    raise GraphError("BG103", f"{here()} slice", "an index must be an integer or a slice", got=part, hint="see take")


def _with_unknown_size(x: Node, to: tuple[Dim, ...]) -> Shape:
    known = product(dim for dim in to if dim != -1)
    have = product(x.shape)  # type: ignore[arg-type]
    if isinstance(known, int) and known and isinstance(have, int) and have % known == 0:
        return tuple(have // known if dim == -1 else dim for dim in to)
    rest = [dim for dim in x.shape if dim not in to]  # type: ignore[union-attr]
    return tuple(product(rest) if dim == -1 else dim for dim in to)


def _without(shape: Shape, axis: int) -> tuple[Dim, ...]:
    return tuple(dim for i, dim in enumerate(shape) if i != axis)  # type: ignore[arg-type]


def _numpy_slice(start: Dim, length: Dim, step: int) -> slice:
    stop = start + length * step  # type: ignore[operator]  # concrete when evaluated
    return slice(start, None if stop < 0 else stop, step)  # type: ignore[operator]


def _slice_text(bound: Bounds, whole: Dim) -> str:
    start, length, step = bound
    if bound == (0, whole, 1):
        return ":"
    if length == 1:
        return str(start)
    return f"{start}:{start + length * step}" + (f":{step}" if step != 1 else "")


OPERATORS.update(broadcast=broadcast, T=swapped, getitem=getitem, zeros_like=zeros_like)
