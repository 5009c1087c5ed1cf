"""What is said of each line of a derivation: its paths, its rule, its shapes, what it keeps and where it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backgraph.calculus.backprop import Term
from backgraph.language.dims import shape_text
from backgraph.language.node import FLOATS, Node
from backgraph.language.notation import (
    BigSum,
    Entry,
    Gradient,
    Name,
    Number,
    Partial,
    Product,
    Relation,
    Transposed,
    Tree,
)
from backgraph.language.ops.leaf import literal
from backgraph.language.ops.linear import Bilinear
from backgraph.language.walk import consumers, topological_order
from backgraph.show.conventions import is_decay
from backgraph.show.copying import Repeat
from backgraph.show.derive import Arrival, Definition, Derivation, Step
from backgraph.show.index_form import element
from backgraph.show.lifetimes import freed_after, kept_values, last_reads, reads_of
from backgraph.show.notes import Notes
from backgraph.show.page import Block, Formula, Numbers, Remark, Sentence, fill, listed, shape_words
from backgraph.show.render import children
from backgraph.show.rule_formula import RuleFormula
from backgraph.show.worked import Worked

ORDINALS = ("first", "second", "third")


class Narrator:
    """Tells a derivation with the sentences of one language; a note is told once."""

    def __init__(
        self,
        derivation: Derivation,
        words: Mapping[str, str],
        index: bool,
        operations: Mapping[str, str],
        worked: Worked | None = None,
    ) -> None:
        self.derivation, self.words, self.index, self.operations = derivation, words, index, operations
        self.worked = worked
        self.notes = Notes(derivation, words)
        self.told: set[str] = set()
        self.uses = consumers(topological_order([derivation.gradients.cost]))
        self.kept, self.last = kept_values(derivation), last_reads(derivation)
        self.freed = freed_after(derivation)

    @property
    def targets(self) -> list[Tree]:
        """What the gradient is asked for."""
        return [self.called(node) for node in self.derivation.gradients.targets]

    def called(self, node: Node) -> Tree:
        """The name of a named node."""
        return Name(self.derivation.names[node])

    def forward(self) -> tuple[Block, ...]:
        """One formula for each named node, with its shape, its operation, and what it means; and its numbers."""
        scalar = (self.words["scalar"],)
        blocks: list[Block] = [
            Formula(self.called(node), Number(literal(node) or 0.0), scalar) for node in self.derivation.constants
        ]
        for d in self.derivation.forward:
            blocks.append(self._definition(d))
            blocks += [Remark(self._repeated(d.repeats))] if d.repeats else []
            blocks += [] if self.worked is None else [Numbers(d.name, self.worked.values[d.node])]
        return tuple(blocks)

    def inputs(self) -> Iterator[Block]:
        """The numbers that a tiny example begins with."""
        if self.worked is None:
            return
        sizes = [f"{name} = {size}" for name, size in self.worked.sizes.items()]
        key = "tiny_sizes" if sizes else "tiny_numbers"
        yield Remark(self.say(key, sizes=listed(sizes, self.words["comma"], self.words["comma"])), below=False)
        for node, name in self.derivation.names.items():
            if node.op.is_variable:
                yield Numbers(Name(name), self.worked.values[node])
        yield Remark(self.say("tiny_checked"), below=False)

    def _definition(self, definition: Definition) -> Formula:
        node = definition.node
        roles = [f"role_{consumer.op.name}_{position}" for consumer, position in self.uses.get(node, [])]
        role = next((self.words[key] for key in roles if key in self.words), "")
        notes: list[Sentence] = [(role,)] if role else []
        if node is not self.derivation.gradients.cost and (node in self.kept or node.shape != ()):
            key = "forward_kept" if node in self.kept else "forward_not_kept"
            notes.append(self.say(key, n=str(self.kept.get(node, 0))))
        aside = listed(notes, self.words["semicolon"], self.words["semicolon"])
        shape = shape_words(node.shape, self.words)
        return Formula(definition.name, definition.formula, (*shape, *("   ", *aside) * bool(aside)))

    def _repeated(self, repeats: Sequence[Repeat]) -> Sentence:
        """What a formula copies, and along what: what is copied alike in one sentence."""
        alike: dict[tuple[object, ...], list[Repeat]] = {}
        for repeat in repeats:
            alike.setdefault((repeat.filled, repeat.along, repeat.along or repeat.to), []).append(repeat)
        said = [self._copied(each) for each in alike.values()]
        return (*listed(said, self.words["semicolon"], self.words["semicolon"]), self.words["stop"])

    def _copied(self, alike: Sequence[Repeat]) -> Sentence:
        comma, last, first = self.words["comma"], self.words["and"], alike[0]
        to, several = shape_words(first.to, self.words), "_several" * (len(alike) > 1)
        if first.filled or not first.along:
            what = listed([each.what for each in alike], comma, last)
            return self.say("repeat_filled" if first.filled else f"repeat{several}_to", x=what, shape=to)
        shaped = [self.say("shaped", x=each.what, shape=shape_words(each.shape, self.words)) for each in alike]
        axes = listed([axis if " " in axis else Name(axis, is_size=True) for axis in first.along], comma, last)
        return self.say(f"repeat{several}_along", x=listed(shaped, comma, last), axes=axes)

    def backward(self) -> Iterator[Block]:
        """Each step: its formula, then what is to be said of it."""
        for number, step in enumerate(self.derivation.steps, start=1):
            shape = shape_words(step.of.shape, self.words)
            yield Formula(step.name, step.formula, shape, number)
            for sentence in self._step(step, number):
                yield Remark(sentence)
            yield from self._numbers(step)
        done = {step.of for step in self.derivation.steps}
        left_out = [n for n in self.derivation.names if n.op.is_variable and n.dtype in FLOATS and n not in done]
        if self.worked is not None and left_out:
            gradients = [Gradient(self.called(node), self.derivation.cost) for node in left_out]
            comma, last = self.words["comma"], self.words["and"]
            yield Remark(self.say("not_computed", list=listed(gradients, comma, last)), below=False)

    def _numbers(self, step: Step) -> Iterator[Block]:
        """The numbers of a step: of names it introduces, of its contributions, of the gradient with its check."""
        if self.worked is None:
            return
        for (name, _), node in zip(step.lets, step.let_nodes, strict=True):
            yield Numbers(name, self.worked.of(node))
        if len(step.arrivals) > 1:
            for arrival in step.arrivals:
                yield Numbers(arrival.formula, self.worked.of(arrival.node))
        yield Numbers(step.name, self.worked.gradients[step.of], self._checked(step.of))

    def _checked(self, node: Node) -> Sentence:
        """What comparing the gradient with numerical derivatives said."""
        check = None if self.worked is None else self.worked.checks.get(node)
        if check is None or check.worst is None:
            return ()
        wrong = check.status in ("wrong", "not finite")
        method = self.words[f"method_{check.method.replace(' ', '_')}"]
        errors = [e.error for e in check.elements if e.status == "right"]
        facts = {"error": f"{max(errors, default=0.0):.0e}", "method": method}
        if wrong:
            return self.say(
                "checked_wrong", rule=f"{check.worst.by_rule:.6g}", numbers=f"{check.worst.by_numbers:.6g}", **facts
            )
        kinks = sum(e.status == "at a kink" for e in check.elements)
        sentence = self.say("checked" if check.method == "complex step" else "checked_by", **facts)
        return sentence + self.say("checked_kinks", n=str(kinks)) if kinks else sentence

    def _step(self, step: Step, number: int) -> Iterator[Sentence]:
        V = self.called(step.of)
        if not isinstance(step.name, Gradient):
            whole = Gradient(V, self.derivation.cost)
            yield self.say("stands_for", name=step.name, gradient=whole, V=V)
        for name, formula in step.lets:
            yield self.say("let", name=name, formula=formula)
        if step.repeats:
            yield self._repeated(step.repeats)
        several = len(step.arrivals) > 1
        if several:
            paths = listed([self._path(a, step) for a in step.arrivals], self.words["comma"], self.words["and_path"])
            yield self.say("paths", count=str(len(step.arrivals)), V=V, list=paths)
        if not step.arrivals:
            yield (self.words["nothing"],)
        for arrival in step.arrivals:
            yield from self._arrival(arrival, step, several)
        yield from self._end(step, number)

    def say(self, key: str, **values: str | Tree | Sentence) -> Sentence:
        """A sentence of the table."""
        return fill(self.words[key], **values)

    def operation(self, name: str) -> str:
        """What an operation is called."""
        return self.operations.get(name, name)

    def _path(self, arrival: Arrival, step: Step) -> Sentence:
        if arrival.origins:
            return self.say("path_through", origin=self._origins(arrival), formula=arrival.formula)
        key = "path_decay" if is_decay(arrival, self.derivation.names[step.of]) else "path_straight"
        return fill(self.words[key], formula=arrival.formula, J=self.derivation.cost)

    def _origins(self, arrival: Arrival) -> Sentence:
        return listed([self.called(node) for node in arrival.origins], self.words["comma"], self.words["and"])

    def _arrival(self, arrival: Arrival, step: Step, several: bool) -> Iterator[Sentence]:
        opening = self.say("for_path", formula=arrival.formula) if several else self._origin(arrival)
        then = (self.words["then_for_path" if several else "then"],)
        yield opening + self._way(arrival) + then + self._rule(arrival.term, arrival.rule)
        for term, rule in arrival.passed:
            if says_something(rule):
                yield self.say("passed", rule=self._rule(term, rule))
        yield from self.notes.of(arrival)
        yield from self._shapes(arrival, step)
        formula = self._element(arrival, step) if self.index else None
        if formula is not None:
            yield self.say("index", formula=formula)

    def _element(self, arrival: Arrival, step: Step) -> Relation | None:
        """One element of a contribution: of a product in the letters of its rule, of others in those of the result."""
        if arrival.index is not None:
            return Relation("=", *arrival.index)
        found = element(arrival.node, self.derivation.stand_ins.trees)
        if found is None:
            return None
        return Relation("=", Partial(self.derivation.cost, Entry(self.called(step.of), found[0])), found[1])

    def _origin(self, arrival: Arrival) -> Sentence:
        if not arrival.origins:
            return self.say("straight", J=self.derivation.cost)
        return self.say("one_path", origin=self._origins(arrival))

    def _way(self, arrival: Arrival) -> Sentence:
        """The operations passed before the last one."""
        earlier = list(dict.fromkeys(self.operation(each.rule.name) for each in arrival.way[:-1]))
        return self.say("by_way_of", ops=listed(earlier, self.words["comma"], self.words["and"])) if earlier else ()

    def _rule(self, term: Term, rule: RuleFormula) -> Sentence:
        before, after = Relation("=", rule.result, rule.forward), Relation("=", rule.target, rule.backward)
        which = self._ordinal(term.position)
        key = "rule_of_input" if len(term.consumer.inputs) > 1 else "rule_of"
        return fill(self.words[key], op=self.operation(term.rule.name), which=which, before=before, after=after)

    def _ordinal(self, position: int) -> Sentence:
        key = ORDINALS[position] if position < len(ORDINALS) else "nth"
        return fill(self.words[key], n=str(position + 1))

    def _shapes(self, arrival: Arrival, step: Step) -> Iterator[Sentence]:
        """Why the factors stand in this order: of the two orders, only one fits."""
        node = arrival.node
        if not isinstance(node.op, Bilinear) or not isinstance(arrival.formula, Product):
            return
        a, b = node.inputs
        shapes = {"a": shape_text(a.shape), "b": shape_text(b.shape), "c": shape_text(node.shape)}
        words = self.say("shapes", **shapes, V=self.called(step.of))
        factors = arrival.formula.factors
        if len(factors) == 2 and a.rank > 1 and b.rank > 1 and not _fits(b, a, step.of):
            words += self.say("shapes_not", other=Product("matrix", (factors[1], factors[0])))
        yield (*words, self.words["stop"])
        yield from self._transposition(arrival)

    def _transposition(self, arrival: Arrival) -> Iterator[Sentence]:
        """Why a factor is transposed: the index that is summed must stand inside the product. Told once for a side."""
        key = f"transposition {arrival.term.position}"
        factors = arrival.formula.factors if isinstance(arrival.formula, Product) else ()
        turned = [factor.of for factor in factors if isinstance(factor, Transposed)]
        if self.index or key in self.told or arrival.index is None or len(turned) != 1 or len(factors) != 2:
            return
        total = arrival.index[1]
        if isinstance(total, BigSum) and len(letters := "".join(total.over)) == 1:
            self.told.add(key)
            formula = Relation("=", *arrival.index)
            yield self.say("transposition", formula=formula, i=Name(letters), A=turned[0])

    def _end(self, step: Step, number: int) -> Iterator[Sentence]:
        """What the step reads, what is free after it, and where its result goes."""
        comma, last = self.words["comma"], self.words["and"]
        sentences = [*self._reading(step, number)]
        if freed := self.freed.get(number):
            sentences.append(self.say("freed", list=listed(freed, comma, last)))
        if step.of in self.derivation.gradients.targets:
            sentences.append((self.words["ends"],))
        if step.goes_to:
            sentences.append(self.say("goes_to", list=listed(step.goes_to, comma, last)))
        if sentences:
            yield listed(sentences, self.words["gap"], self.words["gap"])

    def _reading(self, step: Step, number: int) -> Iterator[Sentence]:
        """What was kept for the step, with how much longer it is needed; and the inputs it reads."""
        origin, comma, last = self.derivation.stand_ins.origin, self.words["comma"], self.words["and"]
        read = [leaf for leaf in reads_of(step, self.derivation) if leaf in origin]
        kept = [self._kept(leaf, number) for leaf in read if not origin[leaf].is_leaf]
        given = [self.called(origin[leaf]) for leaf in read if origin[leaf].is_leaf and origin[leaf].shape != ()]
        lists = {"keeps": listed(kept, comma, last), "reads": listed(given, comma, last)}
        if kept or given:
            key = "keeps_and_reads" if kept and given else "keeps" if kept else "reads"
            yield self.say(key, **lists, list=lists["keeps"] or lists["reads"])

    def _kept(self, leaf: Node, number: int) -> Sentence:
        name, until = self.derivation.stand_ins.trees[leaf], self.last[leaf]
        return (name,) if until == number else self.say("until", value=name, step=str(until))


def says_something(rule: RuleFormula) -> bool:
    """Whether a rule is more than handing the gradient on, perhaps with a sign or summed: it names a value."""
    gradient = Gradient(rule.result, rule.target.cost) if isinstance(rule.target, Gradient) else None
    stack = [rule.backward]
    while stack:
        tree = stack.pop()
        if isinstance(tree, Name):
            return True
        stack += [] if tree == gradient else children(tree)
    return False


def _fits(a: Node, b: Node, target: Node) -> bool:
    """Whether a b is defined and has the shape of `target`."""
    shape: tuple[object, ...] = (*a.shape[:-1], b.shape[-1])  # type: ignore[index]
    return a.shape[-1] == b.shape[-2] and shape == target.shape  # type: ignore[index]
