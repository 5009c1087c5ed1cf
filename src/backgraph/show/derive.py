"""The derivation of a gradient as data: what `explain` words and drawings annotate. Nothing here is language or layout.

    stand-in     a fresh variable in place of a named node, so that a step is simplified in terms of what is named
    arrival      one contribution to the gradient of a node V: a term whose target is V, with the way it came
    origin       the nearest named node above V on that way; the cost itself if there is none between
    step         the gradient of one named node: its arrivals, and their sum

Everything comes from the graph and from the terms of `calculus.backprop`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backgraph.calculus.backprop import Gradients, Term, gradient
from backgraph.language.node import Node
from backgraph.language.notation import Apply, Name, Number, Sum, Tree, times
from backgraph.language.ops.leaf import literal, variable
from backgraph.language.ops.shape import Broadcast
from backgraph.language.walk import rebuild, topological_order
from backgraph.rules import Rule, simplify
from backgraph.show.copying import Repeat, repeats
from backgraph.show.naming import name_gradients, name_intermediates, preactivations, unused
from backgraph.show.render import Rendered, as_tree, render_all
from backgraph.show.rule_formula import RuleFormula, Template, index_form, template


@dataclass(frozen=True)
class Definition:
    """One line of the forward graph: name = formula."""

    node: Node
    name: Tree
    formula: Tree
    repeats: tuple[Repeat, ...] = ()
    """What the formula copies."""


@dataclass(frozen=True)
class Arrival:
    """One contribution to a gradient."""

    term: Term
    origins: tuple[Node, ...]
    """Named nodes it came through; none if it comes straight from the cost."""
    way: tuple[Term, ...]
    """The terms whose rules were applied, from the origin down to the target."""
    node: Node
    """The contribution simplified, on stand-ins."""
    formula: Tree
    rule: RuleFormula
    index: tuple[Tree, Tree] | None
    """For products, ∂J/∂W_jk and what it is."""
    reads: tuple[Node, ...]
    """The forward values it needs."""
    passed: tuple[tuple[Term, RuleFormula], ...] = ()
    """Rules applied on the way before the last one, each where it is met first."""


@dataclass(frozen=True)
class Step:
    """The gradient arriving at one named node."""

    of: Node
    name: Tree
    formula: Tree
    arrivals: tuple[Arrival, ...]
    goes_to: tuple[Tree, ...]
    lets: tuple[tuple[Tree, Tree], ...] = ()
    """Introduced names with their formulas, needed from this step on."""
    let_nodes: tuple[Node, ...] = ()
    """What they stand for, on stand-ins."""
    parts: tuple[Node, ...] = ()
    """Nodes on stand-ins whose sum, in this order, is the gradient."""
    repeats: tuple[Repeat, ...] = ()
    """What the formula copies."""


@dataclass
class Derivation:
    """Forward definitions, then the steps in order of execution."""

    gradients: Gradients
    names: dict[Node, str]
    cost: Tree
    forward: list[Definition]
    steps: list[Step]
    rewrites: list[tuple[Rule, int]]
    """The rules that simplified the steps, in the order of their first use, and how often each did."""
    stand_ins: StandIns
    constants: tuple[Node, ...] = ()
    """Numbers that the user named; formulas show the numbers."""

    @property
    def targets(self) -> list[Step]:
        """The steps that end at what was asked for, in the order it was asked for."""
        by_node = {step.of: step for step in self.steps}
        return [by_node[target] for target in self.gradients.targets if target in by_node]


@dataclass
class StandIns:
    """Variables in place of named nodes, and what each is called."""

    of: dict[Node, Node] = field(default_factory=dict[Node, Node])
    trees: dict[Node, Tree] = field(default_factory=dict[Node, Tree])
    origin: dict[Node, Node] = field(default_factory=dict[Node, Node])
    """The forward node behind a stand-in; gradients have none."""

    def add(self, node: Node, tree: Tree, is_forward: bool) -> None:
        """Let `tree` stand for `node`. Leaves stand for themselves; numbers are never hidden behind a name."""
        if node in self.of or is_number(node):
            return
        stand_in = node if node.is_leaf else variable(f"[{len(self.of)}]", node.shape, node.dtype, "stand-in")
        self.of[node] = stand_in
        self.trees.setdefault(stand_in, tree)
        if is_forward:
            self.origin.setdefault(stand_in, node)

    def tree(self, node: Node) -> Tree:
        """What `node` is called."""
        return self.trees[self.of[node]]

    def cut(self, output: Node) -> Node:
        """`output` rebuilt on stand-ins; the walk goes no further than these."""
        new: dict[Node, Node] = {}
        stack = [output]
        while stack:
            node = stack[-1]
            if node in self.of:
                new[node] = self.of[node]
            waiting = [] if node in new else [given for given in node.inputs if given not in new]
            stack += waiting
            if not waiting:
                stack.pop()
                new.setdefault(node, node) if node.is_leaf else self._rebuild(node, new)
        return new[output]

    def by_name(self, new: Mapping[Node, Node]) -> dict[Node, Node]:
        """`new` with what a named forward value is made by, where it came out again, replaced by that value."""
        made = {node.op.apply(*(self.cut(x) for x in node.inputs)): leaf
                for leaf, node in self.origin.items() if not node.is_leaf}  # fmt: skip
        outputs = list(dict.fromkeys(new.values()))
        again = rebuild(outputs, made)
        return {node: again[result] for node, result in new.items()}

    def _rebuild(self, node: Node, new: dict[Node, Node]) -> None:
        if node not in new:
            new[node] = node.op.apply(*(new[given] for given in node.inputs))


@dataclass(frozen=True)
class Choices:
    """What drawings want otherwise than explanations."""

    bare: Container[Node] = ()
    """Forward nodes that are given no names here, however long they are."""
    suffix: str = ""
    """Behind the G of gradients."""
    long_sums: bool = False
    """Whether a gradient is one sum, however many contributions it has."""
    every_step: bool = False
    """Whether also what hands a gradient on as it is, and has no name of the user's, is a step."""


