"""Lowering: every operation to nests. The one place below which no operation's name is known.

`SCALAR` (in `lower_scalars`) has a line for every elementwise card, `LOWER` a function for every other. What rounds how
is fixed here, by the law of summation (decision 0002): nothing below may change it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backgraph.compiler.lower_scalars import SCALAR, call, choose, negative, number
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
    along,
    plus,
)
from backgraph.errors import GraphError
from backgraph.language.dims import Dim, product
from backgraph.language.node import Node
from backgraph.language.op import Elementwise, Operation
from backgraph.language.walk import topological_order

LANES = 16


@dataclass(frozen=True)
class IndexUse:
    """An operation takes the elements of `indices` as places on an axis of `size`, and refuses all others."""

    operation: Operation
    indices: Value
    size: Dim


@dataclass(frozen=True)
class Lowered:
    """Nests in an order that runs, the outputs' values, who uses what as indices, and integers with a bound.

    Of values in `below`, each element is 0 … n−1 by what computes it.
    """

    nests: list[Nest]
    values: list[Value]
    uses: list[IndexUse]
    below: dict[Value, Dim]


class Lowering:
    """Nests so far, the value (or scalar expression) that stands for each node, and what `Lowered` tells of indices."""

    def __init__(self) -> None:
        self.nests: list[Nest] = []
        self.of: dict[Node, Value | Expr] = {}
        self.shared: dict[tuple[str, Any], Value] = {}
        self.uses: list[IndexUse] = []
        self.below: dict[Value, Dim] = {}

    def note_indices(self, node: Node) -> None:
        """Remember what the operation of `node` uses as indices."""
        found = node.op.indexed(node.inputs)
        if found is not None:
            operand, size = found
            known = self.of[operand]
            indices = known if not isinstance(known, Literal) else constant_value(known)
            self.uses.append(IndexUse(node.op, indices if isinstance(indices, Value) else self.value(operand), size))

    def expr(self, node: Node, index: Sequence[Index]) -> Expr:
        """The element of `node` at `index`."""
        found = self.of[node]
        return Read(found, tuple(index)) if isinstance(found, Value) else found

    def value(self, node: Node) -> Value:
        """`node` in memory."""
        found = self.of[node]
        return found if isinstance(found, Value) else self.fill(str(node.op), (), node.dtype, lambda: found)

    def fill(self, label: str, shape: Sequence[Dim], dtype: str, body: Callable[..., Expr]) -> Value:
        """A new value whose element at the axes is `body(*indices)`."""
        axes = loop(shape)
        out = Value(label, tuple(shape), dtype)
        index = tuple(map(along, axes))
        self.nests.append(Nest(axes, (Write(out, index, body(*index)),), label=label))
        return out

    def combine(
        self, label: str, shape: Sequence[Dim], over: Dim, reduction: str, operands: Callable[..., tuple[Expr, ...]], *,
        finish: Callable[[Expr], Expr] = lambda x: x,
    ) -> Value:  # fmt: skip
        """A new value that is a reduction over one axis; `operands(*indices, k)`, `finish` applied to the result."""
        axes, k = loop(shape), Axis("k", over)
        given = operands(*map(along, axes), along(k))
        result = finish(Combined(given[0].dtype))
        out = Value(label, tuple(shape), result.dtype)
        write = Write(out, tuple(map(along, axes)), result)
        self.nests.append(Nest(axes, (write,), k, reduction, given, label))
        return out

    def once(self, what: str, key: Any, make: Callable[[], Value]) -> Value:
        """A value that several operations share, made at most once."""
        if (what, key) not in self.shared:
            self.shared[what, key] = make()
        return self.shared[what, key]


def loop(shape: Sequence[Dim]) -> tuple[Axis, ...]:
    """An axis for every dimension."""
    return tuple(Axis(letter, dim) for letter, dim in zip(_letters(len(shape)), shape, strict=True))


def _letters(n: int) -> list[str]:
    return list("ijlpqrstuvwxyz"[:n]) if n <= 14 else [f"i{a}" for a in range(n)]


def lower(outputs: Sequence[Node], arguments: dict[Node, Value]) -> Lowered:
    """Nests that compute `outputs` from the values of `arguments`.

    Raises GraphError BG104 for an operation without a lowering.
    """
    state = Lowering()
    state.of.update(arguments)
    for node in topological_order(outputs):
        if node not in state.of:
            state.note_indices(node)
            state.of[node] = _lower_node(state, node)
    values = [state.value(node) for node in outputs]
    return Lowered(state.nests, values, state.uses, state.below)


def _lower_node(state: Lowering, node: Node) -> Value | Expr:
    card = node.op
    if isinstance(card, Elementwise):
        if card.name not in SCALAR:
            raise GraphError("BG104", card.name, "has no lowering", hint="add a line to compiler.lower_scalars.SCALAR")
        scalar = SCALAR[card.name]
        return state.fill(
            card.name, _shape(node), node.dtype, lambda *index: scalar(*(state.expr(x, index) for x in node.inputs))
        )
    if card.name not in LOWER:
        raise GraphError("BG104", card.name, "has no lowering", hint="add a line to compiler.lower.LOWER")
    return LOWER[card.name](state, node, card)


def _shape(node: Node) -> tuple[Dim, ...]:
    if not isinstance(node.shape, tuple):
        raise GraphError("BG107", str(node.op), "an open shape cannot be compiled", hint="annotate it with --shape")
    return node.shape


def _constant(state: Lowering, node: Node, card: Any) -> Value | Expr:
    if node.shape == ():
        return Literal(card.numpy().item(), node.dtype)
    return Value("constant", _shape(node), node.dtype, "constant", card.bits)


def _eye(state: Lowering, node: Node, card: Any) -> Value:
    one, zero = Literal(1.0, node.dtype), Literal(0.0, node.dtype)
    return state.fill(
        "eye", _shape(node), node.dtype, lambda i, j: choose(call("eq", Position(i), Position(j)), one, zero)
    )


def _size_of(state: Lowering, node: Node, card: Any) -> Expr:
    return Extent(product(_shape(node.inputs[0])), node.dtype)


def _broadcast(state: Lowering, node: Node, card: Any) -> Value:
    (x,) = node.inputs
    have, want = _shape(x), _shape(node)
    axes = range(len(want) - len(have), len(want)) if card.axes is None else card.axes

    def body(*index: Affine) -> Expr:
        picked = [Affine(()) if n == 1 and want[a] != 1 else index[a] for n, a in zip(have, axes, strict=True)]
        return state.expr(x, picked)

    return state.fill("broadcast", want, node.dtype, body)


def _transpose(state: Lowering, node: Node, card: Any) -> Value:
    back = [card.permutation.index(axis) for axis in range(len(card.permutation))]
    return state.fill(
        "transpose", _shape(node), node.dtype, lambda *index: state.expr(node.inputs[0], [index[a] for a in back])
    )


def constant_value(literal: Literal) -> Value:
    """A number in memory."""
    return Value("constant", (), literal.dtype, "constant", np.asarray(literal.number, literal.dtype).tobytes())


def alias(value: Value, shape: tuple[Dim, ...]) -> Value:
    """The same memory in another shape."""
    return Value(value.label, shape, value.dtype, "alias", base=value)


def _reshape(state: Lowering, node: Node, card: Any) -> Value:
    return alias(state.value(node.inputs[0]), _shape(node))


def _strided(bounds: Sequence[tuple[Dim, Dim, int]], index: Sequence[Affine]) -> list[Affine]:
    return [plus(Affine((), start), i, step) for (start, _, step), i in zip(bounds, index, strict=True)]


def _slice(state: Lowering, node: Node, card: Any) -> Value:
    return state.fill(
        "slice", _shape(node), node.dtype, lambda *i: state.expr(node.inputs[0], _strided(card.bounds, i))
    )


def _write_part(
    state: Lowering, out: Value, shape: Sequence[Dim], index: Callable[[Sequence[Affine]], Sequence[Index]],
    body: Callable[[Sequence[Affine]], Expr],
) -> None:  # fmt: skip
    axes = loop(shape)
    at = [along(axis) for axis in axes]
    state.nests.append(Nest(axes, (Write(out, tuple(index(at)), body(at)),), label=out.label))


def _zeros(state: Lowering, label: str, shape: tuple[Dim, ...], dtype: str) -> Value:
    return state.fill(label, shape, dtype, lambda *index: Literal(0.0, dtype))


def _place(state: Lowering, node: Node, card: Any) -> Value:
    (x,) = node.inputs
    out = _zeros(state, "place", _shape(node), node.dtype)
    _write_part(state, out, _shape(x), lambda i: _strided(card.bounds, i), lambda i: state.expr(x, i))
    return out


def _concatenate(state: Lowering, node: Node, card: Any) -> Value:
    out, start = Value("concatenate", _shape(node), node.dtype), 0

    for x in node.inputs:
        shape = _shape(x)
        bounds = [(start if a == card.axis else 0, dim, 1) for a, dim in enumerate(shape)]
        _write_part(state, out, shape, lambda i, bounds=bounds: _strided(bounds, i), lambda i, x=x: state.expr(x, i))
        start = start + shape[card.axis]
    return out


def _take(state: Lowering, node: Node, card: Any) -> Value:
    table, rows = node.inputs
    depth = len(_shape(rows))

    def body(*index: Affine) -> Expr:
        row = state.expr(rows, index[:depth])
        first: Index = Lookup(row) if isinstance(row, Read) else Affine((), int(row.number))  # type: ignore[union-attr]
        return state.expr(table, [first, *index[depth:]])

    return state.fill("take", _shape(node), node.dtype, body)


def _scatter_add(state: Lowering, node: Node, card: Any) -> Value:
    G, rows = node.inputs
    shape, lead = _shape(node), _shape(rows)
    length = product(lead)
    source = alias(state.value(G), (length, *shape[1:]))
    where = alias(state.value(rows), (length,))
    out = _zeros(state, "scatter_add", shape, node.dtype)
    axes, k = loop(shape[1:]), Axis("k", length)
    at = [along(axis) for axis in axes]
    write = Write(out, (Lookup(Read(where, (along(k),))), *at), Combined(node.dtype))
    state.nests.append(Nest(axes, (write,), k, "scatter", (Read(source, (along(k), *at)),), "scatter_add"))
    return out


def _cast(state: Lowering, node: Node, card: Any) -> Value:
    (x,) = node.inputs
    out = state.fill("cast", _shape(node), node.dtype, lambda *i: Call("cast", (state.expr(x, i),), node.dtype))
    if x.dtype == "bool":
        state.below[out] = 2
    return out


def _one_hot(state: Lowering, node: Node, card: Any) -> Value:
    one, zero = Literal(1.0, node.dtype), Literal(0.0, node.dtype)

    def body(*index: Affine) -> Expr:
        return choose(call("eq", state.expr(node.inputs[0], index[:-1]), Position(index[-1])), one, zero)

    return state.fill("one_hot", _shape(node), node.dtype, body)


def _random_mask(state: Lowering, node: Node, card: Any) -> Value:
    one, zero = Literal(1.0, node.dtype), Literal(0.0, node.dtype)
    key, stream = state.expr(node.inputs[0], ()), Literal(card.stream, "int64")

    def body(*index: Affine) -> Expr:
        word = call("philox", key, stream, _flat_position(index, _shape(node)))
        return choose(call("lt", word, Literal(card.threshold, "int64")), zero, one)

    return state.fill("random_mask", _shape(node), node.dtype, body)


def _flat_position(index: Sequence[Affine], shape: Sequence[Dim]) -> Expr:
    """The number of an element, counted row by row."""
    total: Expr = Literal(0, "int64")
    for at, size in zip(index, shape, strict=True):
        total = call("add", call("mul", total, Extent(size, "int64")), Position(at))
    return total


def contraction(pick: Callable[..., tuple[Sequence[Index], Sequence[Index]]]) -> Callable[[Lowering, Node, Any], Value]:
    """A sum of products over one axis: `pick(batch, *free, k)` gives the indices of the two operands."""

    def lower_it(state: Lowering, node: Node, card: Any) -> Value:
        a, b = node.inputs
        inner = _shape(a)[-1]

        def operands(*index: Affine) -> tuple[Expr, ...]:
            left, right = pick(*index)
            return state.expr(a, left), state.expr(b, right)

        return state.combine(card.name, _shape(node), inner, "fma", operands)

    return lower_it


def _outer(state: Lowering, node: Node, card: Any) -> Value:
    x, y = node.inputs
    return state.fill(
        "outer", _shape(node), node.dtype,
        lambda *i: call("mul", state.expr(x, i[:-1]), state.expr(y, (*i[:-2], i[-1]))),
    )  # fmt: skip


def _reduce_axis(state: Lowering, x: Value, axis: int, reduction: str, label: str) -> Value:
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    return state.combine(label, shape, x.shape[axis], reduction, lambda *i: (Read(x, (*i[:axis], i[-1], *i[axis:-1])),))


def _sum_over(state: Lowering, x: Value, axes: Sequence[int]) -> Value:
    """The last axis goes first, by lanes; every other is a chain."""
    last = len(x.shape) - 1
    for axis in sorted(axes, reverse=True):
        x = _reduce_axis(state, x, axis, "add" if axis == last else "add_chain", "sum")
    return x


def _sum(state: Lowering, node: Node, card: Any) -> Value:
    x = state.value(node.inputs[0])
    return _sum_over(state, x, range(len(x.shape)) if card.axes is None else card.axes)


def _sum_to(state: Lowering, node: Node, card: Any) -> Value:
    x, to = state.value(node.inputs[0]), _shape(node)
    ahead = len(x.shape) - len(to)
    stretched = [a + ahead for a, n in enumerate(to) if n == 1 and x.shape[a + ahead] != 1]
    return alias(_sum_over(state, x, [*range(ahead), *stretched]), to)


def _row_max(state: Lowering, x: Value) -> Value:
    return state.once("max", x, lambda: _reduce_axis(state, x, len(x.shape) - 1, "max", "max"))


def _shift(state: Lowering, x: Value) -> Callable[[Sequence[Affine]], Expr]:
    """x less the largest of its row (0 where that is −∞, so that ∞ − ∞ never arises)."""
    top = _row_max(state, x)

    def shifted(index: Sequence[Affine]) -> Expr:
        most = Read(top, tuple(index[:-1]))
        safe = choose(call("eq", most, number(float("-inf"), most)), number(0, most), most)
        return call("sub", Read(x, tuple(index)), safe)

    return shifted


def _exponentials(state: Lowering, x: Value) -> Value:
    """exp(x − its row's maximum)."""
    shifted = _shift(state, x)
    return state.once("exp", x, lambda: state.fill("exp", x.shape, x.dtype, lambda *index: call("exp", shifted(index))))


def _row_total(state: Lowering, x: Value) -> Value:
    e = _exponentials(state, x)
    return state.once("total", x, lambda: _reduce_axis(state, e, len(x.shape) - 1, "add", "sum"))


def _log_total(state: Lowering, x: Value) -> Value:
    total = _row_total(state, x)
    return state.once("log", x, lambda: state.fill("log", total.shape, x.dtype, lambda *i: call("log", Read(total, i))))


def _logsumexp(state: Lowering, node: Node, card: Any) -> Value:
    x = state.value(node.inputs[0])
    top, total = _row_max(state, x), _log_total(state, x)

    def body(*index: Affine) -> Expr:
        most = Read(top, index)
        safe = choose(call("eq", most, number(float("-inf"), most)), number(0, most), most)
        return call("add", Read(total, index), safe)

    return state.fill("logsumexp", total.shape, x.dtype, body)


def _softmax(state: Lowering, node: Node, card: Any) -> Value:
    x = state.value(node.inputs[0])
    e, total = _exponentials(state, x), _row_total(state, x)
    return state.fill("softmax", x.shape, x.dtype, lambda *i: call("div", Read(e, i), Read(total, i[:-1])))


def _log_softmax(state: Lowering, node: Node, card: Any) -> Value:
    x = state.value(node.inputs[0])
    shifted, total = _shift(state, x), _log_total(state, x)
    return state.fill("log_softmax", x.shape, x.dtype, lambda *i: call("sub", shifted(i), Read(total, i[:-1])))


def _cross_entropy(state: Lowering, node: Node, card: Any) -> Value:
    u, target = state.value(node.inputs[0]), node.inputs[1]
    shifted, total = _shift(state, u), _log_total(state, u)

    def operands(*index: Affine) -> tuple[Expr, ...]:
        log_p, t = call("sub", shifted(index), Read(total, index[:-1])), state.expr(target, index)
        impossible = call("and", call("eq", t, number(0, t)), call("eq", log_p, number(float("-inf"), t)))
        return (call("mul", t, choose(impossible, number(0, t), log_p)),)

    return state.combine("cross_entropy", _shape(node), u.shape[-1], "add", operands, finish=negative)


def _max(state: Lowering, node: Node, card: Any) -> Value:
    return _row_max(state, state.value(node.inputs[0]))


def _argmax(state: Lowering, node: Node, card: Any) -> Value:
    """The least index whose element is the maximum (or NaN)."""
    x = state.value(node.inputs[0])
    top = _row_max(state, x)

    def operands(*index: Affine) -> tuple[Expr, ...]:
        element = Read(x, index)
        hit = call("or", call("eq", element, Read(top, index[:-1])), call("isnan", element))
        return (choose(hit, Position(index[-1]), Extent(x.shape[-1], "int64")),)

    out = state.combine("argmax", _shape(node), x.shape[-1], "min", operands)
    state.below[out] = x.shape[-1]
    return out


def _scan(state: Lowering, label: str, x: Value, reduction: str, reverse: bool) -> Value:
    axes, k = loop(x.shape[:-1]), Axis("k", x.shape[-1])
    backward = plus(Affine((), x.shape[-1] - 1), along(k), -1)
    index = (*map(along, axes), backward if reverse else along(k))
    out = Value(label, x.shape, x.dtype)
    state.nests.append(Nest(axes, (Write(out, index, Combined(x.dtype)),), k, reduction, (Read(x, index),), label))
    return out


def _cumsum(state: Lowering, node: Node, card: Any) -> Value:
    return _scan(state, "cumsum", state.value(node.inputs[0]), "scan_add", card.reverse)


def _prod(state: Lowering, node: Node, card: Any) -> Value:
    x = state.value(node.inputs[0])
    return _reduce_axis(state, x, len(x.shape) - 1, "mul", "prod")


def _prod_of_others(state: Lowering, node: Node, card: Any) -> Value:
    x = state.value(node.inputs[0])
    before = _scan(state, "before", x, "scan_mul_before", False)
    after = _scan(state, "after", x, "scan_mul_before", True)
    return state.fill("prod_of_others", x.shape, x.dtype, lambda *i: call("mul", Read(before, i), Read(after, i)))


LOWER: dict[str, Callable[[Lowering, Node, Any], Value | Expr]] = {
    "constant": _constant,
    "size": lambda state, node, card: Extent(card.dim, node.dtype),
    "size_of": _size_of,
    "eye": _eye,
    "broadcast": _broadcast,
    "sum_to": _sum_to,
    "transpose": _transpose,
    "reshape": _reshape,
    "slice": _slice,
    "place": _place,
    "concatenate": _concatenate,
    "take": _take,
    "scatter_add": _scatter_add,
    "cast": _cast,
    "one_hot": _one_hot,
    "random_mask": _random_mask,
    "matmul": contraction(lambda *x: ((*x[:-2], x[-1]), (*x[:-3], x[-1], x[-2]))),
    "matvec": contraction(lambda *x: (x, (*x[:-2], x[-1]))),
    "vecmat": contraction(lambda *x: ((*x[:-2], x[-1]), (*x[:-2], x[-1], x[-2]))),
    "vecdot": contraction(lambda *x: (x, x)),
    "outer": _outer,
    "sum": _sum,
    "max": _max,
    "argmax": _argmax,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "cross_entropy": _cross_entropy,
    "cumsum": _cumsum,
    "prod": _prod,
    "prod_of_others": _prod_of_others,
}
"""How every card that is not elementwise becomes nests (or a scalar expression)."""
