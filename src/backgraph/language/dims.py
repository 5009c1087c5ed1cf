"""Dimensions: integers or polynomials in named symbols; the same type counts work.

A *dimension* is an `int` or a `Polynomial` such as `m`, `2·d·h` or `n + 1`. Symbols are rigid: two are equal when
their names are, and no symbol broadcasts against another. A *shape* is a tuple of dimensions, or an `Open` shape:
the shape, of any rank, of a name that text met only elementwise (see `language.parse`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Monomial: TypeAlias = tuple[tuple[str, int], ...]
"""Symbols with their powers, sorted by name; `()` is the constant monomial."""

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A polynomial with integer coefficients in named symbols; never a mere number (that is an `int`)."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Dim) -> Dim:
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Dim) -> Dim:
        return _collect((_times(a, b), p * q) for a, p in self.terms for b, q in _terms(other))

    def __sub__(self, other: Dim) -> Dim:
        return self + other * -1

    def __rsub__(self, other: int) -> Dim:
        return self * -1 + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __str__(self) -> str:
        text = " + ".join(_term_text(m, c) for m, c in self.terms)
        return text.replace("+ -", "- ")

    __repr__ = __str__

    @property
    def symbols(self) -> frozenset[str]:
        """Names of all symbols in it."""
        return frozenset(name for monomial, _ in self.terms for name, _ in monomial)

    @property
    def degree(self) -> int:
        """The highest total power."""
        return max(sum(power for _, power in monomial) for monomial, _ in self.terms)

    @property
    def in_every_term(self) -> frozenset[str]:
        """Names of the symbols that every term has as a factor."""
        return frozenset.intersection(*(frozenset(name for name, _ in monomial) for monomial, _ in self.terms))

    def over(self, name: str) -> Dim:
        """The polynomial divided by a symbol that every term has."""
        return _collect((_times(monomial, ((name, -1),)), coefficient) for monomial, coefficient in self.terms)

    def at(self, sizes: Mapping[str, Dim]) -> Dim:
        """The polynomial with symbols replaced by sizes (a number if all are given)."""
        total: Dim = 0
        for monomial, coefficient in self.terms:
            term: Dim = coefficient
            for name, power in monomial:
                for _ in range(power):
                    term = term * sizes.get(name, symbol(name))
            total = total + term
        return total


Dim: TypeAlias = int | Polynomial


@dataclass(frozen=True, slots=True)
class Open:
    """The unknown shape that names met only elementwise broadcast to; `Open({"b"})` is the shape of b itself."""

    names: frozenset[str]

    def __str__(self) -> str:
        return "shape of " + ", ".join(sorted(self.names))

    __repr__ = __str__


Shape: TypeAlias = tuple[Dim, ...] | Open


def symbol(name: str) -> Polynomial:
    """The dimension called `name`."""
    return Polynomial(((((name, 1),), 1),))


def as_dim(value: int | str | Polynomial) -> Dim:
    """A dimension from what users write: 10 or "m"."""
    if isinstance(value, str):
        return symbol(value)
    return value if isinstance(value, Polynomial) else int(value)


def as_shape(values: Iterable[int | str | Polynomial] | Open) -> Shape:
    """A shape from what users write: `("m", 784)`."""
    return values if isinstance(values, Open) else tuple([as_dim(value) for value in values])


def at(dim: Dim, sizes: Mapping[str, Dim]) -> Dim:
    """`dim` with its symbols replaced by `sizes`."""
    return dim.at(sizes) if isinstance(dim, Polynomial) else dim


def product(dims: Iterable[Dim]) -> Dim:
    """The product of dimensions; 1 for none."""
    total: Dim = 1
    for dim in dims:
        total = total * dim
    return total


def count(shape: Shape) -> Dim:
    """How many elements an array of this shape has; an open shape counts as one symbol."""
    return symbol(f"|{','.join(sorted(shape.names))}|") if isinstance(shape, Open) else product(shape)


def shape_text(shape: Shape) -> str:
    """`m×h`, `scalar`, or `shape of b`."""
    if isinstance(shape, Open):
        return str(shape)
    return "×".join(f"({dim})" if " " in str(dim) else str(dim) for dim in shape) or "scalar"


def symbols(shape: Shape) -> frozenset[str]:
    """Names of all symbols in a shape."""
    dims = () if isinstance(shape, Open) else shape
    return frozenset(name for dim in dims if isinstance(dim, Polynomial) for name in dim.symbols)


def symbols_within(value: object) -> frozenset[str]:
    """Names of all symbols in a dimension, a shape, or any nested tuple of parameters."""
    if isinstance(value, Polynomial):
        return value.symbols
    parts: tuple[object, ...] = value if isinstance(value, tuple) else ()
    return frozenset(name for part in parts for name in symbols_within(part))


def _terms(value: Dim) -> tuple[tuple[Monomial, int], ...]:
    return value.terms if isinstance(value, Polynomial) else (((), value),)


def _times(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for name, power in b:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Dim:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = {m: c for m, c in total.items() if c}
    if not kept or set(kept) == {()}:
        return kept.get((), 0)
    return Polynomial(tuple(sorted(kept.items(), key=lambda item: (-sum(p for _, p in item[0]), item[0]))))


def _term_text(monomial: Monomial, coefficient: int) -> str:
    factors = [name + (str(power).translate(SUPERSCRIPTS) if power > 1 else "") for name, power in monomial]
    if not factors or abs(coefficient) != 1:
        return "·".join([str(coefficient), *factors])
    return ("-" if coefficient < 0 else "") + "·".join(factors)
