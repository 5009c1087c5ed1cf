"""The functions that apply cards to any axes, against NumPy; einsum against NumPy's; losses by their definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backgraph as bg
from backgraph.errors import GraphError

VALUES = np.random.default_rng(3).normal(size=(2, 3, 4))
AXES: tuple[object, ...] = (None, 0, 1, 2, -1, (0, 1), (0, 2), (2, 1), (0, 1, 2), (-3, -1))


def log_sum_exp(x: np.ndarray, **options: object) -> np.ndarray:
    return np.log(np.exp(x).sum(**options))  # type: ignore[call-overload]


REDUCTIONS: dict[str, tuple[Callable[..., bg.Node], Callable[..., np.ndarray]]] = {
    "sum": (bg.sum, np.sum),
    "mean": (bg.mean, np.mean),
    "max": (bg.max, np.max),
    "min": (bg.min, np.min),
    "prod": (bg.prod, np.prod),
    "logsumexp": (bg.logsumexp, log_sum_exp),
}


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_over_any_axes(name: str, axis: object, keepdims: bool) -> None:
    ours, numpys = REDUCTIONS[name]
    x = bg.input("x", VALUES.shape)
    result = ours(x, axis=axis, keepdims=keepdims)
    expected = numpys(VALUES, axis=axis, keepdims=keepdims)
    assert result.shape == expected.shape
    np.testing.assert_allclose(bg.evaluate(result, {x: VALUES}), expected, rtol=1e-13, atol=1e-15)
    assert bg.check_gradient(bg.sum(bg.sin(result)), x, {x: VALUES}).require().error <= 1e-13


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_along_any_axis(axis: int) -> None:
    x = bg.input("x", VALUES.shape)
    e = np.exp(VALUES) / np.exp(VALUES).sum(axis=axis, keepdims=True)
    for result, expected in (
        (bg.softmax(x, axis), e),
        (bg.log_softmax(x, axis), np.log(e)),
        (bg.cumsum(x, axis), np.cumsum(VALUES, axis)),
    ):
        np.testing.assert_allclose(bg.evaluate(result, {x: VALUES}), expected, rtol=1e-13, atol=1e-15)
        assert bg.check_gradient(bg.sum(bg.sin(result)), x, {x: VALUES}).require().error <= 1e-13
    np.testing.assert_array_equal(bg.evaluate(bg.argmax(x, axis), {x: VALUES}), np.argmax(VALUES, axis))
    joined = bg.concatenate(x, 2 * x, x[:], axis=axis)
    np.testing.assert_array_equal(bg.evaluate(joined, {x: VALUES}), np.concatenate([VALUES, 2 * VALUES, VALUES], axis))


@given(st.data())
def test_slices_are_numpys(data: st.DataObject) -> None:
    bounds = st.none() | st.integers(-6, 6)
    steps = st.none() | st.sampled_from([1, 2, 3, -1, -2, -3])
    parts = st.builds(slice, bounds, bounds, steps) | st.integers(-2, 1) | st.none()
    index = tuple(data.draw(st.lists(parts, max_size=4)))
    if sum(part is not None for part in index) > 3:
        return
    if data.draw(st.booleans()):
        index = (*index, ...)
    x = bg.input("x", VALUES.shape)
    result, expected = x[index], VALUES[index]
    assert result.shape == expected.shape
    np.testing.assert_array_equal(bg.evaluate(result, {x: VALUES}), expected)
    cost = bg.sum(bg.square(result))
    mask = np.zeros_like(VALUES)
    mask[index] = 1
    np.testing.assert_array_equal(bg.evaluate(bg.gradient(cost, x)[0], {x: VALUES}), 2 * VALUES * mask)


def test_reshape() -> None:
    x = bg.input("x", ("m", 3, 4))
    assert bg.reshape(x, ("m", -1)).shape == (bg.symbol("m"), 12)
    assert bg.reshape(x, (-1, 4)).shape == (3 * bg.symbol("m"), 4)
    np.testing.assert_array_equal(bg.evaluate(bg.reshape(x, (-1, 4)), {x: VALUES}), VALUES.reshape(-1, 4))
    with pytest.raises(GraphError, match="BG101"):
        bg.reshape(x, ("m", 5))


def test_indices_outside() -> None:
    x = bg.input("x", (2, "m"))
    for index in (2, -3, (0, 0, 0), (slice(None), slice(1, 2)), "a"):
        with pytest.raises(GraphError, match="BG103"):
            x[index]


@given(st.data())
def test_einsum_is_numpys(data: st.DataObject) -> None:
    sizes = {"i": 2, "j": 3, "k": 1, "l": 4}
    words = st.lists(st.sampled_from("ijkl"), max_size=3, unique=True).map("".join)
    groups = data.draw(st.lists(words, min_size=1, max_size=3))
    known = sorted(set("".join(groups)))
    result = "".join(data.draw(st.permutations(known)))[: data.draw(st.integers(0, len(known)))]
    subscripts = ",".join(groups) + "->" + result
    arrays = [np.random.default_rng(i).normal(size=[sizes[c] for c in group]) for i, group in enumerate(groups)]
    leaves = [bg.input(f"x{i}", array.shape) for i, array in enumerate(arrays)]
    node = bg.einsum(subscripts, *leaves)
    expected = np.einsum(subscripts, *arrays)
    assert node.shape == expected.shape
    values = dict(zip(leaves, arrays, strict=True))
    np.testing.assert_allclose(bg.evaluate(node, values), expected, rtol=1e-12, atol=1e-12)
    assert bg.check_gradient(bg.sum(bg.sin(node)), leaves, values, at_most=4).require().error <= 1e-13


@pytest.mark.parametrize("subscripts", ["ii->i", "ij->k", "i.j", "ij,jk->ik", ""])
def test_malformed_einsum(subscripts: str) -> None:
    with pytest.raises(GraphError):
        bg.einsum(subscripts, bg.input("x", (2, 2)))


ROWS = np.random.default_rng(4).normal(size=(5, 3))
CLASSES = np.array([0, 2, 1, 1, 0])


def test_cross_entropy_of_indices_rows_and_soft_targets() -> None:
    U = bg.input("U", ("m", 3))
    y, t, w = bg.labels("y"), bg.input("t", ("m", 3)), bg.input("w", ("m",))
    logs = ROWS - np.log(np.exp(ROWS).sum(1, keepdims=True))
    losses = -logs[np.arange(5), CLASSES]
    soft = np.full((5, 3), 1 / 3)
    weights = np.arange(5.0)
    smooth = -(0.9 * np.eye(3)[CLASSES] + 0.1 / 3) * logs
    for node, expected in (
        (bg.cross_entropy(U, y), losses.mean()),
        (bg.cross_entropy(U, y, "sum"), losses.sum()),
        (bg.cross_entropy(U, y, "none"), losses),
        (bg.cross_entropy(U, t), -(soft * logs).sum(1).mean()),
        (bg.cross_entropy(U, y, weights=w), (weights * losses).sum() / weights.sum()),
        (bg.cross_entropy(U, y, label_smoothing=0.1), smooth.sum(1).mean()),
        (bg.nll(bg.softmax(U), y), losses.mean()),
    ):
        names = {str(leaf.op) for leaf in bg.gradient(bg.sum(node), U).of if leaf.is_leaf}
        assert names == {"U"}
        values = {U: ROWS, y: CLASSES, t: soft, w: weights}
        np.testing.assert_allclose(bg.evaluate(node, values), expected, rtol=1e-13)
        assert bg.check_gradient(bg.sum(node), U, values).require().error <= 1e-13


def test_the_gradient_of_nll_is_minus_one_over_p() -> None:
    p, y = bg.input("p", (1, 3)), bg.labels("y", (1,))
    slope = bg.evaluate(bg.gradient(bg.nll(p, y), p)[0], {p: np.array([[0.2, 0.5, 0.3]]), y: np.array([1])})
    np.testing.assert_array_equal(slope, [[0, -2, 0]])


def test_losses_of_predictions() -> None:
    p, t = bg.input("p", (5, 3)), bg.input("t", (5, 3))
    target = np.random.default_rng(9).normal(size=(5, 3))
    e = target - ROWS
    for node, expected in (
        (bg.squared_error(p, t), e**2),
        (bg.absolute_error(p, t), abs(e)),
        (bg.huber_loss(p, t, 0.5), np.where(abs(e) <= 0.5, e**2 / 2, 0.5 * (abs(e) - 0.25))),
        (bg.quantile_loss(p, t, 0.9), np.maximum(0.9 * e, -0.1 * e)),
        (bg.poisson_loss(p, t), np.exp(ROWS) - target * ROWS),
        (bg.binary_cross_entropy(p, t), np.log1p(np.exp(ROWS)) - target * ROWS),
    ):
        np.testing.assert_allclose(bg.evaluate(node, {p: ROWS, t: target}), expected.mean(), rtol=1e-13)
        assert bg.check_gradient(node, [p, t], {p: ROWS, t: target}).require().error <= 1e-13


@pytest.mark.parametrize(
    "build",
    [
        lambda U, y: bg.cross_entropy(U, y, "average"),
        lambda U, y: bg.cross_entropy(U, y, label_smoothing=1.0),
        lambda U, y: bg.quantile_loss(U, U, 1.5),
        lambda U, y: bg.cross_entropy(U, bg.input("t", (5, 4))),
    ],
)
def test_parameters_out_of_range(build: Callable[..., bg.Node]) -> None:
    with pytest.raises(GraphError, match=r"BG10[19]"):
        build(bg.input("U", (5, 3)), bg.labels("y", (5,)))


def test_a_card_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """softsign in one line; backgraph's own names are taken."""
    monkeypatch.setattr("backgraph.language.op.CARDS", dict(bg.CARDS))
    softsign = bg.Elementwise(
        "softsign", "x / (1 + |x|)", lambda x: x / (1 + np.where(x.real < 0, -x, x)),
        lambda G, y, x: G / bg.square(1 + abs(x)),
    )  # fmt: skip
    x = bg.input("x", (4,))
    report = bg.check_gradient(bg.sum(softsign(x) * x), x, {x: np.linspace(-2, 2.5, 4)}).require()
    assert report.checks[0].method == "complex step"
    with pytest.raises(GraphError, match="BG109"):
        bg.Elementwise("relu", "x", np.negative, lambda G, y, x: G)
