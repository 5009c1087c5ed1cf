"""Every card compiles, in value and gradient, and gives what the evaluator gives: on samples and on special values."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from backgraph import cast, constant, evaluate, input
from backgraph.calculus.backprop import backpropagate
from backgraph.compiler.function import compile
from backgraph.compiler.lower import LOWER
from backgraph.compiler.lower_scalars import SCALAR
from backgraph.language.dims import Polynomial
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import BUILT_IN, CARDS, Array, Elementwise
from backgraph.language.ops import reduce
from tests.language.samples import SAMPLES
from tests.language.special_values import ROWS, VECTORS

BOUND = {"float64": 1e-13, "float32": 2e-6}
PARAMETERS = {"cumsum": reduce.CumSum(False), "sum": reduce.Sum(None)}


def agree(found: Array, expected: Array, bound: float) -> None:
    """Equal within `bound` of the largest finite magnitude, NaN where NaN, infinite where infinite."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    if found.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected)
        return
    finite = np.abs(expected[np.isfinite(expected)])
    np.testing.assert_allclose(found, expected, rtol=bound, atol=bound * float(finite.max(initial=0.0)))


def with_gradients(result: Node, leaves: Iterable[Node]) -> list[Node]:
    """The result, and what flows back from a random gradient."""
    y = result if result.dtype in FLOATS else cast(result, "float64")
    if y.shape != ():
        weights = np.random.default_rng(3).normal(size=y.shape)
        y = reduce.sum(y * constant(weights.astype(y.dtype)))
    table, _ = backpropagate(y, list(leaves))
    return [result, *(table[leaf] for leaf in leaves if leaf in table)]


def test_every_card_has_a_lowering() -> None:
    assert BUILT_IN - {"variable"} <= SCALAR.keys() | LOWER.keys()


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - {"variable"}))
def test_samples(name: str, dtype: str) -> None:
    outputs: list[Node] = []
    values: dict[Node, Array] = {}
    for sample in SAMPLES[name]:
        result, leaves, given = sample.build(dtype)
        if 0 in result.shape or any(isinstance(d, Polynomial) for d in result.shape):  # type: ignore[operator]
            outputs.append(result)
        else:
            outputs += with_gradients(result, leaves)
        values |= given
    found = compile(list(values), outputs)(*values.values())
    for node, a, b in zip(outputs, found, evaluate(outputs, values), strict=True):
        agree(a, np.asarray(b, node.dtype), BOUND[dtype])


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_special_values(name: str) -> None:
    rows = [row for row in ROWS if row[0] == name]
    operands = np.array([row[1] for row in rows]).T
    kinds = ["bool" if name == "where" and i == 0 else "float64" for i in range(len(operands))]
    leaves = [input(f"x{i}", (len(rows),), kind) for i, kind in enumerate(kinds)]
    values = {leaf: x.astype(leaf.dtype) for leaf, x in zip(leaves, operands, strict=True)}
    card = CARDS[name]
    assert isinstance(card, Elementwise)
    result = card.apply(*leaves)
    G = input("G", (len(rows),))
    slopes = [card.bprop(tuple(leaves), i, G) for i in range(len(leaves)) if result.dtype in FLOATS]
    wanted = [result, *(slope for slope in slopes if slope is not None)]
    values[G] = np.ones(len(rows))
    expected = evaluate(wanted, values)
    found = compile(list(values), wanted)(*values.values())
    for number, (a, b) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(a, b, rtol=1e-14 if number == 0 else 1e-13, atol=0)
    zero = (expected[0] == 0) & (result.dtype != "bool")
    assert np.array_equal(np.signbit(found[0].astype(float))[zero], np.signbit(expected[0].astype(float))[zero])


@pytest.mark.parametrize("row", VECTORS, ids=str)
def test_special_vectors(row: tuple[str, tuple[float, ...], object, object, object]) -> None:
    name, elements, value, _, _ = row
    x = input("x", (len(elements),))
    result = (PARAMETERS.get(name) or CARDS[name]()).apply(x)  # type: ignore[operator]
    found = compile(x, result)(np.asarray(elements, float))
    np.testing.assert_allclose(found, np.asarray(value), rtol=1e-14)
