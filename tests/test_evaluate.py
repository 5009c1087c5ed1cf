"""The evaluator: binding, and what it says of values that do not fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import backgraph as bg
from backgraph.errors import CalculusError, DataError, GraphError
from backgraph.language.dims import Open

X, y, W = bg.input("X", ("m", 3)), bg.labels("y"), bg.parameter("W", (3, 2), "float64")
J = bg.cross_entropy(X @ W, y)
GOOD = {"X": np.ones((4, 3)), "y": np.array([0, 1, 1, 0]), "W": np.zeros((3, 2))}


def refused(**changes: object) -> str:
    values = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    with pytest.raises(CalculusError) as caught:
        bg.evaluate(J, values)  # type: ignore[arg-type]
    assert caught.value.code == "BG302"
    return str(caught.value)


def test_by_name_and_by_node() -> None:
    by_name = bg.evaluate(J, GOOD)
    assert bg.evaluate(J, {X: GOOD["X"], "y": GOOD["y"], W: GOOD["W"]}) == by_name == pytest.approx(np.log(2))
    several = bg.evaluate([J, X @ W], GOOD)
    assert [value.shape for value in several] == [(), (4, 2)]
    assert bg.evaluate([], {}) == []


def test_missing_and_unknown() -> None:
    assert refused(W=None) == "error[BG302] W: no value is given for this input; expected 3×2 float64"
    assert "did you mean X" in refused(Xs=1.0)
    assert "expected" in refused(Q=1.0)


def test_shapes() -> None:
    text = refused(W=np.zeros((2, 3)))
    assert "got 2×3" in text
    assert "expected 3×2" in text
    assert "X: wrong shape" in refused(X=np.ones(3))
    assert "m is 4 elsewhere" in refused(y=np.array([0, 1]))


def test_dtypes() -> None:
    assert ".astype('float64')" in refused(X=np.ones((4, 3), "float32"))
    assert "int64" in refused(y=np.array([0.0, 1, 1, 0]))
    assert "wrong dtype" in refused(X=np.ones((4, 3), int))
    assert "wrong dtype" in refused(y=[0.5, 1, 1, 0])
    assert bg.evaluate(J, {**GOOD, "y": GOOD["y"].astype("int32"), "X": [[1, 1, 1]] * 4}) == bg.evaluate(J, GOOD)


def test_two_inputs_of_one_name() -> None:
    a, b = bg.input("a"), bg.input("a")
    with pytest.raises(CalculusError, match="bind by node"):
        bg.evaluate(a + b, {"a": 1.0})
    assert bg.evaluate(a + b, {a: 1.0, b: 2.0}) == 3


def test_extended_precision_flows_through() -> None:
    x = bg.input("x")
    assert bg.evaluate(bg.sin(x) + 1, {x: np.longdouble(1)}).dtype == np.longdouble
    assert bg.evaluate(bg.sin(x) + 1, {x: np.clongdouble(1)}).dtype == np.clongdouble


def test_sizes() -> None:
    m = bg.symbol("m")
    assert bg.evaluate(bg.size("m") + 0 * bg.sum(X), {X: GOOD["X"]}) == 4
    assert bg.evaluate(bg.size(2 * m * m), {X: GOOD["X"]}) == 32
    with pytest.raises(CalculusError, match="the size of m is not known"):
        bg.evaluate(bg.size("m"), {})
    Z = bg.concatenate(X, 2 * X)
    assert Z.shape == (2 * m, 3)
    assert bg.evaluate(Z, {X: GOOD["X"]}).shape == (8, 3)
    values = {X: np.random.default_rng(0).normal(size=(4, 3))}
    assert bg.check_gradient(bg.sum(bg.square(bg.softmax(Z, axis=0))), X, values).passed


def test_a_watch_sees_every_value_and_may_replace_it() -> None:
    seen = []

    def watch(node: bg.Node, value: np.ndarray) -> np.ndarray:
        seen.append(str(node.op))
        return value * 2 if node.op.name == "sin" else value

    x = bg.input("x")
    assert bg.evaluate(bg.sin(x) + 1, {x: 0.5}, watch) == 2 * np.sin(0.5) + 1
    assert seen == ["sin", "1.0", "add"]


def test_labels_and_rows_outside_are_refused() -> None:
    with pytest.raises(DataError, match=r"BG206.*got 7"):
        bg.evaluate(J, {**GOOD, "y": np.array([0, 1, 7, 0])})
    with pytest.raises(DataError, match=r"BG206.*got -1"):
        bg.evaluate(J, {**GOOD, "y": np.array([0, 1, -1, 0])})
    with pytest.raises(GraphError, match=r"BG103.*got 9"):
        bg.evaluate(bg.take(W, y), {"W": GOOD["W"], "y": np.array([9])})


def test_open_shapes() -> None:
    """Names that text met only elementwise: any shape, and sums that undo whatever broadcasting did."""
    b = bg.parameter("b", Open(frozenset({"b"})))
    cost = bg.mean(bg.square(bg.input("A", (2, 3)) * b + 1))
    for shape in ((), (3,), (2, 1), (1, 3), (2, 3)):
        values = {"A": np.random.default_rng(0).normal(size=(2, 3)), "b": np.random.default_rng(1).normal(size=shape)}
        report = bg.check_gradient(cost, b, values).require()
        assert len(report.checks[0].elements) == np.prod(shape)
        assert report.error <= 1e-13
    alone = bg.sum(b * b) / 2
    np.testing.assert_array_equal(bg.evaluate(bg.gradient(alone, b)[0], {"b": np.arange(3.0)}), np.arange(3.0))
    assert bg.check_gradient(bg.mean(bg.exp(b)), b, {"b": np.arange(3.0)}).require().error <= 1e-13


@pytest.mark.parametrize("function", [bg.max, bg.min, bg.argmax])
def test_the_largest_of_nothing_is_refused_in_one_line(function: Callable[..., bg.Node]) -> None:
    x = bg.input("x", ("m", "n"))
    with pytest.raises(GraphError, match=r"error\[BG103\] (arg)?max: the axis has no elements"):
        bg.evaluate(function(x, axis=-1), {x: np.ones((2, 0))})


def test_sums_of_exponentials_of_nothing() -> None:
    x = bg.input("x", ("m", "n"))
    assert bg.evaluate(bg.softmax(x), {x: np.ones((2, 0))}).shape == (2, 0)
    np.testing.assert_array_equal(bg.evaluate(bg.logsumexp(x), {x: np.ones((2, 0))}), [-np.inf, -np.inf])


def test_an_open_shape_that_nobody_gave() -> None:
    a = bg.parse("mean(a*b)", wrt=["a"]).names["a"]
    ones = bg.gradient(bg.sum(a), a)[0]
    with pytest.raises(CalculusError, match=r"error\[BG302\] broadcast: the shape of a is not known"):
        bg.evaluate(ones, {})
