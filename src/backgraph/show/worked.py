"""A derivation worked out with numbers: the value at every node, forward and backward, each gradient checked.

    check      the derivative of the cost as a function of that node alone, by complex step where the operations allow
               it, so that nothing cancels; the error is relative to the size of the terms (`calculus.gradcheck`)

What was not asked for is not computed, and is never shown as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backgraph.calculus.gradcheck import Check, check_gradient
from backgraph.evaluate import bind, evaluate
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array
from backgraph.language.walk import topological_order
from backgraph.show.derive import Derivation

AT_MOST = 64
"""So many elements of a gradient are checked."""


@dataclass(frozen=True)
class Worked:
    """Numbers for a derivation: of inputs and forward values, of stand-ins, of gradients by what they are of."""

    values: Mapping[Node, Array]
    sizes: Mapping[str, int]
    stand_ins: Mapping[Node, Array]
    gradients: Mapping[Node, Array]
    checks: Mapping[Node, Check]

    def of(self, node: Node) -> Array:
        """The value of a node written on stand-ins, such as one contribution."""
        return np.asarray(evaluate(node, self.stand_ins))


def work_out(derivation: Derivation, values: Mapping[Node, Array], is_checked: bool = True) -> Worked:
    """Everything evaluated at `values`, which bind every input; gradients checked unless told otherwise.

    Raises CalculusError BG302 where the values do not fit.
    """
    gradients, stand_ins = derivation.gradients, derivation.stand_ins
    order = topological_order([gradients.cost, *gradients.of.values()])
    bound, sizes = bind(order, values)
    table = {**bound, **dict(zip(order, evaluate(order, bound), strict=True))}
    steps = [step.of for step in derivation.steps]
    asked = [node for node in steps if node.dtype in FLOATS and is_checked]
    checks = check_gradient(gradients.cost, asked, bound, at_most=AT_MOST).checks if asked else ()
    known = {stand_in: table[node] for node, stand_in in stand_ins.of.items() if node in table}
    return Worked(
        {node: np.asarray(value) for node, value in table.items()},
        {name: size for name, size in sizes.items() if isinstance(size, int)},
        {leaf: np.asarray(value) for leaf, value in {**bound, **known}.items()},
        {node: np.asarray(table[gradients.of[node]]) for node in steps},
        dict(zip(asked, checks, strict=True)),
    )
