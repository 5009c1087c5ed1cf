"""A user adds an operation by one card in a file of her own: here as docs/adding-an-operation.md shows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler.function import compile as compiled
from backgraph.optim import SGD
from backgraph.show.cost import accounts
from backgraph.train.engine import NumpyEngine
from backgraph.train.native import NativeEngine
from tests.docs.markdown import blocks, read

CARD = next(block for block in blocks(read("docs/adding-an-operation.md")) if "bg.Elementwise(" in block.content)
X, y = bg.input("X", ("m", 3)), bg.labels("y")
W1, W2 = bg.parameter("W1", (3, 4)), bg.parameter("W2", (4, 2))


@pytest.fixture(scope="module")
def softsign() -> Any:
    names: dict[str, Any] = {}
    exec(CARD.content, names)
    return names["softsign"]


@pytest.fixture(scope="module")
def J(softsign: Any) -> bg.Node:
    return bg.cross_entropy(softsign(X @ W1) @ W2, y)


@pytest.fixture(scope="module")
def values() -> dict[bg.Node, Any]:
    random = np.random.default_rng(0)
    shapes = {X: (5, 3), W1: (3, 4), W2: (4, 2)}
    return {leaf: random.normal(size=shape) for leaf, shape in shapes.items()} | {y: random.integers(2, size=5)}


def test_the_card_has_at_most_12_lines() -> None:
    assert len([line for line in CARD.content.splitlines() if line.strip()]) <= 12


def test_its_value(softsign: Any) -> None:
    x = bg.input("x", (4,))
    np.testing.assert_allclose(bg.evaluate(softsign(x), {x: [-1.0, 0.0, 1.0, 3.0]}), [-0.5, 0.0, 0.5, 0.75])


def test_its_gradient_and_second_derivative_agree(J: bg.Node, values: dict[bg.Node, Any]) -> None:
    assert bg.check_gradient(J, [W1, W2], values, at="nodes").passed
    curvature = bg.sum(bg.square(bg.gradient(J, W1)[0]))
    assert bg.check_gradient(curvature, W1, values).passed


def test_it_goes_forward(softsign: Any) -> None:
    x, t = bg.input("x", (2,)), bg.input("t", (2,))
    (tangent,) = bg.jvp([softsign(x)], [x], [t])
    np.testing.assert_allclose(bg.evaluate(tangent, {x: [1.0, -3.0], t: [1.0, 16.0]}), [0.25, 1.0])


def test_a_wrong_rule_is_named(softsign: Any, values: dict[bg.Node, Any]) -> None:
    wrong = bg.Elementwise("half right", "x / (1 + |x|)", softsign.numpy, lambda G, y, x: G / (1 + abs(x)))
    report = bg.check_gradient(bg.sum(wrong(X)), X, {X: values[X]}, at="nodes")
    assert report.first_wrong is not None
    assert report.first_wrong.consumer is not None
    assert report.first_wrong.consumer.op is wrong


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_is_explained(J: bg.Node, lang: str) -> None:
    page = str(bg.explain(J, [W1, W2], lang=lang))
    assert "G' = (∇H J)/(1 + |U⁽¹⁾|)²" in page
    assert "z = softsign(x)" in page


def test_it_is_known_in_text(softsign: Any) -> None:
    data = bg.explain_text("sum(softsign(X@W))", ["W"]).to_json()
    assert [step["text"] for step in data["steps"]] == ["1/(1 + |U|)²", "Xᵀ G"]


def test_what_it_keeps_is_accounted_for(J: bg.Node) -> None:
    assert [life.name for life in accounts(J, [W1, W2]).kept][:2] == ["U⁽¹⁾", "H"]


def test_it_trains_in_numpy(J: bg.Node, values: dict[bg.Node, Any]) -> None:
    start = {W: values[W] for W in (W1, W2)}
    data = {X: values[X], y: values[y]}
    training = bg.fit(J, start, data, optimizer=SGD(learning_rate=0.5), epochs=20, engine=NumpyEngine())
    assert training.history[-1]["loss"] < training.history[0]["loss"]


def test_it_compiles_with_one_more_line(
    J: bg.Node, values: dict[bg.Node, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from backgraph.compiler.lower_scalars import SCALAR, call, number

    start = {W: values[W] for W in (W1, W2)}
    data = {X: values[X], y: values[y]}
    monkeypatch.delitem(SCALAR, "softsign", raising=False)
    with pytest.raises(bg.BackgraphError, match="softsign: has no lowering"):
        bg.fit(J, start, data, optimizer=SGD(), epochs=1, engine=NativeEngine())
    monkeypatch.setitem(SCALAR, "softsign", lambda x: call("div", x, call("add", number(1, x), call("abs", x))))
    native = compiled([X, y, W1, W2], J)
    np.testing.assert_allclose(native(*[values[leaf] for leaf in native.inputs]), bg.evaluate(J, values), rtol=1e-14)
    training = bg.fit(J, start, data, optimizer=SGD(), epochs=2, engine=NativeEngine())
    assert training.history[1]["loss"] < training.history[0]["loss"]
