"""`check`: the gradient of a cost checked node by node, with a verdict that can be read.

Every rule on the way back is checked by itself, with the values and the arriving gradient that it meets, in the order
of the backward pass; then the gradients that were asked for. The first rule that is wrong is named, with what makes it
wrong where that is simple. Elements at a kink are counted and said, not passed over: no number is the derivative there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backgraph.calculus.backprop import as_targets
from backgraph.calculus.gradcheck import Check, Report, check_gradient
from backgraph.errors import CalculusError, UsageError
from backgraph.evaluate import Bindings, bind, evaluate
from backgraph.language.dims import at, count, symbols
from backgraph.language.node import FLOATS, Node
from backgraph.language.notation import Gradient, Name, Tree
from backgraph.language.walk import topological_order
from backgraph.show import check_words
from backgraph.show.fault import find_fault
from backgraph.show.naming import name_intermediates
from backgraph.show.page import width, wrapped
from backgraph.show.render import as_tree, render_all
from backgraph.show.sizes import check_sizes
from backgraph.show.text import text
from backgraph.show.tiny import tiny_values

MOST_ELEMENTS = 10_000_000
"""Of a value: what is larger takes hours."""


@dataclass(frozen=True)
class Checked:
    """What was checked: every `rules` edge of the graph in the order of the backward pass, then the `gradients`."""

    cost: Tree
    rules: Report
    gradients: Report
    trees: Mapping[Node, Tree]
    sizes: Mapping[str, int]
    lang: str = "en"
    first_not_finite: Tree | None = None
    """The first value of the forward pass that is not finite."""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong; kinks are said, not held against a rule."""
        return self.rules.passed and self.gradients.passed

    @property
    def kinks(self) -> int:
        """How many elements lie at a kink."""
        checks = (*self.rules.checks, *self.gradients.checks)
        return sum(element.status == "at a kink" for check in checks for element in check.elements)

    def text(self) -> str:
        """Tables of the rules and of the gradients, and the verdict."""
        words = check_words.WORDS[self.lang]
        sizes = ", ".join(f"{name} = {size}" for name, size in self.sizes.items())
        lines = [words["rules_title"] + (words["sizes"].format(sizes=sizes) if sizes else "")]
        lines += _columns([self._row(check, number) for number, check in enumerate(self.rules.checks, start=1)])
        lines += ["", words["gradients_title"], *_columns([self._row(check) for check in self.gradients.checks]), ""]
        return "\n".join([*lines, *(line for sentence in self.verdict() for line in wrapped(sentence, ""))]) + "\n"

    def __str__(self) -> str:
        return self.text()

    def _row(self, check: Check, number: int = 0) -> tuple[str, ...]:
        words = check_words.WORDS[self.lang]
        status = words[f"status_{check.status.replace(' ', '_')}"]
        worst = "" if check.worst is None else self._shown(_error(check))
        method = words[f"method_{check.method.replace(' ', '_')}"]
        if check.consumer is None:
            return (text(Gradient(self.trees[check.of], self.cost)), status, worst, method)
        return (f"{number}.", *self._edge(check), status, worst, method)

    def _shown(self, error: float) -> str:
        return f"{error:.0e}" if error else check_words.WORDS[self.lang]["exact"]

    def _edge(self, check: Check) -> tuple[str, str]:
        """`z = relu(x)` and what of it was checked: `∇x`."""
        assert check.consumer is not None
        words = check_words.WORDS[self.lang]
        operand = text(self.trees[check.of])
        op = check_words.OPERATIONS[self.lang].get(check.consumer.op.name, check.consumer.op.name)
        return (op, words["input"].format(n=(check.position or 0) + 1, x=operand))

    def verdict(self) -> list[str]:
        """One sentence, and more where something is wrong or not judged."""
        words = check_words.WORDS[self.lang]
        wrong = self.rules.first_wrong or self.gradients.first_wrong
        if wrong is not None:
            return [*self._accusation(wrong), *self._kink_sentences()]
        error = max((_error(check) for check in (*self.rules.checks, *self.gradients.checks)), default=0.0)
        facts = {"rules": len(self.rules.checks), "gradients": len(self.gradients.checks), "error": self._shown(error)}
        return [words["right" if error else "right_exactly"].format(**facts), *self._kink_sentences()]

    def _accusation(self, wrong: Check) -> list[str]:
        words, worst = check_words.WORDS[self.lang], wrong.worst
        assert worst is not None
        facts = {"index": list(worst.index), "rule": f"{worst.by_rule:.6g}", "numbers": f"{worst.by_numbers:.6g}"}
        if worst.status == "not finite":
            where = self._place(wrong) if self.first_not_finite is None else text(self.first_not_finite)
            return [words["not_finite"].format(where=where)]
        key = "wrong_gradient" if wrong.consumer is None else "wrong_rule"
        sentences = [words[key].format(**facts, where=self._place(wrong))]
        given, right = (np.array([getattr(e, name) for e in wrong.elements]) for name in ("by_rule", "by_numbers"))
        fault = find_fault(given, right)
        if fault is not None and fault.kind in ("sign", "factor"):
            sentences.append(words[f"fault_{fault.kind}"].format(factor=fault.factor))
        return sentences

    def _place(self, check: Check) -> str:
        if check.consumer is None:
            return text(Gradient(self.trees[check.of], self.cost))
        op, operand = self._edge(check)
        return check_words.WORDS[self.lang]["place"].format(op=op, operand=operand)

    def _kink_sentences(self) -> list[str]:
        words = check_words.WORDS[self.lang]
        if not self.kinks:
            return []
        places = [self._place(c) for c in (*self.rules.checks, *self.gradients.checks) if _has_kink(c)]
        return [words["kinks"].format(n=self.kinks, places=words["comma"].join(places))]

    def to_json(self) -> dict[str, Any]:
        """As data: status, error and method of every check, the verdict."""
        return {
            "passed": self.passed,
            "kinks": self.kinks,
            "sizes": dict(self.sizes),
            "rules": [self._data(check) for check in self.rules.checks],
            "gradients": [self._data(check) for check in self.gradients.checks],
            "verdict": " ".join(self.verdict()),
        }

    def _data(self, check: Check) -> dict[str, Any]:
        facts: dict[str, Any] = {"of": text(self.trees[check.of]), "status": check.status, "method": check.method}
        if check.consumer is not None:
            facts |= {"operation": check.consumer.op.name, "input": (check.position or 0) + 1}
        return facts | {"elements": len(check.elements), "error": _error(check)}