def derive(
    cost: Node,
    wrt: Node | Sequence[Node],
    names: Mapping[Node, str] | None = None,
    cost_name: str = "J",
    choices: Choices | None = None,
) -> Derivation:
    """The derivation of the gradient of the scalar `cost` with respect to `wrt`.

    Raises GraphError BG108 and CalculusError BG301 as `gradient` does.
    """
    gradients, choices = gradient(cost, wrt), choices or Choices()
    order = topological_order([cost])
    here = set(order)
    given = {node: name for node, name in (names or {}).items() if node in here and not is_number(node)}
    given.setdefault(cost, cost_name)
    constants = {node: name for node, name in (names or {}).items() if node in here and literal(node) is not None}
    named = name_intermediates([cost], given)
    for target in gradients.targets:
        named.setdefault(
            target, constants.get(target) or unused("V", named)
        )  # what is asked for is never without a name
    forward = render_all([cost], named, bare=choices.bare)
    named |= {node: name.text for node, name in forward.introduced.items()}
    stand_ins = StandIns()
    for node in order:
        if node in named:
            stand_ins.add(node, as_tree(named[node]), True)
    idle = _idle(gradients, order, named)
    left_out = set[Node]() if choices.every_step else idle - given.keys() - {*gradients.targets}
    parts = _parts(_Asked(gradients, order, named, choices.suffix, idle, left_out), stand_ins)
    steps, rewrites = _steps(parts, stand_ins, forward, as_tree(named[cost]), choices.long_sums)
    definitions = [
        Definition(node, as_tree(named[node]), tree, repeats([node], forward.references, named))
        for node, tree in forward.definitions.items()
    ]
    J, known = as_tree(named[cost]), tuple(constants)
    return Derivation(gradients, {**constants, **named}, J, definitions, steps, rewrites, stand_ins, known)


def _idle(gradients: Gradients, order: Sequence[Node], named: Mapping[Node, str]) -> set[Node]:
    """Named nodes whose gradient is a number, or that of a named node above them: nothing would be called by it."""
    met, idle = set[Node](), set[Node]()
    for V in reversed(order):
        if V in named and V in gradients.of and V is not gradients.cost:
            idle |= {V} if is_number(gradients.of[V]) or gradients.of[V] in met else set()
            met.add(gradients.of[V])
    return idle


@dataclass(frozen=True)
class _Asked:
    """What the parts of a derivation are made for."""

    gradients: Gradients
    order: Sequence[Node]
    named: Mapping[Node, str]
    suffix: str
    idle: Container[Node]
    left_out: Container[Node]


