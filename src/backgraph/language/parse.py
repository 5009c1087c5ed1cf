"""A cost from text: `parse("cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))")`.

Four steps, each in its module under `language.text`: read statements (syntax), turn them into equations (lower), solve
for all shapes (unify, constraints, conventions), name the dimensions; then the nodes are built here, in one loop. The
grammar stands in docs/language.md. Nothing of the text is ever run as Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backgraph.errors import BackgraphError, GraphError, nearest
from backgraph.language.dims import Dim, Open, Shape, shape_text
from backgraph.language.node import FLOATS, Node, Operand
from backgraph.language.ops.leaf import constant, variable
from backgraph.language.text.annotation import Given, annotated_shapes, contradiction
from backgraph.language.text.constraints import Broadcast
from backgraph.language.text.conventions import Solver, is_matrix
from backgraph.language.text.dimensions import name_dimensions, named, named_shape
from backgraph.language.text.functions import Equation, Value
from backgraph.language.text.layouts import Classes
from backgraph.language.text.lower import Lowered, Lowering
from backgraph.language.text.source import Source
from backgraph.language.text.unify import Clash, Slot, Unknown, find

MOST_NAMES = 8
"""So many names of the text are quoted in a hint."""
SHOWN = 24
"""So many characters of an operand are quoted in an error."""


ASSUMED = {
    "labels": "{name} holds {held}{shape}",
    "matrix": "{name} is a matrix {shape} (upper case)",
    "vector": "{name} is a vector {shape} (lower case)",
    "alike": "{name} is taken as {shape}",
    "cost": "{name} is a scalar, as the cost is",
    "open": "the shape of {name} is open",
    "fits": "{name} fits into {shape}",
}
"""Why a name has its shape, where the text does not say, by kind."""


@dataclass(frozen=True)
class Assumption:
    """What was taken for granted of `name`; its kind is a key of ASSUMED."""

    kind: str
    name: str
    shape: str = ""
    held: str = ""

    def __str__(self) -> str:
        space = " " if self.kind == "labels" and self.shape else ""
        return ASSUMED[self.kind].format(name=self.name, shape=space + self.shape, held=self.held)


@dataclass(frozen=True)
class Program:
    """A cost read from `text`.

    `cost` is the value of the last statement; `outputs` are the values that nothing else uses, the cost last. `names`
    holds every assigned name and every leaf as the user wrote them, `leaves` the leaves alone. `assumed` says what the
    text left open, `assumptions` in English.
    """

    text: str
    cost: Node
    outputs: tuple[Node, ...]
    names: dict[str, Node]
    leaves: dict[str, Node]
    assumed: tuple[Assumption, ...]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the text left open, one sentence each."""
        return tuple(map(str, self.assumed))


def parse(
    text: str,
    *,
    shapes: Given = "",
    dtype: str = "float64",
    scalar_cost: bool = True,
    wrt: Sequence[str] = (),
    cost: str = "",
) -> Program:
    """The graph of a cost written as text; see docs/language.md.

    `shapes` annotates names, as in `"X:m d, b:h, lam:"` (no dimensions: a scalar) or `{"X": ("m", "d")}`. Leaves are
    inputs, those named in `wrt` parameters, labels of classes integers. The cost is the last statement, or the name
    `cost` that the text gives. With `scalar_cost` it must be a scalar.

    Raises GraphError: BG104 unknown function or name, BG105 not in the language, BG106 annotation, BG101 shapes that
    do not fit, BG107 shapes that the text leaves open, BG108 a cost that is no scalar. Places are `text:LINE:COLUMN`.
    """
    if dtype not in FLOATS:
        raise GraphError("BG102", "parse", "unknown dtype", got=dtype, expected=" or ".join(FLOATS))
    source, given = Source(text), annotated_shapes(shapes)
    try:
        lowered = Lowering(source, frozenset(given), dtype).run()
    except RecursionError:
        raise source.error(0, "nested too deeply", hint="name parts of it") from None
    _check_names(lowered, wrt)
    chosen = _chosen(lowered, cost)
    solver = _solved(source, lowered, given, chosen if scalar_cost else None)
    dimensions = name_dimensions(solver, {*lowered.names, *given})
    shape_of = {name: named_shape(solver, dimensions, _shape(solver, value)) for name, value in lowered.leaves.items()}
    leaves = _leaves(solver, shape_of, dtype, wrt)
    values = _built(source, lowered, leaves, dtype)
    node = values[chosen]
    if scalar_cost and node.shape != ():
        raise _not_scalar(source, chosen, node.shape)
    names = {name: values[value] for name, value in lowered.names.items()}
    assumed = tuple(_assumptions(solver, shape_of, dimensions))
    return Program(text, node, _outputs(lowered, values, node), names, leaves, assumed)


