"""`jacobians`: the annotated chain of a cost, with the Jacobian on every edge, to read and to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backgraph.calculus.backprop import as_targets
from backgraph.errors import CalculusError
from backgraph.language.dims import Open
from backgraph.language.node import Node
from backgraph.show.chain import Chain, chain_of
from backgraph.show.jacobian_picture import jacobian_svg
from backgraph.show.jacobian_text import page_html, page_text
from backgraph.show.jacobian_words import words_of


@dataclass(frozen=True)
class Jacobians:
    """The Jacobians between a cost and targets; `chain` holds them as data."""

    chain: Chain
    lang: str = "en"
    numbers: bool = False

    def text(self) -> str:
        """Values, Jacobians, the product that equals back-propagation, its cost, and the way from columns to rows."""
        return page_text(self.chain, self.lang, self.numbers)

    def svg(self, *, theme: str = "light", prefix: str = "jacobians") -> str:
        """The annotated chain as a picture. Raises UsageError BG601 for an unknown theme."""
        return jacobian_svg(self.chain, self.lang, theme=theme, prefix=prefix)

    def html(self) -> str:
        """Picture and text as one page that loads nothing."""
        return page_html(self.chain, self.svg(), self.lang, self.numbers)

    def __str__(self) -> str:
        return self.text()

    def _repr_svg_(self) -> str:
        return self.svg()


def jacobians(
    cost: Node,
    wrt: Node | Sequence[Node],
    names: Mapping[Node, str] | None = None,
    *,
    cost_name: str = "J",
    sizes: Mapping[str, int] | None = None,
    values: Mapping[Node, Any] | None = None,
    lang: str = "en",
    numbers: bool = False,
) -> Jacobians:
    """The Jacobian on every edge between `wrt` and the scalar `cost`, at a tiny example.

    `names` are the user's; other intermediates are named systematically. `sizes` of symbolic dimensions and `values` of
    leaves (by node) make the tiny example; what is not given is chosen. `numbers` prints them. Raises CalculusError
    BG302 where a Jacobian would have more than 20,000 elements, UsageError BG601 for an unknown language, and what
    `gradient` raises.
    """
    words_of(lang)
    if all(target is cost for target in as_targets(wrt)):
        what = "nothing stands between the cost and what it is differentiated by"
        raise CalculusError("BG302", str(cost.op), what, hint="give a cost that is computed from it")
    chain = chain_of(cost, wrt, names, cost_name=cost_name, sizes=sizes, values=values)
    return Jacobians(chain, lang, numbers)


def jacobians_text(
    source: str,
    wrt: Sequence[str],
    *,
    cost: str = "",
    shapes: str = "",
    sizes: Mapping[str, int] | None = None,
    lang: str = "en",
    numbers: bool = False,
) -> Jacobians:
    """`jacobians` of a cost typed in as text; `cost` and `shapes` as for `parse`. Names whose shape is open
    become vectors.

    Raises GraphError BG101 and BG104 to BG108 as `parse` does.
    """
    from backgraph.language.parse import parse

    program = parse(source, shapes=shapes, wrt=list(wrt), cost=cost)
    if opened := [name for name, node in program.leaves.items() if isinstance(node.shape, Open)]:
        shapes = ", ".join([*([shapes] if shapes.strip() else []), *(f"{name}:n" for name in opened)])
        program = parse(source, shapes=shapes, wrt=list(wrt), cost=cost)
    names: dict[Node, str] = {}
    for name, node in program.names.items():
        names.setdefault(node, name)
    cost_name = names.pop(program.cost, "J")
    targets = [program.names[name] for name in wrt]
    return jacobians(program.cost, targets, names, cost_name=cost_name, sizes=sizes, lang=lang, numbers=numbers)
