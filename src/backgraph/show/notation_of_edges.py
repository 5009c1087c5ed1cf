"""∂z/∂x and its elements as maths."""

from __future__ import annotations

from backgraph.language.notation import Entry, Partial, Relation, Tree
from backgraph.show.chain import EdgeJacobian


def partial_tree(edge: EdgeJacobian) -> Tree:
    """∂z/∂x."""
    return Partial(edge.z.name, edge.x.name)


def element_tree(edge: EdgeJacobian) -> Tree:
    """∂z_i/∂x_j = its formula; ∂z/∂x alone where none was read."""
    above, below = edge.letters
    left = Partial(entry(edge.z.name, above), entry(edge.x.name, below))
    return left if edge.element is None else Relation("=", left, edge.element)


def entry(name: Tree, letters: tuple[str, ...]) -> Tree:
    """A name with its indices, if it has any."""
    return Entry(name, "".join(letters)) if letters else name