def _check_names(lowered: Lowered, wrt: Sequence[str]) -> None:
    for name in wrt:
        if name not in lowered.names:
            known = ", ".join(list(lowered.names)[:MOST_NAMES])
            hint = nearest(name, list(lowered.names)) or (f"names are {known}" if known else "it names nothing")
            raise GraphError("BG104", "--wrt", "the text has no such name", got=name, hint=hint)


def _chosen(lowered: Lowered, name: str) -> Value:
    """The value of the statement that is the cost. Raises GraphError BG104."""
    if not name:
        return lowered.values[-1]
    if name not in lowered.names:
        hint = nearest(name, list(lowered.names)) or f"name it in the text: {name} = …"
        raise GraphError("BG104", "--cost", "the text has no such name", got=name, hint=hint)
    return lowered.names[name]


def _solved(source: Source, lowered: Lowered, given: Mapping[str, tuple[Dim, ...]], scalar: Value | None) -> Solver:
    """All shapes that follow from the text, the annotations and the conventions; `scalar` is a scalar."""
    solver = Solver(lowered.leaves)
    for name, shape in given.items():
        if name not in lowered.names:
            raise contradiction(name, "the text has no such name", nearest(name, list(lowered.names)))
        _annotate(solver, name, lowered.names[name], shape)
    try:
        for equation in lowered.equations:
            solver.add(equation)
        solver.propagate()
        solver.solve(scalar.slot if scalar is not None and solver.sizes.shape(scalar.slot) is None else None)
    except Clash as clash:
        raise _mismatch(source, solver, clash) from None
    except Unknown as unknown:
        raise _unknown(source, solver, unknown.slot) from None
    except BackgraphError as error:
        raise _placed(source, solver.at, error) from None
    return solver


def _annotate(solver: Solver, name: str, value: Value, shape: tuple[Dim, ...]) -> None:
    """Give a name its annotated shape. Raises GraphError BG106 where the text gave it another, as in `x = 3`."""
    try:
        solver.sizes.assign(value.slot, shape)
    except Clash:
        found = solver.sizes.shape(value.slot) or ()
        raise contradiction(name, f"in the text it is {shape_text(found)}", shape_text(shape)) from None


def _shape(solver: Solver, value: Value) -> Shape:
    shape = solver.sizes.shape(value.slot)
    return () if shape is None else shape


def _leaves(solver: Solver, shape_of: Mapping[str, Shape], dtype: str, wrt: Sequence[str]) -> dict[str, Node]:
    indices = _indices(solver)
    leaves: dict[str, Node] = {}
    for name, shape in shape_of.items():
        role = "labels" if name in indices else "parameter" if name in wrt else "input"
        leaves[name] = variable(name, shape, "int64" if role == "labels" else dtype, role)
    return leaves


def _indices(solver: Solver) -> dict[str, str]:
    """The names that hold integers, with what they hold: labels of classes, or others, such as rows of a table."""
    soft = {
        equation
        for constraint, equation in solver.constraints
        if isinstance(constraint, Classes) and not constraint.indices
    }
    held = {
        equation.operands[name].leaf: "integer labels" if name == "y" else "integers"
        for _, equation in solver.constraints
        if equation not in soft
        for name in equation.function.labels
    }
    return {leaf: what for leaf, what in held.items() if leaf is not None}


def _built(source: Source, lowered: Lowered, leaves: Mapping[str, Node], dtype: str) -> dict[Value, Node]:
    """The nodes of all values, in the order of evaluation."""
    nodes: dict[Value, Node] = {lowered.leaves[name]: node for name, node in leaves.items()}
    for equation in lowered.equations:
        operands = _weakly(equation, nodes, dtype)
        try:
            nodes[equation.result] = _called(equation, operands)
        except BackgraphError as error:
            raise _placed(source, equation, error) from None
    for value in (*lowered.values, *lowered.names.values()):
        if value.number is not None:
            nodes[value] = constant(value.number, dtype)
    return nodes


def _weakly(equation: Equation, nodes: Mapping[Value, Node], dtype: str) -> dict[str, Operand]:
    """The operands. Numbers stay numbers, which take the dtype of what they meet, where a card can see that."""
    values = equation.operands
    dtypes = {nodes[value].dtype for value in values.values() if value.number is None}
    whole = all(value.number is None or value.number.is_integer() for value in values.values())
    weak = equation.function.operands is not None and bool(dtypes.intersection(FLOATS) or ("int64" in dtypes and whole))
    return {
        name: nodes[value] if value.number is None else value.number if weak else constant(value.number, dtype)
        for name, value in values.items()
    }


