"""The forward graph on a ladder: definitions up the rail, leaves where they are used, sides of the cost on the right.

A side (weight decay, a penalty) is taken apart: what concerns one weight alone stands in the row of that weight, so
that its rule arrives there from the right as the rule of the main path does from the left.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from backgraph.language.node import Node
from backgraph.language.notation import Name, Relation, Sum, Tree
from backgraph.language.ops.leaf import Variable
from backgraph.language.ops.shape import Broadcast
from backgraph.language.walk import consumers, leaves, topological_order
from backgraph.show.derive import Definition
from backgraph.show.ladder import FORWARD, LEAVES, SIDE, SIDE_GRADIENT, SIDE_LEAVES, SUM, Item, Ladder
from backgraph.show.names import parts_of
from backgraph.show.render import Rendered, as_tree, letters, render_all

LARGEST_SIDE = 600
"""Nodes of a side that is drawn apart."""
MOST_OPERATIONS = 3
MOST_TERMS = 4
"""Terms of a sum that a side shows."""


class ForwardRail:
    """Draws the forward graph of one cost or several."""

    def __init__(
        self,
        ladder: Ladder,
        definitions: Sequence[Definition],
        names: Mapping[Node, str],
        costs: Sequence[Node],
        targets: Sequence[Node] = (),
    ) -> None:
        self.ladder, self.names, self.costs, self.targets = ladder, names, tuple(costs), tuple(targets)
        self.of: dict[Node, Item] = {}
        self.home: dict[Node, int] = {}
        self.leaf_uses: set[Node] = set()
        self.top = 0
        self.main, self.sides = split(costs[0], targets) if len(costs) == 1 else (costs[0], [])
        self.named = {d.node for d in definitions} - inner(self.sides)
        for definition in definitions:
            if definition.node in self.named and not (self.sides and definition.node is costs[0]):
                self._define(definition.node, definition.name, definition.formula)
        if self.sides:
            self._cost(as_tree(names[costs[0]]))
        for cost in costs:
            if cost not in self.of:  # a leaf, or a number
                place, tree = (FORWARD, self.top), as_tree(names.get(cost, str(cost.op)))
                self.of[cost] = ladder.add(tree, ladder.words[_role(cost)], "leaf", place, cost)
            self.of[cost].stays = True
        ladder.bands = _bands(self)

    def _define(self, node: Node, name: Tree | None, formula: Tree) -> Item:
        self.top += 1
        return self._forward(node, name, formula, (FORWARD, self.top))

    def _forward(self, node: Node, name: Tree | None, formula: Tree, place: tuple[int, int]) -> Item:
        tree = formula if name is None else Relation("=", name, formula)
        uses = [self._source(below, place) for below in reached(node, self.named | self.of.keys())]
        item = self.ladder.add(tree, operations(node, self.named | self.of.keys(), self.ladder), "forward", place, node)
        for source in uses:
            self.ladder.join(source, item, "forward")
        self.of[node] = item
        return item

    def _source(self, node: Node, place: tuple[int, int]) -> Item:
        return self.of[node] if node in self.of else self.use(node, *place)

    def use(self, leaf: Node, column: int, row: int) -> Item:
        """A leaf drawn where it is used; the second time as a grey pill."""
        again = leaf in self.leaf_uses
        self.leaf_uses.add(leaf)
        if column == FORWARD:
            self.home.setdefault(leaf, row)
        data = not again and column == FORWARD and row == 1 and not is_weight(leaf, self.targets) and leaf.shape != ()
        beside = {FORWARD: LEAVES, SIDE: SIDE_LEAVES, SIDE_GRADIENT: SIDE}[column]
        taken = any(item.column == FORWARD and item.row == 0 for item in self.ladder.items)
        place = (FORWARD, 0) if data and not taken else (beside, row)
        tree = as_tree(self.names.get(leaf, str(leaf.op)))
        return self.ladder.add(tree, self.ladder.words[_role(leaf)], "use" if again else "leaf", place, leaf)

    def _cost(self, name: Tree) -> None:
        below = self.of.get(self.main)
        if below is None:
            below = self._define(self.main, None, _formula(self.main, self.names).definitions[self.main])
        parts = [part for side in self.sides for part in self._side(side, below.row)]
        item = self.ladder.add(
            name, self.ladder.operation(self.costs[0].op.name), "forward", (SUM, below.row + 1), self.costs[0]
        )
        for part in (below, *parts):
            self.ladder.join(part, item, "forward")
        self.of[self.costs[0]] = item

    def _side(self, side: Node, row: int) -> list[Item]:
        """What of a side concerns one weight alone in the row of that weight, the rest in the row of the cost."""
        for part, weight in side_parts(side).items():
            if part is not side and weight in self.home:
                self._forward(part, None, self._elided(part), (SIDE, self.home[weight]))
        weights = [leaf for leaf in leaves([side]) if leaf.shape != ()]
        home = self.home.get(weights[0], row) if len(weights) == 1 and len(leaves([side])) == 1 else row
        return [self._forward(side, None, self._elided(side), (SIDE, home))]

    def _elided(self, node: Node) -> Tree:
        trees: dict[Node, Tree] = {}
        for each in topological_order([node]):
            name = self.names.get(each) if each.is_leaf else None
            trees[each] = as_tree(name) if name else each.op.notation(each.inputs, *(trees[i] for i in each.inputs))
            trees[each] = elided(trees[each])
        return trees[node]


def split(cost: Node, targets: Sequence[Node]) -> tuple[Node, list[Node]]:
    """The summand of a cost that is learned from data, and those that depend on weights alone."""
    sides: list[Node] = []
    main = cost
    while main.op.name == "add":
        alone = [given for given in main.inputs if _is_side(given, targets)]
        rest = [given for given in main.inputs if given not in alone]
        if len(alone) != 1 or len(rest) != 1:
            break
        sides, main = [alone[0], *sides], rest[0]
    shared = inner([main]) & inner(sides)
    return (main, sides) if not main.is_leaf and not shared else (cost, [])


def inner(nodes: Sequence[Node]) -> set[Node]:
    """What is computed from variables below `nodes`, themselves included."""
    alive: dict[Node, bool] = {}
    for node in topological_order(nodes):
        alive[node] = node.op.is_variable or any(alive[given] for given in node.inputs)
    return {node for node, known in alive.items() if known and not node.is_leaf}


def _is_side(node: Node, targets: Sequence[Node]) -> bool:
    if node.is_leaf or len(topological_order([node])) > LARGEST_SIDE:
        return False
    below = leaves([node])
    weights = [leaf for leaf in below if leaf.shape != ()]
    return bool(weights) and all(is_weight(leaf, targets) for leaf in weights)


def is_weight(leaf: Node, targets: Sequence[Node]) -> bool:
    """Whether a leaf is learned."""
    return leaf in targets or (isinstance(leaf.op, Variable) and leaf.op.role == "parameter")


def side_parts(side: Node) -> dict[Node, Node]:
    """The largest scalar parts of a side that depend on one leaf, an array, with that leaf."""
    order = topological_order([side])
    below: dict[Node, frozenset[Node]] = {}
    for node in order:
        own = frozenset([node]) if node.op.is_variable else frozenset[Node]()
        below[node] = own.union(*(below[given] for given in node.inputs))
    uses = consumers(order)
    found: dict[Node, Node] = {}
    for node in order:
        above = [consumer for consumer, _ in uses.get(node, [])]
        alone = len(below[node]) == 1 and node.shape == () and node.inputs
        if alone and not any(len(below[consumer]) == 1 for consumer in above):
            (leaf,) = below[node]
            if leaf.shape != ():
                found[node] = leaf
    return found


def elided(tree: Tree) -> Tree:
    """A long sum by its first and last terms."""
    if not isinstance(tree, Sum) or len(tree.terms) <= MOST_TERMS:
        return tree
    return Sum((*tree.terms[:2], (1, Name("…")), tree.terms[-1]))


def reached(node: Node, named: set[Node]) -> list[Node]:
    """The named nodes and variables that an operation is written with, in the order of its operands."""
    found: dict[Node, None] = {}
    seen = {node}
    stack = [iter(node.inputs)]
    while stack:
        given = next(stack[-1], None)
        if given is None:
            stack.pop()
        elif given in named or given.op.is_variable:
            found[given] = None
        elif given not in seen:
            seen.add(given)
            stack.append(iter(given.inputs))
    return list(found)


def operations(node: Node, named: Container[Node], ladder: Ladder) -> str:
    """The operations that are folded into one box, in the order of execution; of many, the first and the last."""
    names = [each.op.name for each in _folded(node, named) if each is node or _is_told(each)]
    names = [ladder.operation(name) for name in dict.fromkeys(names)]
    return ladder.words["comma"].join(
        names if len(names) <= MOST_OPERATIONS else [*names[: MOST_OPERATIONS - 1], "…", names[-1]]
    )


def _folded(node: Node, named: Container[Node]) -> list[Node]:
    """What is computed in one box from names and variables, operands first; numbers alone are left out."""
    alive: dict[Node, bool] = {}
    stack = [node]
    while stack:
        here = stack[-1]
        waiting = [i for i in here.inputs if i not in alive and i not in named and not i.is_leaf]
        stack += reversed(waiting)
        if not waiting:
            stack.pop()
            known = (given in named or given.op.is_variable or alive.get(given, False) for given in here.inputs)
            alive.setdefault(here, any(known))
    return [each for each, known in alive.items() if known]


def _is_told(node: Node) -> bool:
    """Whether an operation is worth telling: copies are not."""
    return not isinstance(node.op, Broadcast) and not node.op.is_view


def _role(leaf: Node) -> str:
    return "parameter" if isinstance(leaf.op, Variable) and leaf.op.role == "parameter" else "given"


def _formula(node: Node, names: Mapping[Node, str]) -> Rendered:
    return render_all([node], {given: name for given, name in names.items() if given is not node})


def is_brief(tree: Tree) -> bool:
    """Whether a formula is short enough to stand in a box behind its name."""
    return letters(tree) <= MOST_TERMS * 3


def _bands(rail: ForwardRail) -> list[str]:
    by_row = {item.row: node for node, item in rail.of.items() if item.column == FORWARD}
    ends = {*rail.costs, rail.main}
    return bands(rail.ladder, by_row, rail.names, ends, rail.named)


def bands(
    ladder: Ladder, by_row: Mapping[int, Node], names: Mapping[Node, str], ends: set[Node], named: set[Node]
) -> list[str]:
    """For each row the layer of what is computed there: as named, or by its weights, or that of the row below.

    Numbers that do not rise from the input to the loss tell something else apart, such as experts or steps in time:
    then no layers are named.
    """
    words = ladder.words
    height = max((item.row for item in ladder.items), default=0) + 1
    layers = {
        row: _layer(node, names, named) for row, node in by_row.items() if not (node.shape == () and node in ends)
    }
    rising = _rise([layers.get(row, "") for row in range(height)])
    found: list[str] = []
    for row in range(height):
        below = found[-1] if found else words["band_input"]
        if row not in by_row:
            found.append(words["band_loss" if row else "band_input"])
        elif row not in layers:
            found.append(words["band_loss"])
        elif rising and layers[row]:
            found.append(words["band_layer"].format(n=layers[row]))
        else:
            found.append("" if below == words["band_input"] else below)
    return found


def _rise(layers: Sequence[str]) -> bool:
    """Whether the numbers of layers rise with the rows; those given by a formula are taken to do so."""
    numbers = [int(layer) for layer in layers if layer.isdecimal()]
    return numbers == sorted(numbers)


def _layer(node: Node, names: Mapping[Node, str], named: set[Node]) -> str:
    own = parts_of(names.get(node, "")).layer
    weights = {parts_of(names.get(leaf, "")).layer for leaf in reached(node, named) if leaf.is_leaf}
    weights.discard("")
    return own or (weights.pop() if len(weights) == 1 else "")
