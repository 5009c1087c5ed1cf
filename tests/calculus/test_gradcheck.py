"""check_gradient: finds what is wrong and where, and accuses nobody at a kink."""

from __future__ import annotations

import numpy as np
import pytest

import backgraph as bg
from backgraph.calculus.gradcheck import Report
from backgraph.errors import CalculusError
from backgraph.language.node import Node
from backgraph.language.op import CARDS, Elementwise
from backgraph.language.walk import leaves


@pytest.fixture
def card(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """Makes cards that are gone after the test."""
    known = set(CARDS)
    yield Elementwise
    for name in set(CARDS) - known:
        del CARDS[name]


def at_ones(node: Node, leaf: Node, at: str = "targets") -> Report:
    return bg.check_gradient(bg.sum(node), leaf, {leaf: np.linspace(0.5, 1.5, 3)}, at=at)  # type: ignore[arg-type]


def test_a_wrong_rule_is_found_and_named(card: type[Elementwise]) -> None:
    wrong = card("wrong_tanh", "tanh x", np.tanh, lambda G, y, x: (1 - y) * G)
    x = bg.input("x", (3,))
    node = bg.exp(bg.sin(wrong(x * 2)))
    assert not at_ones(node, x).passed
    report = at_ones(node, x, "nodes")
    first = report.first_wrong
    assert first is not None
    assert (first.consumer, first.position, first.of) == (wrong(x * 2), 0, x * 2)
    assert "the rule of wrong_tanh for its input 0 is the first that is wrong" in str(report)
    with pytest.raises(CalculusError, match="BG303"):
        report.require()


def test_the_second_input_is_named(card: type[Elementwise]) -> None:
    wrong = card("wrong_mul", "a b", np.multiply, lambda G, y, a, b: b * G, lambda G, y, a, b: b * G)
    x = bg.input("x", (3,))
    first = at_ones(wrong(bg.sin(x), bg.cos(x)), x, "nodes").first_wrong
    assert first is not None
    assert (first.position, first.of) == (1, bg.cos(x))


def test_equal_inputs_are_checked_apart(card: type[Elementwise]) -> None:
    """x ⊙ x has one input twice; the sum of two wrong rules is right here, each alone is not."""
    wrong = card("halved", "a b", np.multiply, lambda G, y, a, b: 2 * b * G, lambda G, y, a, b: 0 * a * G)
    x = bg.input("x", (3,))
    assert at_ones(wrong(x, x), x).passed
    assert not at_ones(wrong(x, x), x, "nodes").passed


def test_where_complex_step_fails_differences_serve(card: type[Elementwise]) -> None:
    modulus = card("modulus", "|x|", np.abs, lambda G, y, x: bg.sign(x) * G)
    x = bg.input("x", (3,))
    report = at_ones(bg.sin(modulus(x)) * x, x)
    assert report.passed
    assert report.checks[0].method == "central differences"
    assert report.error < 1e-12
    wrong = card("wrong_modulus", "|x|", np.abs, lambda G, y, x: 1.0001 * bg.sign(x) * G)
    assert not at_ones(bg.sin(wrong(x)) * x, x).passed


def kinks() -> dict[str, Node]:
    x = bg.input("x", (2,))
    return {"relu": bg.relu(x) * 3, "abs": abs(x), "maximum": bg.maximum(x, -x), "minimum": bg.minimum(x, 2 * x)}


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_a_kink_is_called_a_kink(name: str) -> None:
    node = kinks()[name]
    (leaf,) = leaves([node])
    report = bg.check_gradient(bg.sum(node), leaf, {leaf: np.array([0.0, 1.0])})
    assert report.passed
    assert [element.status for element in report.checks[0].elements] == ["at a kink", "right"]
    assert "1 elements at a kink" in report.verdict()


@pytest.mark.parametrize("name", ["relu", "abs"])
def test_the_stated_subgradient_is_right(name: str) -> None:
    node = kinks()[name]
    (leaf,) = leaves([node])
    assert bg.check_gradient(bg.sum(node), leaf, {leaf: np.zeros(2)}).passed


@pytest.mark.parametrize("at", ["targets", "nodes"])
def test_a_kink_is_said_even_where_the_rule_gives_a_slope_of_one_side(at: str) -> None:
    x = bg.parameter("x", (3,))
    report = bg.check_gradient(bg.sum(bg.relu(x) * 2), x, {x: [0.0, 1.0, -1.0]}, at=at)  # type: ignore[arg-type]
    statuses = [element.status for check in report.checks for element in check.elements]
    assert statuses.count("at a kink") == 1
    assert "wrong" not in statuses
    assert "1 elements at a kink" in report.verdict()


def test_cancellation_raises_no_false_alarm() -> None:
    x = bg.input("x", (3,))
    big = bg.sum((x + 1e8) * (x - 1e8) - x * x) + bg.sum(bg.sin(x))
    assert at_ones(big, x).passed


def test_inner_nodes_and_large_targets() -> None:
    W = bg.parameter("W", (40, 40))
    h = bg.tanh(W)
    report = bg.check_gradient(bg.sum(h * h), [W, h], {W: np.random.default_rng(0).normal(size=(40, 40))}, at_most=5)
    assert report.passed
    assert [len(check.elements) for check in report.checks] == [5, 5]


def test_not_finite() -> None:
    x = bg.input("x", (2,))
    report = bg.check_gradient(bg.sum(bg.sqrt(x)), x, {x: np.array([-1.0, 1.0])})
    assert [element.status for element in report.checks[0].elements] == ["not finite", "not finite"]
    report = bg.check_gradient(bg.sum(bg.sqrt(x)), x, {x: np.array([0.0, 1.0])})
    assert report.checks[0].status == "not finite"
