"""Lowering of operations that move elements: each element is one of an operand, a constant, or a place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backgraph.compiler.lower_scalars import call, choose
from backgraph.compiler.lowering import Lower, Lowering, alias, loop, shape_of
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
from backgraph.language.dims import Dim, product
from backgraph.language.node import Node


def _constant(state: Lowering, node: Node, card: Any) -> Value | Expr:
    if node.shape == ():
        return Literal(card.numpy().item(), node.dtype)
    return Value("constant", shape_of(node), node.dtype, "constant", card.bits)


def _eye(state: Lowering, node: Node, card: Any) -> Value:
    one, zero = Literal(1.0, node.dtype), Literal(0.0, node.dtype)
    return state.fill(
        "eye", shape_of(node), node.dtype, lambda i, j: choose(call("eq", Position(i), Position(j)), one, zero)
    )


def _size_of(state: Lowering, node: Node, card: Any) -> Expr:
    return Extent(product(shape_of(node.inputs[0])), node.dtype)


def _broadcast(state: Lowering, node: Node, card: Any) -> Value:
    (x,) = node.inputs
    have, want = shape_of(x), shape_of(node)
    axes = range(len(want) - len(have), len(want)) if card.axes is None else card.axes

    def body(*index: Affine) -> Expr:
        picked = [Affine(()) if n == 1 and want[a] != 1 else index[a] for n, a in zip(have, axes, strict=True)]
        return state.expr(x, picked)

    return state.fill("broadcast", want, node.dtype, body)


def _transpose(state: Lowering, node: Node, card: Any) -> Value:
    back = [card.permutation.index(axis) for axis in range(len(card.permutation))]
    return state.fill(
        "transpose", shape_of(node), node.dtype, lambda *index: state.expr(node.inputs[0], [index[a] for a in back])
    )


def _reshape(state: Lowering, node: Node, card: Any) -> Value:
    return alias(state.value(node.inputs[0]), shape_of(node))


def _strided(bounds: Sequence[tuple[Dim, Dim, int]], index: Sequence[Affine]) -> list[Affine]:
    return [plus(Affine((), start), i, step) for (start, _, step), i in zip(bounds, index, strict=True)]


def _slice(state: Lowering, node: Node, card: Any) -> Value:
    return state.fill(
        "slice", shape_of(node), node.dtype, lambda *i: state.expr(node.inputs[0], _strided(card.bounds, i))
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
    out = _zeros(state, "place", shape_of(node), node.dtype)
    _write_part(state, out, shape_of(x), lambda i: _strided(card.bounds, i), lambda i: state.expr(x, i))
    return out


def _concatenate(state: Lowering, node: Node, card: Any) -> Value:
    out, start = Value("concatenate", shape_of(node), node.dtype), 0

    for x in node.inputs:
        shape = shape_of(x)
        bounds = [(start if a == card.axis else 0, dim, 1) for a, dim in enumerate(shape)]
        _write_part(state, out, shape, lambda i, bounds=bounds: _strided(bounds, i), lambda i, x=x: state.expr(x, i))
        start = start + shape[card.axis]
    return out


def _take(state: Lowering, node: Node, card: Any) -> Value:
    table, rows = node.inputs
    depth = len(shape_of(rows))

    def body(*index: Affine) -> Expr:
        row = state.expr(rows, index[:depth])
        first: Index = Lookup(row) if isinstance(row, Read) else Affine((), int(row.number))  # type: ignore[union-attr]
        return state.expr(table, [first, *index[depth:]])

    return state.fill("take", shape_of(node), node.dtype, body)


def _scatter_add(state: Lowering, node: Node, card: Any) -> Value:
    G, rows = node.inputs
    shape, lead = shape_of(node), shape_of(rows)
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
    out = state.fill("cast", shape_of(node), node.dtype, lambda *i: Call("cast", (state.expr(x, i),), node.dtype))
    if x.dtype == "bool":
        state.below[out] = 2
    return out


def _one_hot(state: Lowering, node: Node, card: Any) -> Value:
    one, zero = Literal(1.0, node.dtype), Literal(0.0, node.dtype)

    def body(*index: Affine) -> Expr:
        return choose(call("eq", state.expr(node.inputs[0], index[:-1]), Position(index[-1])), one, zero)

    return state.fill("one_hot", shape_of(node), node.dtype, body)


def _random_mask(state: Lowering, node: Node, card: Any) -> Value:
    one, zero = Literal(1.0, node.dtype), Literal(0.0, node.dtype)
    key, stream = state.expr(node.inputs[0], ()), Literal(card.stream, "int64")

    def body(*index: Affine) -> Expr:
        line = _flat_position(index[:-1], shape_of(node)[:-1])
        word = call("philox", key, stream, line, Position(index[-1]) if index else Literal(0, "int64"))
        return choose(call("lt", word, Literal(card.threshold, "int64")), zero, one)

    return state.fill("random_mask", shape_of(node), node.dtype, body)


def _flat_position(index: Sequence[Affine], shape: Sequence[Dim]) -> Expr:
    """The number of an element, counted row by row."""
    total: Expr = Literal(0, "int64")
    for at, size in zip(index, shape, strict=True):
        total = call("add", call("mul", total, Extent(size, "int64")), Position(at))
    return total


PLACES: dict[str, Lower] = {
    "constant": _constant,
    "size": lambda state, node, card: Extent(card.dim, node.dtype),
    "size_of": _size_of,
    "eye": _eye,
    "broadcast": _broadcast,
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
}
"""How operations that only move or place elements become nests."""
