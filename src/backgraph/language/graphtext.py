"""Graphs as text: written node by node, read back to the same graph. Model files and checkpoints hold this text.

    graph 1
    n0 = variable() {"label": "X", "of_dtype": "float32", "of_shape": [{"dim": [[1, {"m": 1}]]}, 64], "role": "input"}
    n1 = variable() {"label": "W1", "of_dtype": "float32", "of_shape": [64, 10], "role": "parameter"}
    n2 = matmul(n0, n1)
    output "U1" = n2

A line is an operation, the nodes it is applied to, and its parameters as JSON: a list is a tuple; {"dim": …} is a
polynomial, as coefficients with the powers of symbols; {"open": …} an open shape, {"bytes": …} bytes in base64, and
{"float": …} a number that JSON lacks. Equal graphs have equal texts, so that texts can be compared in place of graphs.

Reading calls nothing but the cards of this program, by name, with parameters of the declared types. What the text says
is checked as if a user had built the graph by hand.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from backgraph.errors import GraphError, nearest
from backgraph.language.dims import Dim, Open, Polynomial, symbol
from backgraph.language.node import Node
from backgraph.language.op import CARDS, Operation
from backgraph.language.ops.leaf import DTYPES, Constant
from backgraph.language.walk import topological_order

VERSION = 1
FIRST_LINE = f"graph {VERSION}"
LINE = re.compile(r"n(\d+) = ([^\s()]+)\(((?:n\d+(?:, n\d+)*)?)\)(?: (\{.*\}))?")
OUTPUT = re.compile(r'output (".*") = n(\d+)')
MOST_DIGITS = 9
"""Of the number of a node: more is no graph of ours, and huge numbers are slow to read."""


def graph_text(outputs: Mapping[str, Node]) -> str:
    """The graph of `outputs`, each under its name. Raises GraphError BG110 for an operation that is not in CARDS."""
    order = topological_order(outputs.values())
    number = {node: f"n{n}" for n, node in enumerate(order)}
    lines = [f"{number[node]} = {_applied(node, number)}" for node in order]
    ends = [f"output {json.dumps(name)} = {number[node]}" for name, node in outputs.items()]
    return "\n".join([FIRST_LINE, *lines, *ends]) + "\n"


def read_graph(text: str) -> dict[str, Node]:
    """The outputs by name, with leaves of their own. Raises GraphError BG110 that names the line."""
    lines = text.splitlines()
    if not lines or lines[0] != FIRST_LINE:
        raise _refused(1, "is not a graph as text", lines[0] if lines else "", FIRST_LINE)
    nodes: list[Node] = []
    outputs: dict[str, Node] = {}
    for n, line in enumerate(lines[1:], start=2):
        try:
            _read_line(line, nodes, outputs)
        except GraphError as error:
            raise _refused(n, error.what, error.got, error.expected, error.hint) from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            raise _refused(n, "is not a node", str(error) or line) from None
    return outputs


def _refused(
    line: int, what: str, got: object = None, expected: str | None = None, hint: str | None = None
) -> GraphError:
    return GraphError("BG110", f"graph:{line}", what, got=got, expected=expected, hint=hint)


def _read_line(line: str, nodes: list[Node], outputs: dict[str, Node]) -> None:
    if output := OUTPUT.fullmatch(line):
        outputs[json.loads(output[1])] = nodes[_index(output[2])]
        return
    applied = LINE.fullmatch(line)
    if applied is None or _index(applied[1]) != len(nodes):
        raise GraphError("BG110", "graph", "is not a node in its place", got=line, expected=f"n{len(nodes)} = …")
    inputs = [nodes[_index(given.removeprefix("n"))] for given in applied[3].split(", ") if given]
    nodes.append(_checked(_card(applied[2], json.loads(applied[4] or "{}")).apply(*inputs)))


def _index(digits: str) -> int:
    return int(digits) if len(digits) <= MOST_DIGITS else len(digits)


def _checked(node: Node) -> Node:
    """`node`, if its values can exist."""
    if node.dtype not in DTYPES:
        raise GraphError("BG110", "graph", "unknown dtype", got=node.dtype, expected=", ".join(DTYPES))
    if isinstance(node.shape, tuple) and any(isinstance(dim, int) and dim < 0 for dim in node.shape):
        raise GraphError("BG110", "graph", "a size is negative", got=node.shape)
    if isinstance(node.op, Constant):
        node.op.numpy()
    return node


def _applied(node: Node, number: Mapping[Node, str]) -> str:
    """`matmul(n0, n1)`, or with parameters."""
    op = node.op
    known = CARDS.get(op.name)
    if known is not op and known is not type(op):
        raise GraphError("BG110", op.name, "is no operation that can be found again by its name", hint="give it a name")
    inputs = ", ".join(number[given] for given in node.inputs)
    parameters = {field.name: _written(getattr(op, field.name)) for field in _fields(type(op))}
    return f"{op.name}({inputs})" + (f" {json.dumps(parameters, sort_keys=True)}" if parameters else "")


def _fields(card: type[Operation]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(card) if dataclasses.is_dataclass(card) else ()


def _card(name: str, parameters: Mapping[str, Any]) -> Operation:
    if name not in CARDS:
        hint = nearest(name, list(CARDS)) or "is it defined in a module of yours that is not imported?"
        raise GraphError("BG110", "graph", "unknown operation", got=name, hint=hint)
    card = CARDS[name]
    if not isinstance(card, type):
        if parameters:
            raise GraphError("BG110", "graph", "takes no parameters", got=name)
        return card
    values = {key: _read(value) for key, value in parameters.items()}
    hints = _hints(card)
    if set(values) != set(hints):
        raise GraphError("BG110", name, "other parameters", got=", ".join(values), expected=", ".join(hints))
    for key, value in values.items():
        if not _fits(value, hints[key]):
            raise GraphError("BG110", name, f"{key} has the wrong type", got=value)
    return card(**values)


@functools.cache
def _hints(card: type[Operation]) -> dict[str, Any]:
    """The types of a card's parameters."""
    fields = _fields(card)
    try:
        found = typing.get_type_hints(card)
    except NameError:  # a user's annotations need not be importable
        found = {}
    return {field.name: found.get(field.name, Any) for field in fields}


