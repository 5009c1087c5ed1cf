"""Leaves: variables (inputs, labels, parameters), constants, sizes, and the identity matrix.

Variables are identified by object: two inputs of one name are two inputs. Constants compare by dtype and bits, so that
1, 1.0 and True differ, and 0.0 and −0.0.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from backgraph.errors import GraphError
from backgraph.language import notation
from backgraph.language.check import here
from backgraph.language.dims import Dim, Open, Polynomial, Shape, as_dim, as_shape
from backgraph.language.node import FLOATS, OPERATORS, Node
from backgraph.language.op import Array, Operation, Parametrised

DTYPES = (*FLOATS, "int64", "bool")


@dataclass(frozen=True, eq=False)
class Variable(Operation):
    """A leaf whose value is given when the graph is evaluated: an input, labels, or a parameter."""

    name: ClassVar[str] = "variable"
    signature: ClassVar[str] = "->()"
    is_variable: ClassVar[bool] = True

    label: str
    role: str
    of_shape: Shape
    of_dtype: str

    def shape(self, *inputs: Node) -> Shape:
        return self.of_shape

    def dtype(self, *inputs: Node) -> str:
        return self.of_dtype

    def __str__(self) -> str:
        return self.label

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Name(self.label)


@dataclass(frozen=True)
class Constant(Parametrised):
    """A literal number or array; equal when dtype, shape and bits are."""

    name: ClassVar[str] = "constant"
    signature: ClassVar[str] = "->()"

    of_dtype: str
    of_shape: tuple[int, ...]
    bits: bytes

    def shape(self, *inputs: Node) -> Shape:
        return self.of_shape

    def dtype(self, *inputs: Node) -> str:
        return self.of_dtype

    def __str__(self) -> str:
        return repr(self.value) if self.of_shape == () else "constant"

    @property
    def value(self) -> float:
        """The number, if it is a scalar; else the first element."""
        return self.numpy().flat[0].item()

    def numpy(self, *arrays: Array) -> Array:
        return np.frombuffer(self.bits, self.of_dtype).reshape(self.of_shape)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        if self.of_shape != ():
            return notation.Name("constant")
        return notation.Number(float(str(self.numpy())))  # the shortest decimal of its own dtype


@dataclass(frozen=True)
class Size(Parametrised):
    """The number n of a dimension, as a scalar: `size(m)`; a mean is a sum times 1/size."""

    name: ClassVar[str] = "size"
    signature: ClassVar[str] = "->()"

    dim: Dim
    of_dtype: str

    def shape(self, *inputs: Node) -> Shape:
        return ()

    def dtype(self, *inputs: Node) -> str:
        return self.of_dtype

    def __str__(self) -> str:
        return f"size({self.dim})"

    def numpy(self, *arrays: Array) -> Array:
        return np.asarray(self.dim, self.of_dtype)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Name(str(self.dim), is_size=True)


@dataclass(frozen=True)
class SizeOf(Parametrised):
    """The number of elements of a value whose shape is open, as a scalar."""

    name: ClassVar[str] = "size_of"
    signature: ClassVar[str] = "()->()"

    def shape(self, *inputs: Node) -> Shape:
        return ()

    def numpy(self, *arrays: Array) -> Array:
        return np.asarray(arrays[0].size, arrays[0].dtype)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return OPERATORS["zeros_like"](inputs[0])

    def jvp(self, inputs: tuple[Node, ...], tangents: Any) -> Node | None:
        return None

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Apply("size", trees)


@dataclass(frozen=True)
class Eye(Parametrised):
    """I, the identity matrix: `->(n,n)`."""

    name: ClassVar[str] = "eye"
    signature: ClassVar[str] = "->(n,n)"

    dim: Dim
    of_dtype: str

    def shape(self, *inputs: Node) -> Shape:
        return (self.dim, self.dim)

    def dtype(self, *inputs: Node) -> str:
        return self.of_dtype

    def numpy(self, *arrays: Array) -> Array:
        return np.eye(self.dim, dtype=self.of_dtype)  # type: ignore[arg-type]  # concrete when evaluated

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Name("I")


def variable(name: str, shape: Iterable[int | str | Polynomial] | Open, dtype: str, role: str) -> Node:
    """A new leaf. Raises GraphError BG102 for an unknown dtype, BG109 for a negative size."""
    if dtype not in DTYPES:
        raise GraphError("BG102", f"{here()} {name}", "unknown dtype", got=dtype, expected=", ".join(DTYPES))
    of_shape = as_shape(shape)
    if isinstance(of_shape, tuple) and any(isinstance(dim, int) and dim < 0 for dim in of_shape):
        raise GraphError("BG109", f"{here()} {name}", "a size is negative", got=of_shape, expected="0 or more")
    return Variable(name, role, of_shape, dtype).apply()


def input(name: str, shape: Iterable[int | str | Polynomial] | Open = (), dtype: str = "float64") -> Node:
    """A value given at evaluation, e.g. `input("X", ("m", 784))`: the design matrix of a minibatch."""
    return variable(name, shape, dtype, "input")


def labels(name: str, shape: Iterable[int | str | Polynomial] | Open = ("m",)) -> Node:
    """Integer class labels, one for each example."""
    return variable(name, shape, "int64", "labels")


def parameter(name: str, shape: Iterable[int | str | Polynomial] | Open = (), dtype: str = "float64") -> Node:
    """A value to be learned, e.g. `parameter("W1", (784, 64))`."""
    return variable(name, shape, dtype, "parameter")


def constant(value: ArrayLike, dtype: str | None = None) -> Node:
    """A literal; Python floats become float64 and Python integers int64 unless `dtype` says otherwise.

    Raises GraphError BG102 for a dtype outside float32, float64, int64, bool.
    """
    array = np.asarray(value) if dtype is None else np.asarray(value, dtype)
    name = _names.get(array.dtype)
    if name is None:
        if array.dtype.isnative or array.dtype.name not in DTYPES:
            got = array.dtype.name
            raise GraphError("BG102", f"{here()} constant", "unknown dtype", got=got, expected=", ".join(DTYPES))
        return constant(array, array.dtype.name)
    return Constant(name, array.shape, np.ascontiguousarray(array).tobytes()).apply()


_names = {np.dtype(name): name for name in DTYPES}
"""`dtype.name` puts its answer together each time it is asked."""


def number(value: float, dtype: str) -> Node:
    """The constant of a Python number; graphs repeat a few of them very often, so those alive are looked up."""
    key = (type(value), repr(value), dtype)
    found = _numbers.get(key)
    if found is None:
        found = _numbers[key] = constant(value, dtype)
    return found


_numbers: weakref.WeakValueDictionary[tuple[type, str, str], Node] = weakref.WeakValueDictionary()


def size(dim: int | str | Polynomial, dtype: str = "float64") -> Node:
    """The number of a dimension as a scalar node (a constant if it is known)."""
    n = as_dim(dim)
    return Size(n, dtype).apply() if isinstance(n, Polynomial) else constant(n, dtype)


def eye(n: int | str | Polynomial, dtype: str = "float64") -> Node:
    """The n × n identity matrix."""
    return Eye(as_dim(n), dtype).apply()


def literal(node: Node) -> float | None:
    """The number of a scalar constant, else None."""
    return node.op.value if isinstance(node.op, Constant) and node.shape == () else None


OPERATORS["constant"] = constant
OPERATORS["number"] = number
