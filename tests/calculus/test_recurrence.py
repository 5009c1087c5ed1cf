"""Algorithms 6.3 and 6.4, written by hand, against back-propagation through the graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import backgraph as bg
from backgraph.calculus.recurrence import FullyConnected, backward, forward, recurrence
from backgraph.language.ops.elementwise import relu, sigmoid, tanh

WIDTHS = (4, 5, 3, 6, 2, 3, 4, 3, 2)


def net(depth: int, activation: bg.Operation, loss: Callable[..., bg.Node], decay: float) -> FullyConnected:
    layers = range(1, depth + 1)
    weights = tuple(bg.parameter(f"W{k}", (WIDTHS[k], WIDTHS[k - 1])) for k in layers)
    biases = tuple(bg.parameter(f"b{k}", (WIDTHS[k],)) for k in layers)
    return FullyConnected(weights, biases, activation, loss, decay)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("activation", [relu, tanh, sigmoid], ids=str)
@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_the_recurrence_is_backpropagation(depth: int, activation: bg.Operation, decay: float) -> None:
    model = net(depth, activation, lambda y, t: bg.sum(bg.squared_error(y, t, "none")), decay)
    x, y = bg.input("x", (WIDTHS[0],)), bg.input("y", (WIDTHS[depth],))
    done = forward(model, x, y)
    by_hand = backward(model, done, y)
    slopes = bg.gradient(done.J, model.theta)
    random = np.random.default_rng(depth)
    values = {leaf: random.normal(size=leaf.shape) for leaf in (x, y, *model.theta)}
    found = bg.evaluate([*by_hand.weights, *by_hand.biases], values)
    for one, other in zip(found, bg.evaluate(list(slopes), values), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    assert len(done.a) == depth
    assert len(done.h) == depth + 1


def test_as_text(golden: Callable[[str, str], None]) -> None:
    golden("recurrence.txt", recurrence())
    assert "for ℓ = 3, …, 1:" in recurrence(3, "relu")
    assert "relu′(a⁽ℓ⁾)" in recurrence(3, "relu")
