"""Every node of the graph on a ladder: what `show.cost` accounts for, each operation in a box of its own.

    origin      the forward operation whose rule built a node of the gradient, read off the terms of back-propagation
    cone        what a node is computed from, as far as it has no place yet

A node of the gradient stands in the row of its origin; several in one cell stand below one another in the order of
execution. Views (transposes, copies to a shape) take no step and no memory; numbers, and copies of numbers, are written
in the formulas and have no boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from backgraph.calculus.backprop import Gradients, Term, gradient
from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Name, Relation, Tree
from backgraph.language.walk import topological_order
from backgraph.rules import simplify
from backgraph.show.backward_rail import rule_caption
from backgraph.show.content import Question
from backgraph.show.derive import is_number
from backgraph.show.draw_words import OPERATIONS, WORDS
from backgraph.show.forward_rail import bands, inner, is_weight, side_parts, split
from backgraph.show.ladder import (
    CONTRIBUTION,
    FORWARD,
    GRADIENT,
    LEAVES,
    SIDE,
    SIDE_GRADIENT,
    SIDE_LEAVES,
    SUM,
    Item,
    Ladder,
    read,
)
from backgraph.show.naming import name_intermediates, unused
from backgraph.show.render import as_tree, letters
from backgraph.show.update_rail import Update, scalars_of

LONGEST = 3
"""Names, numbers and functions of a formula that may stand within another one."""


@dataclass(frozen=True)
class Place:
    """Where a node stands, and what it belongs to."""

    column: int
    row: int
    path: str


def every_node(question: Question) -> Ladder:
    """All nodes that are executed, in the order of `accounts`. Raises what `gradient` raises."""
    ladder = _EveryNode(question).ladder
    ladder.close_up()
    return ladder


class _EveryNode:
    def __init__(self, question: Question) -> None:
        self.ladder = Ladder(WORDS[question.lang], OPERATIONS[question.lang])
        self.question = question
        self.gradients = [gradient(cost, question.targets_of(cost)) for cost in question.costs if question.targets]
        wanted = [
            *question.costs,
            *(n for g in self.gradients for n in g.of.values()),
            *(n for g in self.gradients for n in g.nodes),
        ]
        simple = simplify(wanted)
        self.new = simple.new
        self.costs = [self.new[cost] for cost in question.costs]
        self.updates = self._updates()
        news = [node for update in self.updates for node in update.news.values()]
        self.ends = [] if news else [self.new[node] for g in self.gradients for node in g.nodes]
        self.order = topological_order([*self.costs, *self.ends, *news])
        self.places: dict[Node, Place] = {}
        self.home: dict[Node, int] = {}
        self.rules: dict[Node, str] = {}
        self._place_forward()
        for number, found in enumerate(self.gradients):
            self._place_gradient(found, "other" if number else "gradient")
        self._place_updates()
        self.trees = _trees(self.order, self._names())
        self.items: dict[Node, Item] = {}
        self.pills: dict[tuple[Node, int, int], Item] = {}
        for node in self.order:
            if node.inputs and not is_number(node):
                self._draw(node)
        self._given_costs()
        self._bands()
        for end in dict.fromkeys([*self.costs, *self.ends, *news]):
            if end in self.items:
                self.items[end].stays = True

    def _updates(self) -> list[Update]:
        if self.question.update is None or not self.gradients:
            return []
        updater, found = self.question.update, self.gradients[0]
        scalars = scalars_of(updater, found.targets[0].dtype)
        names = dict(self.question.names)
        return [
            Update(updater, theta, self.new[node], names, scalars)
            for theta, node in zip(found.targets, found.nodes, strict=True)
        ]

    def _place_forward(self) -> None:
        """The rail, one row for each operation; numbers beside what needs them; sides in the rows of their weights."""
        main, sides = split(self.costs[0], self.question.targets) if len(self.costs) == 1 else (self.costs[0], [])
        rail = [node for node in topological_order([main] if sides else self.costs) if not node.is_leaf]
        live = inner([main] if sides else self.costs)
        row = 0
        waiting: list[Node] = []
        for node in rail:
            if node not in live:
                waiting.append(node)
                continue
            row += 1
            self.places[node] = Place(FORWARD, row, "forward")
            for number in [each for each in waiting if each in _below(node, self.places)]:
                self.places[number] = Place(LEAVES, row, "forward")
                waiting.remove(number)
            for given in node.inputs:
                if given.op.is_variable:
                    self.home.setdefault(given, row)
        self.top = row
        self._place_sides(sides)

    def _place_sides(self, sides: Sequence[Node]) -> None:
        for side in sides:
            for part, weight in side_parts(side).items():
                for node in _cone(part, self.places):
                    self.places[node] = Place(SIDE, self.home.get(weight, self.top), "forward")
            for node in _cone(side, self.places):
                self.places[node] = Place(SIDE, self.top, "forward")
        for node in _cone(self.costs[0], self.places):
            self.places[node] = Place(SUM, self.top + 1, "forward")

    def _place_gradient(self, found: Gradients, path: str) -> None:
        forward = set(self.places)
        aside = {node for node, place in self.places.items() if place.column == SIDE}
        terms: dict[Node, list[Term]] = {}
        for term in found.terms:
            terms.setdefault(term.target, []).append(term)
        cost = self.new[found.cost]
        for V, arriving in found.of.items():
            contributions = [term for term in terms.get(V, []) if self.new[term.node] not in forward]
            for term in contributions:
                consumer, node = self.new[term.consumer], self.new[term.node]
                beside = consumer in aside
                own = path if not beside else "side"
                row = self._row(consumer, V, cost, beside)
                column = SIDE_GRADIENT if beside else CONTRIBUTION if V in found.targets and V.is_leaf else GRADIENT
                for each in _cone(node, self.places):
                    self.places[each] = Place(column, row, own)
                    self.rules[each] = rule_caption(term, self.ladder)
                alone = len(contributions) == 1 and node in self.places and self.places[node].column == CONTRIBUTION
                if column == CONTRIBUTION and alone:
                    self.places[node] = Place(SUM, row, own)
            leaf = V.is_leaf
            row = self.home.get(V, self.top) if leaf else self._row(self.new[V], V, cost, False)
            for each in _cone(self.new[arriving], self.places):
                self.places[each] = Place(SUM if leaf else GRADIENT, row, "sum" if V is not found.cost else path)

    def _row(self, consumer: Node, target: Node, cost: Node, beside: bool) -> int:
        if beside:
            return self.home.get(self.new[target], self.top)
        place = self.places.get(consumer)
        above = self.places.get(cost)
        return place.row if place is not None and place.column == FORWARD else above.row if above else self.top

    def _place_updates(self) -> None:
        for update in self.updates:
            theta = list(update.news)[-1]
            for new in update.news.values():
                for node in _cone(new, self.places):
                    self.places[node] = Place(SUM, self.home.get(theta, self.top), "update")

    def _names(self) -> dict[Node, str | Tree]:
        given: dict[Node, str] = {self.new.get(node, node): name for node, name in self.question.names.items()}
        names: dict[Node, str | Tree] = dict(name_intermediates(self.costs, given))
        for found in self.gradients:
            cost = as_tree(names[self.new[found.cost]])
            for V, arriving in found.of.items():
                own = names.get(self.new.get(V, V))
                if isinstance(own, str) and V is not found.cost and self.new[arriving].inputs:
                    names.setdefault(self.new[arriving], Gradient(Name(own), cost))
        for update in self.updates:
            for old, new in update.news.items():
                names |= {node: name for node, name in update.names.items() if node not in names}
                names.setdefault(new, Relation("←", as_tree(update.names[old]), as_tree(update.names[old])))
        return names

    def _draw(self, node: Node) -> None:
        place, words = self.places[node], self.ladder.words
        operation = self.ladder.operation(node.op.name)
        caption = words["view"].format(op=operation) if node.op.is_view else operation
        item = self.ladder.add(
            self.trees[node], caption, place.path, (place.column, place.row), node, counts=not node.op.is_view
        )
        if place.column in (SIDE, LEAVES):
            item.slot = -item.slot  # here, too, forward values climb
        self.items[node], item.built_by = item, self.rules.get(node, "")
        for given in dict.fromkeys(each for each in node.inputs if not is_number(each)):
            source = self.items.get(given) or self._pill(given, item)
            self.ladder.join(source, item, self._path(source, item))
            read(item, source)
        if node.op.is_view:
            base = self.items.get(node.inputs[0])
            item.view_of = (base.view_of or base) if base is not None else self._pill(node.inputs[0], item)

    def _given_costs(self) -> None:
        """Costs that are not computed: a number, or a leaf that the rules made of them."""
        for asked, cost in zip(self.question.costs, self.costs, strict=True):
            if cost not in self.items:
                tree = Relation("=", Name(self.question.names[asked]), self.trees[cost])
                self.items[cost] = self.ladder.add(tree, self.ladder.words["given"], "leaf", (FORWARD, self.top), cost)

    def _bands(self) -> None:
        """Layers as in the folded drawing; rows that have none of their own belong to what they lead to."""
        by_row = {place.row: node for node, place in self.places.items() if place.column == FORWARD}
        names = {node: name for node, name in self._names().items() if isinstance(name, str)}
        self.ladder.bands = bands(self.ladder, by_row, names, set(self.costs), set(by_row.values()))

    def _path(self, source: Item, target: Item) -> str:
        return "kept" if source.path == "forward" != target.path and not source.is_leaf else target.path

    def _is_data(self, leaf: Node, user: Item) -> bool:
        """Whether it can stand below the lowest operation."""
        taken = any((item.column, item.row) == (FORWARD, 0) for item in self.ladder.items)
        weight = is_weight(leaf, self.question.targets) or leaf.shape == ()
        return (user.column, user.row) == (FORWARD, 1) and not taken and not weight

    def _pill(self, leaf: Node, user: Item) -> Item:
        beside = {FORWARD: LEAVES, SIDE: SIDE_LEAVES}.get(user.column, user.column)
        key = (leaf, beside if beside != user.column else -user.number, user.row)
        if key not in self.pills:
            if self._is_data(leaf, user):
                beside, user_row = FORWARD, 0
            else:
                user_row = user.row
            again = any(node is leaf for node, _, _ in self.pills)
            role = self.ladder.words["given"]
            tree = self.trees[leaf]
            pill = self.ladder.add(tree, role, "use" if again else "leaf", (beside, user_row), leaf)
            if (beside, user_row) == (user.column, user.row):
                pill.slot = user.slot - 0.5
            self.pills[key] = pill
        return self.pills[key]


def _below(node: Node, known: Mapping[Node, Place]) -> set[Node]:
    return set(_cone(node, {each: place for each, place in known.items() if each is not node}))


def _cone(node: Node, known: Mapping[Node, Place]) -> list[Node]:
    """`node` and what it is computed from, as far as it has no place and is no leaf."""
    found: dict[Node, None] = {}
    stack = [node]
    while stack:
        here = stack.pop()
        if here not in known and here not in found and not here.is_leaf:
            found[here] = None
            stack += here.inputs
    return list(found)


def _trees(order: Iterable[Node], names: Mapping[Node, str | Tree]) -> dict[Node, Tree]:
    """What stands in each box: the operation on names, or on formulas short enough to stand in another."""
    trees: dict[Node, Tree] = {}
    references: dict[Node, Tree] = {}
    taken: dict[Node, str] = {node: name for node, name in names.items() if isinstance(name, str)}
    count = 0
    for node in order:
        tree = node.op.notation(node.inputs, *(references[given] for given in node.inputs))
        name = names.get(node)
        if node.is_leaf:
            trees[node] = references[node] = as_tree(name) if name is not None else tree
            continue
        if name is None and letters(tree) > LONGEST:
            count += 1
            name = taken[node] = unused(f"v_{count}", taken)
        if isinstance(name, Relation):  # an update is told by its arrow
            references[node], trees[node] = name.left, Relation("←", name.left, tree)
            continue
        references[node] = tree if name is None else as_tree(name)
        trees[node] = tree if name is None else Relation("=", references[node], tree)
    return trees
