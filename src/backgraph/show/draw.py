"""`draw`: the graph of a cost, its gradient and the update, as picture, as page to step through, and for Graphviz."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from backgraph.calculus.backprop import as_targets
from backgraph.errors import GraphError, UsageError, nearest
from backgraph.language.dims import Open, symbols
from backgraph.language.node import Node
from backgraph.language.walk import topological_order
from backgraph.show.colours import PALETTES
from backgraph.show.compose import compose
from backgraph.show.content import Question, folded
from backgraph.show.draw_words import WORDS
from backgraph.show.every_node import every_node
from backgraph.show.ladder import Ladder
from backgraph.show.names import display_name
from backgraph.show.picture import PAPER, Look, Picture
from backgraph.show.repeats import folded_repeats
from backgraph.show.sizes import check_sizes
from backgraph.show.update_rail import Updater

FORMATS = (".svg", ".html", ".dot")
PRINTED, PAGE = 8.5, 468.0
"""The size of type on paper, and the width of text on a page (6.5 inches), in points: no drawing is wider."""
BATCH, OTHERS = 32, 64
"""The sizes that symbols get where none are given: m and b, and all others."""


@dataclass(frozen=True)
class Drawing:
    """A drawing; `svg`, `html` and `dot` are text, `save` writes one of them by the ending of the file's name."""

    question: Question
    fold: bool
    look: Look
    dark: bool
    sizes: Mapping[str, int]

    @cached_property
    def ladder(self) -> Ladder:
        """What stands where."""
        return folded_repeats(self.full)

    @cached_property
    def full(self) -> Ladder:
        """The same before repeated blocks are folded into cards."""
        return folded(self.question) if self.fold else every_node(self.question)

    @cached_property
    def picture(self) -> Picture:
        """The drawing as parts with coordinates."""
        return compose(self.ladder, self.title, self.look, self.sizes)

    @property
    def title(self) -> str:
        """What it is a drawing of."""
        q, words = self.question, WORDS[self.question.lang]
        key = "title_forward" if not q.targets else "title_update" if q.update is not None else "title"
        return words[key].format(J=", ".join(display_name(q.names[cost]) for cost in q.costs))

    @property
    def svg(self) -> str:
        """As SVG that every renderer shows alike. All ids begin with the same letters, others for each drawing."""
        from backgraph.show.svg import svg

        natural = self.picture.width * PRINTED / self.look.size
        width = "" if self.look.captions else f"{min(natural, PAGE):.0f}pt"
        return svg(self.picture, self.prefix, PALETTES["dark" if self.dark else "light"], self.describe(), width)

    @cached_property
    def html(self) -> str:
        """As a page to step through, in one file; it holds the folded graph and every node, and loads nothing."""
        from backgraph.show.stepper import View, page

        both = [self if fold == self.fold else replace(self, fold=fold) for fold in (True, False)]
        views = [
            View(each.picture, each.full, self.sizes, f"{self.prefix}-{name}", name)
            for name, each in zip(("folded", "every"), both, strict=True)
        ]
        descriptions = [each.describe() for each in both]
        return page(views, descriptions, 1 - self.fold, self.question.lang, "dark" if self.dark else "")

    @property
    def dot(self) -> str:
        """As text for Graphviz."""
        from backgraph.show.dot import dot

        return dot(self.ladder, self.title)

    @property
    def prefix(self) -> str:
        """What ids begin with."""
        told = self.describe().encode(errors="replace")
        return f"bg{zlib.crc32(told):08x}"

    def describe(self) -> str:
        """The same steps as text."""
        return self._told

    @cached_property
    def _told(self) -> str:
        return "\n".join(f"{item.order}. {item.told}" for item in self.ladder.executed)

    def save(self, path: str | Path) -> Path:
        """Write a file; its ending, .svg, .html or .dot, says what. Raises UsageError BG601 for another ending."""
        path = Path(path)
        if path.suffix not in FORMATS:
            raise UsageError("BG601", "draw", "unknown kind of file", got=path.name, expected=", ".join(FORMATS))
        path.write_text(getattr(self, path.suffix[1:]), encoding="utf-8")
        return path

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        height = min(int(self.picture.height) + 460, 1400)
        style = f"width:100%;height:{height}px;border:0"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{escape(self.html)}"></iframe>'


def draw(
    cost: Node | Sequence[Node],
    wrt: Node | Sequence[Node] = (),
    names: Mapping[Node, str] | None = None,
    *,
    update: Updater | None = None,
    fold: bool = True,
    paper: bool = False,
    dark: bool = False,
    lang: str = "en",
    sizes: Mapping[str, int] | None = None,
    cost_name: str = "J",
) -> Drawing:
    """A drawing of the graph of `cost`, of the gradient with respect to `wrt` if given, and of the `update` if given.

    `names` are the user's. `fold` draws what has a name, otherwise every node is drawn. `paper` is for print, `dark`
    for dark pages, `lang` en or zh. `sizes` are numbers for symbolic dimensions, where shapes and memory are told in
    numbers. `update` is an optimiser such as `backgraph.optim.SGD()`. Raises GraphError BG108 and CalculusError BG301
    as `gradient` does, and UsageError BG601 for an unknown language.
    """
    if lang not in WORDS:
        raise UsageError("BG601", "draw", "unknown lang", got=lang, expected=", ".join(WORDS))
    costs = (cost,) if isinstance(cost, Node) else tuple(cost)
    given = dict(names or {})
    for i, each in enumerate(costs, start=1):
        given.setdefault(each, cost_name if len(costs) == 1 else f"{cost_name}_{i}")
    check_sizes(sizes or {}, costs)
    question = Question(costs, tuple(dict.fromkeys(as_targets(wrt))), given, update, lang)
    look = replace(PAPER, lang=lang) if paper else Look(lang=lang)
    drawing = Drawing(question, fold, look, dark, _sizes(costs, sizes or {}))
    _ = drawing.full  # what cannot be drawn is refused here, not where it is looked at
    return drawing


def draw_text(
    source: str, wrt: Sequence[str] = (), *, costs: Sequence[str] = (), shapes: Any = "", **options: Any
) -> Drawing:
    """`draw` of a cost typed in as text; `shapes` as for `parse`, `options` as for `draw`.

    `costs` are names that the text gives, as in `J1 = …; J2 = …`; without them the last statement is the cost.
    Raises GraphError BG101 and BG104 to BG108 as `parse` does, BG104 too for a cost that the text does not name.
    """
    from backgraph.language.parse import parse

    program = parse(source, shapes=shapes, wrt=list(wrt), cost=costs[0] if costs else "")
    names: dict[Node, str] = {}
    for name, node in program.names.items():
        names.setdefault(node, name)
    for name in costs[1:]:
        if name not in program.names:
            hint = nearest(name, list(program.names)) or f"name it in the text: {name} = …"
            raise GraphError("BG104", "--cost", "the text has no such name", got=name, hint=hint)
    drawn = [program.names[name] for name in costs] or [program.cost]
    return draw(drawn, [program.names[name] for name in wrt], names, **options)


def _sizes(costs: Sequence[Node], given: Mapping[str, int]) -> dict[str, int]:
    """A number for every symbol, in the order of the graph."""
    names: dict[str, int] = {}
    for node in topological_order(costs):
        found = {f"|{','.join(sorted(node.shape.names))}|"} if isinstance(node.shape, Open) else symbols(node.shape)
        for name in sorted(found):
            names[name] = given.get(name, BATCH if name in ("m", "b") else OTHERS)
    return names
