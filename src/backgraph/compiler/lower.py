"""Lowering: every operation to nests. The one place below which no operation's name is known.

`SCALAR` (in `lower_scalars`) has a line for every elementwise card, `LOWER` a function for every other. What rounds how
is fixed here, by the law of summation (decision 0002): nothing below may change it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backgraph.compiler.lower_places import PLACES
from backgraph.compiler.lower_reductions import REDUCTIONS
from backgraph.compiler.lower_scalars import SCALAR, call
from backgraph.compiler.lowering import Lower, Lowered, Lowering, shape_of
from backgraph.compiler.nest import Affine, Expr, Index, Value
from backgraph.errors import GraphError
from backgraph.language.node import Node
from backgraph.language.op import Elementwise
from backgraph.language.walk import topological_order


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
            card.name, shape_of(node), node.dtype, lambda *index: scalar(*(state.expr(x, index) for x in node.inputs))
        )
    if card.name not in LOWER:
        raise GraphError("BG104", card.name, "has no lowering", hint="add a line to compiler.lower.LOWER")
    return LOWER[card.name](state, node, card)


def contraction(pick: Callable[..., tuple[Sequence[Index], Sequence[Index]]]) -> Callable[[Lowering, Node, Any], Value]:
    """A sum of products over one axis: `pick(batch, *free, k)` gives the indices of the two operands."""

    def lower_it(state: Lowering, node: Node, card: Any) -> Value:
        a, b = node.inputs
        inner = shape_of(a)[-1]

        def operands(*index: Affine) -> tuple[Expr, ...]:
            left, right = pick(*index)
            return state.expr(a, left), state.expr(b, right)

        return state.combine(card.name, shape_of(node), inner, "fma", operands)

    return lower_it


def _outer(state: Lowering, node: Node, card: Any) -> Value:
    x, y = node.inputs
    return state.fill(
        "outer", shape_of(node), node.dtype,
        lambda *i: call("mul", state.expr(x, i[:-1]), state.expr(y, (*i[:-2], i[-1]))),
    )  # fmt: skip


PRODUCTS: dict[str, Lower] = {
    "matmul": contraction(lambda *x: ((*x[:-2], x[-1]), (*x[:-3], x[-1], x[-2]))),
    "matvec": contraction(lambda *x: (x, (*x[:-2], x[-1]))),
    "vecmat": contraction(lambda *x: ((*x[:-2], x[-1]), (*x[:-2], x[-1], x[-2]))),
    "vecdot": contraction(lambda *x: (x, x)),
    "outer": _outer,
}
"""How sums of products become nests."""

LOWER: dict[str, Lower] = {**PLACES, **PRODUCTS, **REDUCTIONS}
"""How every card that is not elementwise becomes nests (or a scalar expression)."""