@dataclass
class _Part:
    """A step before it is simplified: everything on stand-ins."""

    of: Node
    name: Tree
    terms: list[Term]
    contributions: list[Node]
    incoming: list[Node]
    whole: Node
    ways: list[tuple[tuple[Node, ...], tuple[Term, ...]]]
    rules: list[Template]
    passed: list[list[tuple[Term, Template]]]


def _parts(asked: _Asked, stand_ins: StandIns) -> list[_Part]:
    gradients = asked.gradients
    named = {node: name for node, name in asked.named.items() if node not in asked.left_out}
    cost = as_tree(named[gradients.cost])
    below = [V for V in reversed(asked.order) if V in named and V in gradients.of and V is not gradients.cost]
    layers = [node for node in preactivations(asked.order) if node not in asked.idle]
    called = name_gradients(below, layers, asked.named, cost, asked.suffix)
    arriving: dict[Node, list[Term]] = {}
    for term in gradients.terms:
        arriving.setdefault(term.target, []).append(term)
    parts: list[_Part] = []
    met: set[tuple[str, int]] = set()
    for V in below:
        terms = arriving.get(V, [])
        contributions = [stand_ins.cut(term.node) for term in terms]
        incoming = [stand_ins.cut(term.incoming) for term in terms]
        ways = [way_to(term, arriving, named) for term in terms]
        rules = [template(term.consumer, term.position, cost) for term in terms]
        passed = [_passed(way, met, cost) for _, way in ways]
        whole = stand_ins.cut(gradients.of[V])
        parts.append(_Part(V, called[V], terms, contributions, incoming, whole, ways, rules, passed))
        stand_ins.add(gradients.of[V], called[V], False)
    return parts


def _passed(way: Sequence[Term], met: set[tuple[str, int]], cost: Tree) -> list[tuple[Term, Template]]:
    """The rules on a way but the last, each where it is met first."""
    found: list[tuple[Term, Template]] = []
    for term in way[:-1]:
        if (term.rule.name, term.position) not in met:
            met.add((term.rule.name, term.position))
            found.append((term, template(term.consumer, term.position, cost)))
    return found


def way_to(
    term: Term, arriving: Mapping[Node, list[Term]], named: Mapping[Node, str]
) -> tuple[tuple[Node, ...], tuple[Term, ...]]:
    """The named nodes that a contribution came through, and the terms passed since, the last one last."""
    origins: dict[Node, None] = {}
    passed: list[Term] = []
    queue, seen = [term], set[Node]()
    while queue:
        this = queue.pop(0)
        passed.append(this)
        above = arriving.get(this.consumer)
        if above is None or this.consumer in named:
            origins |= {this.consumer: None} if above is not None else {}
        elif this.consumer not in seen:
            queue += above
        seen.add(this.consumer)
    return tuple(origins), tuple(reversed(passed))


def _steps(
    parts: list[_Part], stand_ins: StandIns, forward: Rendered, cost: Tree, long_sums: bool
) -> tuple[list[Step], list[tuple[Rule, int]]]:
    """The parts simplified and written; contributions and their sums apart, so that neither holds up the other."""
    single = simplify([node for part in parts for node in part.contributions])
    incoming = simplify([node for part in parts for node in part.incoming])
    whole = simplify([part.whole for part in parts])
    named = [stand_ins.by_name(each.new) for each in (single, incoming, whole)]
    templates = [rule for part in parts for rule in (*part.rules, *(rule for way in part.passed for _, rule in way))]
    rules = simplify([node for rule in templates for node in rule.outputs])
    letters = {leaf: tree for rule in templates for leaf, tree in rule.names.items()}
    wanted = [*(table[node] for part in parts for table, node in _outputs(part, named)), *rules.nodes]
    written = render_all(
        list(dict.fromkeys(wanted)), stand_ins.trees | letters, start=len(forward.introduced) + 1,
        bare=_partial_sums([named[2][part.whole] for part in parts]) if long_sums else (),
    )  # fmt: skip
    steps: list[Step] = []
    told: set[Node] = set()
    onward = _goes_to(parts)
    for part in parts:
        shown = _Shown(named[0], named[1], rules.new, written, stand_ins, forward, cost)
        arrivals = tuple(shown.arrivals(part))
        formula = _joined(arrivals, written.formula(named[2][part.whole]))
        used = [node for node in written.uses((formula, *(a.formula for a in arrivals))) if node not in told]
        told.update(used)
        lets = tuple((written.references[node], written.definitions[node]) for node in used)
        node = named[2][part.whole]
        parts_of_it = tuple(a.node for a in arrivals) if is_joined(formula, arrivals) else (node,)
        goes_to = tuple(onward.get(part.of, ()))
        copied = repeats([*parts_of_it, *used], written.references, written.introduced)
        steps.append(Step(part.of, part.name, formula, arrivals, goes_to, lets, tuple(used), parts_of_it, copied))
    counts = Counter(step.rule for step in (*single.trace, *whole.trace))
    return steps, list(counts.items())