def _called(equation: Equation, operands: Mapping[str, Operand]) -> Node:
    function = equation.function
    if function.operands is not None:
        return function.build(*operands.values())
    given = {**operands, **equation.options}
    several = [given.pop(name) for name in operands if name.isdigit()]
    leading = [given.pop(name) for name in function.leading if name in given] if several else []
    return function.build(*leading, *several, **given)


def _outputs(lowered: Lowered, nodes: Mapping[Value, Node], cost: Node) -> tuple[Node, ...]:
    used = {value for equation in lowered.equations for value in equation.operands.values()}
    rest = [nodes[value] for value in lowered.values if value not in used]
    return (*(node for node in dict.fromkeys(rest) if node is not cost), cost)


def _assumptions(solver: Solver, shape_of: Mapping[str, Shape], dimensions: dict[str, Dim]) -> Iterator[Assumption]:
    """One for each name about which the text did not say enough."""
    labels, met = _indices(solver), _met(solver)
    for name, shape in shape_of.items():
        why = solver.assumed.get(name, "labels" if name in labels and _is_free(solver, name) else "")
        written = shape_text(shape)
        if name in labels and why:
            yield Assumption("labels", name, written if shape else "", labels[name])
        elif why == "case":
            yield Assumption("matrix" if is_matrix(name) else "vector", name, written)
        elif why in ("alike", "cost"):
            yield Assumption(why, name, written)
        elif why == "open":
            target = met.get(find(solver.leaves[name].slot))
            whole = None if target is None else shape_text(named_shape(solver, dimensions, target))
            yield Assumption("open", name) if whole is None else Assumption("fits", name, whole)


def _is_free(solver: Solver, name: str) -> bool:
    return any(
        equation.operands[label].leaf == name for _, equation in solver.constraints for label in equation.free
    )  # fmt: skip


def _met(solver: Solver) -> dict[Slot, Shape]:
    """For each slot, the first known shape that it is broadcast to."""
    met: dict[Slot, Shape] = {}
    for constraint, _ in solver.constraints:
        shape = solver.sizes.shape(constraint.result) if isinstance(constraint, Broadcast) else None
        if isinstance(constraint, Broadcast) and isinstance(shape, tuple):
            for slot in constraint.operands:
                met.setdefault(find(slot), shape)
    return met


def _not_scalar(source: Source, value: Value, shape: Shape) -> GraphError:
    return source.error(
        value.start, "the cost is not a scalar", "BG108", got=shape_text(shape), hint="reduce it with sum or mean"
    )


def _mismatch(source: Source, solver: Solver, clash: Clash) -> GraphError:
    """BG101, with the operands as far as their shapes are known."""
    dimensions = name_dimensions(solver, solver.leaves)
    a, b = (
        shape_text(named_shape(solver, dimensions, each))
        if isinstance(each, (tuple, Open))
        else named(solver, dimensions, each)
        for each in (clash.a, clash.b)
    )
    equation = solver.at
    if equation is None:
        return source.error(0, f"{clash.letter} is {a} and {b}", "BG106")
    got = ", ".join(_described(solver, dimensions, value) for value in equation.operands.values())
    return GraphError(
        "BG101", f"{source.place(equation.at)} {equation.function.name}", f"{clash.letter} is {a} and {b}", got=got,
        expected=equation.function.signature,
    )  # fmt: skip


def _described(solver: Solver, dimensions: dict[str, Dim], value: Value) -> str:
    shape = solver.sizes.shape(value.slot)
    text = value.text if len(value.text) <= SHOWN else value.text[: SHOWN - 1] + "…"
    return f"{text} {'?' if shape is None else shape_text(named_shape(solver, dimensions, shape))}"


def _unknown(source: Source, solver: Solver, slot: Slot) -> GraphError:
    """BG107, at the operation that needs to know, naming what to annotate."""
    names = solver.names_behind(slot) or solver.names_of(slot) or list(solver.leaves)[:1]
    equation = solver.at
    at, function = (0, "the text") if equation is None else (equation.at, equation.function.name)
    what = f"{function} needs to know the shape of {names[0] if names else 'its operands'}"
    hint = f"annotate it: --shape '{names[0] if names else 'x'}:m 4'"
    return source.error(at, what, "BG107", hint=hint)


def _placed(source: Source, equation: Equation | None, error: BackgraphError) -> BackgraphError:
    """An error of an operation, with its place in the text instead of one in Python."""
    if equation is None:
        return error
    where = f"{source.place(equation.at)} {equation.function.name}"
    return type(error)(error.code, where, error.what, got=error.got, expected=error.expected, hint=error.hint)
