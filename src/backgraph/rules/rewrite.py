"""Rewriting: rules applied from the inputs up, until none applies anywhere.

A node is rewritten once its inputs are; what a rule puts in its place is rewritten in turn. Results are remembered, so
the time is proportional to the nodes seen. There is no recursion: a chain of any length is rewritten. That it ends is
shown by `rules.cost`: every rule lowers it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backgraph.collector import uncollected
from backgraph.language.node import Node
from backgraph.language.op import Elementwise
from backgraph.language.walk import topological_order
from backgraph.rules.rule import ANY, Pattern, Rule, inner


@dataclass(frozen=True)
class Step:
    """`rule` turned `before` into `after`."""

    rule: Rule
    before: Node
    after: Node


@dataclass(frozen=True)
class Simplified:
    """`nodes`, the new outputs in order; `new`, what every node of the old graph became; `trace`, the steps taken."""

    nodes: tuple[Node, ...]
    new: dict[Node, Node]
    trace: tuple[Step, ...]


@uncollected
def simplified(outputs: Sequence[Node], rules: tuple[Rule, ...]) -> Simplified:
    """`outputs` rewritten by `rules` until none applies.

    A rule may be refused because an inner result has another use; where that use has vanished, there is another pass.
    """
    nodes = tuple(outputs)
    new = {node: node for node in topological_order(nodes)}
    trace: list[Step] = []
    while True:
        run = _Pass(nodes, _index(rules))
        new = {old: run.normal_form(node) for old, node in new.items()}
        nodes = tuple(run.normal[node] for node in nodes)
        trace += run.steps
        uses = _uses(nodes)
        vanished = (_alone(pattern, node, uses) for pattern, node in run.refused if run.normal[node] is node)
        if not (run.steps and any(vanished)):
            return Simplified(nodes, new, tuple(trace))


def _uses(outputs: Sequence[Node]) -> Counter[Node]:
    """How often each node is an operand or an output."""
    uses = Counter(outputs)
    for node in topological_order(outputs):
        uses.update(node.inputs)
    return uses


def _alone(pattern: Pattern, node: Node, uses: Counter[Node]) -> bool:
    """Whether the inner results of what matched have no other use."""
    return all(uses[each] <= 1 for each in inner(pattern, node))


@functools.lru_cache(maxsize=16)
def _index(rules: tuple[Rule, ...]) -> _Index:
    return _Index(rules)


class _Index:
    """Rules by the name of the topmost card; with their patterns, by that and the names of those straight below."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.by_card: dict[str, list[Rule]] = {}
        for rule in rules:
            self.by_card.setdefault(rule.card, []).append(rule)
        self.found: dict[tuple[str, ...], list[tuple[Rule, Pattern]]] = {}

    def candidates(self, node: Node) -> list[tuple[Rule, Pattern]]:
        """The rules that may apply to `node`, in their order; which, is remembered."""
        cards = (node.op.name, *(given.op.name for given in node.inputs))
        found = self.found.get(cards)
        if found is None:
            anywhere = self.by_card.get(ANY, []) if isinstance(node.op, Elementwise) else []
            tried = [*self.by_card.get(cards[0], []), *anywhere]
            both = [(rule, pattern) for rule in tried for pattern in rule.patterns]
            found = self.found[cards] = [each for each in both if each[1].fits(cards[1:])]
        return found


class _Pass:
    """One pass: `normal` maps nodes to what no rule changes; `became` maps a node to what it was turned into."""

    def __init__(self, outputs: Sequence[Node], index: _Index) -> None:
        self.index = index
        self.normal: dict[Node, Node] = {}
        self.became: dict[Node, Node] = {}
        self.steps: list[Step] = []
        self.refused: list[tuple[Pattern, Node]] = []
        self.uses = _uses(outputs)
        for node in topological_order(outputs):
            result = self.normal_form(node)
            if result is not node:
                self.uses[result] += self.uses[node]

    def normal_form(self, root: Node) -> Node:
        """What `root` becomes when no rule applies any more."""
        stack = [root]
        while stack:
            node = stack[-1]
            waiting = [given for given in node.inputs if given not in self.normal]
            if node in self.normal:
                stack.pop()
            elif waiting:
                stack += waiting
            elif node in self.became:
                self.normal[node] = self.normal[self.became[node]]
            else:
                self._turn(node, stack)
        return self.normal[root]

    def _turn(self, node: Node, stack: list[Node]) -> None:
        """Rebuild `node` from the normal forms of its inputs, or else apply a rule, or else it is normal itself."""
        inputs = tuple(self.normal[given] for given in node.inputs)
        changed = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
        after = node.op.apply(*inputs) if changed else self._rewritten(node)
        if after is None:
            self.normal[node] = node
        else:
            self.became[node] = after
            stack.append(after)

    def _rewritten(self, node: Node) -> Node | None:
        for rule, pattern in self.index.candidates(node):
            after = rule.apply(pattern, node)
            if after is None or after is node:
                continue
            if rule.alone and not _alone(pattern, node, self.uses):
                self.refused.append((pattern, node))
                continue
            self.steps.append(Step(rule, node, after))
            return after
        return None
