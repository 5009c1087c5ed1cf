"""Gradients of costs that people write come out as a mathematician writes them: read tests/golden/rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

import backgraph as bg
from backgraph.language.node import Node
from backgraph.language.notation import Name, Tree
from backgraph.language.ops.leaf import literal
from backgraph.language.ops.shape import Broadcast, Transpose
from backgraph.language.walk import consumers, leaves, topological_order
from backgraph.rules import simplify
from backgraph.show.text import text
from tests.rules.costs import COSTS, Case, two_layers

SIZES = {"m": 6, "d": 4, "h": 5, "k": 3, "n": 4, "r": 2}
EACH = pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.__name__)


def derived(cost: Callable[[], Case]) -> tuple[list[Node], list[Node]]:
    """J with its gradients, and the targets."""
    J, targets = cost()
    return [J, *bg.gradient(J, targets)], targets


def values(nodes: list[Node], dtype: str) -> dict[Node, np.ndarray]:
    random = np.random.default_rng(1)
    shapes = {leaf: [SIZES[str(dim)] for dim in leaf.shape] for leaf in leaves(nodes)}  # type: ignore[union-attr]
    return {
        leaf: random.integers(0, 3, shape) if leaf.dtype == "int64" else random.uniform(0.2, 1.2, shape).astype(dtype)
        for leaf, shape in shapes.items()
    }


def formulas(outputs: Mapping[str, Node]) -> list[str]:
    """`name = formula` for the outputs and for every array that is used more than once, t₁, t₂ …"""
    order = topological_order(outputs.values())
    uses = consumers(order)
    reference: dict[Node, Tree] = {}
    lines: list[str] = []
    for node in order:
        tree = node.op.notation(node.inputs, *(reference[given] for given in node.inputs))
        shared = len(uses.get(node, [])) > 1 and node.shape != () and not isinstance(node.op, (Broadcast, Transpose))
        reference[node] = Name(f"t_{len(lines) + 1}") if shared and not node.is_leaf else tree
        if reference[node] is not tree:
            lines.append(f"    {text(reference[node])} = {text(tree)}")
    return lines + [f"    {name} = {text(reference[node])}" for name, node in outputs.items()]


def test_formulas(golden: Callable[[str, str], None]) -> None:
    lines: list[str] = []
    for cost in COSTS:
        before, targets = derived(cost)
        after = simplify(before).nodes
        counts = [len(topological_order(nodes)) for nodes in (before, after)]
        lines.append(f"{cost.__name__}: {counts[0]} nodes, simplified {counts[1]}")
        names = ["J", *(f"∇{text(Name(str(target.op)))} J" for target in targets)]
        lines += formulas(dict(zip(names, after, strict=True)))
    golden("rules/costs.txt", "\n".join(lines) + "\n")


@EACH
def test_values_are_those_of_the_gradient_as_built(cost: Callable[[], Case]) -> None:
    before, _ = derived(cost)
    after = simplify(before).nodes
    given = values(before, "longdouble")
    for a, b in zip(bg.evaluate(before, given), bg.evaluate(after, given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@EACH
def test_simplified_is_simplified_to_itself(cost: Callable[[], Case]) -> None:
    before, _ = derived(cost)
    after = simplify(before)
    again = simplify(after.nodes)
    assert again.nodes == after.nodes
    assert not again.trace


@EACH
def test_every_old_node_has_a_new_one(cost: Callable[[], Case]) -> None:
    before, _ = derived(cost)
    after = simplify(before)
    assert set(after.new) == set(topological_order(before))
    assert tuple(after.new[node] for node in before) == after.nodes
    assert all((old.shape, old.dtype) == (new.shape, new.dtype) for old, new in after.new.items())


def test_two_layers_exactly() -> None:
    """∇ of cross_entropy(relu(X W1) W2, y) + λ (Σ W1² + Σ W2²), shared subgraphs being shared."""
    J, (W1, W2) = two_layers()
    X, y, lam = (next(leaf for leaf in leaves([J]) if str(leaf.op) == name) for name in ("X", "y", "lam"))
    _, dW1, dW2 = simplify([J, *bg.gradient(J, [W1, W2])]).nodes
    H = bg.relu(X @ W1)
    G = bg.broadcast(1 / bg.size("m"), ("m", "k")) * (bg.softmax(H @ W2) - bg.one_hot(y, "k"))
    assert dW2 is H.T @ G + (2 * lam) * W2
    assert dW1 is X.T @ bg.where(H > 0, G @ W2.T, 0.0) + (2 * lam) * W1


def test_cross_entropy_written_out_has_the_gradient_of_cross_entropy() -> None:
    """−mean log p_y of p = softmax(U), in three ways, has the gradient (softmax(U) − onehot(y))/m."""
    U, y = bg.parameter("U", ("m", "k")), bg.labels("y")
    Y = bg.one_hot(y, "k")
    wanted = bg.broadcast(1 / bg.size("m"), ("m", "k")) * (bg.softmax(U) - Y)
    written = (
        bg.cross_entropy(U, y),
        bg.nll(bg.softmax(U), y),
        bg.mean(-bg.sum(Y * bg.log_softmax(U), axis=-1)),
        bg.mean(-bg.sum(Y * bg.log(bg.softmax(U)), axis=-1)),
    )
    for cost in written[:3]:
        assert simplify(bg.gradient(cost, U).nodes).nodes == (wanted,)
    assert {simplify(cost).nodes for cost in written} == {simplify(written[0]).nodes}


def test_numbers_above_and_below_a_fraction_are_cancelled() -> None:
    x, s, a = bg.parameter("x", ("n",)), bg.parameter("s"), bg.input("a")
    for J, of in ((bg.sqrt(bg.sum(x**2)), x), (bg.sum(x**2) / (2 * s**2), x)):
        after = simplify(bg.gradient(J, [of])).nodes
        numbers = {literal(node) for node in topological_order(after)} - {None, 1.0}
        assert not numbers, f"{numbers} in a gradient such as x/√(xᵀ x)"
    assert simplify([4.0 * (a / (2.0 * s))]).nodes == simplify([2.0 * (a / s)]).nodes


def test_terms_and_factors_that_meet_again() -> None:
    """Cross-entropy written with any weights t is softmax(u) Σ t − t; a Gaussian's deviation cancels."""
    u, t = bg.parameter("u", ("n",)), bg.input("t", ("n",))
    (found,) = simplify(bg.gradient(-bg.sum(t * bg.log(bg.softmax(u))), u).nodes).nodes
    assert found is bg.broadcast(bg.sum(t), ("n",)) * bg.softmax(u) - t
    s, S = bg.parameter("s"), bg.input("S")
    (found,) = simplify(bg.gradient(S / (2 * s**2), s).nodes).nodes
    assert found is -(S / s**2 / s)
    a, b = bg.parameter("a", ("n",)), bg.parameter("b", ("n",))
    assert simplify(a - b - b).nodes == (a - 2.0 * b,)
    assert simplify(3 * b - (a + b * 3)).nodes == (-a,)
