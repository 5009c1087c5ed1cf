"""Forward mode: tangents through graphs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import backgraph as bg
from backgraph.calculus.backprop import backpropagate
from backgraph.calculus.numerical import complex_step, extended, size_of_terms
from backgraph.errors import CalculusError
from tests.random_graphs import Graph, graphs, leaves_in


@given(graphs(largest=25))
@settings(suppress_health_check=list(HealthCheck))
def test_the_tangent_agrees_with_complex_step_and_with_backprop(graph: Graph) -> None:
    (cost, *sinks), values = graph
    for leaf in leaves_in(values):
        v = bg.input("v", leaf.shape)
        direction = np.cos(1.0 + np.arange(values[leaf].size)).reshape(values[leaf].shape)
        given_v = {**values, v: direction}
        outputs = [cost, *sinks]
        pushed = bg.jvp(outputs, [leaf], [v])
        table, _ = backpropagate(cost, [leaf])
        sizes = size_of_terms(pushed, given_v)
        found = bg.evaluate(pushed, extended(given_v))
        for output, tangent, size in zip(outputs, found, sizes, strict=True):
            numbers = complex_step(output, leaf, values, direction)
            assert np.all(abs(tangent - numbers) <= 1e-15 * np.maximum(size, 1e-300))
        if leaf in table:
            backwards = bg.evaluate(bg.sum(table[leaf] * v), extended(given_v))
            assert abs(backwards - found[0]) <= 1e-15 * sizes[0] + 1e-300


def test_several_inputs_move_at_once() -> None:
    x, y = bg.input("x", (3,)), bg.input("y", (3,))
    (tangent, nothing) = bg.jvp([x * y, bg.sin(bg.input("z"))], [x, y], [y, x])
    np.testing.assert_allclose(bg.evaluate(tangent, {x: np.ones(3), y: np.full(3, 2.0)}), np.full(3, 5.0))
    assert bg.evaluate(nothing, {}) == 0


def test_a_tangent_has_the_shape_of_its_input() -> None:
    x = bg.input("x", (3,))
    with pytest.raises(CalculusError, match="BG302"):
        bg.jvp([x], [x], [bg.input("v", (2,))])


def test_depth_needs_no_stack() -> None:
    z = x = bg.input("x")
    for _ in range(3_000):
        z = bg.sin(z)
    (tangent,) = bg.jvp([z], [x], [bg.constant(1.0)])
    assert np.isfinite(bg.evaluate(tangent, {x: 1.0}))
