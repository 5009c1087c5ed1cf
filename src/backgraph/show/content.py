"""From a cost to a filled ladder: forward only, with the gradient, with the update; folded.

Several costs are drawn on one forward rail; the gradient of each has its own rules, and from the second on another
colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backgraph.language.node import Node
from backgraph.language.op import Elementwise
from backgraph.language.walk import ancestors
from backgraph.show.backward_rail import BackwardRail, side_is_decay
from backgraph.show.derive import Choices, Definition, Derivation, derive, is_number
from backgraph.show.draw_words import OPERATIONS, WORDS, filled
from backgraph.show.forward_rail import ForwardRail, inner, split
from backgraph.show.ladder import FORWARD, GRADIENT, SIDE, SIDE_GRADIENT, Item, Ladder
from backgraph.show.naming import name_intermediates, unused
from backgraph.show.render import as_tree, render_all
from backgraph.show.update_rail import Updater, add_updates


@dataclass(frozen=True)
class Question:
    """What is to be drawn."""

    costs: tuple[Node, ...]
    targets: tuple[Node, ...]
    names: Mapping[Node, str]
    """By the user, and for each cost."""
    update: Updater | None = None
    lang: str = "en"

    def targets_of(self, cost: Node) -> list[Node]:
        """The targets that one of several costs depends on; all if it depends on none, so that `gradient` complains."""
        below = ancestors([cost])
        return [target for target in self.targets if target in below] or list(self.targets)


def folded(question: Question) -> Ladder:
    """What has a name, each formula in one box. Raises GraphError BG108 and CalculusError BG301 as `gradient` does."""
    derivations = _derivations(question)
    ladder = Ladder(WORDS[question.lang], OPERATIONS[question.lang], derivations=derivations)
    if len(question.costs) == 1 and derivations:
        forward, names = derivations[0].forward, derivations[0].names
    else:
        forward, names = _forward(question)
    rail = ForwardRail(ladder, forward, names, question.costs, question.targets)
    backward = [
        BackwardRail(rail, derivation, "other" if i else "gradient") for i, derivation in enumerate(derivations)
    ]
    if question.update is not None and backward:
        results: dict[Node, Item] = backward[0].result
        add_updates(ladder, question.update, results, names, derivations[0].cost)
    _subheadings(ladder, rail, backward)
    ladder.close_up()
    return ladder


def _derivations(question: Question) -> list[Derivation]:
    if not question.targets:
        return []
    names = dict(question.names) if len(question.costs) == 1 else _all_names(question)
    found: list[Derivation] = []
    for number, cost in enumerate(question.costs, start=1):
        targets = question.targets_of(cost) if len(question.costs) > 1 else question.targets
        suffix = "" if len(question.costs) == 1 else f"_{number}"
        choices = Choices(inner(split(cost, targets)[1]), suffix, long_sums=True, every_step=True)
        found.append(derive(cost, targets, names, names[cost], choices))
    return found


def _all_names(question: Question) -> dict[Node, str]:
    """Names that hold in the graphs of all costs."""
    named = name_intermediates(question.costs, _worth_naming(question.names))
    for node in render_all(question.costs, named).introduced:
        named[node] = unused(f"u_{len(named)}", named)
    return named


def _worth_naming(names: Mapping[Node, str]) -> dict[Node, str]:
    return {node: name for node, name in names.items() if not is_number(node)}


def _forward(question: Question) -> tuple[list[Definition], dict[Node, str]]:
    several = len(question.costs) > 1 and question.targets
    known = _all_names(question) if several else name_intermediates(question.costs, _worth_naming(question.names))
    named: dict[Node, str] = dict(known)
    rendered = render_all(question.costs, named)
    named |= {node: name.text for node, name in rendered.introduced.items()}
    return [Definition(node, as_tree(named[node]), tree) for node, tree in rendered.definitions.items()], named


def _subheadings(ladder: Ladder, rail: ForwardRail, backward: Sequence[BackwardRail]) -> None:
    """What the main path and the sides are called."""
    words = ladder.words
    if not rail.sides:
        return
    about = core(rail.main).op
    plain = isinstance(about, Elementwise)
    main = words["data_term"] if plain else filled(words["path_of"], op=ladder.operation(about.name).replace("_", " "))
    decay = bool(backward) and side_is_decay(backward[0].derivation, backward[0])
    side = words["decay" if decay else "weights_alone"]
    ladder.subheadings = {FORWARD: main, GRADIENT: main, SIDE_GRADIENT: side, SIDE: side}


def core(node: Node) -> Node:
    """The operation that a cost is about: below sums, and below products and quotients with numbers."""
    while True:
        arrays = [given for given in node.inputs if given.shape != () and not is_number(given)]
        if node.op.name not in ("mul", "sum", "div", "neg", "mean") or not arrays:
            scalars = [given for given in node.inputs if not given.is_leaf and not is_number(given)]
            if node.op.name in ("mul", "div", "neg") and node.shape == () and scalars:
                node = scalars[0]
                continue
            return node
        if node.shape != ():
            return node
        node = arrays[0]
