"""Operations are cards: what a card says, and how applying one makes a node.

A card states, always in this order: its docstring (formula, shapes, source), its `signature`, `numpy` (its meaning; it
survives complex step, so it branches on the real part), `bprop` (the rule of back-propagation, section 6.5.6), `jvp`
(forward mode), `notation` and `work`. There is one result per operation. Nothing here knows the machine.

`op.bprop(inputs, position, G)` returns the contribution to the gradient of `inputs[position]` when G is the gradient
of the result; it pretends that its inputs are distinct. The result itself is recovered by building it again, which
interns to the same node. `None` means undefined (an integer label); a piecewise-constant operation returns zeros.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from backgraph.errors import BackgraphError, GraphError, UsageError
from backgraph.language import notation
from backgraph.language.check import broadcast_shapes, common_dtype, here, infer_shape, mismatch
from backgraph.language.dims import Dim, Open, Polynomial, Shape
from backgraph.language.node import FLOATS, OPERATORS, Node, Operand, intern

Array = NDArray[Any]

CARDS: dict[str, Operation | type[Operation]] = {}
"""Every operation by name: a card without parameters itself, or the class of those that have some."""


BUILT_IN: set[str] = set()
"""Names of backgraph's own cards, which users cannot replace; filled by `language.ops`."""


class Operation:
    """Base of all cards. Subclasses are frozen dataclasses whose fields are the operation's parameters."""

    name: ClassVar[str]
    signature: ClassVar[str]
    is_variable: ClassVar[bool] = False
    commutative: ClassVar[bool] = False
    is_view: ClassVar[bool] = False
    ties: ClassVar[str] = ""
    source: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            register(cls.name, cls)

    def __str__(self) -> str:
        return self.name

    def __call__(self, *operands: Operand) -> Node:
        """The node for this operation on `operands`; numbers become constants of the others' dtype."""
        return self.apply(*as_nodes(self.name, operands))

    def apply(self, *inputs: Node) -> Node:
        """The node for exactly these inputs: nothing is broadcast or converted."""
        return intern(self, inputs)

    def shape(self, *inputs: Node) -> Shape:
        """Shape of the result; by the signature unless a card with parameters says otherwise."""
        expected = self.signature.count("(") - 1
        if len(inputs) != expected:
            raise mismatch(self.name, self.signature, inputs, f"takes {expected} operands, not {len(inputs)}")
        return infer_shape(self.name, self.signature, inputs)

    def dtype(self, *inputs: Node) -> str:
        """Dtype of the result; the operands' common float dtype unless the card says otherwise."""
        dtype = common_dtype(self.name, inputs)
        if dtype not in FLOATS:
            raise GraphError(
                "BG102", f"{here()} {self.name}", "needs floating-point operands", got=f"{inputs[0].op} {dtype}",
                expected="float32 or float64", hint="write cast(x, 'float64')",
            )  # fmt: skip
        return dtype

    def at(self, sizes: Mapping[str, Any]) -> Operation:
        """This operation with symbolic dimensions among its parameters replaced by sizes."""
        return self

    def numpy(self, *arrays: Array) -> Array:
        """The result for NumPy arrays: the meaning of the operation."""
        raise NotImplementedError(self.name)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        """What flows back to `inputs[position]` when `G` is the gradient of the result; None where undefined."""
        raise NotImplementedError(self.name)

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        """The tangent of the result; for a linear operation of one input, the operation itself."""
        tangent = tangents[0]
        return None if tangent is None else self.apply(tangent, *inputs[1:])

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        """The result as maths, given its operands as maths."""
        return notation.Apply(self.name, trees)

    def work(self, inputs: tuple[Node, ...]) -> Dim:
        """Multiply-adds of its products; elementwise work is not counted as such."""
        return 0

    def indexed(self, inputs: tuple[Node, ...]) -> tuple[Node, Dim] | None:
        """The operand that holds indices, and how many there are: all but 0 … n−1 are refused. None if none does."""
        return None

    def outside(self, index: int, at: tuple[int, ...], size: int) -> BackgraphError:
        """The error for an index, at this place of its array, that is not one of 0 … size − 1."""
        return GraphError("BG103", self.name, "no such row", got=found_at(index, at), expected=f"0 … {size - 1}")

    def inside(self, indices: Array, size: int) -> Array:
        """`indices`, if all are 0 … size − 1: no counting from the end. Raises what `outside` says about the first."""
        bad = np.flatnonzero((indices < 0) | (indices >= size))
        if bad.size:
            at = tuple(map(int, np.unravel_index(bad[0], indices.shape)))
            raise self.outside(int(indices[at]), at, size)
        return indices


def found_at(index: int, at: tuple[int, ...]) -> str:
    """`7 at [2]`: an index, and its place in its array."""
    return f"{index} at {list(at)}" if at else str(index)


