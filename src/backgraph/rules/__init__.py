"""Rewrite rules: equations between graphs, applied until the graph is what a mathematician would write.

    rule.py       an equation, and how it is matched    rewrite.py   rules applied everywhere, until none applies
    numbers.py    0, 1, −1 and arithmetic               cost.py      why that ends
    signs.py      −                                     copies.py    broadcast and reshape
    algebra.py    factors, equal terms, choices         arrays.py    transposes, sums, products
    terms.py      like terms, factors that cancel       stable.py    what would overflow or cancel
    update.py     the step of gradient descent with decay

Rules fix every rounding: what they leave is what is computed (decision 9). They never look at sizes, threads or target.
"""

from __future__ import annotations

from collections.abc import Sequence

from backgraph.language.node import Node
from backgraph.rules.algebra import ALGEBRA
from backgraph.rules.arrays import ARRAYS
from backgraph.rules.copies import COPIES
from backgraph.rules.numbers import NUMBERS
from backgraph.rules.rewrite import Simplified, Step, simplified
from backgraph.rules.rule import Rule
from backgraph.rules.signs import SIGNS
from backgraph.rules.stable import STABLE
from backgraph.rules.terms import TERMS
from backgraph.rules.update import UPDATE

__all__ = ["RULES", "UPDATE_RULES", "Rule", "Simplified", "Step", "simplify"]

RULES: tuple[Rule, ...] = (*STABLE, *NUMBERS, *SIGNS, *ALGEBRA, *TERMS, *COPIES, *ARRAYS)
"""The rules that `simplify` applies; where two fit a node, the first is taken."""

UPDATE_RULES: tuple[Rule, ...] = tuple(UPDATE)
"""For the updates of a training step, after RULES: see `rules.update`."""


def simplify(outputs: Node | Sequence[Node], rules: Sequence[Rule] = RULES) -> Simplified:
    """`outputs` rewritten by `rules` from the inputs up until none applies; the result simplifies to itself.

    The new outputs are `.nodes`, in order; `.new` maps every node of the old graph to what it became, and
    `.trace` tells the steps. Values agree up to rounding, and are finite where only an intermediate result was not.
    """
    return simplified([outputs] if isinstance(outputs, Node) else outputs, tuple(rules))
