"""A derivation as NumPy source: `cost_and_gradients(...)`, readable, importing numpy only.

The lines are those of the explanation, in its order and with its names; the formula stands behind each. What the lines
compute went through the same rewrite rules. NumPy copies operands of elementwise operations by itself, so a broadcast
is written only where nothing else has the full shape.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backgraph.errors import CalculusError, UsageError
from backgraph.language.dims import Dim, Open, Polynomial, Shape
from backgraph.language.node import FLOATS, Node
from backgraph.language.notation import Gradient, Name, Relation, Tree
from backgraph.language.op import Elementwise
from backgraph.language.ops.shape import Broadcast
from backgraph.language.walk import topological_order
from backgraph.rules import simplify
from backgraph.show.derive import Derivation, Step
from backgraph.show.names import ascii_name
from backgraph.show.numpy_helpers import CHECKED, HELPERS, needed
from backgraph.show.numpy_spelling import ADDITION, ATOM, PRODUCT, SPELLING, Term, aligned
from backgraph.show.text import text

COLUMNS = 110
RESERVED = {"np", "sizes", "checked", "cost_and_gradients", *HELPERS, *keyword.kwlist}
PRIMES = {1: "_prime", 2: "_double_prime", 3: "_triple_prime"}


@dataclass
class Writer:
    """Writes nodes as Python; keeps names, and what helpers, sizes and constants were needed."""

    names: dict[Node, str] = field(default_factory=dict[Node, str])
    taken: set[str] = field(default_factory=lambda: set(RESERVED))
    symbols: dict[str, str] = field(default_factory=dict[str, str])
    leaf: dict[str, str] = field(default_factory=dict[str, str])
    """Python's name of a leaf, by its label."""
    helpers: set[str] = field(default_factory=set[str])
    constants: dict[Node, str] = field(default_factory=dict[Node, str])

    def identifier(self, wanted: str) -> str:
        """`wanted` as a name that Python takes and nothing else has."""
        name = re.sub(r"\W", "_", wanted) or "_"
        name = "_" + name if name[0].isdigit() else name
        number, free = 1, name
        while free in self.taken:
            number += 1
            free = f"{name}_{number}"
        self.taken.add(free)
        return free

    def symbol(self, name: str) -> str:
        """Python's name of a dimension."""
        if name not in self.symbols:
            self.symbols[name] = self.identifier(name)
        return self.symbols[name]

    def dim(self, dim: Dim) -> Term:
        """A dimension as Python."""
        if isinstance(dim, int):
            return Term(str(dim))
        monomials = [
            _monomial(coefficient, [(self.symbol(n), p) for n, p in powers]) for powers, coefficient in dim.terms
        ]
        binds = ADDITION if len(monomials) > 1 else PRODUCT if "*" in monomials[0] else ATOM
        return Term(" + ".join(monomials).replace("+ -", "- "), binds)

    def shape(self, shape: Shape) -> str:
        """A shape as a tuple in Python."""
        if isinstance(shape, Open):
            return f"np.broadcast_shapes({', '.join(f'np.shape({self.leaf[n]})' for n in sorted(shape.names))})"
        return "(" + ", ".join(self.dim(dim).text for dim in shape) + ("," if len(shape) == 1 else "") + ")"

    def helper(self, name: str) -> str:
        """The name of a helper, which will be put into the source."""
        self.helpers.add(name)
        return name

    def array(self, node: Node) -> str:
        """The name of a constant array, which will be put into the source."""
        return self.constants.setdefault(node, self.identifier("constant"))

    def term(self, node: Node) -> Term:
        """A node as Python, in exactly its shape."""
        if node in self.names:
            return Term(self.names[node])
        spelling = SPELLING.get(node.op.name)
        if spelling is None:
            known = "backgraph.show.numpy_spelling.SPELLING"
            raise UsageError("BG601", node.op.name, "has no NumPy spelling", hint=f"add a line to {known}")
        terms = self.operands(node)
        result = spelling(self, node, terms)
        floats = [i for i, given in enumerate(node.inputs) if given.dtype in FLOATS]
        if node.dtype == "float32" and floats and not result.weak and all(terms[i].weak for i in floats):
            terms[floats[0]] = Term(f"np.float32({terms[floats[0]].text})")
            result = spelling(self, node, terms)
        return result

    def operands(self, node: Node) -> list[Term]:
        """The operands; those that NumPy stretches by itself are left small."""
        copies = [isinstance(x.op, Broadcast) and x not in self.names for x in node.inputs]
        if not isinstance(node.op, Elementwise) or node.shape == ():
            return [self._solid(node, given) for given in node.inputs]
        if all(copies):
            copies[next((i for i, x in enumerate(node.inputs) if not x.inputs[0].is_leaf), 0)] = False
        pairs = zip(node.inputs, copies, strict=True)
        return [aligned(self, x, self.term(x.inputs[0])) if copy else self.term(x) for x, copy in pairs]

    def _solid(self, node: Node, given: Node) -> Term:
        """An operand; a Python number is made an array where methods are called on it."""
        term = self.term(given)
        if not term.weak or isinstance(node.op, (Elementwise, Broadcast)):
            return term
        return Term(f'np.asarray({term.text}, "{given.dtype}")')

    def total(self, parts: Sequence[Node]) -> Term:
        """The sum of some nodes; those with a minus behind the others."""
        terms = [self.term(part) for part in parts]
        if len(terms) == 1:
            return terms[0]
        first = next((i for i, term in enumerate(terms) if not term.text.startswith("-")), 0)
        line = terms[first].at(ADDITION)
        for term in (*terms[:first], *terms[first + 1 :]):
            minus = term.text.startswith("-") and term.binds > ADDITION
            line += f" - {term.text[1:]}" if minus else f" + {term.at(ADDITION)}"
        return Term(line, ADDITION)


