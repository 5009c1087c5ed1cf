"""Back-propagation: algorithms 6.5 and 6.6 of Goodfellow, Bengio and Courville (2016), section 6.5.6.

    z           the scalar whose gradient is wanted (the cost J)
    targets     T, the nodes with respect to which it is wanted
    G_pruned    G', the graph pruned to ancestors of z and descendants of the targets
    grad_table  for each node V of G', the gradient ∇_V z, itself a node
    C, D, G_i   a consumer of V, the gradient that arrived at C, and what bprop makes of it for V

It knows no rule of differentiation: those are the cards' `bprop`. The recursion of algorithm 6.6 is written as a loop
over G' from z down, so that a graph of any depth is differentiated; the order guarantees that when a node's turn comes
all its consumers have had theirs. What comes out is graph, and can be differentiated again.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass

from backgraph.collector import uncollected
from backgraph.errors import CalculusError, GraphError, UsageError
from backgraph.language.check import here
from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.op import Operation
from backgraph.language.ops.shape import is_full_of, ones_like, zeros_like
from backgraph.language.walk import consumers, topological_order


@dataclass(frozen=True)
class Term:
    """One contribution to a gradient: what `rule`, the bprop of `consumer`'s operation, sent to `target`.

    `node` is what `consumer.op.bprop(consumer.inputs, position, incoming)` built.
    """

    target: Node
    consumer: Node
    position: int
    incoming: Node
    node: Node

    @property
    def rule(self) -> Operation:
        """The operation whose bprop made it."""
        return self.consumer.op


@dataclass(frozen=True)
class Gradients:
    """The gradients of `cost` with respect to `targets`, in order, with the terms that explain them.

    `of` holds the gradient arriving at every node of G', not only at the targets.
    """

    cost: Node
    targets: tuple[Node, ...]
    nodes: tuple[Node, ...]
    terms: tuple[Term, ...]
    of: dict[Node, Node]

    def __iter__(self):  # type: ignore[no-untyped-def]  # tuple protocol: dW1, dW2 = gradient(J, [W1, W2])
        return iter(self.nodes)

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def __len__(self) -> int:
        return len(self.nodes)


def gradient(cost: Node, wrt: Node | Sequence[Node]) -> Gradients:
    """∇ of the scalar `cost` with respect to each node of `wrt`, as nodes, with their terms.

    Raises GraphError BG108 if the cost is not a scalar, CalculusError BG301 if it does not depend on a target through
    any differentiable path.
    """
    targets = as_targets(wrt)
    if cost.shape != ():
        raise GraphError(
            "BG108", str(cost.op), "the cost is not a scalar", got=shape_text(cost.shape), hint="use sum or mean"
        )
    grad_table, terms = backpropagate(cost, targets)
    for target in targets:
        if target not in grad_table:
            raise CalculusError(
                "BG301", str(target.op), "the cost has no differentiable path to it", hint="leave it out"
            )
    return Gradients(cost, targets, tuple(grad_table[target] for target in targets), tuple(terms), grad_table)


def as_targets(wrt: Node | Sequence[Node]) -> tuple[Node, ...]:
    """One node or several as a tuple. Raises UsageError BG601 for what is no node, such as its name."""
    targets = (wrt,) if isinstance(wrt, Node) else tuple(wrt)
    for target in targets:
        if not isinstance(target, Node):  # pyright: ignore[reportUnnecessaryIsInstance]  (users write names)
            raise UsageError("BG601", here(), "a target is not a node", got=target, hint="give the node, not its name")
    return targets


@uncollected
def backpropagate(z: Node, targets: Sequence[Node]) -> tuple[dict[Node, Node], list[Term]]:
    """Algorithm 6.5: the outermost skeleton. Returns grad_table and the terms."""
    G_pruned = prune(z, targets)
    get_consumers = consumers(G_pruned)
    grad_table = {z: ones_like(z)}
    terms: list[Term] = []
    for V in reversed(G_pruned):
        if V is not z:
            build_grad(V, get_consumers.get(V, []), grad_table, terms)
    return grad_table, terms


def build_grad(
    V: Node, consumers_of_V: list[tuple[Node, int]], grad_table: dict[Node, Node], terms: list[Term]
) -> None:
    """Algorithm 6.6: G, the sum of what the consumers C of V send back, goes into grad_table.

    Where every path from z through C is undefined, C has no entry. A gradient that is zero by construction is passed on
    as zero, and is no term of a sum.
    """
    contributions: list[Term] = []
    for C, position in consumers_of_V:
        if C in grad_table:
            D = grad_table[C]
            G_i = zeros_like(V) if is_full_of(D, 0.0) else C.op.bprop(C.inputs, position, D)
            if G_i is not None:
                contributions.append(Term(V, C, position, D, G_i))
    if contributions:
        nonzero = [term for term in contributions if not is_full_of(term.node, 0.0)]
        G = functools.reduce(operator.add, [term.node for term in nonzero] or [zeros_like(V)])
        grad_table[V] = G
        terms.extend(nonzero)


def prune(z: Node, targets: Sequence[Node]) -> list[Node]:
    """G': ancestors of z that are descendants of the targets, inputs before consumers."""
    order = topological_order([z])
    descends: set[Node] = set(targets).intersection(order)
    for node in order:
        if any(given in descends for given in node.inputs):
            descends.add(node)
    return [node for node in order if node in descends]
