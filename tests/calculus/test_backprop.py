"""Back-propagation: the book's example, the shape of its result, and its cost."""

from __future__ import annotations

import time

import numpy as np
import pytest

import backgraph as bg
from backgraph.calculus.backprop import prune
from backgraph.errors import CalculusError, GraphError, UsageError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.walk import topological_order

LAMBDA = 0.01


def example(dtype: str = "float64") -> tuple[Node, list[Node], dict[Node, Array]]:
    """The cost of section 6.5.7, the weights, and values for a minibatch of 7."""
    X, y = bg.input("X", ("m", 5), dtype), bg.labels("y")
    W1, W2 = bg.parameter("W1", (5, 6), dtype), bg.parameter("W2", (6, 3), dtype)
    J = bg.cross_entropy(bg.relu(X @ W1) @ W2, y) + LAMBDA * (bg.sum(W1**2) + bg.sum(W2**2))
    random = np.random.default_rng(0)
    values = {leaf: random.normal(size=[7 if d == "m" else d for d in dims]).astype(dtype)
              for leaf, dims in ((X, ("m", 5)), (W1, (5, 6)), (W2, (6, 3)))} | {y: np.arange(7) % 3}  # fmt: skip
    return J, [W1, W2], values


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("at", ["targets", "nodes"])
def test_the_example_of_the_book(dtype: str, at: str) -> None:
    J, weights, values = example(dtype)
    report = bg.check_gradient(J, weights, values, at=at)  # type: ignore[arg-type]
    assert report.passed, str(report)
    assert report.error <= (1e-13 if dtype == "float64" else 2e-5)


def test_the_gradient_of_the_example_is_the_one_the_book_derives() -> None:
    """G = (P − Y)/m; Hᵀ G + 2λ W⁽²⁾; Xᵀ G' + 2λ W⁽¹⁾, computed here with NumPy alone."""
    J, weights, values = example()
    X, W1, W2, y = (next(v for leaf, v in values.items() if str(leaf.op) == name) for name in ("X", "W1", "W2", "y"))
    U1 = X @ W1
    H = np.maximum(U1, 0)
    P = np.exp(H @ W2) / np.exp(H @ W2).sum(1, keepdims=True)
    G = (P - np.eye(3)[y]) / len(y)
    expected = [X.T @ (G @ W2.T * (U1 > 0)) + 2 * LAMBDA * W1, H.T @ G + 2 * LAMBDA * W2]
    for found, right in zip(bg.evaluate(list(bg.gradient(J, weights)), values), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-15)


@pytest.mark.oracle
@pytest.mark.slow
def test_jax_finds_the_same_gradient() -> None:
    jax = pytest.importorskip("jax")
    J, weights, values = example()
    names = {str(leaf.op): value for leaf, value in values.items()}
    with jax.enable_x64(True):
        jnp = jax.numpy

        def cost(W1: object, W2: object) -> object:
            logits = jax.nn.relu(names["X"] @ W1) @ W2
            rows = jax.nn.log_softmax(logits)[jnp.arange(7), names["y"]]
            return -rows.mean() + LAMBDA * (jnp.sum(W1**2) + jnp.sum(W2**2))  # type: ignore[operator]

        expected = jax.grad(cost, (0, 1))(names["W1"], names["W2"])
        for found, right in zip(bg.evaluate(list(bg.gradient(J, weights)), values), expected, strict=True):
            np.testing.assert_allclose(found, np.asarray(right), rtol=1e-12, atol=1e-15)


def test_both_contributions_arrive_before_anything_is_passed_on() -> None:
    """b = a + a; c = b + b: dc/da = 4."""
    a = bg.input("a")
    b = a + a
    c = b + b
    assert bg.evaluate(bg.gradient(c, [a, b])[0], {a: 1.0}) == 4
    assert bg.evaluate(bg.gradient(c, b)[0], {a: 1.0}) == 2


def test_a_target_may_be_an_inner_node_or_the_cost() -> None:
    x = bg.input("x", (3,))
    h = bg.sin(x)
    J = bg.sum(h * h)
    slopes = bg.gradient(J, [h, J])
    np.testing.assert_allclose(bg.evaluate(slopes[0], {x: np.ones(3)}), 2 * np.sin(np.ones(3)))
    assert bg.evaluate(slopes[1], {x: np.ones(3)}) == 1


