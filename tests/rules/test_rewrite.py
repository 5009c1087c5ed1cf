"""Rewriting ends, is fast, is exact about what matches, and leaves values as they were."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backgraph as bg
from backgraph.language.dims import Open
from backgraph.language.node import Node
from backgraph.language.op import CARDS, Elementwise
from backgraph.language.walk import topological_order
from backgraph.rules import RULES, UPDATE_RULES, Rule, simplify
from backgraph.rules.cost import cost
from tests.timing import processor_seconds

UNARY: tuple[Callable[[Node], Node], ...] = (
    lambda a: -a, bg.square, bg.exp, bg.tanh, bg.sigmoid, bg.softmax, bg.log_softmax, bg.relu, abs, bg.sin,
    lambda a: a.T, lambda a: 2 * a, lambda a: 1 - a, lambda a: a * 0.5, lambda a: a / 3, lambda a: a + 0,
    lambda a: bg.sum(a) * bg.constant(0.25), lambda a: bg.mean(a, axis=0), lambda a: bg.sum(a, axis=1),
    lambda a: bg.broadcast(bg.sum(a, axis=1, keepdims=True), a.shape),
    lambda a: bg.reshape(a, (9,)), lambda a: bg.where(a > 0, a, 0.0), lambda a: bg.log(1 + bg.exp(a)),
    lambda a: bg.log(bg.softmax(a)), lambda a: bg.sqrt(bg.square(a)), lambda a: bg.exp(a) - 1,
)  # fmt: skip
BINARY: tuple[Callable[[Node, Node], Node], ...] = (
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a @ b, bg.maximum,
    lambda a, b: a / (1 + bg.square(b)), lambda a, b: bg.where(a > b, a, b), lambda a, b: (a @ b).T,
    lambda a, b: bg.sum(a * b) * a,
)  # fmt: skip
CHOICES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=14)


def random_graph(choices: list[tuple[int, int, int]], leaves: list[Node]) -> Node:
    """A graph of 3 × 3 matrices, with what has another shape copied or reshaped to that again."""
    nodes = list(leaves)
    functions = [*UNARY, *BINARY, *BINARY]
    for which, first, second in choices:
        a, b = nodes[-1 - first % min(len(nodes), 4)], nodes[second % len(nodes)]
        made = functions[which % len(functions)]
        node = made(a, b) if which % len(functions) >= len(UNARY) else made(a)  # type: ignore[call-arg]
        nodes.append(bg.reshape(node, (3, 3)) if node.shape == (9,) else bg.broadcast(node, (3, 3)))
    return nodes[-1]


def magnitude(nodes: list[Node], values: dict[Node, np.ndarray]) -> float:
    """The largest number that occurs on the way."""
    seen = [0.0]

    def watch(node: Node, value: np.ndarray) -> np.ndarray:
        finite = value.dtype.kind == "b" or np.isfinite(value).all()
        seen.append(float(np.max(np.abs(value.astype("longdouble")), initial=0)) if finite else np.inf)
        return value

    bg.evaluate(nodes, values, watch)
    return max(seen)


@given(CHOICES, st.integers(0, 10_000), st.booleans())
def test_random_graphs_keep_their_values(choices: list[tuple[int, int, int]], seed: int, differentiate: bool) -> None:
    x, W = bg.input("x", (3, 3)), bg.parameter("W", (3, 3))
    J = bg.mean(random_graph(choices, [x, W]) * 0.5)
    outputs = [J]
    if differentiate and W in topological_order([J]):
        outputs += bg.gradient(J, W).nodes
    after = simplify(outputs)
    random = np.random.default_rng(seed)
    values = {leaf: random.normal(size=(3, 3)).astype("longdouble") for leaf in (x, W)}
    top = magnitude(outputs, values)
    if np.isfinite(top) and top < 1e6:
        for a, b in zip(bg.evaluate(outputs, values), bg.evaluate(after.nodes, values), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12 * (1 + top))
    assert simplify(after.nodes).nodes == after.nodes
    assert (not after.trace) == (after.nodes == tuple(outputs))
    assert cost(after.nodes) <= cost(outputs)


def every_card(arity: int) -> list[Elementwise]:
    return [card for card in CARDS.values() if isinstance(card, Elementwise) and len(card.rules) == arity]


@pytest.mark.parametrize("rule", [rule for rule in RULES if "f" in rule.parameters], ids=lambda rule: rule.name)
def test_equations_about_every_function_hold_for_each(rule: Rule) -> None:
    leaves = {name: hole.sample(name) for name, hole in rule.holes.items()}
    for card in every_card(len(rule.parameters["f"].rules)):
        if card.name == "where":
            continue
        sides = rule.sides(**leaves, **{**rule.parameters, "f": card})
        assert sides is not None
        assert cost([sides[1]]) < cost([sides[0]]), card.name
        values = {leaf: np.full([{"m": 2, "n": 3}[str(d)] for d in leaf.shape], 0.5) for leaf in leaves.values()}  # type: ignore[union-attr]
        measured = bg.input("measured", ("m", "n"))
        a, b, _ = bg.evaluate([*sides, measured], {**values, measured: np.zeros((2, 3))})
        np.testing.assert_array_equal(a, b)


def negative_twice(x: Node) -> Node:
    negative = -x
    return -negative


def chain(length: int) -> Node:
    x = bg.parameter("x", ("n",))
    node = x
    for _ in range(length):
        node = bg.tanh(negative_twice(node) + 0.0) * 1.0
    return bg.sum(node)


@pytest.mark.slow
def test_chain_of_100_000_operations() -> None:
    start = time.process_time()
    after = simplify(chain(100_000))
    assert time.process_time() - start < 120
    assert len(topological_order(after.nodes)) == 100_002


def test_time_of_a_chain() -> None:
    J = chain(300)
    # 1,500 nodes; a tenth of a second, unless rules go round in circles
    assert processor_seconds(lambda: simplify(J), times=1) < 10


def test_doubling_forever_does_not_overflow() -> None:
    """x + x = 2 x, and so on: the number stops growing where it would become infinite."""
    x = bg.input("x")
    node = x
    for _ in range(3000):
        node = node + node
    assert bg.evaluate(simplify(node).nodes[0], {x: np.float64(2.0**-1074)}) == bg.evaluate(
        node, {x: np.float64(2.0**-1074)}
    )


def test_small_decay_is_not_merged_with_one() -> None:
    """W − 1e-9 W stays so: 1 − 1e-9 is 1 in float32."""
    W = bg.parameter("W", ("n",), "float32")
    for node in (W - 1e-9 * W, 1e-9 * W + W, 1e-9 * W + 3.0 * W):
        assert bg.evaluate(simplify(node).nodes[0], {W: np.ones(2, "float32")}).dtype == "float32"
        assert len(topological_order(simplify(node).nodes)) == len(topological_order([node]))


def test_a_product_that_is_used_elsewhere_is_not_transposed_anew() -> None:
    """(A B)ᵀ = Bᵀ Aᵀ would multiply twice."""
    A, B, C = bg.input("A", ("m", "k")), bg.input("B", ("k", "n")), bg.input("C", ("m", "n"))
    P = A @ B
    assert simplify([P.T @ C, P]).nodes == (P.T @ C, P)
    assert simplify(P.T @ C).nodes == ((B.T @ A.T) @ C,)


def test_shapes_decide_nothing() -> None:
    """One rule holds for scalars, vectors, batches of matrices and open shapes."""
    for shape in ((), ("n",), ("b", "m", "n"), Open(frozenset({"x"})), (4, 5)):
        x = bg.input("x", shape)
        assert simplify(1.0 * x + 0.0 - -x).nodes == simplify(2.0 * x).nodes
        assert simplify(bg.sqrt(x * x) / 1.0).nodes == (abs(x),)


def test_open_shapes() -> None:
    a, b = (bg.parameter(name, Open(frozenset({name}))) for name in "ab")
    J = bg.mean((a * b - 1) ** 2)
    before = [J, *bg.gradient(J, [a, b])]
    values = {a: np.arange(6.0).reshape(2, 3), b: np.array([0.3, 0.5, 0.7])}
    for x, y in zip(bg.evaluate(before, values), bg.evaluate(simplify(before).nodes, values), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12)


def test_a_scalar_reshaped_without_a_copy_stays() -> None:
    s = bg.input("s")
    node = bg.reshape(s, (1, 1))
    assert simplify(node).nodes == (node,)


def test_trace_tells_what_was_done() -> None:
    x = bg.input("x", ("n",))
    result = simplify(negative_twice(x) * 1.0)
    assert [step.rule.name for step in result.trace] == ["double_negation", "times_one"]
    assert result.trace[-1].after is x


def test_own_rules_can_be_given() -> None:
    x = bg.input("x", ("n",))
    node = negative_twice(x) * 1.0
    only = [rule for rule in RULES if rule.name == "double_negation"]
    assert simplify([node], only).nodes == (x * 1.0,)
    assert simplify([node], []).nodes == (node,)


def test_step_with_decay_rounds_the_decay_once() -> None:
    """W − ε (G + 2λ W) = W − (c W + ε G) with c = ε 2λ, and the decay survives in float32."""
    W, H = bg.parameter("W", ("h", "k"), "float32"), bg.input("H", ("m", "h"), "float32")
    e, lam = bg.input("e", (), "float32"), bg.input("lam", (), "float32")
    J = bg.sum(H @ W) + lam * bg.sum(W**2)
    (g,) = bg.gradient(J, W)
    (step,) = simplify(simplify(W - e * g).nodes, UPDATE_RULES).nodes
    HG = simplify(bg.gradient(bg.sum(H @ W), W).nodes).nodes[0]
    assert step is W - ((e * (2.0 * lam)) * W + e * HG)
    values = {W: np.ones((2, 2), "float32"), H: np.zeros((1, 2), "float32"), e: np.float32(0.01), lam: np.float32(1e-5)}
    change = 1 - bg.evaluate(step, values).astype("float64")
    np.testing.assert_allclose(change, 2e-7, rtol=0.2)  # the spacing of float32 below 1 is 6e-8
