"""Nodes for values that JAX knows, and arithmetic of integers and booleans, which the language has not.

Where JAX computes with them, the numbers go through float64, which holds integers exactly up to 2⁵³.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backgraph.errors import GraphError
from backgraph.language.node import FLOATS, Node
from backgraph.language.ops.elementwise import equal, greater, where
from backgraph.language.ops.leaf import DTYPES, constant, number
from backgraph.language.ops.shape import Reshape, cast, is_full_of, reshape, scalar_to

Translate = Callable[..., Any]
"""The operands of a primitive, as nodes, and its parameters by name, to the result (or several, or None)."""


def dtype_named(name: str, where_: str) -> str:
    """The dtype of a node for one of JAX; integers are int64. Raises GraphError BG102 for others."""
    dtype = "int64" if name.startswith(("int", "uint")) else name
    if dtype not in DTYPES:
        raise GraphError("BG102", where_, "unknown dtype", got=name, expected=", ".join(DTYPES))
    return dtype


def as_node(value: Any) -> Node:
    """A node for what is known; an array of one number is that number, copied."""
    if isinstance(value, Node):
        return value
    array = np.asarray(value)
    dtype = dtype_named(array.dtype.name, "from_jax")
    array = np.ascontiguousarray(array.astype(dtype)).reshape(array.shape)
    if array.size and array.tobytes() == array.reshape(-1)[:1].tobytes() * array.size:
        first = array.reshape(-1)[0]
        return scalar_to(number(first.item(), dtype) if dtype in FLOATS else constant(first), array.shape)
    return constant(array)


def as_float(x: Node) -> Node:
    """x, or float64 in place of integers and booleans."""
    return x if x.dtype in FLOATS else cast(x, "float64")


def as_dtype(x: Node, dtype: str) -> Node:
    """A number as an integer or, where it is not 0, as true."""
    return greater(x, 0.5) if dtype == "bool" else cast(x, dtype)


def reshaped(x: Node, shape: Sequence[Any]) -> Node:
    """x in another shape; of a value reshaped before, that value in this shape."""
    while isinstance(x.op, Reshape):
        (x,) = x.inputs
    return reshape(x, shape)


def arithmetic(f: Callable[..., Node]) -> Translate:
    """`f`, also for integers and booleans: through float64 and back."""

    def translated(*operands: Node, **given: Any) -> Node:
        dtype = operands[-1].dtype
        if dtype in FLOATS:
            return f(*operands, **given)
        return as_dtype(f(*[as_float(x) for x in operands], **given), dtype)

    return translated


def plain(f: Callable[..., Node]) -> Translate:
    """`f` of the operands; the primitive's parameters do not change the result."""
    return arithmetic(lambda *operands, **_: f(*operands))


def boolean(f: Callable[..., Node]) -> Translate:
    """`f` for booleans; None, which is to say no counterpart, for the bits of integers."""
    return lambda *operands, **_: plain(f)(*operands) if operands[0].dtype == "bool" else None


def floating(f: Callable[..., Node]) -> Translate:
    """`f` for floats; None for integers, whose division truncates."""
    return lambda *operands, **_: f(*operands) if operands[0].dtype in FLOATS else None


def select(which: Node, *cases: Node, **_: Any) -> Node:
    """cases[which], element by element; of two cases the second is the one that holds where `which` is true."""
    chosen = cases[0]
    for position, case in enumerate(cases[1:], start=1):
        if is_full_of(which, position):
            return case
        condition = which if which.dtype == "bool" else equal(which, position)
        chosen = chosen if is_full_of(which, 0) else _where(condition, case, chosen)
    return chosen


def _where(condition: Node, a: Node, b: Node) -> Node:
    if a.dtype in FLOATS:
        return where(condition, a, b)
    return as_dtype(where(condition, as_float(a), as_float(b)), a.dtype)
