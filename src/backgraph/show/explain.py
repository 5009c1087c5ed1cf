"""`explain`: the derivation of a gradient in words, in the order in which it is computed.

Forward definitions; assumptions; from the cost backward each step with its rule, the paths that arrive, why the shapes
force the order, what is kept; the gradients in named form; what they cost; the rewrites; the conventions. Which
sentences apply is read off the derivation (`show.derive`); how they sound is in the word tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backgraph.calculus.backprop import as_targets
from backgraph.errors import UsageError
from backgraph.evaluate import Bindings
from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Number
from backgraph.language.parse import Assumption, parse
from backgraph.rules import Rule
from backgraph.show import page, words_en, words_zh
from backgraph.show.conventions import account, conventions
from backgraph.show.derive import Derivation, derive
from backgraph.show.page import Formula, Remark, Section, Sentence, fill, listed, shape_words, subscribed
from backgraph.show.page_latex import as_latex
from backgraph.show.sentences import Narrator
from backgraph.show.tiny import tiny_values
from backgraph.show.worked import Worked, work_out

if TYPE_CHECKING:
    from backgraph.show.exercise import Exercise

LANGUAGES = {"en": words_en, "zh": words_zh}
SHAPE_OF = re.compile(r"\bshape of (\w+)")
FORMATS = ("text", "latex", "markdown", "html", "json", "numpy")


@dataclass(frozen=True)
class Explanation:
    """A derivation in words; `str()` gives it in the format asked for."""

    derivation: Derivation
    sections: tuple[Section, ...]
    lang: str = "en"
    ascii: bool = False
    format: str = "text"
    assumptions: tuple[str, ...] = ()
    worked: Worked | None = None

    def text(self) -> str:
        """As text for a terminal."""
        return self._shapes_named(page.as_text(self.sections, self.ascii))

    def latex(self) -> str:
        """As a LaTeX document that compiles as it stands."""
        return as_latex(self.sections, chinese=self.lang == "zh")

    def markdown(self) -> str:
        """As Markdown with `$maths$`."""
        return self._shapes_named(page.as_markdown(self.sections))

    def html(self) -> str:
        """As HTML that needs no script."""
        return self._shapes_named(page.as_html(self.sections, self.ascii))

    def _shapes_named(self, text: str) -> str:
        """`shape of b` in the language of the page: the notation of open shapes is English."""
        return SHAPE_OF.sub(LANGUAGES[self.lang].SHAPE_OF, text)

    def to_json(self) -> dict[str, Any]:
        """As data: formulas as text, ASCII and LaTeX, with shapes, rules and paths."""
        from backgraph.show.data import as_data

        return as_data(self.derivation, self.worked) | {"language": self.lang, "assumptions": list(self.assumptions)}

    def numpy(self) -> str:
        """As NumPy source of `cost_and_gradients`. Raises UsageError BG601 for an operation without a spelling."""
        from backgraph.show.numpy_source import numpy_source

        return numpy_source(self.derivation, LANGUAGES[self.lang].WORDS)

    def exercise(self) -> Exercise:
        """The derivation with its formulas left blank, which judges answers."""
        from backgraph.show.exercise import Exercise

        return Exercise(self.derivation, self.lang)

    def __str__(self) -> str:
        if self.format == "json":
            return json.dumps(self.to_json(), ensure_ascii=False, indent=2) + "\n"
        return str(getattr(self, self.format)())

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_markdown_(self) -> str:
        return self.markdown()


def explain(
    cost: Node,
    wrt: Node | Sequence[Node],
    names: Mapping[Node, str] | None = None,
    *,
    cost_name: str = "J",
    lang: str = "en",
    ascii: bool = False,
    format: str = "text",
    index: bool = False,
    assumptions: Sequence[str | Assumption] = (),
    values: Bindings | bool = False,
) -> Explanation:
    """The gradient of the scalar `cost` with respect to `wrt`, derived step by step.

    `names` are the user's; other intermediates are named systematically. `index` adds the form with indices. `values`
    adds the numbers at every node, each gradient checked: for inputs by node or name, or True for made-up ones; what
    is not given is made up. Raises UsageError BG601 for an unknown language or format, GraphError BG108 and
    CalculusError BG301 as `gradient` does, CalculusError BG302 for values that do not fit.
    """
    _known("lang", lang, tuple(LANGUAGES))
    _known("format", format, FORMATS)
    derivation = derive(cost, tuple(dict.fromkeys(as_targets(wrt))), names, cost_name)
    taken = tuple(_assumed(each, lang) for each in assumptions)
    worked = None
    if values is not False:
        given = {} if values is True else values
        worked = work_out(derivation, tiny_values(cost, derivation.gradients.targets, given))
    sections = _sections(derivation, lang, index, taken, worked)
    return Explanation(derivation, sections, lang, ascii, format, taken, worked)


def explain_text(source: str, wrt: Sequence[str], *, cost: str = "", shapes: Any = "", **options: Any) -> Explanation:
    """`explain` of a cost typed in as text; `cost` and `shapes` as for `parse`, `options` as for `explain`.

    Raises GraphError BG101 and BG104 to BG108 as `parse` does.
    """
    program = parse(source, shapes=shapes, wrt=list(wrt), cost=cost)
    names: dict[Node, str] = {}
    for name, node in program.names.items():
        names.setdefault(node, name)
    targets = [program.names[name] for name in wrt]
    return explain(program.cost, targets, names, assumptions=program.assumed, **options)


def _known(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError("BG601", "explain", f"unknown {what}", got=value, expected=", ".join(known))


def _assumed(assumption: str | Assumption, lang: str) -> str:
    """What was taken for granted, in words; text of the user's own stays."""
    if isinstance(assumption, str):
        return assumption
    table = LANGUAGES[lang]
    held = table.HELD.get(assumption.held, assumption.held)
    shape = subscribed(assumption.shape) or table.WORDS["scalar"]
    return table.ASSUMED[assumption.kind].format(name=assumption.name, shape=shape, held=held)


