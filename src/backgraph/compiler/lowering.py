"""What lowering has made so far: nests, the value or scalar expression of each node, facts about indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from backgraph.compiler.nest import (
    Axis,
    Combined,
    Expr,
    Index,
    Literal,
    Nest,
    Read,
    Value,
    Write,
    along,
)
from backgraph.errors import GraphError
from backgraph.language.dims import Dim
from backgraph.language.node import Node
from backgraph.language.op import Operation


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


def shape_of(node: Node) -> tuple[Dim, ...]:
    """The shape of a node; raises GraphError BG107 where it is open."""
    if not isinstance(node.shape, tuple):
        raise GraphError("BG107", str(node.op), "an open shape cannot be compiled", hint="annotate it with --shape")
    return node.shape


def constant_value(literal: Literal) -> Value:
    """A number in memory."""
    return Value("constant", (), literal.dtype, "constant", np.asarray(literal.number, literal.dtype).tobytes())


def alias(value: Value, shape: tuple[Dim, ...]) -> Value:
    """The same memory in another shape."""
    return Value(value.label, shape, value.dtype, "alias", base=value)


Lower: TypeAlias = Callable[[Lowering, Node, Any], Value | Expr]
"""Makes the nests of one node (or no nest, but a scalar expression); its card is the third argument."""
