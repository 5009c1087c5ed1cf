"""Random graphs: forward, gradient and Hessian-vector product, judged in long double by complex step.

The profile says how many: 60 in `make test`, 500 in `make test-all`, 10,000 at night.
"""

from __future__ import annotations

import statistics
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import backgraph as bg
from backgraph.calculus.backprop import backpropagate
from backgraph.calculus.numerical import extended, size_of_terms
from backgraph.language.node import Node
from backgraph.language.op import BUILT_IN
from backgraph.language.walk import topological_order
from tests.random_graphs import BUILDERS, Graph, graphs, leaves_in

TOLERANCE = 1e-13
ELEMENTS = 6
"""Elements checked of every gradient, drawn at random."""
relaxed = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def agrees(cost: Node, wrt: list[Node], values: dict[Node, np.ndarray]) -> None:
    table, _ = backpropagate(cost, wrt)
    targets = [leaf for leaf in wrt if leaf in table]
    if targets:
        report = bg.check_gradient(cost, targets, values, at_most=ELEMENTS)
        assert report.passed, str(report)
        assert report.error <= TOLERANCE, str(report)


@given(graphs())
@relaxed
def test_forward(graph: Graph) -> None:
    outputs, values = graph
    sizes = size_of_terms(outputs, values)
    exact = bg.evaluate(outputs, extended(values))
    for found, right, size in zip(bg.evaluate(outputs, values), exact, sizes, strict=True):
        assert np.all(abs(found - right) <= TOLERANCE * size)


@given(graphs())
@relaxed
def test_gradient(graph: Graph) -> None:
    (cost, *_), values = graph
    agrees(cost, leaves_in(values), values)


@given(graphs(largest=20))
@relaxed
def test_hessian_vector_product(graph: Graph) -> None:
    (cost, *_), values = graph
    table, _ = backpropagate(cost, leaves_in(values))
    for leaf in leaves_in(values):
        if leaf in table:
            v = bg.input("v", leaf.shape)
            given_v = {**values, v: np.cos(np.arange(values[leaf].size)).reshape(values[leaf].shape)}
            slope = bg.sum(table[leaf] * v)
            agrees(slope, leaves_in(values), {key: given_v[key] for key in given_v})


MADE_BY_OTHERS = {"variable", "one_hot", "cast"}
"""Cards that a step for another one makes as well."""


def test_every_card_has_a_step() -> None:
    assert set(BUILDERS) >= BUILT_IN - MADE_BY_OTHERS


@pytest.mark.slow
def test_every_card_is_in_many_graphs() -> None:
    """Of 500: about 25 have a card, the rarest a few."""
    found: Counter[str] = Counter(dict.fromkeys(BUILT_IN, 0))

    @given(graphs())
    @settings(relaxed, max_examples=500, derandomize=True, database=None, phases=[Phase.generate])
    def count(graph: Graph) -> None:
        found.update({node.op.name for node in topological_order(graph[0])})

    count()
    rare = [f"{name} {n}" for name, n in found.items() if n < 3]
    assert not rare
    assert statistics.median(found.values()) >= 15
