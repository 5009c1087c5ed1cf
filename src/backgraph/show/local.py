"""One formula standing alone: the rule that its operations send along one edge, and the Jacobian read off that rule."""

from __future__ import annotations

from collections.abc import Mapping

from backgraph.calculus.backprop import backpropagate
from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Name, Tree
from backgraph.language.ops.leaf import variable
from backgraph.language.ops.linear import Outer
from backgraph.language.ops.reduce import sum as sum_of
from backgraph.language.ops.shape import ones_like, zeros_like
from backgraph.language.walk import substitute, topological_order
from backgraph.rules import simplify
from backgraph.show.coefficients import Coefficient
from backgraph.show.jacobian_formula import in_matrices, with_indices
from backgraph.show.render import letters, render_all

MOST_LETTERS = 32
"""No formula with more names, numbers and functions is written; the rule, in parts, says it better."""


class Local:
    """The formula of z on fresh variables in place of the named values it reads, with a G that arrives at z."""

    def __init__(self, z: Node, names: Mapping[Node, Tree]) -> None:
        self.z, self.names = z, names
        read = read_by(z, names)
        self.leaves = {node: variable(name_of(names[node]), node.shape, node.dtype, "operand") for node in read}
        (self.node,) = substitute([z.op.apply(*z.inputs)], self.leaves)
        self.result = variable(name_of(names[z]), z.shape, z.dtype, "result")
        self.G = variable(f"gradient of {name_of(names[z])}", z.shape, z.dtype, "gradient")

    def sent(self, x: Node) -> Node:
        """What the rules send to x, simplified, with the result itself in place of its formula."""
        leaf = self.leaves[x]
        table, _ = backpropagate(sum_of(self.node * self.G), [leaf])
        if leaf not in table:
            return zeros_like(leaf)
        (sent,) = substitute([table[leaf]], {self.node: self.result})
        return simplify(sent).nodes[0]

    def formulas(self, read: Coefficient | None) -> tuple[Tree | None, Tree | None]:
        """The Jacobian as a matrix and with indices."""
        if read is None:
            return None, None
        names = frozenset((*self.leaves.values(), self.result))
        element = with_indices(read, self.write, names)
        return (in_matrices(read, self.write), element) if letters(element) <= MOST_LETTERS else (None, None)

    def write(self, node: Node) -> Tree:
        """The maths of what a rule reads, unbounded: rules are short."""
        trees: dict[Node, Tree] = {}
        for each in topological_order([node]):
            trees[each] = each.op.notation(each.inputs, *(trees[given] for given in each.inputs))
        return trees[node]

    def rule(self, sent: Node, cost: Tree, ends: bool) -> tuple[Tree, tuple[tuple[Tree, Tree], ...]]:
        """What is sent to x, with names for what is long in it; at the cost itself a 1 arrives."""
        if ends:
            (sent,) = simplify(substitute([sent], {self.G: ones_like(self.G)})).nodes
        arriving: Tree = Gradient(self.names[self.z], cost)
        own: dict[Node, str | Tree] = {leaf: self.names[node] for node, leaf in self.leaves.items()}
        rendered = render_all([sent], own | {self.result: self.names[self.z], self.G: arriving})
        tree = rendered.formula(sent)
        return tree, tuple((rendered.introduced[n], rendered.definitions[n]) for n in rendered.uses([tree]))

    def outer(self, sent: Node) -> tuple[Node, bool] | None:
        """a, if what is sent is δ aᵀ or a δᵀ, and whether δ comes first."""
        if not isinstance(sent.op, Outer) or self.G not in sent.inputs or sent.rank != 2:
            return None
        first = sent.inputs[0] is self.G
        other = sent.inputs[1 if first else 0]
        original = next((node for node, leaf in self.leaves.items() if leaf is other), None)
        return None if original is None else (original, first)


def read_by(z: Node, names: Mapping[Node, Tree]) -> list[Node]:
    """The named values that the formula of z reads, without looking below them."""
    found, seen, stack = dict[Node, None](), set[Node](), list(reversed(z.inputs))
    while stack:
        node = stack.pop()
        if node in names:
            found.setdefault(node)
        elif node not in seen:
            seen.add(node)
            stack.extend(reversed(node.inputs))
    return list(found)


def name_of(tree: Tree) -> str:
    """The identifier of a name."""
    return tree.text if isinstance(tree, Name) else "value"