class Parametrised(Operation):
    """A card with parameters: a frozen dataclass; parameters that are dimensions may be symbolic."""

    def at(self, sizes: Mapping[str, Any]) -> Operation:
        changes: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            value = getattr(self, field.name)
            replaced = _at(value, sizes)
            if replaced is not value:
                changes[field.name] = replaced
        return dataclasses.replace(self, **changes) if changes else self  # type: ignore[type-var]


def _at(value: Any, sizes: Mapping[str, Any]) -> Any:
    if isinstance(value, Polynomial):
        return value.at(sizes)
    if isinstance(value, Open) and all(f"shape of {name}" in sizes for name in value.names):
        return np.broadcast_shapes(*(sizes[f"shape of {name}"] for name in sorted(value.names)))
    if isinstance(value, tuple) and any(isinstance(part, (Polynomial, tuple)) for part in value):
        return tuple(_at(part, sizes) for part in value)
    return value


Rule = Callable[..., Node | None]


class Elementwise(Operation):
    """One line each: a function of scalars, applied to every element; operands broadcast.

    `rules[i](G, result, *inputs)` is the contribution to the gradient of input i. The Jacobian of an elementwise
    operation is diagonal, hence symmetric, so the same rules push tangents forward.
    """

    def __init__(
        self,
        name: str,
        formula: str,
        numpy: Callable[..., Array],
        *rules: Rule,
        write: Callable[..., notation.Tree] | None = None,
        domain: str = "real",
        ties: str = "",
        commutative: bool = False,
        result: str | None = None,
        source: str = "",
    ) -> None:
        self.name, self.formula, self._numpy, self.rules = name, formula, numpy, rules  # type: ignore[misc]
        self.signature = ",".join(["()"] * len(rules)) + "->()"  # type: ignore[misc]
        self._write, self.domain, self.ties, self._result = write, domain, ties, result  # type: ignore[misc]
        self.commutative, self.source = commutative, source  # type: ignore[misc]
        self.__doc__ = f"{formula}, elementwise."
        register(name, self)

    def __call__(self, *operands: Operand) -> Node:
        if len(operands) != len(self.rules):
            raise UsageError("BG601", here(), f"{self.name} takes {len(self.rules)} operands", got=len(operands))
        nodes = as_nodes(self.name, operands)
        first = nodes[0].shape
        for node in nodes:
            if node.shape != first:
                shape = broadcast_shapes(self.name, nodes)
                return self.apply(*[OPERATORS["broadcast"](each, shape) for each in nodes])
        return self.apply(*nodes)

    def dtype(self, *inputs: Node) -> str:
        if self._result == "bool":
            common_dtype(self.name, inputs)
            return "bool"
        if self._result == "branches":
            return super().dtype(*inputs[1:])
        return super().dtype(*inputs)

    def numpy(self, *arrays: Array) -> Array:
        return self._numpy(*arrays)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return self.rules[position](G, self.apply(*inputs), *inputs)

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        result = self.apply(*inputs)
        parts = [rule(t, result, *inputs) for rule, t in zip(self.rules, tangents, strict=True) if t is not None]
        return total([part for part in parts if part is not None])

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return self._write(inputs, *trees) if self._write else notation.Apply(self.name, trees)


def register(name: str, card: Operation | type[Operation]) -> None:
    """Put a card into the table. Raises GraphError BG109 for the name of a card of backgraph itself."""
    if name in BUILT_IN:
        raise GraphError("BG109", here(), "an operation of this name exists", got=name, hint="choose another name")
    CARDS[name] = card


def as_nodes(name: str, operands: Sequence[Operand]) -> list[Node]:
    """Operands as nodes; Python numbers are weak: they take the float dtype of the others (float64 if alone).

    Beside integers and booleans alone, a number with a fraction stays float64 rather than lose it.
    """
    dtypes = [x.dtype for x in operands if isinstance(x, Node)]
    if len(dtypes) == len(operands):
        return list(operands)  # type: ignore[arg-type]
    dtype = next((d for d in dtypes if d in FLOATS), dtypes[0] if dtypes else "float64")
    return [x if isinstance(x, Node) else _number(name, x, dtype) for x in operands]


def _number(name: str, value: object, dtype: str) -> Node:
    if isinstance(value, (float, np.floating)) and not (dtype == "int64" and float(value).is_integer()):
        dtype = dtype if dtype in FLOATS else "float64"
    if isinstance(value, (bool, int, float, np.integer, np.floating)):
        return OPERATORS["number"](float(value) if dtype in FLOATS else value, dtype)  # type: ignore[arg-type]
    raise UsageError(
        "BG601", f"{here()} {name}", "an operand is neither a node nor a number", got=value,
        hint="wrap arrays in constant(...)",
    )  # fmt: skip


@overload
def total(parts: Sequence[Node], nothing: Node) -> Node: ...
@overload
def total(parts: Sequence[Node], nothing: None = None) -> Node | None: ...
def total(parts: Sequence[Node], nothing: Node | None = None) -> Node | None:
    """The sum of `parts` in order; `nothing` if there are none."""
    result: Node | None = None
    for part in parts:
        result = part if result is None else OPERATORS["add"](result, part)
    return nothing if result is None else result
