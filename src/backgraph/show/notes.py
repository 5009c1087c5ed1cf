"""Notes: what is to be remarked of an operation where its rule is first used, such as what relu's zeroes.

Which notes apply is read off the terms of the gradient; a value without a name is told by its formula. Their words are
those of the tables whose keys begin with `note_`: the operation, the input that is differentiated by, and `_examples`
where the rows are examples, `_result` for what is added where the rule needs the result alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backgraph.calculus.backprop import Term
from backgraph.language.dims import symbols
from backgraph.language.node import Node
from backgraph.language.notation import Name, Partial, Tree
from backgraph.language.op import Elementwise
from backgraph.language.walk import topological_order
from backgraph.show.conventions import examples
from backgraph.show.derive import Arrival, Derivation
from backgraph.show.page import Sentence, fill
from backgraph.show.render import LONG, letters, render_all


class Notes:
    """The notes of one explanation; each is told once."""

    def __init__(self, derivation: Derivation, words: Mapping[str, str]) -> None:
        self.derivation, self.words = derivation, words
        self.told: set[str] = set()
        self.examples = {*examples(derivation)}
        order = topological_order([derivation.gradients.cost])
        self.formulas = render_all([derivation.gradients.cost], dict(derivation.names), bare=order).references

    def of(self, arrival: Arrival) -> Iterator[Sentence]:
        """What is to be remarked of the operations on the way; and, for others, what a rule does without."""
        for term in arrival.way:
            yield from self._note(term, arrival)
        term = arrival.term
        key = f"result {term.rule.name}"
        if key not in self.told and f"note_{term.rule.name}_0" not in self.words and self._needs_result(term, arrival):
            self.told.add(key)
            yield fill(self.words["result_only"], x=self._formula(term.target), z=self._formula(term.consumer))

    def _note(self, term: Term, arrival: Arrival) -> Iterator[Sentence]:
        key = f"note_{term.rule.name}_{term.position}"
        shape = term.consumer.shape
        rows = symbols(shape[:-1]) if isinstance(shape, tuple) else ()
        key += "_examples" if f"{key}_examples" in self.words and self.examples & {*rows} else ""
        template = "" if key in self.told else self.words.get(key, "")
        x, z = term.target, self._result(term, arrival)
        if not template or not self._can_be_told(template, x, z):
            return
        self.told.add(key)
        trees = self._formula(x), self._formula(z)
        values: dict[str, Tree] = {"x": trees[0], "z": trees[1], "slope": Partial(trees[1], trees[0])}
        more = self.words.get(f"{key}_result", "") if self._needs_result(term, arrival) else ""
        yield fill(template + more, **values)

    def _can_be_told(self, template: str, x: Node, z: Node) -> bool:
        """Whether what the note speaks of has a name, or a formula short enough; derivatives are of names alone."""
        wanted = [x] * ("{x}" in template) + [z] * ("{z}" in template)
        named = self.derivation.names.keys()
        return all(letters(self._formula(node)) <= LONG for node in wanted) and (
            "{slope}" not in template or {x, z} <= named
        )

    def _formula(self, node: Node) -> Tree:
        name = self.derivation.names.get(node)
        return self.formulas[node] if name is None else Name(name)

    def _needs_result(self, term: Term, arrival: Arrival) -> bool:
        """Whether a rule reads what the operation computed, which has a name, and not what it was computed from."""
        x, z, names = term.target, term.consumer, self.derivation.names
        unary = isinstance(z.op, Elementwise) and len(z.inputs) == 1
        reads = {self.derivation.stand_ins.origin.get(leaf) for leaf in arrival.reads}
        return unary and {x, z} <= names.keys() and z in reads and x not in reads

    def _result(self, term: Term, arrival: Arrival) -> Node:
        """The result of an operation, or what it became with a bias added: the named value it went straight into."""
        z, origins = term.consumer, arrival.origins
        if z not in self.derivation.names and len(origins) == 1 and origins[0].shape == z.shape:
            return origins[0]
        return z