def check(
    cost: Node,
    wrt: Node | Sequence[Node],
    values: Bindings | None = None,
    names: Mapping[Node, str] | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    lang: str = "en",
    tolerance: float | None = None,
) -> Checked:
    """The gradient of `cost` by `wrt` checked at `values` (made-up small ones where not given), rule by rule.

    Raises UsageError BG601 for an unknown language, what `gradient` raises, CalculusError BG302 for values that do not
    fit. A disagreement is reported, not raised.
    """
    if lang not in check_words.WORDS:
        raise UsageError("BG601", "check", "unknown lang", got=lang, expected=", ".join(check_words.WORDS))
    targets = tuple(dict.fromkeys(as_targets(wrt)))
    check_sizes(sizes or {}, [cost])
    _refuse_large(cost, sizes or {})
    numbers = tiny_values(cost, targets, values, sizes)
    rules = check_gradient(cost, targets, numbers, at="nodes", tolerance=tolerance)
    gradients = check_gradient(cost, targets, numbers, tolerance=tolerance)
    known = bind(topological_order([cost, *targets]), numbers)[1]
    named = name_intermediates([cost], {**(names or {}), cost: (names or {}).get(cost, "J")})
    trees = {**{node: Name(name) for node, name in named.items()}, **_references(cost, named)}
    measured = {name: size for name, size in known.items() if isinstance(size, int)}
    order = topological_order([cost])
    arrays = zip(order, evaluate(order, numbers), strict=True)
    broken = next((trees[n] for n, x in arrays if n.dtype in FLOATS and not np.all(np.isfinite(x))), None)
    return Checked(as_tree(named[cost]), rules, gradients, trees, measured, lang, broken)


def _refuse_large(cost: Node, sizes: Mapping[str, int]) -> None:
    """Refuse what would be evaluated for hours, a few elements at a time, before numbers are made up for it."""
    for node in topological_order([cost]):
        elements = at(count(node.shape), dict.fromkeys(symbols(node.shape), 1) | dict(sizes))
        if isinstance(elements, int) and elements > MOST_ELEMENTS:
            what = "too large to be checked by numbers"
            raise CalculusError("BG302", str(node.op), what, got=f"{elements:,} elements", hint="give smaller sizes")


def _references(cost: Node, named: Mapping[Node, str]) -> dict[Node, Tree]:
    """What stands for every node: its name, or its formula."""
    return dict(render_all([cost], dict(named)).references)


def _error(check: Check) -> float:
    return max((e.error for e in check.elements if e.status != "at a kink"), default=0.0)


def _has_kink(check: Check) -> bool:
    return any(element.status == "at a kink" for element in check.elements)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of a table, two spaces between the columns."""
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    padded = ([cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=True)] for row in rows)
    return ["  " + "  ".join(cells).rstrip() for cells in padded]
