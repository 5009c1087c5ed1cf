"""The update of plain gradient descent with decay, rounded once.

The gradient of J + λ Σ W² is G + 2λ W, so a step is W − ε (G + 2λ W). Printed it may be (1 − 2ελ) W − ε G, but so it
must not be computed: in float32, with 2ελ = 5e-7, the number 1 − 2ελ is 1 − 4.77e-7, which misstates the decay by
4.6 %; and with 2ελ = 2e-8 it is 1, no decay at all. It is computed as W − (c W + ε G) with c = 2ελ rounded once, which
is right to the last bits of the change.
"""

from __future__ import annotations

from collections.abc import Iterable

from backgraph.language.node import Node
from backgraph.language.walk import topological_order
from backgraph.rules.rule import Rule, Sides, array, rules_into

UPDATE: list[Rule] = []
rule = rules_into(UPDATE)


@rule(e="", l="", W=array("m n"), G=array("m n"))
def decay_in_the_step(e: Node, l: Node, W: Node, G: Node) -> Sides:
    """W − ε (G + l W) = W − ((ε l) W + ε G)."""
    return W - e * (G + l * W), W - ((e * l) * W + e * G)


def update_cost(outputs: Iterable[Node]) -> int:
    """What rules of this set lower: factors multiply the cost of what they scale, terms add theirs and 1.

    Every measure is at least 2, so ε (G + l W) costs ε (G + l W + 1), more than ε l W + ε G + 1.
    """
    table: dict[Node, int] = {}
    for node in topological_order(outputs):
        inputs = [table[given] for given in node.inputs]
        first = inputs[0] if inputs else 2
        table[node] = first * inputs[1] if node.op.name == "mul" else _sum(node, inputs)
    return max(table.values(), default=0)


def _sum(node: Node, inputs: list[int]) -> int:
    return inputs[0] if node.op.name == "broadcast" else 1 + max(1, sum(inputs))
