"""The evaluator answers to the table of special values, in value and in gradient."""

from __future__ import annotations

import numpy as np
import pytest

from backgraph import cast, evaluate, input
from backgraph.calculus.backprop import backpropagate
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import CARDS, Elementwise
from backgraph.language.ops import reduce
from tests.language.special_values import ROWS, VECTORS, Row, Vector

PARAMETERS = {"cumsum": reduce.CumSum(False), "sum": reduce.Sum(None)}


def same(found: object, expected: object, sign_of_zero: bool) -> None:
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)
    if sign_of_zero:
        zero = expected == 0
        assert np.array_equal(np.signbit(found)[zero], np.signbit(expected)[zero])


def slopes(result: Node, leaves: list[Node]) -> list[Node | None]:
    y = result if result.dtype in FLOATS else cast(result, "float64")
    table, _ = backpropagate(y, leaves)
    return [table.get(leaf) for leaf in leaves]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_scalars(row: Row) -> None:
    name, operands, value, gradients = row
    kinds = ["bool" if name == "where" and i == 0 else "float64" for i in range(len(operands))]
    leaves = [input(f"x{i}", (), kind) for i, kind in enumerate(kinds)]
    values = {leaf: np.asarray(x, leaf.dtype) for leaf, x in zip(leaves, operands, strict=True)}
    result = CARDS[name].apply(*leaves)  # type: ignore[union-attr,arg-type]
    same(evaluate(result, values), value, sign_of_zero=True)
    for slope, expected in zip(slopes(result, leaves), gradients, strict=True):
        assert (slope is None) == (expected is None)
        if slope is not None:
            same(evaluate(slope, {**values}), expected, sign_of_zero=False)


@pytest.mark.parametrize("row", VECTORS, ids=str)
def test_vectors(row: tuple[str, Vector, float | Vector, float | Vector, Vector]) -> None:
    name, elements, value, incoming, expected = row
    card = PARAMETERS.get(name) or CARDS[name]()  # type: ignore[operator]
    x = input("x", (len(elements),))
    result = card.apply(x)
    values = {x: np.asarray(elements, float)}
    same(evaluate(result, values), value, sign_of_zero=True)
    G = input("G", result.shape)
    slope = card.bprop((x,), 0, G)
    same(evaluate(slope, {**values, G: np.asarray(incoming, float)}), expected, sign_of_zero=False)


def test_every_operation_with_ties_is_in_the_table() -> None:
    named = {row[0] for row in ROWS} | {row[0] for row in VECTORS}
    assert {name for name, card in CARDS.items() if card.ties} <= named
    assert {name for name, card in CARDS.items() if isinstance(card, Elementwise)} <= named | {"softsign"}
