"""Maths as a tree: what a card's `notation` returns and what text, LaTeX and MathML print.

A tree says what is meant (a product, a quotient, a transpose), not how it looks; brackets are the emitters' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier as the user wrote it (`W1`, `lam`); emitters turn it into W⁽¹⁾ and λ."""

    text: str


@dataclass(frozen=True, slots=True)
class Gradient:
    """∇_of cost, the gradient of a named cost with respect to a named node."""

    of: Tree
    cost: Tree


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms with their signs: `((1, a), (-1, b))` is a − b."""

    terms: tuple[tuple[int, Tree], ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Factors side by side: `scale` by a scalar, elementwise (`hadamard`, ⊙), or a `matrix` product."""

    kind: Literal["scale", "hadamard", "matrix"]
    factors: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Quotient:
    """above / below."""

    above: Tree
    below: Tree


@dataclass(frozen=True, slots=True)
class Power:
    """base to the power of exponent."""

    base: Tree
    exponent: Tree


@dataclass(frozen=True, slots=True)
class Transposed:
    """The transpose of a matrix."""

    of: Tree


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of arguments: relu(U)."""

    function: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """left symbol right, as in U > 0."""

    symbol: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Iverson:
    """[condition]: 1 where it holds, 0 elsewhere."""

    condition: Tree


@dataclass(frozen=True, slots=True)
class BigSum:
    """Σ of all elements, or over the axes whose sizes `over` names."""

    of: Tree
    over: tuple[str, ...]
    symbol: str = "Σ"


@dataclass(frozen=True, slots=True)
class Bars:
    """|x|."""

    of: Tree


@dataclass(frozen=True, slots=True)
class Indexed:
    """x with an index written behind it: x[0:3]."""

    of: Tree
    index: str


Tree: TypeAlias = (
    Name
    | Gradient
    | Number
    | Sum
    | Product
    | Quotient
    | Power
    | Transposed
    | Apply
    | Relation
    | Iverson
    | BigSum
    | Bars
    | Indexed
)


def infix(symbol: str, left: Tree, right: Tree) -> Tree:
    """left ± right, flattened."""
    sign = -1 if symbol == "-" else 1
    first = left.terms if isinstance(left, Sum) else ((1, left),)
    if isinstance(right, Sum):
        return Sum(first + tuple((sign * s, t) for s, t in right.terms))
    return Sum((*first, (sign, right)))


def negated(tree: Tree) -> Tree:
    """−tree, with signs of a sum turned."""
    return Sum(tuple((-s, t) for s, t in tree.terms)) if isinstance(tree, Sum) else Sum(((-1, tree),))


def times(kind: Literal["scale", "hadamard", "matrix"], left: Tree, right: Tree) -> Tree:
    """A product in the order a mathematician writes: numbers, scalars, then arrays; signs and divisors outside."""
    if kind != "matrix":
        outside = _without_sign(kind, left, right) or _without_divisor(kind, left, right)
        if outside is not None:
            return outside
    factors = [*_factors(kind, left), *_factors(kind, right)]
    numbers = [f for f in factors if isinstance(f, Number)] if kind == "scale" else []
    rest = [f for f in factors if not (kind == "scale" and isinstance(f, Number))]
    if not numbers:
        return Product(kind, tuple(rest))
    total = 1.0
    for number in numbers:
        total *= number.value
    if not rest:
        return Number(total)
    if total == 1:
        return rest[0] if len(rest) == 1 else Product(kind, tuple(rest))
    return Product(kind, (Number(total), *rest))


def quotient(above: Tree, below: Tree) -> Tree:
    """above / below, with a sign of `above` in front."""
    if isinstance(above, Sum) and len(above.terms) == 1 and above.terms[0][0] < 0:
        return negated(quotient(above.terms[0][1], below))
    if isinstance(above, Quotient):
        return Quotient(above.above, times("scale", above.below, below))
    return Quotient(above, below)


def _factors(kind: str, tree: Tree) -> tuple[Tree, ...]:
    return tree.factors if isinstance(tree, Product) and tree.kind == kind else (tree,)


def _without_sign(kind: Literal["scale", "hadamard", "matrix"], left: Tree, right: Tree) -> Tree | None:
    for this, other, swapped in ((left, right, False), (right, left, True)):
        if isinstance(this, Sum) and len(this.terms) == 1 and this.terms[0][0] < 0:
            inner = this.terms[0][1]
            return negated(times(kind, other, inner) if swapped else times(kind, inner, other))
    return None


def _without_divisor(kind: Literal["scale", "hadamard", "matrix"], left: Tree, right: Tree) -> Tree | None:
    if kind != "scale":
        return None
    for this, other in ((left, right), (right, left)):
        if isinstance(this, Quotient) and this.above == Number(1.0):
            return quotient(other, this.below)
    return None
