"""Maths as a tree: what a card's `notation` returns and what text, LaTeX and MathML print.

A tree says what is meant (a product, a quotient, a transpose), not how it looks; brackets are the emitters' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from backgraph.language.decimals import product_of


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier as the user wrote it (`W1`, `lam`); emitters turn it into W⁽¹⁾ and λ.

    A size such as h1 is h₁: its digits are no layer.
    """

    text: str
    is_size: bool = False


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
    """above / below, where `below` is a scalar (`scale`) or, elementwise, an array (`hadamard`)."""

    above: Tree
    below: Tree
    kind: Literal["scale", "hadamard"] = "scale"


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
    """A function of arguments: relu(U); `over` names the axis that it reduces where there are others: max_h(U)."""

    function: str
    arguments: tuple[Tree, ...]
    over: tuple[str, ...] = ()


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
    """Σ of all elements, or over the axes whose sizes `over` names; `to` an array, over what it was repeated for."""

    of: Tree
    over: tuple[str, ...]
    symbol: str = "Σ"
    to: Tree | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """|x|."""

    of: Tree


@dataclass(frozen=True, slots=True)
class Indexed:
    """x with an index written behind it: x[0:3]."""

    of: Tree
    index: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One element, named by letters: W_jk."""

    of: Tree
    letters: str


@dataclass(frozen=True, slots=True)
class Partial:
    """∂cost/∂by, a partial derivative of a number by a number."""

    cost: Tree
    by: Tree


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
    | Entry
    | Partial
)


Kind: TypeAlias = Literal["scale", "hadamard", "matrix"]


def infix(symbol: str, left: Tree, right: Tree) -> Tree:
    """left ± right, flattened."""
    sign = -1 if symbol == "-" else 1
    return Sum(_terms(left) + tuple((sign * s, t) for s, t in _terms(right)))


def negated(tree: Tree) -> Tree:
    """−tree, with signs of a sum turned."""
    return _signed(tuple((-s, t) for s, t in _terms(tree)))


def transposed(tree: Tree) -> Tree:
    """The transpose; of a transpose, what it is of."""
    return tree.of if isinstance(tree, Transposed) else Transposed(tree)


def times(kind: Kind, left: Tree, right: Tree) -> Tree:
    """A product in the order a mathematician writes: numbers, scalars, then arrays; signs and divisors outside."""
    outside = _without_sign(kind, left, right) or _without_divisor(kind, left, right)
    if outside is not None:
        return outside
    if kind == "hadamard":
        for this, other in ((left, right), (right, left)):
            if isinstance(this, Quotient) and this.above == Number(1.0):
                return quotient(other, this.below, this.kind)
    if kind == "scale":
        return _scaled((*_factors(kind, left), *_factors(kind, right)))
    scalars = (*_scalars(left), *_scalars(right))
    arrays = Product(kind, (*_factors(kind, _unscaled(left)), *_factors(kind, _unscaled(right))))
    return _scaled((*scalars, arrays)) if scalars else arrays


def quotient(above: Tree, below: Tree, kind: Literal["scale", "hadamard"] = "scale") -> Tree:
    """above / below, with a sign of `above` in front; of a quotient, its divisors together."""
    if _is_negative(above):
        return negated(quotient(negated(above), below, kind))
    if below == Number(1.0):
        return above
    if not isinstance(above, Quotient):
        return Quotient(above, below, kind)
    if above.kind == kind:
        return Quotient(above.above, times(kind, above.below, below), kind)
    scalar, array = (below, above.below) if kind == "scale" else (above.below, below)
    return Quotient(above.above, times("scale", scalar, array), "hadamard")


def _scaled(factors: tuple[Tree, ...]) -> Tree:
    """A product with a scalar: numbers multiplied and in front, 1 left out."""
    number = product_of([f.value for f in factors if isinstance(f, Number)])
    rest = _powers_together(tuple(f for f in factors if not isinstance(f, Number)))
    if number < 0:
        return negated(_scaled((Number(-number), *rest)))
    whole = rest if number == 1 and rest else (Number(number), *rest)
    return whole[0] if len(whole) == 1 else Product("scale", whole)


def _powers_together(factors: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """Factors with s s² as s³; a product without powers stays as it was written."""
    if not any(isinstance(f, Power) and isinstance(f.exponent, Number) for f in factors):
        return factors
    exponents: dict[Tree, float] = {}
    for f in factors:
        base, exponent = (
            (f.base, f.exponent.value) if isinstance(f, Power) and isinstance(f.exponent, Number) else (f, 1.0)
        )
        exponents[base] = exponents.get(base, 0.0) + exponent
    if len(exponents) == len(factors) or 0.0 in exponents.values():
        return factors
    return tuple(base if n == 1 else Power(base, Number(n)) for base, n in exponents.items())


def _terms(tree: Tree) -> tuple[tuple[int, Tree], ...]:
    if isinstance(tree, Number) and tree.value < 0:
        return ((-1, Number(-tree.value)),)
    return tree.terms if isinstance(tree, Sum) else ((1, tree),)


def _signed(terms: tuple[tuple[int, Tree], ...]) -> Tree:
    return terms[0][1] if len(terms) == 1 and terms[0][0] > 0 else Sum(terms)


def _is_negative(tree: Tree) -> bool:
    terms = _terms(tree)
    return len(terms) == 1 and terms[0][0] < 0


def _factors(kind: Kind, tree: Tree) -> tuple[Tree, ...]:
    return tree.factors if isinstance(tree, Product) and tree.kind == kind else (tree,)


def _scalars(tree: Tree) -> tuple[Tree, ...]:
    """What scales an array: of `2 λ A`, written in this order, all but the last factor."""
    return tree.factors[:-1] if isinstance(tree, Product) and tree.kind == "scale" else ()


def _unscaled(tree: Tree) -> Tree:
    return tree.factors[-1] if isinstance(tree, Product) and tree.kind == "scale" else tree


def _without_sign(kind: Kind, left: Tree, right: Tree) -> Tree | None:
    if _is_negative(left):
        return negated(times(kind, negated(left), right))
    return negated(times(kind, left, negated(right))) if _is_negative(right) else None


def _without_divisor(kind: Kind, left: Tree, right: Tree) -> Tree | None:
    """x · 1/m as x/m; but a mean stays (1/m) Σ x."""
    if kind != "scale":
        return None
    for this, other in ((left, right), (right, left)):
        if not isinstance(this, Quotient):
            continue
        if this.kind == "scale" and isinstance(other, BigSum):
            return Product("scale", (this, other))
        if this.above == Number(1.0) and not _is_mean(other):
            return quotient(other, this.below, this.kind)
    return None


def _is_mean(tree: Tree) -> bool:
    return isinstance(tree, Product) and isinstance(tree.factors[-1], BigSum)
