"""Numbers: what 0, 1 and −1 do, and arithmetic of literals.

Numbers are multiplied together and stand in front of scalars. What is folded is what would have been computed, up to
rounding, in the dtype it would have been computed in: 0.1 · 3 is 0.3, as one would write it (`language.decimals`).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from backgraph.language.decimals import written
from backgraph.language.node import Node
from backgraph.language.op import CARDS, Array, Elementwise
from backgraph.language.ops.leaf import constant, literal
from backgraph.language.ops.shape import zeros_like
from backgraph.rules.rule import Hole, Rule, Sides, array, number, rules_into

NUMBERS: list[Rule] = []
rule = rules_into(NUMBERS)


@rule(x="m n")
def add_zero(x: Node) -> Sides:
    """x + 0 = x."""
    return x + 0.0, x


@rule(x="m n")
def subtract_zero(x: Node) -> Sides:
    """x − 0 = x."""
    return x - 0.0, x


@rule(x="m n")
def subtract_from_zero(x: Node) -> Sides:
    """0 − x = −x."""
    return 0.0 - x, -x


@rule(x="m n")
def times_one(x: Node) -> Sides:
    """1 x = x."""
    return 1.0 * x, x


@rule(x="m n")
def times_minus_one(x: Node) -> Sides:
    """−1 x = −x."""
    return -1.0 * x, -x


@rule(x="m n")
def times_zero(x: Node) -> Sides:
    """0 x = 0."""
    return 0.0 * x, zeros_like(x)


@rule(x="m n")
def over_one(x: Node) -> Sides:
    """x / 1 = x."""
    return x / 1.0, x


@rule(x=Hole("m n", domain="nonzero"))
def zero_over(x: Node) -> Sides:
    """0 / x = 0."""
    return 0.0 / x, zeros_like(x)


@rule(a="m n", b=Hole("m n", domain="nonzero"))
def times_reciprocal(a: Node, b: Node) -> Sides:
    """a (1/b) = a/b."""
    return a * (1.0 / b), a / b


@rule(c=number(3.0), d=number(5.0), b=Hole("m n", domain="nonzero"))
def number_times_quotient(c: Node, d: Node, b: Node) -> Sides:
    """c (d/b) = (c d)/b for numbers c, d."""
    return c * (d / b), (c * d) / b


@rule(c=number(3.0), d=number(4.0), b=Hole("", domain="nonzero"))
def quotient_over_number(c: Node, d: Node, b: Node) -> Sides:
    """(c/b)/d = (c/d)/b for numbers c, d where c/d is exact."""
    quotient = folded("div", c, d)
    return None if quotient is None else ((c / b) / d, quotient / b)


@rule(c=number(4.0), d=number(3.0), x=Hole("", domain="nonzero"))
def number_over_multiple(c: Node, d: Node, x: Node) -> Sides:
    """d / (c x) = (d/c) / x for numbers c, d where d/c is exact."""
    quotient = folded("div", d, c)
    return None if quotient is None else (d / (c * x), quotient / x)


@rule(c=number(3.0), d=number(4.0), a="", b=Hole("", domain="nonzero"))
def number_times_over_multiple(c: Node, d: Node, a: Node, b: Node) -> Sides:
    """c (a / (d b)) = (c/d) (a/b) for numbers c, d where c/d is exact."""
    quotient = folded("div", c, d)
    return None if quotient is None else (c * (a / (d * b)), quotient * (a / b))


@rule(c=number(3.0), d=number(4.0), a="m n")
def number_times_part(c: Node, d: Node, a: Node) -> Sides:
    """c (a/d) = (c/d) a for numbers c, d where c/d is exact."""
    quotient = folded("div", c, d)
    return None if quotient is None else (c * (a / d), quotient * a)


@rule(c=number(4.0), A=array("m n"), B=array("m n", "nonzero"))
def number_below(c: Node, A: Node, B: Node) -> Sides:
    """A / (c B) = (1/c) (A / B) for a number c where 1/c is exact."""
    quotient = folded("div", constant(1.0, c.dtype), c)
    return None if quotient is None else (A / (c * B), quotient * (A / B))


@rule(d=Hole("", "size"), a="")
def size_times_share(d: Node, a: Node) -> Sides:
    """n (a/n) = a for a size n, which is not 0."""
    return d * (a / d), a


@rule(c=number(3.0), d=number(5.0), x="")
def number_times_multiple(c: Node, d: Node, x: Node) -> Sides:
    """c (d x) = (c d) x for numbers c, d."""
    product = folded("mul", c, d)
    return None if product is None else (c * (d * x), product * x)


@rule(c=number(3.0), a="", b="")
def number_to_the_front(c: Node, a: Node, b: Node) -> Sides:
    """a (c b) = c (a b) for a number c."""
    return None if literal(a) is not None else (a * (c * b), c * (a * b))


@rule(c=number(3.0), x="", ordered=True)
def number_first(c: Node, x: Node) -> Sides:
    """x c = c x for a number c."""
    return None if literal(x) is not None else (x * c, c * x)


FOLDED = ("add", "sub", "mul", "div", "neg", "square", "power", "maximum", "minimum", "abs")
"""Operations on numbers that are carried out at once; log 2 and √2 stay as they are written."""


def folded(name: str, *numbers: Node) -> Node | None:
    """The number that an operation on numbers gives, in their dtype; None where it is not finite or loses everything.

    A quotient must be exact: 1/5 stays 1/5, to be read and to be rounded last.
    """
    dtype = numbers[0].dtype
    if dtype not in ("float32", "float64"):
        return None
    card = CARDS[name]
    assert isinstance(card, Elementwise)
    values = [np.asarray(literal(each), dtype) for each in numbers]
    with np.errstate(all="ignore"):
        as_written = written(name, *(float(str(value)) for value in values))
        result = float(card.numpy(*values) if as_written is None else np.asarray(as_written, dtype))
    vanished = result == 0 and name in ("mul", "div", "square", "power") and all(map(literal, numbers))
    if not np.isfinite(result) or vanished or (name == "div" and not _is_quotient(result, *values)):
        return None
    return constant(result, dtype)


def _is_quotient(result: float, above: Array, below: Array) -> bool:
    return Fraction(above.item()) == Fraction(result) * Fraction(below.item())


def _folding(name: str) -> None:
    def two(c: Node, d: Node) -> Sides:
        value = folded(name, c, d)
        return None if value is None else (CARDS[name](c, d), value)  # type: ignore[call-arg]

    def one(c: Node) -> Sides:
        value = folded(name, c)
        return None if value is None else (CARDS[name](c), value)  # type: ignore[call-arg]

    card = CARDS[name]
    assert isinstance(card, Elementwise)
    holes = {"c": number(6.0), "d": number(3.0)} if len(card.rules) == 2 else {"c": number(6.0)}
    rule(f"fold_{name}", f"{card.formula} of numbers is a number", **holes)(two if len(holes) == 2 else one)


for _name in FOLDED:
    _folding(_name)


def literal_of(node: Node) -> float:
    """The number of a node bound to a `number` hole."""
    value = literal(node)
    assert value is not None
    return value