def _rewrite(rule: Rule, times: int, lang: str) -> Sentence:
    name, equation = LANGUAGES[lang].RULES.get(rule.name, (rule.name.replace("_", " "), ""))
    return fill(LANGUAGES[lang].WORDS["rewrite"], name=name, equation=equation or rule.equation) + (
        (f"  ({times}×)",) if times > 1 else ()
    )


def _sections(
    derivation: Derivation, lang: str, index: bool, assumptions: tuple[str, ...], worked: Worked | None
) -> tuple[Section, ...]:
    words, ties, operations = LANGUAGES[lang].WORDS, LANGUAGES[lang].TIES, LANGUAGES[lang].OPERATIONS
    narrator = Narrator(derivation, words, index, operations, worked)
    J, targets = derivation.cost, listed(narrator.targets, words["comma"], words["and"])
    rewrites = [_rewrite(rule, times, lang) for rule, times in derivation.rewrites]
    intro = Remark(fill(words["backward_intro"], J=J), below=False)
    sections = (
        Section((words["tiny_title"],), tuple(narrator.inputs())),
        Section(fill(words["forward_title"], J=J), narrator.forward()),
        Section((words["assumptions_title"],), _remarks([(each,) for each in assumptions])),
        Section(fill(words["backward_title"], J=J, targets=targets), (intro, *narrator.backward())),
        Section((words["gradients_title"],), tuple(_result(derivation, words))),
        Section((words["account_title"],), _remarks(account(derivation, words))),
        Section((words["rewrites_title"],), _remarks(rewrites)),
        Section((words["conventions_title"],), _remarks(conventions(derivation, words, ties, operations))),
    )
    return tuple(section for section in sections if section.blocks)


def _result(derivation: Derivation, words: Mapping[str, str]) -> list[Formula]:
    J, scalar = derivation.cost, words["scalar"]
    by_itself = [Formula(Gradient(J, J), Number(1.0), (scalar,))] * (
        derivation.gradients.cost in derivation.gradients.targets
    )
    steps = [Formula(step.name, step.formula, shape_words(step.of.shape, words)) for step in derivation.targets]
    return by_itself + steps


def _remarks(sentences: Sequence[Sentence]) -> tuple[Remark, ...]:
    return tuple(Remark(sentence, below=False) for sentence in sentences)
