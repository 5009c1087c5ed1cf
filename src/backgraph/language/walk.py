"""Walks over the graph, all iterative: a chain of a million nodes needs no stack.

A topological order exists because nodes are built after their inputs; and it is needed: in `b = a + a; c = b + b`, b
must have received both contributions of c before it passes anything on to a.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backgraph.language.node import Node


def topological_order(outputs: Iterable[Node]) -> list[Node]:
    """All ancestors of `outputs` (themselves included), inputs before consumers; the order is deterministic."""
    order: list[Node] = []
    done: set[Node] = set()
    stack = list(outputs)[::-1]
    while stack:
        node = stack[-1]
        waiting = [] if node in done else [given for given in node.inputs if given not in done]
        if waiting:
            stack.extend(waiting[::-1])
            continue
        stack.pop()
        if node not in done:
            done.add(node)
            order.append(node)
    return order


def ancestors(outputs: Iterable[Node]) -> set[Node]:
    """Everything `outputs` are computed from, themselves included."""
    return set(topological_order(outputs))


def consumers(nodes: Iterable[Node]) -> dict[Node, list[tuple[Node, int]]]:
    """For each node, its consumers among `nodes` with the input position (once for every position)."""
    table: dict[Node, list[tuple[Node, int]]] = {}
    for node in nodes:
        for position, given in enumerate(node.inputs):
            table.setdefault(given, []).append((node, position))
    return table


def rebuild(outputs: Iterable[Node], replacement: Mapping[Node, Node]) -> dict[Node, Node]:
    """Every ancestor of `outputs` mapped to itself with `replacement` made below it (and in its place)."""
    new: dict[Node, Node] = {}
    for node in topological_order(outputs):
        if node in replacement:
            new[node] = replacement[node]
            continue
        inputs = tuple(new[given] for given in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        new[node] = node if same else node.op.apply(*inputs)
    return new


def leaves(outputs: Iterable[Node]) -> list[Node]:
    """The inputs, labels and parameters that `outputs` depend on, in order of first use."""
    return [node for node in topological_order(outputs) if node.op.is_variable]


def substitute(outputs: Iterable[Node], replacement: Mapping[Node, Node]) -> list[Node]:
    """`outputs` with leaves or inner nodes replaced."""
    outputs = list(outputs)
    new = rebuild(outputs, replacement)
    return [new[node] for node in outputs]
