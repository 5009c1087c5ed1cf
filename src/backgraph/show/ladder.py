"""What stands where in a drawing: one row for each forward operation, its rules of back-propagation in the same row.

    item      what is drawn as a box: a forward value, a contribution to a gradient, a sum, or a use of a leaf
    link      an arrow between items, or a rung: the forward values that a rule keeps
    column    leaves | forward | gradients | contributions to weights | sums | the same for terms of weights alone
    row       0 at the bottom; forward values climb, the gradient turns at the cost and comes down
    side      a summand of the cost that depends on leaves alone, such as weight decay; it is drawn on the right

Everything is read off the derivation (`show.derive`); nothing is placed by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.notation import Name, Relation, Sum, Tree
from backgraph.language.walk import topological_order
from backgraph.show.derive import Arrival, Definition, Derivation, Step
from backgraph.show.names import parts_of
from backgraph.show.render import Rendered, as_tree, children, names_in, render_all
from backgraph.show.text import text

LEAVES, FORWARD, GRADIENT, CONTRIBUTION, SUM, SIDE_GRADIENT, SIDE, SIDE_LEAVES = range(8)
"""The columns, from left to right."""


@dataclass(eq=False)
class Item:
    """A box to be drawn. `path` says what it is: leaf, use, forward, gradient, side or sum."""

    number: int
    tree: Tree
    caption: str
    path: str
    column: int
    row: int
    shape: str
    order: int = 0
    """Its place in the order of execution, from 1; 0 for leaves."""

    @property
    def title(self) -> str:
        """What a reader of the drawing hears: formula, shape, operation, order."""
        step = f", step {self.order}" if self.order else ""
        return f"{text(self.tree)}: {self.shape}, {self.caption}{step}"


@dataclass(frozen=True, eq=False)
class Link:
    """An arrow. `path` is forward, gradient, side, sum or kept; rungs (kept) carry the names of what is kept."""

    source: Item
    target: Item
    path: str
    kept: tuple[Tree, ...] = ()
    seed: bool = False
    """Whether it carries the gradient of the cost with respect to itself, which is 1."""


@dataclass
class Ladder:
    """All items and links, and for each row, bottom first, what its band is called."""

    items: list[Item] = field(default_factory=list[Item])
    links: list[Link] = field(default_factory=list[Link])
    bands: list[str] = field(default_factory=list[str])
    steps: int = 0

    def add(self, tree: Tree, caption: str, path: str, place: tuple[int, int], shape: str) -> Item:
        """A new item; computed ones get the next number in the order of execution."""
        computed = path not in ("leaf", "use")
        self.steps += computed
        item = Item(len(self.items), tree, caption, path, *place, shape, self.steps if computed else 0)
        self.items.append(item)
        return item

    def join(self, source: Item, target: Item, path: str, **more: object) -> None:
        """A new link, once."""
        if not any(link.source is source and link.path == path for link in self._into(target)):
            self._by_target.setdefault(target.number, []).append(Link(source, target, path, **more))  # type: ignore[arg-type]
            self.links.append(self._by_target[target.number][-1])

    _by_target: dict[int, list[Link]] = field(default_factory=dict[int, list[Link]])

    def _into(self, target: Item) -> list[Link]:
        return self._by_target.get(target.number, [])


class ForwardPart:
    """Draws the forward graph: definitions up the rail, leaves where they are used, sides of the cost on the right."""

    def __init__(
        self, definitions: Sequence[Definition], names: Mapping[Node, str], cost: Node, targets: Sequence[Node]
    ) -> None:
        self.ladder = Ladder()
        self.names, self.cost, self.targets = names, cost, targets
        self.named = {definition.node for definition in definitions}
        self.of: dict[Node, Item] = {}
        self.home: dict[Node, int] = {}
        self.leaf_uses: set[Node] = set()
        self.main, self.sides = _split(cost, self.named, names) if definitions else (cost, [])
        for definition in definitions:
            if definition.node is not cost:
                self._define(definition.node, definition.name, definition.formula)
        cost_definition = next((d for d in definitions if d.node is cost), None)
        if cost_definition is not None:
            self._cost(cost_definition)

    def row(self, node: Node) -> int:
        """The row of a named node."""
        return self.of[node].row

    def _define(self, node: Node, name: Tree | None, formula: Tree) -> Item:
        row = max((item.row for item in self.of.values() if item.column == FORWARD), default=0) + 1
        return self._forward(node, name, formula, (FORWARD, row))

    def _forward(self, node: Node, name: Tree | None, formula: Tree, place: tuple[int, int]) -> Item:
        tree = formula if name is None else Relation("=", name, formula)
        uses = [self._source(below, place) for below in reached(node, self.named)]
        item = self.ladder.add(tree, node.op.name, "forward", place, shape_text(node.shape))
        for source in uses:
            self.ladder.join(source, item, "forward")
        self.of[node] = item
        return item

    def _source(self, node: Node, place: tuple[int, int]) -> Item:
        return self.of[node] if node in self.named else self.use(node, *place)

    def use(self, leaf: Node, column: int, row: int) -> Item:
        """A leaf drawn where it is used; the second time as a grey pill."""
        again = leaf in self.leaf_uses
        self.leaf_uses.add(leaf)
        if column == FORWARD:
            self.home.setdefault(leaf, row)
        data = not again and column == FORWARD and row == 1 and leaf not in self.targets and leaf.shape != ()
        beside = {FORWARD: LEAVES, SIDE: SIDE_LEAVES, SIDE_GRADIENT: SIDE}[column]
        taken = any(item.column == FORWARD and item.row == 0 for item in self.ladder.items)
        place = (FORWARD, 0) if data and not taken else (beside, row)
        tree = as_tree(self.names.get(leaf, str(leaf.op)))
        return self.ladder.add(tree, leaf.op.name, "use" if again else "leaf", place, shape_text(leaf.shape))

    def _cost(self, definition: Definition) -> None:
        if not self.sides:
            self._define(self.cost, definition.name, definition.formula)
            return
        below = self._define(self.main, None, _formula(self.main, self.names).definitions[self.main])
        sides = [
            self._forward(side, None, _formula(side, self.names).definitions[side], (SIDE, below.row))
            for side in self.sides
        ]
        caption, shape = self.cost.op.name, shape_text(self.cost.shape)
        item = self.ladder.add(definition.name, caption, "forward", (SUM, below.row + 1), shape)
        for part in (below, *sides):
            self.ladder.join(part, item, "forward")
        self.of[self.cost] = item

    def main_row(self) -> int:
        """Where the rules of the cost stand."""
        return self.of[self.main].row


class BackwardPart:
    """Draws the gradient: each contribution in the row of the operation whose rule made it, sums in the middle."""

    def __init__(self, forward: ForwardPart, derivation: Derivation) -> None:
        self.forward, self.derivation, self.ladder = forward, derivation, forward.ladder
        self.gradient: dict[Node, Item] = {}
        self.called: dict[Tree, Item] = {}
        main = set(topological_order([forward.main]))
        self.aside = set(topological_order(forward.sides)) - main
        self.kept: dict[int, list[Tree]] = {}
        for step in derivation.steps:
            self._step(step)
        self._rungs()

    def _step(self, step: Step) -> None:
        lets = [self._let(step, *each) for each in step.lets]
        if len(step.arrivals) == 1:
            (arrival,) = step.arrivals
            column = SUM if step.of.is_leaf else GRADIENT
            item = self._arrival(step, arrival, Relation("=", step.name, step.formula), column)
        else:
            item = self._sum(step)
        stand_in = self.derivation.stand_ins.of.get(self.derivation.gradients.of[step.of])
        if stand_in is not None:  # a number stands for itself
            self.gradient.setdefault(stand_in, item)
        self.called[step.name] = item
        for let, name in lets:
            for target in self.ladder.items[let.number :]:
                if target is not let and name in names_in(target.tree):
                    self.ladder.join(let, target, "gradient")

    def _let(self, step: Step, name: Tree, formula: Tree) -> tuple[Item, Tree]:
        row = min(self._row(step, arrival) for arrival in step.arrivals)
        shape = "part of the rule"
        item = self.ladder.add(Relation("=", name, formula), "let", "gradient", (GRADIENT, row), shape)
        for tree, source in list(self.called.items()):
            if _mentions(formula, tree):
                self.ladder.join(source, item, "gradient")
        self.called[name] = item
        return item, name

    def _sum(self, step: Step) -> Item:
        parts = [
            self._arrival(step, a, a.formula, CONTRIBUTION if step.of.is_leaf else GRADIENT) for a in step.arrivals
        ]
        plain = isinstance(step.formula, Sum)
        tree = step.name if plain else Relation("=", step.name, step.formula)
        lowest = min(part.row for part in parts)
        place = (SUM, self._home(step.of)) if step.of.is_leaf else (GRADIENT, lowest)
        item = self.ladder.add(tree, "sum of paths", "sum", place, shape_text(step.of.shape))
        for part in parts:
            self.ladder.join(part, item, part.path)
        return item

    def _arrival(self, step: Step, arrival: Arrival, tree: Tree, column: int) -> Item:
        aside = self._is_aside(arrival)
        path = "side" if aside else "gradient"
        place = (SIDE_GRADIENT if aside else column, self._row(step, arrival))
        caption = f"rule of {arrival.term.rule.name}"
        item = self.ladder.add(tree, caption, path, place, shape_text(step.of.shape))
        sources = [self.gradient[leaf] for leaf in topological_order([arrival.node]) if leaf in self.gradient]
        for source in sources:
            self.ladder.join(source, item, path)
        if not sources:
            self.ladder.join(self.forward.of[self.forward.cost], item, path, seed=True)
        self._keep(arrival, item)
        return item

    def _keep(self, arrival: Arrival, item: Item) -> None:
        reads = [self.derivation.stand_ins.origin[leaf] for leaf in arrival.reads]
        if item.path != "side":
            kept = self.kept.setdefault(item.row, [])
            kept += [tree for node in reads if (tree := Name(self.forward.names[node])) not in kept]
            return
        for node in reads:
            source = self.forward.use(node, SIDE_GRADIENT, item.row) if node.is_leaf else self.forward.of[node]
            self.ladder.join(source, item, "kept")

    def _rungs(self) -> None:
        forward = {item.row: item for item in self.forward.of.values() if item.column == FORWARD}
        for row, kept in self.kept.items():
            rules = [item for item in self.ladder.items if item.row == row and item.path == "gradient"]
            if kept and row in forward and rules:
                nearest = min(rules, key=lambda item: (item.column, item.order))
                self.ladder.join(forward[row], nearest, "kept", kept=tuple(kept))

    def _is_aside(self, arrival: Arrival) -> bool:
        return not arrival.origins and arrival.term.consumer in self.aside

    def _home(self, leaf: Node) -> int:
        return self.forward.home.get(leaf, self.forward.main_row())

    def _row(self, step: Step, arrival: Arrival) -> int:
        if self._is_aside(arrival):
            return self._home(step.of)
        rows = [self.forward.row(node) for node in arrival.origins if node in self.forward.of]
        return min(rows, default=self.forward.main_row())


def forward_ladder(
    definitions: Sequence[Definition], names: Mapping[Node, str], cost: Node, targets: Sequence[Node] = ()
) -> ForwardPart:
    """The forward graph alone."""
    part = ForwardPart(definitions, names, cost, targets)
    part.ladder.bands = _bands(part)
    return part


def ladder(derivation: Derivation) -> Ladder:
    """The forward graph and the gradient."""
    gradients = derivation.gradients
    forward = forward_ladder(derivation.forward, derivation.names, gradients.cost, gradients.targets)
    BackwardPart(forward, derivation)
    return forward.ladder


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


def _split(cost: Node, named: set[Node], names: Mapping[Node, str]) -> tuple[Node, list[Node]]:
    """The summand of the cost that depends on what is named, and those that depend on leaves alone."""
    sides: list[Node] = []
    main = cost
    while main.op.name == "add":
        alone = [given for given in main.inputs if not any(node in named for node in reached(given, named))]
        rest = [given for given in main.inputs if given not in alone]
        if len(alone) != 1 or len(rest) != 1 or not _is_short(alone[0], named, names):
            break
        sides, main = [alone[0], *sides], rest[0]
    return (main, sides) if sides and _is_short(main, named, names) else (cost, [])


def _is_short(node: Node, named: set[Node], names: Mapping[Node, str]) -> bool:
    return not node.is_leaf and node not in named and not _formula(node, names).introduced


def _formula(node: Node, names: Mapping[Node, str]) -> Rendered:
    return render_all([node], {given: name for given, name in names.items() if given is not node})


def _mentions(tree: Tree, part: Tree) -> bool:
    return tree == part or any(_mentions(child, part) for child in children(tree))


def _bands(forward: ForwardPart) -> list[str]:
    """For each row the layer of what is computed there: as named, or by its weights, or that of the row below."""
    by_row = {item.row: node for node, item in forward.of.items() if item.column == FORWARD}
    names: list[str] = []
    for row in range(max((item.row for item in forward.ladder.items), default=0) + 1):
        node = by_row.get(row)
        below = names[-1] if names else "input"
        if node is None:
            names.append("loss" if row else "input")
        elif node.shape == () and (node in (forward.cost, forward.main)):
            names.append("loss")
        else:
            layer = _layer(node, forward)
            names.append(f"layer {layer}" if layer else "" if below == "input" else below)
    return names


def _layer(node: Node, forward: ForwardPart) -> str:
    own = parts_of(forward.names.get(node, "")).layer
    weights = {parts_of(forward.names.get(leaf, "")).layer for leaf in reached(node, forward.named) if leaf.is_leaf}
    weights.discard("")
    return own or (weights.pop() if len(weights) == 1 else "")
