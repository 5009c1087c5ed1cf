"""What JAX's primitives are in operations of backgraph: a table, by name of the primitive.

Each line takes the operands as nodes, and the primitive's parameters by name.
Source of the primitives' meaning: the documentation of `jax.lax`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from string import ascii_letters
from typing import Any

import numpy as np

from backgraph.jax_bridge.arithmetic import (
    Translate,
    arithmetic,
    as_float,
    boolean,
    dtype_named,
    floating,
    plain,
    reshaped,
    select,
)
from backgraph.jax_bridge.indexing import dynamic_slice, gather
from backgraph.language.node import Node
from backgraph.language.ops import elementwise, reduce
from backgraph.language.ops.einsum import einsum
from backgraph.language.ops.elementwise import exp, expm1, raised, where
from backgraph.language.ops.leaf import number
from backgraph.language.ops.linear import matmul
from backgraph.language.ops.shape import (
    Broadcast,
    Place,
    broadcast,
    cast,
    concatenate,
    is_full_of,
    scalar_to,
    transpose,
)


def _compare(card: Callable[..., Node]) -> Translate:
    return lambda a, b, **_: card(a, b)


def _maximum(a: Node, b: Node) -> Node:
    """max(a, b); JAX guards the maximum in softmax by max(−∞, x), which is x."""
    for bound, x in ((a, b), (b, a)):
        if is_full_of(bound, -math.inf):
            return x
    return elementwise.maximum(a, b)


def _logaddexp(a: Node, b: Node) -> Node:
    """log(eᵃ + eᵇ) = b + softplus(a − b); ∞ − ∞ is kept out by the larger one."""
    if is_full_of(b, 0.0):
        return elementwise.softplus(a)
    return elementwise.maximum(a, b) + elementwise.log1p(exp(-abs(a - b)))


def _clamp(low: Node, x: Node, high: Node) -> Node:
    """JAX gives x the slope 0 at the bounds."""
    return where(x <= low, low, where(x >= high, high, x))


def _integer_pow(x: Node, *, y: int, **_: Any) -> Node:
    return raised(x, float(y))


def _convert(x: Node, *, new_dtype: Any, **_: Any) -> Node:
    dtype = dtype_named(np.dtype(new_dtype).name, "from_jax convert_element_type")
    if dtype == "bool" and x.dtype != "bool":
        return elementwise.not_equal(x, 0)
    return cast(x, dtype)


def _broadcast_in_dim(x: Node, *, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Node:
    """Axis i of x is axis `broadcast_dimensions[i]` of the result; an axis of size 1 is stretched."""
    dims: tuple[int, ...] = x.shape  # type: ignore[assignment]
    kept = [axis for axis, n in enumerate(dims) if n == shape[broadcast_dimensions[axis]]]
    if math.prod(dims) == math.prod(shape):
        return reshaped(x, shape)
    narrow = reshaped(x, [dims[axis] for axis in kept])
    return Broadcast(tuple(shape), tuple(int(broadcast_dimensions[axis]) for axis in kept)).apply(narrow)


def _reshape(x: Node, *, new_sizes: Sequence[int], dimensions: Any = None, **_: Any) -> Node:
    return reshaped(x if dimensions is None else transpose(x, dimensions), tuple(new_sizes))


def _squeeze(x: Node, *, dimensions: Sequence[int], **_: Any) -> Node:
    return reshaped(x, tuple(n for axis, n in enumerate(x.shape) if axis not in dimensions))  # type: ignore[arg-type]


def _expand_dims(x: Node, *, dimensions: Sequence[int], **_: Any) -> Node:
    shape: list[Any] = list(x.shape)  # type: ignore[arg-type]
    for axis in sorted(dimensions):
        shape.insert(axis, 1)
    return reshaped(x, shape)


def _slice(x: Node, *, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> Node:
    steps = strides or [1] * x.rank
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _reverse(x: Node, *, dimensions: Sequence[int], **_: Any) -> Node:
    return x[tuple(slice(None, None, -1 if axis in dimensions else None) for axis in range(x.rank))]


def _pad(x: Node, padding: Node, *, padding_config: Sequence[tuple[int, int, int]], **_: Any) -> Node:
    """`padding` before, behind and between the elements along each axis; a negative number of them cuts off."""
    widths = [(int(low), int(high), int(between)) for low, high, between in padding_config]
    bounds = tuple((max(low, 0), int(n), between + 1) for n, (low, _, between) in zip(x.shape, widths, strict=True))  # type: ignore[arg-type]
    ends = [start + max(n - 1, 0) * step + min(n, 1) for start, n, step in bounds]
    whole = tuple(end + max(high, 0) for end, (_, high, _) in zip(ends, widths, strict=True))
    place = arithmetic(Place(whole, bounds).apply)
    result = place(x)
    if not is_full_of(padding, 0.0):
        inside = place(scalar_to(number(1.0, "float64"), x.shape)) > 0.5
        result = select(inside, broadcast(padding, whole), result)
    return result[tuple(slice(max(-low, 0), n + min(high, 0)) for n, (low, high, _) in zip(whole, widths, strict=True))]


def _tile(x: Node, *, reps: Sequence[int], **_: Any) -> Node:
    """x repeated along each axis: copied along a new axis in front of it."""
    dims: tuple[int, ...] = x.shape  # type: ignore[assignment]
    spread = tuple(n for pair in zip(reps, dims, strict=True) for n in pair)
    copies = Broadcast(spread, tuple(range(1, len(spread), 2))).apply(x)
    return reshaped(copies, [int(n) * dim for n, dim in zip(reps, dims, strict=True)])


def _concatenate(*operands: Node, dimension: int, **_: Any) -> Node:
    return arithmetic(partial(concatenate, axis=dimension))(*operands)


def stack(*operands: Node, axis: int, **_: Any) -> Node:
    """The operands side by side along a new axis."""
    return _concatenate(*(_expand_dims(x, dimensions=(axis,)) for x in operands), dimension=axis)


def _split(x: Node, *, sizes: Sequence[int], axis: int, **_: Any) -> list[Node]:
    ends = np.cumsum(sizes).tolist()
    before = (slice(None),) * axis
    return [x[(*before, slice(end - int(size), end))] for size, end in zip(sizes, ends, strict=True)]


def _dot_general(a: Node, b: Node, *, dimension_numbers: Any, **_: Any) -> Node:
    """Σ over pairs of contracted axes, for each index of paired batch axes: batch, then the rest of a, then of b."""
    (inner_a, inner_b), (batch_a, batch_b) = dimension_numbers
    if len(inner_a) == 1 and not batch_a and a.rank <= 2 and b.rank <= 2:
        return matmul(a if inner_a[0] == a.rank - 1 else a.T, b if inner_b[0] == 0 else b.T)
    letters = iter(ascii_letters)
    first = [next(letters) for _ in range(a.rank)]
    second = [next(letters) for _ in range(b.rank)]
    for of_a, of_b in ((inner_a, inner_b), (batch_a, batch_b)):
        for i, j in zip(of_a, of_b, strict=True):
            second[j] = first[i]
    batch = [first[i] for i in batch_a]
    rest = [c for c in first if c not in second] + [c for c in second if c not in first]
    return einsum(f"{''.join(first)},{''.join(second)}->{''.join(batch + rest)}", a, b)


def _over_axes(f: Callable[..., Node]) -> Translate:
    return arithmetic(lambda x, *, axes, **_: f(x, tuple(axes)) if axes else x)


def _index_of(f: Callable[[Node], Node]) -> Translate:
    return lambda x, *, axes, **_: reduce.argmax(f(as_float(x)), int(axes[0]))


def _cumsum(x: Node, *, axis: int, reverse: bool = False, **_: Any) -> Node:
    if not reverse:
        return reduce.cumsum(x, axis)
    return _reverse(reduce.cumsum(_reverse(x, dimensions=(axis,)), axis), dimensions=(axis,))


def _same(*operands: Node, **_: Any) -> list[Node]:
    return list(operands)


PRIMITIVES: dict[str, Translate] = {
    # arithmetic
    "add": plain(elementwise.add),
    "add_any": plain(elementwise.add),
    "sub": plain(elementwise.sub),
    "mul": plain(elementwise.mul),
    "div": floating(elementwise.div),
    "neg": plain(elementwise.neg),
    "pow": floating(raised),
    "integer_pow": arithmetic(_integer_pow),
    "square": plain(elementwise.square),
    "sqrt": plain(elementwise.sqrt),
    "rsqrt": plain(lambda x: 1 / elementwise.sqrt(x)),
    "abs": plain(elementwise.absolute),
    "sign": plain(elementwise.sign),
    "max": plain(_maximum),
    "min": plain(elementwise.minimum),
    "clamp": plain(_clamp),
    # functions
    "exp": plain(exp),
    "exp2": plain(lambda x: exp(math.log(2) * x)),
    "expm1": plain(expm1),
    "log": plain(elementwise.log),
    "log1p": plain(elementwise.log1p),
    "sin": plain(elementwise.sin),
    "cos": plain(elementwise.cos),
    "tan": plain(lambda x: elementwise.sin(x) / elementwise.cos(x)),
    "tanh": plain(elementwise.tanh),
    "sinh": plain(lambda x: (expm1(x) - expm1(-x)) / 2),
    "cosh": plain(lambda x: (exp(x) + exp(-x)) / 2),
    "logistic": plain(elementwise.sigmoid),
    # conditions
    "gt": _compare(elementwise.greater),
    "lt": _compare(elementwise.less),
    "ge": _compare(elementwise.greater_equal),
    "le": _compare(elementwise.less_equal),
    "eq": _compare(elementwise.equal),
    "ne": _compare(elementwise.not_equal),
    "and": boolean(elementwise.mul),
    "or": boolean(elementwise.maximum),
    "xor": boolean(lambda a, b: abs(a - b)),
    "not": boolean(lambda a: 1 - a),
    "is_finite": lambda x, **_: abs(x) < math.inf,
    "select_n": select,
    # the same elements, elsewhere
    "stop_gradient": plain(elementwise.stop_gradient),
    "copy": _same,
    "copy_p": _same,
    "optimization_barrier": _same,
    "convert_element_type": _convert,
    "broadcast_in_dim": _broadcast_in_dim,
    "reshape": _reshape,
    "squeeze": _squeeze,
    "expand_dims": _expand_dims,
    "transpose": lambda x, *, permutation, **_: transpose(x, permutation),
    "slice": _slice,
    "rev": _reverse,
    "pad": _pad,
    "concatenate": _concatenate,
    "stack": stack,
    "split": _split,
    "tile": _tile,
    "gather": gather,
    "dynamic_slice": dynamic_slice,
    # products and reductions
    "dot_general": arithmetic(_dot_general),
    "reduce_sum": _over_axes(reduce.sum),
    "reduce_max": _over_axes(reduce.max),
    "reduce_min": _over_axes(reduce.min),
    "reduce_prod": _over_axes(reduce.prod),
    "reduce_and": _over_axes(reduce.min),
    "reduce_or": _over_axes(reduce.max),
    "argmax": _index_of(lambda x: x),
    "argmin": _index_of(lambda x: -x),
    "cumsum": arithmetic(_cumsum),
}
"""By name of the primitive: operands as nodes and parameters to the result (or several); None has no counterpart."""


def _log_softmax(jaxpr: Any, x: Node, *others: Node) -> Node | None:
    """Along the axis of its maximum; None for several axes, or with a mask."""
    axes = [axis for step in jaxpr.eqns if step.primitive.name == "reduce_max" for axis in step.params["axes"]]
    return reduce.log_softmax(x, axes[0]) if len(axes) == 1 and not others else None


def _card(f: Callable[..., Node]) -> Callable[..., Node]:
    return lambda _jaxpr, *operands: f(*operands)


OWN_FUNCTIONS: dict[str, Callable[..., Node | None]] = {
    "relu": _card(elementwise.relu),
    "silu": _card(elementwise.silu),
    "logaddexp": _card(_logaddexp),
    "xlogy": _card(elementwise.xlogy),
    "log_softmax": _log_softmax,
}
"""Functions of JAX that have a card, by their jaxpr and operands. `relu` and `xlogy` must be here: JAX gives them
derivatives of their own, which at kinks are not those of their formulas."""
