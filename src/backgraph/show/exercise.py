"""Exercises: an explanation with its rules left blank; answers are judged symbolically, then by numbers, with a hint.

right      the answer simplifies to the same node, or has the same value at made-up numbers, twice
hint       what is wrong where that is simple: the shape, the sign, a factor, a path, the order or a transposition
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backgraph.errors import BackgraphError, UsageError
from backgraph.evaluate import evaluate
from backgraph.language.dims import shape_text, symbols
from backgraph.language.node import Node
from backgraph.language.notation import Name, Relation
from backgraph.language.op import Array, total
from backgraph.language.ops.linear import Bilinear
from backgraph.language.walk import leaves
from backgraph.rules import simplify
from backgraph.show import words_en, words_zh
from backgraph.show.answer import read_answer
from backgraph.show.derive import Arrival, Derivation, Step
from backgraph.show.exercise_words import WORDS
from backgraph.show.fault import Fault, find_fault, same
from backgraph.show.lifetimes import reads_of
from backgraph.show.names import GREEK
from backgraph.show.numpy_source import python_name
from backgraph.show.page import GAP, wrapped
from backgraph.show.text import text
from backgraph.show.tiny import tiny_values
from backgraph.show.worked import Worked, work_out

SIZES = (5, 7, 11, 13)
"""Sizes of dimensions, unlike each other and unlike common factors: so that 1/m is not taken for 1/2."""
OPERATIONS = {"en": words_en.OPERATIONS, "zh": words_zh.OPERATIONS}


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what is said of it."""

    right: bool
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Exercise:
    """The blanks are the steps of a derivation, from 1."""

    derivation: Derivation
    lang: str = "en"

    def __post_init__(self) -> None:
        if self.lang not in WORDS:
            raise UsageError("BG601", "exercise", "unknown lang", got=self.lang, expected=", ".join(WORDS))

    def say(self, key: str, **values: object) -> str:
        """A sentence of the table."""
        return GAP.sub("", WORDS[self.lang][key].format(**values))

    @cached_property
    def answer_names(self) -> list[str]:
        """What the left side of each answer is called, such as grad_W2."""
        return [python_name(step.name) for step in self.derivation.steps]

    @cached_property
    def worked(self) -> tuple[Worked, Worked]:
        """Two sets of made-up numbers for everything that an answer may use."""
        gradients = self.derivation.gradients
        names = dict.fromkeys(name for leaf in leaves([gradients.cost]) for name in sorted(symbols(leaf.shape)))
        sizes = dict(zip(names, itertools.cycle(SIZES), strict=False))
        first = tiny_values(gradients.cost, gradients.targets, sizes=sizes)
        other = {leaf: array if array.dtype.kind in "ib" else array * 0.75 + 0.125 for leaf, array in first.items()}
        return work_out(self.derivation, first, False), work_out(self.derivation, other, False)

    def text(self) -> str:
        """The forward pass, the blanks, and how to answer."""
        derivation = self.derivation
        targets = self.say("comma").join(text(Name(derivation.names[t])) for t in derivation.gradients.targets)
        lines = [f"  {text(Relation('=', d.name, d.formula))}   {shape_text(d.node.shape)}" for d in derivation.forward]
        lines += ["", self.say("title", J=text(derivation.cost), targets=targets)]
        for number, step in enumerate(derivation.steps, start=1):
            lines.append(f"{number:>3}. {text(step.name)} = {self.say('blank')}   {shape_text(step.of.shape)}")
            lines += wrapped(self._paths(step), "       ")
        example = f"{self.answer_names[0]} = …" if self.answer_names else ""
        names = self.say("comma").join([*self._given(), *self.answer_names])
        return "\n".join([*lines, "", *wrapped(self.say("how", example=example, names=names), "")]) + "\n"

    def _given(self) -> list[str]:
        return [python_name(Name(name)) for name in self.derivation.names.values()]

    def _paths(self, step: Step) -> str:
        paths = [self._path(arrival) for arrival in step.arrivals]
        if len(paths) == 1:
            return self.say("one_path", path=paths[0])
        return self.say("paths", n=len(paths), list=self.say("semicolon").join(paths))

    def _path(self, arrival: Arrival) -> str:
        origins = self.say("comma").join(text(Name(self.derivation.names[node])) for node in arrival.origins)
        path = (
            self.say("path_through", origin=origins)
            if origins
            else self.say("path_straight", J=text(self.derivation.cost))
        )
        ops = self.say("comma").join(dict.fromkeys(self._operation(term.rule.name) for term in arrival.way))
        return self.say("by_way_of", path=path, ops=ops)

    def _operation(self, name: str) -> str:
        return OPERATIONS[self.lang].get(name, name)

    def number_of(self, name: str) -> int | None:
        """The position of the step that an answer names: by its name, its number, or d for grad."""
        name = name.strip()
        gradients = [i for i, own in enumerate(self.answer_names) if own.startswith("G")]
        aliases = {f"G{i + 1}": place for i, place in enumerate(gradients) if f"G{i + 1}" not in self.answer_names}
        aliases |= {"d" + own.removeprefix("grad_"): i for i, own in enumerate(self.answer_names)}
        aliases |= {text(step.name): i for i, step in enumerate(self.derivation.steps)}
        aliases |= {text(step.name, ascii=True): i for i, step in enumerate(self.derivation.steps)}
        aliases |= {str(i + 1): i for i in range(len(self.answer_names))}
        return {**aliases, **{own: i for i, own in enumerate(self.answer_names)}}.get(name)

    def answer(self, line: str) -> Verdict:
        """The verdict on `NAME = EXPRESSION`."""
        name, equals, expression = line.partition("=")
        if not equals or not expression.strip():
            example = f"{self.answer_names[0]} = …" if self.answer_names else ""
            return Verdict(False, self.say("no_equals", example=example, got=line))
        number = self.number_of(name)
        if number is None:
            names = self.say("comma").join(self.answer_names)
            return Verdict(False, self.say("unknown_step", got=name.strip(), names=names))
        return self.judge(number, expression)

    def judge(self, number: int, expression: str) -> Verdict:
        """The verdict on an expression for a step, counted from 0."""
        step, name = self.derivation.steps[number], text(self.derivation.steps[number].name)
        try:
            node = read_answer(expression, self._known(number), self.derivation.gradients.cost)
        except BackgraphError as error:
            return Verdict(False, self.say("wrong", name=name, hint=self._unread(error, step)))
        right = total(step.parts)
        assert right is not None, "a step has parts"
        if node.shape != step.of.shape:
            facts = {"got": shape_text(node.shape), "V": text(Name(self.derivation.names[step.of]))}
            hint = self.say("wrong_shape", expected=shape_text(step.of.shape), **facts)
            return Verdict(False, self.say("wrong", name=name, hint=hint + self._turned(node, step)))
        ours, theirs = simplify([right, node]).nodes
        if ours is theirs:
            return Verdict(True, self.say("right_same", name=name))
        found = [(self._value(node, worked), worked.gradients[step.of], worked) for worked in self.worked]
        if all(same(given, wanted) for given, wanted, _ in found):
            return Verdict(True, self.say("right_numbers", name=name))
        given, _, worked = next(item for item in found if not same(item[0], item[1]))
        return Verdict(False, self.say("wrong", name=name, hint=self._hint(given, step, worked)))

    def _value(self, node: Node, worked: Worked) -> Array:
        return np.asarray(evaluate(node, worked.stand_ins))

    def _turned(self, node: Node, step: Step) -> str:
        """Whether an answer of the wrong shape is the transpose."""
        worked = self.worked[0]
        given = self._value(node, worked)
        right = [worked.gradients[step.of], *(worked.of(arrival.node) for arrival in step.arrivals)]
        turned = any(given.ndim == 2 and same(given.T, array) for array in right)
        return self.say("gap") + self.say("turned") if turned else ""

    def _unread(self, error: BackgraphError, step: Step) -> str:
        if error.code != "BG101":
            return self.say("not_read", why=error.line().split(": ", 1)[-1])
        facts = {"V": text(Name(self.derivation.names[step.of])), "expected": shape_text(step.of.shape)}
        return self.say("does_not_fit", got=error.got, what=error.what, **facts)

    def _known(self, number: int) -> dict[str, Node]:
        """Names an answer may use: those of the forward pass, and the gradients of earlier steps."""
        derivation, stand_ins = self.derivation, self.derivation.stand_ins
        known = {
            python_name(Name(name)): stand_ins.of[node]
            for node, name in derivation.names.items()
            if node in stand_ins.of
        }
        for place, step in enumerate(derivation.steps[:number]):
            node = stand_ins.of.get(derivation.gradients.of[step.of])
            if node is None:
                continue
            names = [self.answer_names[place], "d" + self.answer_names[place].removeprefix("grad_")]
            known |= {name: node for name in names if name not in known}
        greek = {GREEK[name]: node for name, node in known.items() if name in GREEK and GREEK[name] not in known}
        return known | greek | self._numbered(number, known)

    def _numbered(self, number: int, known: Mapping[str, Node]) -> dict[str, Node]:
        """G1, G2 … for G, G' …, where nothing else is called so."""
        own = [(place, name) for place, name in enumerate(self.answer_names[:number]) if name.startswith("G")]
        return {
            f"G{i}": known[name] for i, (_, name) in enumerate(own, start=1) if name in known and f"G{i}" not in known
        }

    def _hint(self, given: Array, step: Step, worked: Worked) -> str:
        """The simplest fault that explains the numbers."""
        parts = [worked.of(arrival.node) for arrival in step.arrivals]
        fault = find_fault(given, worked.gradients[step.of], parts, worked.sizes)
        assert fault is not None, "only wrong answers are hinted at"
        if fault.kind != "other":
            return self._fault_words(fault, step)
        return (
            self._of_products(given, step, worked) or self._of_incoming(given, step, worked) or self._last_resort(step)
        )

    def _fault_words(self, fault: Fault, step: Step) -> str:
        paths = self.say("comma").join(self._path(step.arrivals[i]) for i in fault.parts)
        return self.say(fault.kind, factor=fault.factor, paths=paths)

    def _of_products(self, given: Array, step: Step, worked: Worked) -> str:
        """Whether the factors of one product stand in another order, or are transposed otherwise."""
        for i, arrival in enumerate(step.arrivals):
            if not isinstance(arrival.node.op, Bilinear):
                continue
            others = [worked.of(other.node) for j, other in enumerate(step.arrivals) if j != i]
            rest = sum(others, np.zeros_like(given))
            if any(
                same(given, rest + product) for product in _products(arrival, worked) if product.shape == given.shape
            ):
                shapes = " × ".join(f"({shape_text(x.shape)})" for x in arrival.node.inputs)
                return self.say("order", shapes=shapes)
        return ""

    def _of_incoming(self, given: Array, step: Step, worked: Worked) -> str:
        """Whether the answer is the gradient that arrives, with nothing done to it."""
        for arrival in step.arrivals:
            of = next((s for s in self.derivation.steps if s.of is arrival.term.consumer), None)
            if of is not None and same(given, worked.gradients[of.of]):
                return self.say("incoming", op=self._operation(arrival.term.rule.name))
        return ""

    def _last_resort(self, step: Step) -> str:
        return self.say("other", ops=self._rules(step))

    def _rules(self, step: Step) -> str:
        names = dict.fromkeys(self._operation(arrival.term.rule.name) for arrival in step.arrivals)
        return self.say("comma").join(names)

    def hint(self, number: int) -> str:
        """What a step is made by and reads, without its formula."""
        step = self.derivation.steps[number]
        read = [text(self.derivation.stand_ins.trees[leaf]) for leaf in reads_of(step, self.derivation)]
        facts = {"ops": self._rules(step), "reads": self.say("comma").join(read) or "—"}
        return self.say("hint", shape=shape_text(step.of.shape), **facts)

    def solution(self, number: int) -> str:
        """The formula of a step."""
        step = self.derivation.steps[number]
        lets = [text(Relation("=", name, formula)) for name, formula in step.lets]
        return self.say("solution", formula="; ".join([*lets, text(Relation("=", step.name, step.formula))]))


def _products(arrival: Arrival, worked: Worked) -> Iterator[Array]:
    """The two factors of a product in every order and transposition that can be multiplied."""
    a, b = (worked.of(x) for x in arrival.node.inputs)
    for first, second in ((a, b), (b, a)):
        for one, other in itertools.product(_turns(first), _turns(second)):
            if one.ndim == other.ndim == 2 and one.shape[1] == other.shape[0]:
                yield one @ other


def _turns(matrix: Array) -> Sequence[Array]:
    return (matrix, matrix.T)
