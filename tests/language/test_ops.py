"""Every card, generically: complete, and right by its own meaning; no derivative is typed again here."""

from __future__ import annotations

import numpy as np
import pytest

from backgraph import cast, check_gradient, evaluate, gradient, input, jvp
from backgraph.calculus.backprop import backpropagate
from backgraph.calculus.gradcheck import TOLERANCE
from backgraph.calculus.numerical import extended
from backgraph.language import notation
from backgraph.language.check import parse_signature
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import BUILT_IN, CARDS, Array, Elementwise
from backgraph.language.ops.reduce import sum
from tests.language.samples import ALL, LAYOUTS, SAMPLES, Sample, numbers

DIFFERENTIABLE = [sample for sample in ALL if any(a.dtype.kind == "f" for a in sample.arrays)]
each_sample = pytest.mark.parametrize("sample", ALL, ids=str)
each_differentiable = pytest.mark.parametrize("sample", DIFFERENTIABLE, ids=str)
each_dtype = pytest.mark.parametrize("dtype", FLOATS)


def weighted(y: Node, dtype: str, seed: int = 8) -> tuple[Node, dict[Node, Array]]:
    """Σ u ⊙ y with a random leaf u: its gradient is Jᵀ u."""
    y = y if y.dtype in FLOATS else cast(y, dtype)
    u = input("u", y.shape, y.dtype)
    return sum(y * u), {u: numbers(seed, tuple(y.shape)).astype(y.dtype)}  # type: ignore[arg-type]


def reachable(cost: Node, leaves: tuple[Node, ...]) -> list[Node]:
    """The leaves with a gradient."""
    table, _ = backpropagate(cost, leaves)
    return [leaf for leaf in leaves if leaf in table and leaf.dtype in FLOATS]


def test_every_card_has_samples() -> None:
    assert set(SAMPLES) == set(BUILT_IN)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_card_is_complete(name: str) -> None:
    card = CARDS[name]
    assert card.name == name
    assert card.__doc__
    assert "->" in card.signature
    parse_signature(card.signature)
    assert not isinstance(card, Elementwise) or card.formula


@each_sample
def test_notation_is_a_tree(sample: Sample) -> None:
    node, leaves, _ = sample.build()
    tree = node.op.notation(node.inputs, *(notation.Name(f"x{i}") for i in range(len(leaves))))
    assert type(tree).__module__ == notation.__name__


@each_dtype
@each_sample
def test_shape_and_dtype_are_those_of_the_value(sample: Sample, dtype: str) -> None:
    node, _, values = sample.build(dtype)
    if not sample.op.is_variable:
        value = evaluate(node, values)
        assert (value.shape, value.dtype.name) == (node.shape, node.dtype)


@each_sample
def test_memory_layout_does_not_matter(sample: Sample) -> None:
    node, _, values = sample.build()
    if not sample.op.is_variable:
        expected = evaluate(node, values)
        for layout in LAYOUTS.values():
            found = evaluate(node, {leaf: layout(array) for leaf, array in values.items()})
            np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


@each_sample
def test_it_never_writes_to_its_inputs(sample: Sample) -> None:
    node, _, values = sample.build()
    for array in values.values():
        array.setflags(write=False)
    if not sample.op.is_variable:
        evaluate(node, values)


@each_dtype
@each_differentiable
def test_gradient_agrees_with_complex_step(sample: Sample, dtype: str) -> None:
    node, leaves, values = sample.build(dtype)
    cost, weights = weighted(node, dtype)
    wrt = reachable(cost, leaves)
    if wrt:
        report = check_gradient(cost, wrt, {**values, **weights})
        assert report.passed, str(report)
        assert report.error <= TOLERANCE[dtype], str(report)
        only_a_shape = sample.op.name == "sum_to"
        analytic = report.checks[:1] if only_a_shape else report.checks
        assert all(check.method == "complex step" for check in analytic), str(report)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "rows"])
@each_differentiable
def test_gradient_of_any_layout(sample: Sample, layout: str) -> None:
    node, leaves, values = sample.build()
    cost, weights = weighted(node, "float64")
    wrt = reachable(cost, leaves)
    slopes = [gradient(cost, leaf)[0] for leaf in wrt]
    expected = evaluate(slopes, {**values, **weights})
    placed = {leaf: LAYOUTS[layout](array) for leaf, array in {**values, **weights}.items()}
    for found, right in zip(evaluate(slopes, placed), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-13, atol=1e-14)


@each_differentiable
def test_forward_and_backward_are_adjoint(sample: Sample) -> None:
    """⟨J v, u⟩ = ⟨v, Jᵀ u⟩, in long double."""
    node, leaves, values = sample.build()
    if node.dtype not in FLOATS:
        return
    cost, weights = weighted(node, "float64")
    wrt = [leaf for leaf in leaves if leaf.dtype in FLOATS]
    table, _ = backpropagate(cost, wrt)
    v = [input(f"v{i}", leaf.shape) for i, leaf in enumerate(wrt)]
    given = {**values, **weights} | {each: numbers(20 + i, each.shape) for i, each in enumerate(v)}  # type: ignore[arg-type]
    (pushed,) = jvp([node], wrt, v)
    forward = sum(pushed * next(iter(weights)))
    terms = [t * table[leaf] for leaf, t in zip(wrt, v, strict=True) if leaf in table]
    left, *right = evaluate([forward, *terms], extended(given))
    size = np.sum([abs(term).sum() for term in right], dtype=np.longdouble)
    difference = abs(left - np.sum([term.sum() for term in right], dtype=np.longdouble))
    assert difference <= 1e-16 * size + 1e-300


@each_differentiable
def test_second_derivatives_agree_with_complex_step(sample: Sample) -> None:
    """The gradient of ∇J·v, for v along every input at once: Hessian-vector products."""
    node, leaves, values = sample.build()
    cost, weights = weighted(node, "float64")
    wrt = reachable(cost, leaves)
    if not wrt:
        return
    v = [input(f"v{i}", leaf.shape) for i, leaf in enumerate(wrt)]
    slopes = gradient(cost, wrt)
    along = [sum(slope * t) for slope, t in zip(slopes, v, strict=True)]
    second = along[0]
    for term in along[1:]:
        second = second + term
    given = {**values, **weights} | {each: numbers(30 + i, each.shape) for i, each in enumerate(v)}  # type: ignore[arg-type]
    targets = reachable(second, (*wrt, *weights))
    if targets:
        report = check_gradient(second, targets, given)
        assert report.passed, str(report)
        assert report.error <= TOLERANCE["float64"], str(report)
