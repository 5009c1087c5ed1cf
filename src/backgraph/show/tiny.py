"""A tiny example: small sizes and made-up numbers for the inputs of a cost, the same every time.

sizes      2 and 3 in turn, so that a matrix and its transpose differ
numbers    tenths between −1 and 1, a function of the input's name (Philox); positive ones where those do not serve
serves     every value and gradient is finite, and no gradient that is asked for lies at a kink
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from backgraph.calculus.backprop import gradient
from backgraph.calculus.gradcheck import check_gradient
from backgraph.errors import BackgraphError, CalculusError
from backgraph.evaluate import evaluate, measure
from backgraph.language.dims import Dim, Open, at, symbols
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.random import WORD, philox
from backgraph.language.walk import leaves, topological_order

SIZES = (2, 3)
TRIES = 24
"""So many examples are made up before it is said that none serves."""


def tiny_values(
    cost: Node, wrt: Sequence[Node], given: Mapping[Any, Any] | None = None, sizes: Mapping[str, int] | None = None
) -> dict[Node, Array]:
    """Values for every input of `cost`: those `given` (by name or node), and made-up ones that serve for the others.

    Raises CalculusError BG302 if what is given does not fit, or no made-up numbers serve.
    """
    variables = leaves([cost, *wrt])
    known = {node: np.asarray(value) for node, value in _by_node(variables, given or {}).items()}
    measured: dict[str, Any] = dict(sizes or {})
    for node, value in known.items():
        measure(node, value.shape, measured)
    free = [node for node in variables if node not in known]
    second: dict[Node, Array] | None = None
    for values in _candidates(free, known, _all_sizes(variables, measured)):
        if not free or serves(cost, wrt, values):
            if not free or tells(cost, wrt, values):
                return values
            second = second or values
    if second is not None:
        return second
    raise CalculusError("BG302", str(cost.op), "no made-up numbers serve", hint="give a file with --data")


def _by_node(variables: Sequence[Node], given: Mapping[Any, Any]) -> dict[Node, Any]:
    """What is given by name or node, by node; integers serve as real numbers."""
    by_name = {str(node.op): node for node in variables}
    found: dict[Node, Any] = {}
    for key, value in given.items():
        node = key if isinstance(key, Node) else by_name.get(key)
        if node is None:
            known = ", ".join(by_name)
            raise CalculusError("BG302", str(key), "no input of this name", expected=known or "none")
        array = np.asarray(value)
        whole = node.dtype == "int64" and array.dtype.kind == "f" and np.array_equal(array, np.rint(array))
        found[node] = array.astype(node.dtype) if whole or node.dtype.startswith("float") else array
    return found


def _all_sizes(variables: Sequence[Node], measured: Mapping[str, Any]) -> dict[str, int]:
    """The sizes that are known, and 2 and 3 in turn for the others."""
    names = dict.fromkeys(name for node in variables if isinstance(node.shape, tuple) for dim in node.shape
                          for name in sorted(symbols((dim,))))  # fmt: skip
    free = [name for name in names if name not in measured]
    return {**measured, **{name: SIZES[i % len(SIZES)] for i, name in enumerate(free)}}


def _candidates(
    free: Sequence[Node], known: Mapping[Node, Array], sizes: Mapping[str, int]
) -> Iterator[dict[Node, Array]]:
    for attempt in range(TRIES):
        yield {**known, **{node: _numbers(node, sizes, attempt) for node in free}}


def _numbers(node: Node, sizes: Mapping[str, int], attempt: int) -> Array:
    """Tenths, from −1 to 1 in one attempt and from 0.1 to 1 in the next; integers are 0 or 1, at last 0 alone."""
    dims: tuple[Dim, ...] = () if isinstance(node.shape, Open) else node.shape
    shape = tuple(int(str(at(dim, sizes))) for dim in dims)
    elements = np.arange(int(np.prod(shape))).reshape(shape).astype(np.uint64)
    key = int.from_bytes(str(node.op).encode(errors="replace")[:7].ljust(7, b"\0"), "big")
    words = philox((elements, 0, attempt, 0), (key & WORD, key >> 32))[0].astype(np.int64)
    if node.dtype in ("int64", "bool"):
        return ((words % 2) * (attempt < TRIES // 2)).astype(node.dtype)
    tenths = words % 10 + 1
    signs = np.where(words // 16 % 2 == 1, -1, 1) if attempt % 2 == 0 else 1
    return (tenths * signs / 10).astype(node.dtype)


def serves(cost: Node, wrt: Sequence[Node], values: Mapping[Node, Array]) -> bool:
    """Whether every value and gradient is finite there, and no gradient lies at a kink."""
    gradients = gradient(cost, wrt)
    order = [node for node in topological_order([cost, *gradients.nodes]) if node.dtype.startswith("float")]
    try:
        finite = all(np.all(np.isfinite(array)) for array in evaluate(order, values))
        kinked = any(node.op.ties or node.dtype == "bool" for node in topological_order([cost]))
        checks = check_gradient(cost, wrt, values).checks if finite and kinked else ()
    except BackgraphError:
        return False
    return finite and all(check.status != "at a kink" for check in checks)


def tells(cost: Node, wrt: Sequence[Node], values: Mapping[Node, Array]) -> bool:
    """Whether every gradient has an element other than zero: where all units of a layer are off, nothing is seen."""
    return all(np.any(array != 0) for array in evaluate(gradient(cost, wrt).nodes, values))