def _fits(value: object, hint: Any) -> bool:
    """Whether a value read from text is of a declared type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is tuple:
        return isinstance(value, tuple) and _parts_fit(value, inner)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if isinstance(hint, type) else True


def _parts_fit(value: tuple[object, ...], inner: tuple[Any, ...]) -> bool:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return all(_fits(part, inner[0]) for part in value)
    return len(value) == len(inner) and all(_fits(part, each) for part, each in zip(value, inner, strict=True))


def _written(value: Any) -> Any:
    """A parameter as JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple):
        return [_written(part) for part in value]
    if isinstance(value, Polynomial):
        return {"dim": [[coefficient, dict(monomial)] for monomial, coefficient in value.terms]}
    if isinstance(value, Open):
        return {"open": sorted(value.names)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise GraphError("BG110", "graph", "a parameter cannot be written", got=value, expected="numbers, text or tuples")


def _read(value: Any) -> Any:
    """The parameter that `_written` wrote."""
    if isinstance(value, list):
        return tuple(_read(part) for part in typing.cast("list[Any]", value))
    if not isinstance(value, dict):
        return value
    ((kind, content),) = typing.cast("dict[str, Any]", value).items()
    return READERS[kind](content)


def _polynomial(terms: list[tuple[int, dict[str, int]]]) -> Polynomial:
    total: Dim = 0
    for coefficient, powers in terms:
        total = total + _monomial(coefficient, powers)
    if not isinstance(total, Polynomial):
        raise TypeError(f"no polynomial: {terms}")
    return total


def _monomial(coefficient: int, powers: dict[str, int]) -> Dim:
    if sum(powers.values()) > MOST_DEGREE or min(powers.values(), default=0) < 0:
        raise ValueError(f"no powers: {powers}")
    term: Dim = int(coefficient)
    for name, power in powers.items():
        for _ in range(power):
            term = term * symbol(str(name))
    return term


def _bytes(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


MOST_DEGREE = 64
READERS: dict[str, Any] = {
    "dim": _polynomial,
    "open": lambda names: Open(frozenset(str(name) for name in names)),
    "bytes": _bytes,
    "float": {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}.__getitem__,
}
"""What the tags of JSON objects stand for."""
