"""The update on a ladder: below the gradient of each parameter, what the optimiser makes of it and of its state.

The optimiser is any object with `state`, `scalars` and `step` as `backgraph.optim` has them. In formulas the gradient
is a variable called ∇W J, so that the update is written in terms of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Relation, Tree
from backgraph.language.ops.leaf import variable
from backgraph.rules import UPDATE_RULES, simplify
from backgraph.show.ladder import SUM, Item, Ladder
from backgraph.show.names import parts_of
from backgraph.show.render import as_tree, render_all

LETTERS = {
    "learning_rate": "epsilon",
    "shrink": "c",
    "root_correction": "q",
    "velocity": "v",
    "first_moment": "s",
    "second_moment": "r",
}
"""The book's letters for what optimisers keep and are given; other names stay as they are."""


class Updater(Protocol):
    """What drawings ask of an optimiser."""

    def state(self, parameter: Node) -> dict[str, float]:
        """Names of the arrays kept for a parameter."""
        ...

    def scalars(self, t: int) -> dict[str, float]:
        """Names and values of the scalars of a step."""
        ...

    def step(
        self, theta: Node, g: Node, state: Mapping[str, Node], scalars: Mapping[str, Node]
    ) -> tuple[Node, dict[str, Node]]:
        """What the parameter becomes, and what its state becomes."""
        ...


class Update:
    """What one step makes of one parameter: new values by old ones, with names for everything they are written with."""

    def __init__(
        self, updater: Updater, theta: Node, g: Node, names: Mapping[Node, str | Tree], scalars: Mapping[str, Node]
    ) -> None:
        state = {name: variable(name, theta.shape, theta.dtype, "state") for name in updater.state(theta)}
        new_theta, new_state = updater.step(theta, g, state, scalars)
        news = simplify([*(new_state[name] for name in state), new_theta], UPDATE_RULES).nodes
        self.news: dict[Node, Node] = dict(zip([*state.values(), theta], news, strict=True))
        """In the order of computation: state first."""
        name = str(names[theta]) if isinstance(names.get(theta), str) else str(theta.op)
        self.names: dict[Node, str | Tree] = {
            theta: name,
            **names,
            **{node: _lettered(each, name) for each, node in state.items()},
            **{node: LETTERS.get(each, each) for each, node in scalars.items()},
        }


def scalars_of(updater: Updater, dtype: str) -> dict[str, Node]:
    """What the optimiser is given in every step, the same for all parameters."""
    return {name: variable(name, (), dtype, "scalar") for name in updater.scalars(0)}


def _lettered(state: str, parameter: str) -> str:
    """`s` of `W2` is s⁽²⁾; of `b` it is s_b."""
    letter, parts = LETTERS.get(state, state), parts_of(parameter)
    return f"{letter}_{parts.stem}{parts.layer}" if len(letter) > 1 or parts.stem != "W" else f"{letter}{parts.layer}"


def add_updates(
    ladder: Ladder, updater: Updater, results: Mapping[Node, Item], names: Mapping[Node, str], cost: Tree
) -> None:
    """Boxes for the updates of all parameters, each below the gradient of its parameter."""
    scalars = scalars_of(updater, next(iter(results)).dtype)
    for theta, gradient in results.items():
        g = variable("gradient", theta.shape, theta.dtype, "gradient")
        update = Update(updater, theta, g, {**names, g: Gradient(as_tree(names[theta]), cost)}, scalars)
        alone = [item for item in ladder.items if (item.column, item.row) == (SUM, gradient.row)] == [gradient]
        gradient.anchor, gradient.stays = alone, False
        _add(ladder, update, theta, gradient, g)


def _add(ladder: Ladder, update: Update, theta: Node, gradient: Item, g: Node) -> None:
    made: dict[Node, Item] = {g: gradient}
    state = [old for old in update.news if old is not theta]
    for old, new in update.news.items():
        new_names = {update.news[each]: update.names[each] for each in state if update.news[each] in made}
        formula = render_all([new], {**update.names, **new_names}).formula(new)
        tree = Relation("←", as_tree(update.names[old]), formula)
        item = ladder.add(tree, ladder.words["update"], "update", (SUM, gradient.row), theta)
        item.stays, item.slot = True, gradient.slot + len(made) / 1000
        for source in _sources(new, made):
            ladder.join(source, item, "update")
        made[new] = item


def _sources(new: Node, made: Mapping[Node, Item]) -> Sequence[Item]:
    """What was made before that a value is computed from, the walk going no further than these."""
    found: dict[Item, None] = {}
    stack, seen = list(new.inputs), set[Node]()
    while stack:
        node = stack.pop()
        if node in made:
            found[made[node]] = None
        elif node not in seen:
            seen.add(node)
            stack += node.inputs
    return list(found)