def _monomial(coefficient: int, powers: Sequence[tuple[str, int]]) -> str:
    factors = [name for name, power in powers for _ in range(power)]
    if not factors or abs(coefficient) != 1:
        return " * ".join([str(coefficient), *factors])
    return ("-" if coefficient < 0 else "") + " * ".join(factors)


def python_name(tree: Tree) -> str:
    """W1 for a name, grad_W1 for the gradient arriving at it."""
    if isinstance(tree, Gradient):
        return "grad_" + python_name(tree.of)
    name = tree.text if isinstance(tree, Name) else text(tree, ascii=True)
    bare = name.rstrip("'")
    spelled = ascii_name(bare)
    return (bare if "?" in spelled else spelled) + PRIMES.get(len(name) - len(bare), "")


@dataclass
class Statements:
    """The lines of the function."""

    writer: Writer
    lines: list[str] = field(default_factory=list[str])

    def assign(self, name: str, term: Term, node: Node, formula: Tree, left: Tree) -> None:
        """name = term, with the formula behind it, or above where the line gets long."""
        value = f'np.asarray({term.text}, "{node.dtype}")' if term.weak else term.text
        line, comment = f"    {name} = {value}", f"# {text(Relation('=', left, formula))}"
        one = f"{line}  {comment}"
        self.lines += [one] if len(one) <= COLUMNS else ["", f"    {comment}", line]


def numpy_source(derivation: Derivation, words: Mapping[str, str]) -> str:
    """The source. Raises UsageError BG601 for an operation without a spelling."""
    writer = Writer()
    order = topological_order([derivation.gradients.cost, *derivation.gradients.targets])
    leaves = [node for node in order if node.op.is_variable]
    for leaf in leaves:
        name = derivation.names.get(leaf, str(leaf.op))
        writer.names[leaf] = writer.leaf[str(leaf.op)] = writer.identifier(python_name(Name(name)))
    body = Statements(writer)
    body.lines.append(f"    # {words['numpy_forward']}")
    cost = _forward(derivation, body)
    body.lines += ["", f"    # {words['numpy_backward']}"]
    found = _backward(derivation, body)
    gradients = ", ".join(f'"{derivation.names[t]}": {found[t]}' for t in derivation.gradients.targets)
    body.lines += ["", f"    return {cost}, {{{gradients}}}", ""]
    head = _head(derivation, leaves, writer, words)
    return "\n".join([_top(derivation, words), *_helpers(writer), *head, *body.lines])


def _forward(derivation: Derivation, body: Statements) -> str:
    """The definitions, simplified; and the name of the cost."""
    writer, stand_ins = body.writer, derivation.stand_ins
    given = [d.node.op.apply(*(stand_ins.cut(x) for x in d.node.inputs)) for d in derivation.forward]
    for definition, node in zip(derivation.forward, simplify(given).nodes, strict=True):
        term, name = writer.term(node), writer.identifier(python_name(definition.name))
        body.assign(name, term, definition.node, definition.formula, definition.name)
        writer.names[definition.node] = name
        if definition.node in stand_ins.of:
            writer.names[stand_ins.of[definition.node]] = name
    cost = derivation.gradients.cost
    return writer.names[cost] if cost in writer.names else writer.term(cost).text


def _backward(derivation: Derivation, body: Statements) -> dict[Node, str]:
    """The steps; and for each node what its gradient is called."""
    writer, cost = body.writer, derivation.gradients.cost
    found = {cost: f'np.asarray(1.0, "{cost.dtype}")'}
    for step in derivation.steps:
        for (left, formula), node in zip(step.lets, step.let_nodes, strict=True):
            term, name = writer.term(node), writer.identifier(python_name(left))
            body.assign(name, term, node, formula, left)
            writer.names[node] = name
        found[step.of] = _step(derivation, step, body)
    return found