def _outputs(part: _Part, named: Sequence[Mapping[Node, Node]]) -> Iterator[tuple[Mapping[Node, Node], Node]]:
    """What is to be written of a part, each with the table in which its simplified form stands."""
    for table, nodes in zip(named, (part.contributions, part.incoming, [part.whole]), strict=True):
        yield from ((table, node) for node in nodes)


@dataclass
class _Shown:
    """What the arrivals of a step are written with."""

    new: Mapping[Node, Node]
    incoming: Mapping[Node, Node]
    rules: Mapping[Node, Node]
    written: Rendered
    stand_ins: StandIns
    forward: Rendered
    cost: Tree

    def arrivals(self, part: _Part) -> Iterator[Arrival]:
        """The contributions of one step, in the order the paths arrive."""
        for i, term in enumerate(part.terms):
            node = self.new[part.contributions[i]]
            origins, way = part.ways[i]
            operands = tuple(self.forward.references[given] for given in term.consumer.inputs)
            incoming = self.written.references[self.incoming[part.incoming[i]]]
            index = index_form(term.consumer, term.position, operands, incoming, self.cost)
            read = tuple(leaf for leaf in topological_order([node]) if leaf in self.stand_ins.origin)
            formula = self.written.formula(node)
            passed = tuple((each, self.rule(rule)) for each, rule in part.passed[i])
            yield Arrival(term, origins, way, node, formula, self.rule(part.rules[i]), index, read, passed)

    def rule(self, rule: Template) -> RuleFormula:
        """A rule as maths."""
        forward, backward = (self.written.formula(self.rules[node]) for node in rule.outputs)
        if isinstance(forward, Name):  # copies are not written in formulas, but here they are what it is about
            forward = Apply(rule.forward.op.name, (forward,))
        return RuleFormula(rule.result, forward, rule.target, backward)


def _joined(arrivals: Sequence[Arrival], whole: Tree) -> Tree:
    """The sum of arrivals in the order of the paths, unless the rules made something shorter of it."""
    parts = tuple(term for arrival in arrivals for term in _terms(arrival.formula))
    same = sorted(map(repr, parts)) == sorted(map(repr, _terms(whole)))
    if not same or len(parts) < 2:
        return whole
    counts = Counter(parts)
    counted = [(sign, tree if n == 1 else times("scale", Number(n), tree)) for (sign, tree), n in counts.items()]
    first = next((i for i, (sign, _) in enumerate(counted) if sign > 0), 0)
    return Sum((counted[first], *counted[:first], *counted[first + 1 :]))


def is_joined(formula: Tree, arrivals: Sequence[Arrival]) -> bool:
    """Whether a formula says the contributions one by one."""
    terms = sorted(map(repr, _terms(formula)))
    return terms == sorted(repr(term) for arrival in arrivals for term in _terms(arrival.formula))


def _terms(tree: Tree) -> tuple[tuple[int, Tree], ...]:
    return tree.terms if isinstance(tree, Sum) else ((1, tree),)


def _partial_sums(sums: Sequence[Node]) -> set[Node]:
    """The sums within sums: of (a + b) + c, a + b."""
    found: set[Node] = set()
    stack = list(sums)
    while stack:
        node = stack.pop()
        inside = [given for given in node.inputs if given.op.name == "add"] if node.op.name == "add" else []
        stack += (given for given in inside if given not in found)
        found.update(inside)
    return found


def _goes_to(parts: Sequence[_Part]) -> dict[Node, list[Tree]]:
    """For each named node, the gradients that the one arriving at it goes into."""
    table: dict[Node, list[Tree]] = {}
    for part in parts:
        for node in dict.fromkeys(origin for origins, _ in part.ways for origin in origins):
            table.setdefault(node, []).append(part.name)
    return table


def is_number(node: Node) -> bool:
    """Whether it is a number, or a number copied to a shape."""
    while isinstance(node.op, Broadcast):
        node = node.inputs[0]
    return literal(node) is not None
