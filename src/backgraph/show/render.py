"""From nodes to maths that stops at named nodes.

    names         what stands for a node: an identifier, or a tree such as ∇H J
    definitions   for each named node that is computed, the maths of its operation on what is named below it
    introduced    names t_1, t_2 … given here to what is long, or not short and used more than once

So every formula is bounded, however large the graph; the walk is iterative.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backgraph.language.node import Node
from backgraph.language.notation import (
    Apply,
    Bars,
    BigSum,
    Entry,
    Gradient,
    Indexed,
    Iverson,
    Name,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Relation,
    Sum,
    Transposed,
    Tree,
)
from backgraph.language.walk import consumers, topological_order

MOST_TERMS = 400
"""A sum of more terms is cut into several."""
SHORT, LONG = 3, 8
"""Names, numbers and functions in a formula: up to SHORT it may be written twice, beyond LONG it gets a name."""


@dataclass
class Rendered:
    """The maths of a graph."""

    references: dict[Node, Tree]
    """What stands for each node in the formulas of others: its name, or its own formula."""
    definitions: dict[Node, Tree]
    introduced: dict[Node, Name] = field(default_factory=dict[Node, Name])

    def formula(self, node: Node) -> Tree:
        """A node's own formula if it was asked for, else what stands for it."""
        return self.definitions.get(node, self.references[node])

    def uses(self, trees: Iterable[Tree]) -> list[Node]:
        """The introduced nodes that `trees` need, directly or through each other, in order of computation."""
        wanted = {name for tree in trees for name in names_in(tree)}
        for node, name in reversed(self.introduced.items()):
            if name in wanted:
                wanted |= names_in(self.definitions[node])
        return [node for node, name in self.introduced.items() if name in wanted]


def render_all(
    outputs: Sequence[Node],
    names: Mapping[Node, str | Tree],
    taken: Iterable[str] = (),
    start: int = 1,
    bare: Container[Node] = (),
) -> Rendered:
    """The maths of `outputs` and of every named node below them; `taken` are identifiers not to be introduced,
    and `bare` nodes that get no name however long they are.

    Outputs keep their own formula in `definitions`, however long.
    """
    order = topological_order(outputs)
    uses = consumers(order)
    wanted = set(outputs)
    result = Rendered({}, {})
    fresh = _fresh({*taken, *(name for name in names.values() if isinstance(name, str))}, start)
    for node in order:
        tree = node.op.notation(node.inputs, *(result.references[given] for given in node.inputs))
        name = names.get(node)
        above = [consumer for consumer, _ in uses.get(node, [])]
        at_the_top = len(above) == 1 and above[0] in wanted
        nameless = node in wanted or node in bare or at_the_top or _is_part_of_sum(tree, above)
        if name is None and not nameless and needs_name(node, tree, len(above)):
            name = result.introduced[node] = Name(next(fresh))
        if not node.is_leaf and (name is not None or node in wanted):
            result.definitions[node] = tree
        result.references[node] = tree if name is None else as_tree(name)
    return result


def render(node: Node, names: Mapping[Node, str | Tree]) -> Tree:
    """The maths of `node` in terms of named nodes; long parts become t_1, t_2 … (see `render_all`)."""
    rendered = render_all([node], names)
    return rendered.definitions.get(node, rendered.references[node])


def needs_name(node: Node, tree: Tree, uses: int) -> bool:
    """Whether a formula is too long to be written in place, or too long to be written `uses` times."""
    return not node.is_leaf and letters(tree) > (SHORT if uses > 1 else LONG)


def _is_part_of_sum(tree: Tree, above: Sequence[Node]) -> bool:
    """Whether a sum is written as part of the only one that it stands in; its terms have names if they are long."""
    if len(above) != 1 or not isinstance(tree, Sum) or len(tree.terms) % MOST_TERMS == 0:
        return False
    places = [Name(str(i)) for i in range(len(above[0].inputs))]
    return isinstance(above[0].op.notation(above[0].inputs, *places), Sum)


def as_tree(name: str | Tree) -> Tree:
    """A name as maths."""
    return Name(name) if isinstance(name, str) else name


def children(tree: Tree) -> tuple[Tree, ...]:
    """The parts of a tree, in the order they are written."""
    match tree:
        case Name() | Number():
            return ()
        case Gradient(of=of, cost=cost):
            return (of, cost)
        case Sum(terms=terms):
            return tuple(term for _, term in terms)
        case Product(factors=factors):
            return factors
        case Quotient(above=above, below=below):
            return (above, below)
        case Power(base=base, exponent=exponent):
            return (base, exponent)
        case Apply(arguments=arguments):
            return arguments
        case Relation(left=left, right=right):
            return (left, right)
        case Iverson(condition=condition):
            return (condition,)
        case Partial(cost=cost, by=by):
            return (cost, by)
        case BigSum(of=of, to=to):
            return (of,) if to is None else (of, to)
        case Transposed(of=of) | Bars(of=of) | Indexed(of=of) | Entry(of=of):
            return (of,)


def letters(tree: Tree) -> int:
    """How many names, numbers and functions a tree shows."""
    parts = children(tree)
    if not parts or isinstance(tree, Gradient):
        return 1
    return sum(map(letters, parts)) + isinstance(tree, Apply)


def names_in(tree: Tree) -> set[Tree]:
    """All names in a tree."""
    return {tree} if isinstance(tree, Name) else {name for part in children(tree) for name in names_in(part)}


def _fresh(taken: set[str], start: int) -> Iterator[str]:
    number = start
    while True:
        if (name := f"t_{number}") not in taken:
            yield name
        number += 1
