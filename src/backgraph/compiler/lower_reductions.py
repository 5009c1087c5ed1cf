"""Lowering of reductions along an axis, in the order that the law of summation fixes (decision 0002)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backgraph.compiler.lower_scalars import call, choose, negative, number
from backgraph.compiler.lowering import Lower, Lowering, alias, loop, shape_of
from backgraph.compiler.nest import (
    Affine,
    Axis,
    Combined,
    Expr,
    Extent,
    Nest,
    Position,
    Read,
    Value,
    Write,
    along,
    plus,
)
from backgraph.language.node import Node


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
    x, to = state.value(node.inputs[0]), shape_of(node)
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

    return state.combine("cross_entropy", shape_of(node), u.shape[-1], "add", operands, finish=negative)


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

    out = state.combine("argmax", shape_of(node), x.shape[-1], "min", operands)
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


REDUCTIONS: dict[str, Lower] = {
    "sum_to": _sum_to,
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
"""How operations that reduce along an axis become nests."""
