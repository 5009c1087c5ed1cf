"""Walks over graphs: order, consumers, replacement."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

import backgraph as bg
from backgraph.language.walk import ancestors, consumers, leaves, rebuild, substitute, topological_order
from tests.random_graphs import Graph, graphs


@given(graphs(largest=15))
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_inputs_come_before_consumers(graph: Graph) -> None:
    order = topological_order(graph[0])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[given] < place[node] for node in order for given in node.inputs)
    assert order == topological_order(graph[0])
    assert ancestors(graph[0]) == set(order)
    assert leaves(graph[0]) == [node for node in order if node.op.is_variable]
    arrows = consumers(order)
    assert sum(map(len, arrows.values())) == sum(len(node.inputs) for node in order)


def test_a_consumer_is_listed_once_for_every_position() -> None:
    x = bg.input("x")
    y = x * x
    assert consumers([x, y]) == {x: [(y, 0), (y, 1)]}


def test_substitution() -> None:
    x, y = bg.input("x"), bg.input("y")
    assert substitute([bg.sin(x) * x], {x: y}) == [bg.sin(y) * y]
    assert substitute([bg.sin(x) * x], {bg.sin(x): y}) == [y * x]
    assert rebuild([bg.sin(x)], {})[bg.sin(x)] is bg.sin(x)


def test_depth_needs_no_stack() -> None:
    z = x = bg.input("x")
    for _ in range(5_000):
        z = bg.sin(z)
    assert len(topological_order([z])) == 5_001
    (moved,) = substitute([z], {x: bg.input("y")})
    assert moved is not z