def test_terms_add_up_to_the_gradient_and_name_their_rule() -> None:
    J, weights, _ = example()
    slopes = bg.gradient(J, weights)
    for target, slope in zip(slopes.targets, slopes.nodes, strict=True):
        terms = [term for term in slopes.terms if term.target is target]
        assert [term.rule.name for term in terms] == ["matmul", "square"]
        assert terms[0].node + terms[1].node is slope
        for term in terms:
            assert term.rule.bprop(term.consumer.inputs, term.position, term.incoming) is term.node


def test_no_path_is_an_error() -> None:
    x, y, z = bg.input("x", (3,)), bg.labels("y", (3,)), bg.input("z")
    J = bg.sum(bg.take(x, y))
    for target in (y, z):
        with pytest.raises(CalculusError, match="BG301"):
            bg.gradient(J, [x, target])
    with pytest.raises(CalculusError, match="BG301"):
        bg.gradient(bg.sum(bg.cast(bg.argmax(bg.reshape(x, (1, 3))), "float64")), x)


def test_piecewise_constant_operations_have_gradient_zero() -> None:
    x = bg.input("x", (3,))
    for J in (bg.sum(bg.sign(x)), bg.sum(bg.cast(x > 0, "float64")), bg.sum(bg.where(x > 0, 1.0, 0.0) + 0 * x)):
        np.testing.assert_array_equal(bg.evaluate(bg.gradient(J, x)[0], {x: np.ones(3)}), np.zeros(3))


def test_a_cost_must_be_a_scalar() -> None:
    x = bg.input("x", (3,))
    with pytest.raises(GraphError, match=r"BG108.*got 3"):
        bg.gradient(x, x)


def test_the_graph_is_pruned() -> None:
    x, w = bg.input("x", (3,)), bg.parameter("w", (3,))
    J = bg.sum(bg.sin(x) * w)
    assert prune(J, [w]) == [w, bg.sin(x) * w, J]
    assert bg.sin(x) not in bg.gradient(J, w).of


def test_gradients_of_gradients() -> None:
    x = bg.input("x")
    slope = x**3 * bg.sin(x)
    for _ in range(3):
        (slope,) = bg.gradient(slope, x)
    t = 0.7
    expected = 6 * np.sin(t) + 18 * t * np.cos(t) - 9 * t**2 * np.sin(t) - t**3 * np.cos(t)
    np.testing.assert_allclose(bg.evaluate(slope, {x: t}), expected, rtol=1e-14)


def chain(steps: int) -> tuple[Node, Node]:
    z = x = bg.input("x")
    for _ in range(steps):
        z = z * 0.999 + 0.1
    return x, z


@pytest.mark.slow
def test_a_chain_of_100_000_steps() -> None:
    x, z = chain(100_000)
    (slope,) = bg.gradient(z, x)
    value, derivative = bg.evaluate([z, slope], {x: 1.0})
    np.testing.assert_allclose(value, 100 - 99 * 0.999**100_000, rtol=1e-10)
    np.testing.assert_allclose(derivative, 0.999**100_000, rtol=1e-10)


def test_the_gradient_of_a_chain_is_linear_in_its_length() -> None:
    """One more step costs the same number of nodes, however long the chain is."""
    lengths = [50, 100, 200]
    sizes = [len(topological_order([bg.gradient(z, x)[0]])) for x, z in map(chain, lengths)]
    assert (sizes[2] - sizes[1]) == 2 * (sizes[1] - sizes[0])


@pytest.mark.nightly
def test_time_is_linear_in_edges(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Up to 10⁶ edges; the table is written to edges.csv, for a plot."""
    rows = []
    for edges in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        x, z = chain(edges // 4)
        start = time.perf_counter()
        bg.gradient(z, x)
        rows.append((edges, time.perf_counter() - start))
    table = tmp_path_factory.mktemp("backprop") / "edges.csv"
    table.write_text("edges,seconds\n" + "".join(f"{edges},{seconds}\n" for edges, seconds in rows))
    costs = [seconds / edges for edges, seconds in rows]
    assert max(costs) < 5 * min(costs)


@pytest.mark.parametrize("wrt", ["W", ["W"]])
def test_a_name_is_no_target(wrt: object) -> None:
    W = bg.parameter("W", (3, 2))
    with pytest.raises(UsageError, match="BG601"):
        bg.gradient(bg.sum(W), wrt)  # type: ignore[arg-type]
