"""From statements to equations in the order of evaluation, with every operand and option checked.

A name that is not assigned is a leaf; also a letter that is a function's name (T), if no bracket follows. Walks are
loops: a sum of thousands of terms needs no stack.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from inspect import Parameter
from typing import Any, NamedTuple

from backgraph.errors import nearest
from backgraph.language.text.foreign import suggestion
from backgraph.language.text.functions import Equation, Function, Value, function_named, function_names
from backgraph.language.text.options import OPTIONS, integer
from backgraph.language.text.source import Source
from backgraph.language.text.syntax import statements
from backgraph.language.text.tree import Call, Identifier, Literal, Number, Statement, Tree
from backgraph.language.text.unify import Slot

CONSTANTS = {"pi": math.pi}
MOST_OPERANDS = 100


class BoundCall(NamedTuple):
    """A call with its operands and options told apart."""

    function: Function
    operands: dict[str, Tree]
    options: dict[str, Any]


class Lowered(NamedTuple):
    """A text as equations: `names` are the values of all names, `values` those of the statements, in order."""

    equations: list[Equation]
    names: dict[str, Value]
    leaves: dict[str, Value]
    values: list[Value]


class Lowering:
    """Turns the statements of a source into equations. `annotated` are names whose shape the user gives."""

    def __init__(self, source: Source, annotated: frozenset[str], dtype: str) -> None:
        self.source, self.annotated, self.dtype = source, annotated, dtype
        self.equations: list[Equation] = []
        self.names: dict[str, Value] = {}
        self.leaves: dict[str, Value] = {}
        self.uses: Counter[str] = Counter()
        self.label_uses: Counter[str] = Counter()
        self.assigned: set[str] = set()
        self.calls: dict[Call, BoundCall] = {}

    def run(self) -> Lowered:
        """All statements. Raises GraphError BG104, BG105."""
        read = statements(self.source)
        self.assigned = {statement.name for statement in read if statement.name is not None}
        values = [self.statement(statement) for statement in read]
        for equation in self.equations:
            equation.free = frozenset(name for name in equation.function.labels if self._is_free(equation, name))
        return Lowered(self.equations, self.names, self.leaves, values)

    def statement(self, statement: Statement) -> Value:
        """One statement."""
        value = self.value(statement.value)
        if statement.name is not None:
            if statement.name in self.names:
                raise self.source.error(
                    statement.start, "a name is given twice", got=statement.name, hint="use another"
                )
            self.names[statement.name] = value
        return value

    def value(self, root: Tree) -> Value:
        """The value of a tree; its equations come in the order of evaluation."""
        done: dict[Tree, Value] = {}
        stack = [root]
        while stack:
            tree = stack[-1]
            missing = [] if tree in done else [part for part in self._operands(tree) if part not in done]
            if missing:
                stack.extend(reversed(missing))
            else:
                stack.pop()
                if tree not in done:
                    done[tree] = self._made(tree, done)
        return done[root]

    def _operands(self, tree: Tree) -> list[Tree]:
        if not isinstance(tree, Call):
            return []
        if tree not in self.calls:
            self.calls[tree] = bound(self.source, tree, self.dtype)
        return list(self.calls[tree].operands.values())

    def _made(self, tree: Tree, done: Mapping[Tree, Value]) -> Value:
        if isinstance(tree, Number):
            return Value(self.source, tree.start, tree.end, Slot(()), number=tree.value)
        if isinstance(tree, Identifier):
            return self._named(tree)
        if not isinstance(tree, Call):
            raise self.source.error(tree.start, "a value is needed here", got=self.source.text[tree.start : tree.end])
        call = self.calls[tree]
        operands = {name: done[part] for name, part in call.operands.items()}
        self._count(call, operands)
        result = Value(self.source, tree.start, tree.end, Slot(), computed=True)
        self.equations.append(Equation(call.function, tree.at, operands, call.options, result))
        return result

    def _named(self, tree: Identifier) -> Value:
        name = tree.name
        if name in self.names:
            return self.names[name]
        if name in self.assigned:
            raise self.source.error(tree.start, "the name is used before it is given a value", got=name)
        if name in CONSTANTS and name not in self.annotated:
            return Value(self.source, tree.start, tree.end, Slot(()), number=CONSTANTS[name])
        if name not in self.annotated and len(name) > 1 and function_named(name):
            hint = f"write {name}(…); for an input choose another name, or tell its shape: --shape '{name}:m d'"
            raise self.source.error(tree.start, "a function needs arguments", got=name, hint=hint)
        leaf = Value(self.source, tree.start, tree.end, Slot(), leaf=name)
        leaf.slot.names.append(name)
        self.leaves[name] = self.names[name] = leaf
        return leaf

    def _count(self, call: BoundCall, operands: Mapping[str, Value]) -> None:
        for name, value in operands.items():
            if value.leaf is not None:
                self.uses[value.leaf] += 1
                self.label_uses[value.leaf] += name in call.function.labels

    def _is_free(self, equation: Equation, name: str) -> bool:
        leaf = equation.operands[name].leaf
        return leaf is not None and leaf not in self.annotated and self.uses[leaf] == self.label_uses[leaf]


def bound(source: Source, call: Call, dtype: str) -> BoundCall:
    """The call's operands and options by the names of the function's parameters.

    Raises GraphError BG104 for an unknown function, BG105 for a wrong number of operands and for unknown options.
    """
    function = function_named(call.function)
    if function is None:
        hint = suggestion(call.function, function_names())
        raise source.error(call.at, "unknown function", "BG104", got=call.function, hint=hint)
    if function.operands is not None:
        return _positional(source, call, function)
    operands, options = _sorted(source, call, function)
    for name, parameter in function.parameters.items():
        if parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_POSITIONAL and name not in (
            *operands, *options
        ):  # fmt: skip
            raise source.error(call.at, f"{call.function} needs {name}", expected=_takes(function))
    if "dtype" in function.parameters and function.name != "cast":
        options.setdefault("dtype", dtype)
    return BoundCall(function, operands, options)


def _positional(source: Source, call: Call, function: Function) -> BoundCall:
    """The operands of a card, of which it takes a fixed number and no options."""
    if len(call.arguments) != function.operands or call.options:
        got = len(call.arguments) if not call.options else f"{next(iter(call.options))}="
        what = f"{call.function} takes {function.operands} operand{'s' * (function.operands != 1)} and no options"
        raise source.error(call.at, what, got=got)
    operands = {str(position): tree for position, tree in enumerate(call.arguments)}
    exponent = call.arguments[-1]
    if function.name == "power" and exponent.folded is not None:
        operands["1"] = Number(exponent.folded, exponent.start, exponent.end)
    return BoundCall(function, operands, {})


def _sorted(source: Source, call: Call, function: Function) -> tuple[dict[str, Tree], dict[str, Any]]:
    operands: dict[str, Tree] = {}
    options: dict[str, Any] = {}
    for name, tree in _paired(source, call, function):
        if name in OPTIONS:
            options[name] = _option(source, function, name, tree)
        elif not (isinstance(tree, Literal) and tree.value is None):
            operands[name] = tree
    if not operands and not options:
        raise source.error(call.at, f"{call.function} needs operands", expected=_takes(function))
    return operands, options


def _paired(source: Source, call: Call, function: Function) -> list[tuple[str, Tree]]:
    """Each argument with the name of its parameter; further operands of a variadic function are numbered."""
    parameters = function.parameters
    named = [name for name, p in parameters.items() if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    variadic = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters.values())
    if len(call.arguments) > (MOST_OPERANDS if variadic else len(named)):
        raise source.error(call.at, f"{call.function} has too many operands", expected=_takes(function))
    names = [*named, *map(str, range(len(call.arguments)))]
    pairs = list(zip(names, call.arguments, strict=False))
    for name, tree in call.options.items():
        if name not in parameters or name in dict(pairs):
            what = f"{call.function} has no option {name[:20]}" if name not in parameters else f"{name} is given twice"
            raise source.error(tree.start, what, expected=_takes(function), hint=nearest(name, list(parameters)))
        pairs.append((name, tree))
    return pairs


def _takes(function: Function) -> str:
    return f"{function.name}({', '.join(function.parameters)})"


def _option(source: Source, function: Function, name: str, tree: Tree) -> Any:
    read, expected = OPTIONS[name]
    try:
        return integer(tree) if function.parameters[name].annotation == "int" else read(tree)
    except (TypeError, ValueError):
        got = source.text[tree.start : tree.end]
        raise source.error(tree.start, f"{function.name}: {name} is wrong", got=got, expected=expected) from None
