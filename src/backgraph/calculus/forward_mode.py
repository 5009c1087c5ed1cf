"""Forward mode: tangents pushed from the inputs to the outputs, as graph, through the cards' `jvp`.

The tangent of V along a direction t of the inputs is the Jacobian of V times t. Back-propagation multiplies by the
Jacobian from the other side; ⟨J v, u⟩ = ⟨v, Jᵀ u⟩ ties the two together, and tests hold every operation to it.
Section 6.5.9 compares the two orders.
"""

from __future__ import annotations

from collections.abc import Sequence

from backgraph.errors import CalculusError
from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.ops.shape import zeros_like
from backgraph.language.walk import topological_order


def jvp(outputs: Sequence[Node], wrt: Sequence[Node], tangents: Sequence[Node]) -> list[Node]:
    """The derivatives of `outputs` when each of `wrt` moves along its tangent (of its shape), as nodes.

    Zero where an output does not depend on `wrt`. Raises CalculusError BG302 for a tangent of another shape.
    """
    tangent_of = dict(zip(wrt, tangents, strict=True))
    for x, tangent in tangent_of.items():
        if x.shape != tangent.shape:
            got, expected = shape_text(tangent.shape), shape_text(x.shape)
            raise CalculusError("BG302", str(x.op), "the tangent has another shape", got=got, expected=expected)
    for node in topological_order(outputs):
        given = [tangent_of.get(each) for each in node.inputs]
        if node not in tangent_of and any(each is not None for each in given):
            tangent = node.op.jvp(node.inputs, given)
            if tangent is not None:
                tangent_of[node] = tangent
    return [tangent_of[output] if output in tangent_of else zeros_like(output) for output in outputs]
