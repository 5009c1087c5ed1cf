"""Nodes: immutable, interned values of the graph.

A node is an operation applied to nodes. Equal expressions are one object, so a common subexpression costs nothing and
`a is b` decides equality. The table of nodes holds them weakly: what nobody uses is freed. Nodes carry no provenance:
one node may have many origins; see decision 0001.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from backgraph.errors import UsageError

if TYPE_CHECKING:
    from backgraph.language.dims import Shape
    from backgraph.language.op import Operation

FLOATS = ("float32", "float64")

OPERATORS: dict[str, Callable[..., Node]] = {}
"""What `+ - * / ** @` and friends build; filled by `language.ops`, which stands above this module."""


class Node:
    """`op` applied to `inputs`, with its `shape` (tuple of dimensions) and `dtype`.

    Made by operations, never by hand. Supports `+ - * / ** @ .T`, comparisons and slicing; `==` is identity.
    """

    __slots__ = ("__weakref__", "dtype", "inputs", "op", "shape")

    __array_ufunc__ = None  # `array + node` is refused by us in one line, not spread over the elements by NumPy

    op: Operation
    inputs: tuple[Node, ...]
    shape: Shape
    dtype: str

    def __init__(self, op: Operation, inputs: tuple[Node, ...], shape: Shape, dtype: str) -> None:
        _set_op(self, op)
        _set_inputs(self, inputs)
        _set_shape(self, shape)
        _set_dtype(self, dtype)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"nodes are immutable; cannot set {name!r}")

    @property
    def rank(self) -> int:
        """Number of axes; an open shape has no rank (ValueError)."""
        if not isinstance(self.shape, tuple):
            raise UsageError("BG601", self.op.name, "its number of axes is not known", hint="annotate the shape")
        return len(self.shape)

    @property
    def is_leaf(self) -> bool:
        """Whether it has no inputs (an input, a parameter, a constant, a size)."""
        return not self.inputs

    def __repr__(self) -> str:
        from backgraph.language.dims import shape_text

        return f"<{self.op} : {shape_text(self.shape)} {self.dtype}>"

    def __bool__(self) -> bool:
        raise UsageError("BG601", self.op.name, "a node has no truth value", hint="use where(condition, a, b)")

    def __iter__(self) -> Any:
        raise UsageError("BG601", self.op.name, "a node cannot be iterated over", hint="use slices x[i]")

    def __add__(self, other: Operand) -> Node:
        return OPERATORS["add"](self, other)

    def __radd__(self, other: Operand) -> Node:
        return OPERATORS["add"](other, self)

    def __sub__(self, other: Operand) -> Node:
        return OPERATORS["sub"](self, other)

    def __rsub__(self, other: Operand) -> Node:
        return OPERATORS["sub"](other, self)

    def __mul__(self, other: Operand) -> Node:
        return OPERATORS["mul"](self, other)

    def __rmul__(self, other: Operand) -> Node:
        return OPERATORS["mul"](other, self)

    def __truediv__(self, other: Operand) -> Node:
        return OPERATORS["div"](self, other)

    def __rtruediv__(self, other: Operand) -> Node:
        return OPERATORS["div"](other, self)

    def __pow__(self, other: Operand) -> Node:
        return OPERATORS["pow"](self, other)

    def __rpow__(self, other: Operand) -> Node:
        return OPERATORS["pow"](other, self)

    def __matmul__(self, other: Node) -> Node:
        return OPERATORS["matmul"](self, other)

    def __rmatmul__(self, other: Operand) -> Node:
        return OPERATORS["matmul"](other, self)

    def __neg__(self) -> Node:
        return OPERATORS["neg"](self)

    def __abs__(self) -> Node:
        return OPERATORS["abs"](self)

    def __gt__(self, other: Operand) -> Node:
        return OPERATORS["greater"](self, other)

    def __ge__(self, other: Operand) -> Node:
        return OPERATORS["greater_equal"](self, other)

    def __lt__(self, other: Operand) -> Node:
        return OPERATORS["less"](self, other)

    def __le__(self, other: Operand) -> Node:
        return OPERATORS["less_equal"](self, other)

    def __getitem__(self, index: Any) -> Node:
        return OPERATORS["getitem"](self, index)

    @property
    def T(self) -> Node:
        """The transpose; of a batch of matrices, the last two axes change places."""
        return OPERATORS["T"](self)


_set_op, _set_inputs = Node.op.__set__, Node.inputs.__set__  # type: ignore[attr-defined]  # slots are descriptors
_set_shape, _set_dtype = Node.shape.__set__, Node.dtype.__set__  # type: ignore[attr-defined]

Operand = Node | int | float

_table: weakref.WeakValueDictionary[tuple[Any, ...], Node] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def intern(op: Operation, inputs: tuple[Node, ...]) -> Node:
    """The one node for `op` applied to `inputs`; the card infers its shape and dtype if it is new.

    Keys hold the inputs' ids: a node keeps its inputs alive, so an id is not reused while its key stands.
    """
    key = (op, *map(id, inputs))
    found = _table.get(key)
    if found is not None:
        return found
    node = Node(op, inputs, op.shape(*inputs), op.dtype(*inputs))
    with _lock:
        return _table.setdefault(key, node)


def interned_count() -> int:
    """How many nodes are alive."""
    return len(_table)
