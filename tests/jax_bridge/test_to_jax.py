from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.jax_bridge import OF_OPERANDS, to_jax
from backgraph.language.node import FLOATS
from tests.language.samples import ALL, SAMPLES, Sample

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def close(ours: Any, theirs: Any, tolerance: float = 1e-12) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(theirs, ours, rtol=tolerance, atol=tolerance / 100)


@pytest.mark.parametrize("sample", [each for each in ALL if not each.op.is_variable], ids=str)
def test_every_card_is_what_the_evaluator_says(sample: Sample) -> None:
    node, leaves, values = sample.build()
    close(bg.evaluate(node, values), to_jax(node, leaves)(*values.values()))


@pytest.mark.parametrize("card", sorted(SAMPLES.keys() - {"variable"}))
def test_every_card_can_be_compiled_and_differentiated(card: str) -> None:
    node, leaves, values = max(SAMPLES[card], key=lambda sample: sample.build()[0].rank).build()
    smooth = [k for k, leaf in enumerate(leaves) if leaf.dtype in FLOATS]
    if node.dtype not in FLOATS or not smooth:
        assert jax.jit(to_jax(node, leaves))(*values.values()).shape == node.shape
        return
    cost = bg.sum(bg.sin(node))
    grad = jax.jit(jax.grad(to_jax(cost, leaves), argnums=tuple(smooth), allow_int=True))(*values.values())
    for ours, theirs in zip(
        bg.evaluate(list(bg.gradient(cost, [leaves[k] for k in smooth])), values), grad, strict=True
    ):
        close(ours, theirs, 1e-10)


@pytest.mark.parametrize("card", sorted(card for card in SAMPLES if "float64" not in str(vars(SAMPLES[card][0].op))))
def test_in_float32(card: str) -> None:
    with jax.enable_x64(False):
        node, leaves, values = SAMPLES[card][0].build("float32")
        ours, theirs = bg.evaluate(node, values), to_jax(node, leaves)(*values.values())
        np.testing.assert_allclose(theirs, ours, rtol=2e-6)


def test_symbolic_dimensions_take_their_sizes_from_the_arrays() -> None:
    X, W, y = bg.input("X", ("m", "d")), bg.parameter("W", ("d", 3)), bg.labels("y")
    J = bg.cross_entropy(X @ W, y) + bg.mean(X)
    dW = bg.gradient(J, W)[0]
    cost = to_jax([J, dW], [W, X, y])
    for m in (2, 5):
        values = {X: np.ones((m, 4)), W: np.arange(12.0).reshape(4, 3), y: np.arange(m) % 3}
        value, gradient = cost(values[W], values[X], values[y])
        for ours, theirs in zip(bg.evaluate([J, dW], values), (value, gradient), strict=True):
            close(ours, theirs)
        close(bg.evaluate(dW, values), jax.grad(lambda *a: cost(*a)[0])(values[W], values[X], values[y]), 1e-10)


def test_open_shapes() -> None:
    program = bg.parse("sum((X@W + b)**2)")
    function = to_jax(program.cost, [program.leaves[name] for name in "XWb"])
    for b in (np.array(0.5), np.ones(3), np.ones((5, 1))):
        values = [np.ones((5, 4)), np.ones((4, 3)), b]
        close(bg.evaluate(program.cost, dict(zip("XWb", values, strict=True))), function(*values))


def test_vmap() -> None:
    x, y = bg.input("x", (3,)), bg.input("y", (3,))
    rows = np.arange(12.0).reshape(4, 3)
    np.testing.assert_allclose(jax.vmap(to_jax(bg.dot(x, y), [x, y]))(rows, rows), (rows**2).sum(axis=1))


def test_ties_are_broken_alike() -> None:
    x = bg.input("x", (4,))
    zeros = np.zeros(4)
    for f in (
        bg.relu,
        abs,
        bg.sign,
        bg.stop_gradient,
        lambda x: bg.maximum(x, 0.0),
        lambda x: bg.clip(x, 0.0, 1.0),
        bg.max,
    ):
        cost = bg.sum(f(x))
        ours = bg.evaluate(bg.gradient(cost, x)[0], {x: zeros})
        assert ours.tolist() == jax.grad(to_jax(cost, [x]))(zeros).tolist()


def test_a_row_that_is_not_there_is_nan() -> None:
    table, index = bg.input("table", (3,)), bg.labels("index", (2,))
    rows = to_jax(bg.take(table, index), [table, index])(np.ones(3), np.array([-1, 3]))
    assert np.isnan(rows).all()


@pytest.mark.parametrize("key", [0, 5, 2**40 + 3, -7])
def test_the_random_mask_is_the_evaluators(key: int) -> None:
    from backgraph.language.ops.random import random_mask

    k = bg.input("k", (), "int64")
    mask = random_mask(k, (50, 7), 0.3, stream=9)
    close(bg.evaluate(mask, {k: key}), to_jax(mask, [k])(key))


def test_an_operation_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from backgraph.language.op import CARDS

    monkeypatch.delitem(CARDS, "cube", raising=False)
    cube = bg.Elementwise("cube", "x³", lambda x: x**3, lambda G, y, x: 3 * x * x * G)
    x = bg.input("x")
    try:
        with pytest.raises(bg.BackgraphError, match=r"BG104.*cube.*OF_OPERANDS\['cube'\]"):
            to_jax(cube(x), [x])
        monkeypatch.setitem(OF_OPERANDS, "cube", lambda x: x**3)
        assert to_jax(cube(x), [x])(2.0) == 8
    finally:
        del CARDS["cube"]


def test_wrong_arrays_are_refused() -> None:
    x = bg.input("x", (3,))
    with pytest.raises(bg.BackgraphError, match=r"BG601.*1: x"):
        to_jax(x, [x])()
    with pytest.raises(bg.BackgraphError, match=r"BG302.*wrong shape"):
        to_jax(x, [x])(np.ones(4))
    with jax.enable_x64(False), pytest.raises(bg.BackgraphError, match=r"BG601.*jax_enable_x64"):
        to_jax(x, [x])(np.ones(3))