def _step(derivation: Derivation, step: Step, body: Statements) -> str:
    writer, gradient = body.writer, derivation.gradients.of[step.of]
    term, name = writer.total(step.parts), writer.identifier(python_name(step.name))
    body.assign(name, term, gradient, step.formula, step.name)
    if gradient in derivation.stand_ins.of:
        writer.names.setdefault(derivation.stand_ins.of[gradient], name)
    return name


def _head(derivation: Derivation, leaves: Sequence[Node], writer: Writer, words: Mapping[str, str]) -> list[str]:
    """The definition of the function with its docstring, and the checks of its arguments."""
    arguments = ", ".join(writer.names[leaf] for leaf in leaves)
    targets = ", ".join(derivation.names[t] for t in derivation.gradients.targets)
    cost = text(derivation.cost, ascii=True)
    checks = [_check(leaf, writer) for leaf in leaves]
    known = {name for leaf in leaves for dim in _dims(leaf) if (name := _single(dim))}
    if missing := sorted(set(writer.symbols) - known):
        what = f"the size of {', '.join(missing)} is not known"
        raise CalculusError("BG302", "explain", what, hint="let an input have it as an axis")
    compound = [line for leaf in leaves for line in _compound_checks(leaf, writer)]
    sizes = [f'    {name} = sizes["{symbol}"]' for symbol, name in writer.symbols.items()]
    return [
        "", "",
        '@np.errstate(all="ignore")',
        f"def cost_and_gradients({'*, ' if arguments else ''}{arguments}):",
        f'    """{words["numpy_returns"].format(J=cost, targets=targets)}"""',
        "    sizes = {}", *checks, *sizes, *compound, "",
    ]  # fmt: skip


def _dims(leaf: Node) -> tuple[Dim, ...]:
    return leaf.shape if isinstance(leaf.shape, tuple) else ()


def _single(dim: Dim) -> str:
    """The name of a dimension that is one symbol; empty for others."""
    is_one = isinstance(dim, Polynomial) and dim.degree == 1 and len(dim.terms) == 1 and dim.terms[0][1] == 1
    return str(dim) if is_one else ""


def _check(leaf: Node, writer: Writer) -> str:
    name, label = writer.names[leaf], str(leaf.op)
    if isinstance(leaf.shape, Open):
        return f'    {name} = np.asarray({name}, "{leaf.dtype}")'
    dims = [repr(dim) if isinstance(dim, int) else f'"{dim}"' for dim in leaf.shape]
    shape = "(" + ", ".join(dims) + ("," if len(dims) == 1 else "") + ")"
    return f'    {name} = checked(sizes, "{label}", {name}, {shape}, "{leaf.dtype}")'


def _compound_checks(leaf: Node, writer: Writer) -> list[str]:
    """Checks of dimensions such as n + 1, when all symbols are known."""
    lines: list[str] = []
    for axis, dim in enumerate(_dims(leaf)):
        if isinstance(dim, Polynomial) and not _single(dim):
            condition = f"{writer.names[leaf]}.shape[{axis}] != {writer.dim(dim).text}"
            lines += [f"    if {condition}:", f'        raise ValueError("{leaf.op}: axis {axis} is not {dim}")']
    return lines


def _helpers(writer: Writer) -> list[str]:
    """The functions that are called, then the constant arrays."""
    sources = [source.strip("\n") for source in (CHECKED, *(HELPERS[name] for name in needed(writer.helpers)))]
    constants = [f"{name} = {_array(node)}" for node, name in writer.constants.items()]
    return ["\n\n\n".join(["\n", *sources]).lstrip("\n").join(["\n", ""]), *(["\n", *constants] if constants else [])]


def _array(node: Node) -> str:
    values = node.op.numpy()
    numbers = re.sub(r"\b(inf|nan)\b", r"np.\1", repr(values.tolist()))
    return f'np.array({numbers}, "{node.dtype}")' + ("" if values.size else f".reshape({values.shape})")


def _top(derivation: Derivation, words: Mapping[str, str]) -> str:
    targets = ", ".join(text(Name(derivation.names[t])) for t in derivation.gradients.targets)
    title = words["numpy_title"].format(J=text(derivation.cost), targets=targets)
    formulas = [f"    {text(Relation('=', step.name, step.formula))}" for step in derivation.targets]
    return "\n".join([f'"""{title}', "", *formulas, '"""', "", "import numpy as np", ""])
