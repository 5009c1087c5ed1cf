"""The reference evaluator: NumPy over the topological order. What it returns is what a graph means.

Everything else (rewritten graphs, compiled programs, exported files) is compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from backgraph.errors import CalculusError, nearest
from backgraph.language.dims import Open, Polynomial, Shape, shape_text, symbols_within
from backgraph.language.node import Node
from backgraph.language.op import Array, Operation
from backgraph.language.ops.leaf import Variable
from backgraph.language.walk import topological_order

Bindings = Mapping[Any, ArrayLike]
"""Values for leaves, by node or by name."""
Watch = Callable[[Node, Array], Array]
"""Sees (and may replace) every value as it is computed."""


def evaluate(outputs: Node | Sequence[Node], values: Bindings, watch: Watch | None = None) -> Any:
    """The value of one node (an array), or of several (a list), given `values` for the leaves.

    Values are bound by node or by name and must have the leaf's dtype and shape; symbolic dimensions take their size
    from them. Raises CalculusError BG302 for a value that is missing, unknown, or does not fit.
    """
    wanted = [outputs] if isinstance(outputs, Node) else list(outputs)
    order = topological_order(wanted)
    table, sizes = bind(order, values)
    remaining = _uses(order, wanted)
    with np.errstate(all="ignore"):
        for node in order:
            if node not in table:
                value = np.asarray(concrete(node, sizes).numpy(*[table[given] for given in node.inputs]))
                table[node] = value if watch is None else watch(node, value)
            for given in node.inputs:
                remaining[given] -= 1
                if not remaining[given]:
                    del table[given]
    results = [table[node] for node in wanted]
    return results[0] if isinstance(outputs, Node) else results


def bind(order: Sequence[Node], values: Bindings) -> tuple[dict[Node, Array], dict[str, Any]]:
    """Arrays for the variables in `order`, checked, and the sizes of all symbolic dimensions."""
    # A leaf given by node counts even if nothing depends on it: a gradient may depend on its size alone.
    keys = [key for key in values if isinstance(key, Node)]
    variables = list(dict.fromkeys(node for node in [*order, *keys] if isinstance(node.op, Variable)))
    given = by_leaf(values, variables)
    table: dict[Node, Array] = {}
    sizes: dict[str, Any] = {}
    for node in variables:
        if node not in given:
            expected = f"{shape_text(node.shape)} {node.dtype}"
            raise CalculusError("BG302", str(node.op), "no value is given for this input", expected=expected)
        table[node] = _array(node, given[node])
        measure(node, table[node].shape, sizes)
    return table, sizes


def concrete(node: Node, sizes: Mapping[str, Any]) -> Operation:
    """The operation of `node` with all its dimensions known. Raises CalculusError BG302 where `sizes` lacks one."""
    op = node.op.at(sizes)
    if unshaped := [each for each in vars(op).values() if isinstance(each, Open)]:
        names = ", ".join(sorted(unshaped[0].names - {key.removeprefix("shape of ") for key in sizes}))
        what = f"the shape of {names} is not known"
        raise CalculusError("BG302", str(node.op), what, hint="give a value, by node, to that input")
    if op is not node.op and (unknown := symbols_within(tuple(vars(op).values()))):
        what = f"the size of {', '.join(sorted(unknown))} is not known"
        raise CalculusError("BG302", str(node.op), what, hint="give a value, by node, to an input that has it")
    return op


def _uses(order: Sequence[Node], wanted: Sequence[Node]) -> dict[Node, int]:
    count = dict.fromkeys(order, 0)
    for node in wanted:
        count[node] += 1
    for node in order:
        for given in node.inputs:
            count[given] += 1
    return count


def by_leaf(values: Bindings, variables: Sequence[Node]) -> dict[Node | None, ArrayLike]:
    """`values` by the variable that each key means; None for a leaf that is not among them. Raises CalculusError BG302
    for a name that none or two of them have.
    """
    by_name: dict[str, Node] = {str(node.op): node for node in variables}
    return {_leaf(key, variables, by_name): value for key, value in values.items()}


def _leaf(key: Any, variables: Sequence[Node], by_name: Mapping[str, Node]) -> Node | None:
    """The variable that a key means; None for a known leaf that the outputs do not depend on."""
    if isinstance(key, Node):
        return key if key in variables else None
    if key not in by_name:
        known = list(by_name)
        raise CalculusError(
            "BG302",
            str(key),
            "no input of this name",
            expected=", ".join(known) or "none",
            hint=nearest(str(key), known),
        )
    if sum(str(node.op) == key for node in variables) > 1:
        raise CalculusError("BG302", str(key), "two inputs have this name", hint="bind by node")
    return by_name[key]


def _array(node: Node, value: ArrayLike) -> Array:
    array = np.asarray(value)
    extended = node.dtype.startswith("float") and array.dtype.kind in "fc" and array.dtype.itemsize > 8
    if array.dtype.name == node.dtype or extended:
        return array
    if not isinstance(value, (np.ndarray, np.generic)) or (array.dtype.kind in "iu" and node.dtype == "int64"):
        converted = array.astype(node.dtype)
        if node.dtype.startswith("float") or np.array_equal(converted, array):
            return converted
    raise CalculusError(
        "BG302", str(node.op), "wrong dtype", got=array.dtype.name, expected=node.dtype, hint=f".astype('{node.dtype}')"
    )


def measure(node: Node, shape: tuple[int, ...], sizes: dict[str, Any]) -> None:
    """Note in `sizes` what the shape of a value of the variable `node` says. Raises CalculusError BG302 at a misfit."""
    if isinstance(node.shape, Open):
        sizes[f"shape of {node.op}"] = shape
        return
    if len(shape) != len(node.shape):
        raise _misfit(node, shape)
    for dim, n in zip(node.shape, shape, strict=True):
        if isinstance(dim, Polynomial) and dim.degree == 1 and len(dim.terms) == 1 and dim.terms[0][1] == 1:
            if sizes.setdefault(str(dim), n) != n:
                raise _misfit(node, shape, f"; {dim} is {sizes[str(dim)]} elsewhere")
        elif isinstance(dim, int) and dim != n:
            raise _misfit(node, shape)


def _misfit(node: Node, got: Shape, more: str = "") -> CalculusError:
    return CalculusError(
        "BG302", str(node.op), f"wrong shape{more}", got=shape_text(got), expected=shape_text(node.shape)
    )
