"""How every operation is written in ONNX: one line for each card, in the table `SPELLING`.

Formulas are those of the cards, with the same care where something would overflow. What has no counterpart is made of
what has: the product of others, for instance, of a product over a square. Random masks belong to training, and have
none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backgraph.export.onnx_writer import Name, Spelling, Writer
from backgraph.language.dims import Dim, Polynomial
from backgraph.language.node import Node
from backgraph.language.ops.leaf import Constant

FAR_BACK = -(2**62)
"""The end of a slice that goes backward down to element 0."""


def one(kind: str, **attributes: Any) -> Spelling:
    """Exactly one operation of ONNX."""
    return lambda w, node, *inputs: w.op(kind, *inputs, **attributes)


def _last(kind: str, *, axes: bool, **attributes: Any) -> Spelling:
    """A reduction over the last axis, which older ones take as an attribute."""

    def spell(w: Writer, node: Node, x: Name) -> Name:
        given = (x, w.integers(-1)) if axes else (x,)
        return w.op(kind, *given, **({} if axes else {"axis": -1}), keepdims=0, **attributes)

    return spell


def _constant(w: Writer, node: Node) -> Name:
    assert isinstance(node.op, Constant)
    return w.constant(np.asarray(node.op.numpy()))


def _size(w: Writer, node: Node) -> Name:
    return w.cast(w.op("Squeeze", w.dim(node.op.dim), w.integers(0)), node.dtype)  # type: ignore[attr-defined]


def _eye(w: Writer, node: Node) -> Name:
    zeros = w.op("ConstantOfShape", w.shape(node.shape))
    return w.cast(w.op("EyeLike", zeros), node.dtype)


def _number(w: Writer, node: Node, value: float) -> Name:
    return w.number(value, node.dtype)


def _log1p(w: Writer, node: Node, x: Name) -> Name:
    return w.op("Log", w.op("Add", x, _number(w, node, 1)))


def _expm1(w: Writer, node: Node, x: Name) -> Name:
    return w.op("Sub", w.op("Exp", x), _number(w, node, 1))


def _softplus(w: Writer, node: Node, x: Name) -> Name:
    small = w.op("Exp", w.op("Neg", w.op("Abs", x)))
    return w.op("Add", w.op("Max", x, _number(w, node, 0)), _log1p(w, node, small))


def _leaky_relu(w: Writer, node: Node, x: Name, slope: Name) -> Name:
    return w.op("Where", _positive(w, node, x), x, w.op("Mul", slope, x))


def _positive(w: Writer, node: Node, x: Name) -> Name:
    return w.op("Greater", x, _number(w, node, 0))


def _elu(w: Writer, node: Node, x: Name, slope: Name) -> Name:
    below = _expm1(w, node, w.op("Min", x, _number(w, node, 0)))
    return w.op("Where", _positive(w, node, x), x, w.op("Mul", slope, below))


def _silu(w: Writer, node: Node, x: Name) -> Name:
    return w.op("Mul", x, w.op("Sigmoid", x))


def _gelu(w: Writer, node: Node, x: Name) -> Name:
    cubic = w.op("Mul", _number(w, node, 0.044715), w.op("Mul", x, w.op("Mul", x, x)))
    inner = w.op("Mul", _number(w, node, float(2 * np.sqrt(2 / np.pi))), w.op("Add", x, cubic))
    return w.op("Mul", x, w.op("Sigmoid", inner))


def _clip(w: Writer, node: Node, x: Name, low: Name, high: Name) -> Name:
    return w.op("Min", w.op("Max", x, low), high)


def _xlogy(w: Writer, node: Node, x: Name, y: Name) -> Name:
    zero = w.op("Equal", x, _number(w, node, 0))
    absent = w.op("And", zero, w.op("Not", w.op("IsNaN", y)))
    return w.op("Mul", x, w.op("Where", absent, _number(w, node, 0), w.op("Log", y)))


def _xdivy(w: Writer, node: Node, x: Name, y: Name) -> Name:
    zero = _number(w, node, 0)
    both = w.op("And", w.op("Equal", x, zero), w.op("Equal", y, zero))
    return w.op("Div", x, w.op("Where", both, _number(w, node, 1), y))


def _huber(w: Writer, node: Node, error: Name, delta: Name) -> Name:
    size, half = w.op("Abs", error), _number(w, node, 0.5)
    inner = w.op("Mul", half, w.op("Mul", error, error))
    outer = w.op("Mul", delta, w.op("Sub", size, w.op("Mul", half, delta)))
    return w.op("Where", w.op("LessOrEqual", size, delta), inner, outer)


def _not_equal(w: Writer, node: Node, a: Name, b: Name) -> Name:
    return w.op("Not", w.op("Equal", a, b))


def _matvec(w: Writer, node: Node, a: Name, b: Name) -> Name:
    last = w.integers(-1)
    return w.op("Squeeze", w.op("MatMul", a, w.op("Unsqueeze", b, last)), last)


def _vecmat(w: Writer, node: Node, a: Name, b: Name) -> Name:
    row = w.integers(-2)
    return w.op("Squeeze", w.op("MatMul", w.op("Unsqueeze", a, row), b), row)


def _vecdot(w: Writer, node: Node, a: Name, b: Name) -> Name:
    return w.op("ReduceSum", w.op("Mul", a, b), w.integers(-1), keepdims=0)


def _outer(w: Writer, node: Node, a: Name, b: Name) -> Name:
    return w.op("Mul", w.op("Unsqueeze", a, w.integers(-1)), w.op("Unsqueeze", b, w.integers(-2)))


def _sum(w: Writer, node: Node, x: Name) -> Name:
    axes: tuple[int, ...] | None = node.op.axes  # type: ignore[attr-defined]  # a Sum
    every = tuple(range(node.inputs[0].rank)) if axes is None else axes
    return w.op("ReduceSum", x, w.integers(*every), keepdims=0) if every else x


def _largest(w: Writer, node: Node, x: Name) -> Name:
    """The largest element of each row, the axis kept; 0 where all are −∞."""
    top = w.op("ReduceMax", x, w.integers(-1), keepdims=1)
    return w.op("Where", w.op("Equal", top, _number(w, node, -np.inf)), _number(w, node, 0), top)


def _logsumexp(w: Writer, node: Node, x: Name) -> Name:
    top, last = _largest(w, node, x), w.integers(-1)
    total = w.op("ReduceSum", w.op("Exp", w.op("Sub", x, top)), last, keepdims=0)
    return w.op("Add", w.op("Log", total), w.op("Squeeze", top, last))


def _log_softmax(w: Writer, node: Node, x: Name) -> Name:
    shifted = w.op("Sub", x, _largest(w, node, x))
    return w.op("Sub", shifted, w.op("Log", w.op("ReduceSum", w.op("Exp", shifted), w.integers(-1), keepdims=1)))


def _softmax(w: Writer, node: Node, x: Name) -> Name:
    e = w.op("Exp", w.op("Sub", x, _largest(w, node, x)))
    return w.op("Div", e, w.op("ReduceSum", e, w.integers(-1), keepdims=1))


def _cross_entropy(w: Writer, node: Node, u: Name, t: Name) -> Name:
    zero, logs = _number(w, node, 0), _log_softmax(w, node, u)
    absent = w.op("And", w.op("Equal", t, zero), w.op("Equal", logs, _number(w, node, -np.inf)))
    counted = w.op("Mul", t, w.op("Where", absent, zero, logs))
    return w.op("Neg", w.op("ReduceSum", counted, w.integers(-1), keepdims=0))


def _cumsum(w: Writer, node: Node, x: Name) -> Name:
    last = w.number(node.rank - 1, "int64")
    return w.op("CumSum", x, last, reverse=int(node.op.reverse))  # type: ignore[attr-defined]


def _prod_of_others(w: Writer, node: Node, x: Name) -> Name:
    """Row by row, a square of copies with 1 on its diagonal, multiplied up."""
    assert isinstance(node.shape, tuple)
    n = node.shape[-1]
    diagonal = w.cast(w.op("EyeLike", w.op("ConstantOfShape", w.shape((n, n)))), "bool")
    square = w.op("Where", diagonal, _number(w, node, 1), w.op("Unsqueeze", x, w.integers(-2)))
    return w.op("ReduceProd", square, w.integers(-1), keepdims=0)


def _one_hot(w: Writer, node: Node, y: Name) -> Name:
    depth = w.op("Squeeze", w.dim(node.op.depth), w.integers(0))  # type: ignore[attr-defined]
    classes = w.op("Range", w.number(0, "int64"), depth, w.number(1, "int64"))
    return w.cast(w.op("Equal", w.op("Unsqueeze", y, w.integers(-1)), classes), node.dtype)


def _broadcast(w: Writer, node: Node, x: Name) -> Name:
    if 0 in node.shape:  # type: ignore[operator]  # runtimes do not agree on copying one element no times
        return w.cast(w.op("ConstantOfShape", w.shape(node.shape)), node.dtype)
    axes: tuple[int, ...] | None = node.op.axes  # type: ignore[attr-defined]  # a Broadcast
    added = [] if axes is None else [axis for axis in range(node.rank) if axis not in axes]
    aligned = w.op("Unsqueeze", x, w.integers(*added)) if added else x
    return w.op("Expand", aligned, w.shape(node.shape))


def _sum_to(w: Writer, node: Node, x: Name, like: Name) -> Name:
    wide, small = node.inputs[0].shape, node.shape
    assert isinstance(wide, tuple)
    assert isinstance(small, tuple)
    extra = len(wide) - len(small)
    stretched = [axis for axis, n in enumerate(small) if n == 1 and wide[axis + extra] != 1]
    axes = [*range(extra), *(axis + extra for axis in stretched)]
    return w.op("Reshape", w.op("ReduceSum", x, w.integers(*axes), keepdims=1) if axes else x, w.shape(small))


def _transpose(w: Writer, node: Node, x: Name) -> Name:
    return w.op("Transpose", x, perm=list(node.op.permutation))  # type: ignore[attr-defined]


def _reshape(w: Writer, node: Node, x: Name) -> Name:
    return w.op("Reshape", x, w.shape(node.shape), allowzero=1)


def _slice(w: Writer, node: Node, x: Name) -> Name:
    bounds = node.op.bounds  # type: ignore[attr-defined]  # a Slice
    return _sliced(w, x, bounds, list(range(len(bounds))))


def _sliced(w: Writer, x: Name, bounds: Any, axes: list[int]) -> Name:
    stops = [_stop(start, length, step) for start, length, step in bounds]
    starts, steps = w.shape(tuple(start for start, _, _ in bounds)), w.integers(*(step for _, _, step in bounds))
    return w.op("Slice", x, starts, w.shape(tuple(stops)), w.integers(*axes), steps) if axes else x


def _stop(start: Dim, length: Dim, step: int) -> Dim:
    stop = start + length * step
    return FAR_BACK if not isinstance(stop, Polynomial) and stop < 0 else stop


def _place(w: Writer, node: Node, x: Name) -> Name:
    """Zeros between, then before and behind; what lies backward is turned round first."""
    bounds, shape, to = node.op.bounds, node.inputs[0].shape, node.shape  # type: ignore[attr-defined]  # a Place
    assert isinstance(shape, tuple)
    assert isinstance(to, tuple)
    dims, before, behind = list(shape), [], []
    for axis, ((start, length, step), whole) in enumerate(zip(bounds, to, strict=True)):
        first = start if step > 0 else start + (length - 1) * step
        if step < 0:
            x = w.op("Slice", x, w.integers(-1), w.integers(FAR_BACK), w.integers(axis), w.integers(-1))
        if abs(step) > 1:
            x = _spread(w, x, dims, axis, abs(step))
        before.append(first if length != 0 else 0)
        # Zeros that follow the last element of a spread axis may stick out: a negative pad cuts them off.
        behind.append(whole - before[-1] - dims[axis])
    return w.op("Pad", x, w.shape((*before, *behind)), _number(w, node, 0))


def _spread(w: Writer, x: Name, dims: list[Dim], axis: int, step: int) -> Name:
    """Each element followed by step − 1 zeros along an axis; `dims` are then those of the result."""
    rank = len(dims) + 1
    pads = [0] * (2 * rank)
    pads[rank + axis + 1] = step - 1
    padded = w.op("Pad", w.op("Unsqueeze", x, w.integers(axis + 1)), w.integers(*pads))
    dims[axis] = dims[axis] * step
    return w.op("Reshape", padded, w.shape(tuple(dims)), allowzero=1)


def _concatenate(w: Writer, node: Node, *inputs: Name) -> Name:
    return w.op("Concat", *inputs, axis=node.op.axis)  # type: ignore[attr-defined]


def _scatter_add(w: Writer, node: Node, x: Name, index: Name) -> Name:
    zeros = w.cast(w.op("ConstantOfShape", w.shape(node.shape)), node.dtype)
    return w.op("ScatterND", zeros, w.op("Unsqueeze", index, w.integers(-1)), x, reduction="add")


def _size_of(w: Writer, node: Node, x: Name) -> Name:
    return w.cast(w.op("Size", x), node.dtype)


SPELLING: dict[str, Spelling] = {
    "constant": _constant, "size": _size, "size_of": _size_of, "eye": _eye,
    "add": one("Add"), "sub": one("Sub"), "mul": one("Mul"), "div": one("Div"), "neg": one("Neg"), "power": one("Pow"),
    "square": lambda w, node, x: w.op("Mul", x, x),
    "sqrt": one("Sqrt"), "exp": one("Exp"), "log": one("Log"), "log1p": _log1p, "expm1": _expm1,
    "sin": one("Sin"), "cos": one("Cos"), "tanh": one("Tanh"), "sigmoid": one("Sigmoid"), "softplus": _softplus,
    "relu": one("Relu"), "leaky_relu": _leaky_relu, "elu": _elu, "silu": _silu, "gelu": _gelu,
    "abs": one("Abs"), "sign": one("Sign"), "stop_gradient": one("Identity"),
    "maximum": one("Max"), "minimum": one("Min"), "clip": _clip, "xlogy": _xlogy, "xdivy": _xdivy,
    "where": one("Where"), "greater": one("Greater"), "less": one("Less"), "greater_equal": one("GreaterOrEqual"),
    "less_equal": one("LessOrEqual"), "equal": one("Equal"), "not_equal": _not_equal, "huber": _huber,
    "matmul": one("MatMul"), "matvec": _matvec, "vecmat": _vecmat, "vecdot": _vecdot, "outer": _outer,
    "sum": _sum, "max": _last("ReduceMax", axes=True), "argmax": _last("ArgMax", axes=False),
    "prod": _last("ReduceProd", axes=True), "prod_of_others": _prod_of_others,
    "logsumexp": _logsumexp, "softmax": _softmax, "log_softmax": _log_softmax, "cumsum": _cumsum,
    "cross_entropy": _cross_entropy, "one_hot": _one_hot,
    "broadcast": _broadcast, "sum_to": _sum_to, "transpose": _transpose, "reshape": _reshape, "slice": _slice,
    "place": _place, "concatenate": _concatenate, "take": one("Gather", axis=0), "scatter_add": _scatter_add,
    "cast": lambda w, node, x: w.cast(x, node.dtype),
}  # fmt: skip
"""By the name of the card. A variable is an input, which is no matter of spelling."""
