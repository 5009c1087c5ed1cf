"""The gradient on a ladder: each contribution in the row of the operation whose rule made it, sums in the middle.

Everything is read off the steps of the derivation. A contribution that is the incoming gradient itself (the rule of
add) is an arrow without a box; a step that only passes a gradient on is told in the box of what it passes on.
"""

from __future__ import annotations

from collections.abc import Sequence

from backgraph.calculus.backprop import Term
from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Name, Number, Relation, Sum, Tree, times
from backgraph.language.walk import topological_order
from backgraph.show.conventions import is_decay
from backgraph.show.derive import Arrival, Derivation, Step
from backgraph.show.draw_words import filled
from backgraph.show.forward_rail import ForwardRail, elided, is_brief
from backgraph.show.ladder import (
    CONTRIBUTION,
    FORWARD,
    GRADIENT,
    SIDE,
    SIDE_GRADIENT,
    SUM,
    Item,
    Ladder,
    read,
)
from backgraph.show.render import children


class BackwardRail:
    """Draws the gradient of one cost beside the forward rail; `path` is its colour."""

    def __init__(self, forward: ForwardRail, derivation: Derivation, path: str = "gradient") -> None:
        self.forward, self.derivation, self.ladder, self.path = forward, derivation, forward.ladder, path
        self.cost = derivation.gradients.cost
        self.gradient: dict[Node, Item] = {}
        self.called: dict[Tree, Item] = {}
        self.lets: dict[Tree, Item] = {}
        self.defined = {Name(forward.names[node]): item for node, item in forward.of.items() if node in forward.names}
        self.result: dict[Node, Item] = {}
        self.kept: dict[int, list[Tree]] = {}
        self.keepers: dict[int, list[Item]] = {}
        main = set(topological_order([forward.main]))
        self.aside = set(topological_order(forward.sides)) - main
        for step in derivation.steps:
            self._step(step)
        self._rungs()

    def _step(self, step: Step) -> None:
        for (name, formula), node in zip(step.lets, step.let_nodes, strict=True):
            self._let(step, name, formula, node)
        item = self._only_passed_on(step) or self._item(step)
        stand_in = self.derivation.stand_ins.of.get(self.derivation.gradients.of[step.of])
        if stand_in is not None:  # a number stands for itself
            self.gradient.setdefault(stand_in, item)
        self.called[step.name] = item
        if step.of in self.derivation.gradients.targets:
            item.stays, self.result[step.of] = True, item

    def _item(self, step: Step) -> Item:
        groups = _grouped(step.arrivals)
        if not groups:
            tree, place = Relation("=", step.name, step.formula), (SUM, self._home(step.of))
            return self.ladder.add(tree, self.ladder.words["nothing_arrives"], self.path, place, step.of)
        if len(groups) > 1:
            return self._sum(step, groups)
        column = SUM if step.of.is_leaf else GRADIENT
        return self._arrival(step, groups[0], Relation("=", step.name, step.formula), column)

    def _only_passed_on(self, step: Step) -> Item | None:
        """The item whose value this gradient is, if a single path brings it unchanged and nobody asked for it."""
        if step.of.is_leaf or step.lets or len(step.arrivals) != 1:
            return None
        source = self._passed(step.arrivals[0])
        if source is not None and step.of not in self.derivation.gradients.targets:
            source.also = (*source.also, step.name)
            return source
        return None

    def _passed(self, arrival: Arrival) -> Item | None:
        sources = self._sources(arrival)
        return sources[0] if len(sources) == 1 and self.called.get(arrival.formula) is sources[0] else None

    def _let(self, step: Step, name: Tree, formula: Tree, node: Node) -> None:
        row = max(self._row(step, arrival) for arrival in step.arrivals)
        caption = self.ladder.words["let"]
        item = self.ladder.add(Relation("=", name, formula), caption, self.path, (GRADIENT, row), node)
        for part in parts_of(formula):
            if part in self.called:
                self.ladder.join(self.called[part], item, self.path)
            elif part in self.defined:
                read(item, self.defined[part])
        self.called[name] = self.lets[name] = item

    def _join_lets(self, item: Item, tree: Tree) -> None:
        """Arrows from the parts of rules that a formula is written with."""
        for name in parts_of(tree):
            if name in self.lets:
                self.ladder.join(self.lets[name], item, self.path)

    def _sum(self, step: Step, groups: Sequence[Sequence[Arrival]]) -> Item:
        column = CONTRIBUTION if step.of.is_leaf else GRADIENT
        parts = [self._passed(group[0]) or self._part(step, group, column) for group in groups]
        formula = elided(step.formula)
        brief = not isinstance(formula, Sum) or is_brief(formula)
        tree = Relation("=", step.name, formula) if brief else step.name
        lowest = min(self._row(step, arrival) for group in groups for arrival in group)
        place = (SUM, self._home(step.of)) if step.of.is_leaf else (GRADIENT, lowest)
        item = self.ladder.add(tree, self.ladder.words["sum_of_paths"], "sum", place, step.of)
        item.step = step
        for part in parts:
            self.ladder.join(part, item, part.path if part.path != "sum" else self.path)
        if not isinstance(step.formula, Sum):
            self._join_lets(item, step.formula)
        return item

    def _part(self, step: Step, group: Sequence[Arrival], column: int) -> Item:
        formula = group[0].formula
        tree = formula if len(group) == 1 else times("scale", Number(float(len(group))), formula)
        return self._arrival(step, group, tree, column)

    def _arrival(self, step: Step, group: Sequence[Arrival], tree: Tree, column: int) -> Item:
        arrival = group[0]
        aside = self._is_aside(arrival)
        path = "side" if aside else self.path
        place = (SIDE_GRADIENT if aside else column, self._row(step, arrival))
        item = self.ladder.add(tree, self._caption(group), path, place, step.of)
        item.step, item.arrivals = step, tuple(group)
        sources = self._sources(arrival)
        for source in sources:
            self.ladder.join(source, item, path)
        self._join_lets(item, arrival.formula)
        if not sources:
            self.ladder.join(self.forward.of[self.cost], item, path, seed=True)
        self._keep(arrival, item)
        return item

    def _sources(self, arrival: Arrival) -> list[Item]:
        found = [self.gradient[leaf] for leaf in topological_order([arrival.node]) if leaf in self.gradient]
        return list(dict.fromkeys(found))

    def _caption(self, group: Sequence[Arrival]) -> str:
        ladder, term = self.ladder, group[0].term
        if len(group) > 1:
            return filled(ladder.words["rule_several"], op=ladder.operation(term.rule.name), n=len(group))
        return rule_caption(term, ladder)

    def _keep(self, arrival: Arrival, item: Item) -> None:
        reads = [self.derivation.stand_ins.origin[leaf] for leaf in arrival.reads]
        for node in reads:
            if node in self.forward.of:
                read(item, self.forward.of[node])
        if item.path != "side":
            kept = self.kept.setdefault(item.row, [])
            self.keepers.setdefault(item.row, []).extend([item] if reads else [])
            kept += [tree for node in reads if (tree := Name(self.forward.names[node])) not in kept]
        elif reads:
            self._keep_aside(item, reads)

    def _keep_aside(self, item: Item, reads: Sequence[Node]) -> None:
        """A rung from the forward part of the side in this row, or, where there is none, from the leaves."""
        beside = next((each for each in self.ladder.items if each.column == SIDE and each.row == item.row), None)
        if beside is not None and not beside.is_leaf:
            kept = tuple(Name(self.forward.names[node]) for node in reads)
            self.ladder.join(beside, item, "kept", kept)
            return
        for node in reads:
            source = self.forward.of.get(node) or self.forward.use(node, SIDE_GRADIENT, item.row)
            self.ladder.join(source, item, "kept")

    def _rungs(self) -> None:
        forward = {item.row: item for item in self.forward.of.values() if item.column == FORWARD}
        for row, kept in self.kept.items():
            if kept and row in forward:
                nearest = min(self.keepers[row], key=lambda item: (item.column, item.order))
                self.ladder.join(forward[row], nearest, "kept", tuple(kept))

    def _is_aside(self, arrival: Arrival) -> bool:
        return not arrival.origins and arrival.term.consumer in self.aside

    def _home(self, leaf: Node) -> int:
        return self.forward.home.get(leaf, self._cost_row())

    def _cost_row(self) -> int:
        return self.forward.of[self.forward.main if self.forward.sides else self.cost].row

    def _row(self, step: Step, arrival: Arrival) -> int:
        if self._is_aside(arrival):
            return self._home(step.of)
        rows = [self.forward.of[node].row for node in arrival.origins if node in self.forward.of]
        return min(rows, default=self._cost_row())


def rule_caption(term: Term, ladder: Ladder) -> str:
    """`rule of matmul, input 2`."""
    key = "rule" if len(term.consumer.inputs) == 1 else "rule_input"
    return filled(ladder.words[key], op=ladder.operation(term.rule.name), n=term.position + 1)


def side_is_decay(derivation: Derivation, rail: BackwardRail) -> bool:
    """Whether every contribution from the side is the gradient of a weight decay."""
    items = [item for item in rail.ladder.items if item.path == "side"]
    names = derivation.names
    return bool(items) and all(is_decay(a, names[item.step.of]) for item in items if item.step for a in item.arrivals)


def _grouped(arrivals: Sequence[Arrival]) -> list[list[Arrival]]:
    """Equal contributions by the same operation together: w·w sends back w twice."""
    groups: dict[tuple[Node, Node], list[Arrival]] = {}
    for arrival in arrivals:
        groups.setdefault((arrival.term.consumer, arrival.node), []).append(arrival)
    return list(groups.values())


def parts_of(tree: Tree) -> list[Tree]:
    """The names and gradients that a formula is written with, in order."""
    found: dict[Tree, None] = {}
    stack = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, (Name, Gradient)):
            found[part] = None
        else:
            stack += reversed(children(part))
    return list(found)
