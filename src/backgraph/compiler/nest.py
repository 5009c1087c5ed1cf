"""The one statement of the compiler: a loop nest.

    Value    an array in memory: shape and dtype
    Axis     a loop variable with its extent (a number, or the batch, known at run time)
    Affine   an index: a sum of axes times integers, plus a constant; `Lookup` is an index read from an integer array
    Expr     a scalar expression over reads, numbers and positions
    Write    value[index] = body
    Nest     for all parallel axes: combine `body` over the reduce axis, then perform the writes, whose bodies may
             contain `Combined()`, the finished reduction

    for i < m, j < h parallel: reduce k < d: fma X[i,k] * W[k,j]
        H[i,j] = max(combined, 0)

Every operation lowers to nests. Reductions keep the law of summation (decision 0002): `fma` is a chain in chunks of
256, `add` over a last axis goes by 16 lanes, `add_chain` over any other axis is a chain. `scan` writes running values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from backgraph.language.dims import Dim

_numbers = itertools.count()


@dataclass(frozen=True, eq=False)
class Value:
    """An array, row-major. `role`: "temporary", "argument" (given by the caller), "constant" (with its
    bits), or "alias" (the elements of `base` in another shape).
    """

    label: str
    shape: tuple[Dim, ...]
    dtype: str
    role: str = "temporary"
    bits: bytes = b""
    base: Value | None = None

    def __repr__(self) -> str:
        return self.label


def storage(value: Value) -> Value:
    """The value whose memory `value` lives in: itself, or what it is an alias of."""
    while value.base is not None:
        value = value.base
    return value


@dataclass(frozen=True, eq=False)
class Axis:
    """A loop variable from 0 to `size` − 1."""

    label: str
    size: Dim

    def __repr__(self) -> str:
        return self.label


@dataclass(frozen=True)
class Affine:
    """Σ coefficient · axis + offset."""

    terms: tuple[tuple[Axis, int], ...]
    offset: Dim = 0

    def coefficient(self, axis: Axis) -> int:
        """The factor of `axis` in it, 0 if it does not occur."""
        return sum(c for a, c in self.terms if a is axis)


@dataclass(frozen=True)
class Lookup:
    """An index read from an integer array."""

    read: Read


Index: TypeAlias = Affine | Lookup


@dataclass(frozen=True)
class Read:
    """The element of a value at an index."""

    value: Value
    index: tuple[Index, ...]

    @property
    def dtype(self) -> str:
        """Dtype of the element."""
        return self.value.dtype


@dataclass(frozen=True)
class Literal:
    """A number."""

    number: float | int | bool
    dtype: str


@dataclass(frozen=True)
class Extent:
    """The size of a dimension as a number."""

    dim: Dim
    dtype: str


@dataclass(frozen=True)
class Position:
    """An index as a number (an iota)."""

    at: Affine
    dtype: str = "int64"


@dataclass(frozen=True)
class Combined:
    """The finished reduction of the nest."""

    dtype: str


@dataclass(frozen=True)
class Call:
    """A scalar operation of `compiler.scalar` on scalars."""

    name: str
    arguments: tuple[Expr, ...]
    dtype: str


Expr: TypeAlias = Read | Literal | Extent | Position | Combined | Call


@dataclass(frozen=True)
class Write:
    """value[index] = body."""

    value: Value
    index: tuple[Index, ...]
    body: Expr


@dataclass(frozen=True)
class Nest:
    """Loops over `axes` (parallel) and `reduce` (at most one axis); see the module's docstring.

    One that `resumes` takes the reduce axis in row blocks: it begins with what its write has left in memory. `share` is
    the axis whose range threads share out where that is not the first.
    """

    axes: tuple[Axis, ...]
    writes: tuple[Write, ...]
    reduce: Axis | None = None
    reduction: str | None = None
    operands: tuple[Expr, ...] = ()
    label: str = ""
    resumes: bool = False
    share: Axis | None = None
    order: int = field(default_factory=lambda: next(_numbers), compare=False)

    @cached_property
    def reads(self) -> tuple[Read, ...]:
        """All reads of operands and bodies, lookups included."""
        bodies = (r for e in (*self.operands, *(w.body for w in self.writes)) for r in reads_of(e))
        places = (r for w in self.writes for i in w.index if isinstance(i, Lookup) for r in reads_of(i.read))
        return (*bodies, *places)

    def __str__(self) -> str:
        return printed(self)


def reads_of(expr: Expr) -> Iterable[Read]:
    """All reads in an expression, those inside lookups included."""
    if isinstance(expr, Read):
        yield expr
        for index in expr.index:
            if isinstance(index, Lookup):
                yield from reads_of(index.read)
    elif isinstance(expr, Call):
        for argument in expr.arguments:
            yield from reads_of(argument)


def mapped(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """`expr` with every subexpression for which `change` gives a replacement replaced by it."""
    new = change(expr)
    if new is not None:
        return new
    if isinstance(expr, Call):
        return replace(expr, arguments=tuple(mapped(a, change) for a in expr.arguments))
    if isinstance(expr, Read) and any(isinstance(i, Lookup) for i in expr.index):
        return Read(expr.value, tuple(_mapped_index(i, change) for i in expr.index))
    return expr


def _mapped_index(index: Index, change: Callable[[Expr], Expr | None]) -> Index:
    if isinstance(index, Affine):
        return index
    new = mapped(index.read, change)
    if not isinstance(new, Read):
        return index
    return Lookup(new)


def substituted(expr: Expr, axes: Mapping[Axis, Index]) -> Expr:
    """`expr` with axes replaced by indices (of other axes)."""
    if isinstance(expr, Read):
        return Read(expr.value, tuple(substituted_index(i, axes) for i in expr.index))
    if isinstance(expr, Position):
        new = substituted_index(expr.at, axes)
        return Position(new, expr.dtype) if isinstance(new, Affine) else _as_number(new, expr.dtype)
    if isinstance(expr, Call):
        return replace(expr, arguments=tuple(substituted(a, axes) for a in expr.arguments))
    return expr


def _as_number(index: Lookup, dtype: str) -> Expr:
    return index.read if dtype == "int64" else Call("cast", (index.read,), dtype)


def substituted_index(index: Index, axes: Mapping[Axis, Index]) -> Index:
    """An index with axes replaced. A lookup may stand only alone, not inside a sum."""
    if isinstance(index, Lookup):
        read = substituted(index.read, axes)
        assert isinstance(read, Read)
        return Lookup(read)
    total = Affine((), index.offset)
    for axis, coefficient in index.terms:
        new = axes.get(axis, Affine(((axis, 1),)))
        if isinstance(new, Lookup):
            if index == Affine(((axis, 1),)):
                return new
            raise NotImplementedError("a lookup inside an affine index")
        total = plus(total, new, coefficient)
    return total


def plus(a: Affine, b: Affine, factor: int = 1) -> Affine:
    """a + factor · b."""
    terms = dict(a.terms)
    for axis, coefficient in b.terms:
        terms[axis] = terms.get(axis, 0) + coefficient * factor
    return Affine(tuple((axis, c) for axis, c in terms.items() if c), a.offset + b.offset * factor)


def along(axis: Axis) -> Affine:
    """The index that is just `axis`."""
    return Affine(((axis, 1),))


def printed(nest: Nest) -> str:
    """The nest as text that reads like C."""
    head = f"for {', '.join(f'{a} < {a.size}' for a in nest.axes) or '·'}"
    lines = [f"{head}:" + (f"  // {nest.label}" if nest.label else "")]
    if nest.reduce is not None:
        body = " * ".join(text(o) for o in nest.operands)
        what = f"{nest.reduction}{', resumed,' if nest.resumes else ''} over {nest.reduce} < {nest.reduce.size}"
        lines.append(f"    combined = {what}: {body}")
    lines += [f"    {w.value}[{', '.join(index_text(i) for i in w.index)}] = {text(w.body)}" for w in nest.writes]
    return "\n".join(lines)


INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "gt": ">",
    "lt": "<",
    "ge": ">=",
    "le": "<=",
    "eq": "==",
    "ne": "!=",
}


def text(expr: Expr) -> str:
    """A scalar expression as text."""
    if isinstance(expr, Read):
        return f"{expr.value}[{', '.join(index_text(i) for i in expr.index)}]"
    if isinstance(expr, Literal):
        return repr(expr.number)
    if isinstance(expr, Extent):
        return f"size({expr.dim})"
    if isinstance(expr, Position):
        return index_text(expr.at)
    if isinstance(expr, Combined):
        return "combined"
    parts = [text(a) for a in expr.arguments]
    return f"({parts[0]} {INFIX[expr.name]} {parts[1]})" if expr.name in INFIX else f"{expr.name}({', '.join(parts)})"


def index_text(index: Index) -> str:
    """An index as text."""
    if isinstance(index, Lookup):
        return text(index.read)
    parts = [(f"{c}*" if c != 1 else "") + str(a) for a, c in index.terms]
    parts += [str(index.offset)] if index.offset != 0 or not parts else []
    return " + ".join(parts)
