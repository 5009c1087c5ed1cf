"""Algebra: numbers, signs, and scalar factors, brought to the form a mathematician writes.

Numbers are multiplied together and stand in front of scalars, these in front of arrays; signs stand outside of
products; sums subtract rather than add a negative. Nothing here merges factors 1 ± s: see `rules.update` for why.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from backgraph.language.node import Node
from backgraph.language.op import CARDS, Array, Elementwise
from backgraph.language.ops.elementwise import is_scale, sign, sqrt, square, where
from backgraph.language.ops.leaf import constant, literal
from backgraph.language.ops.shape import ones_like, zeros_like
from backgraph.rules.cost import is_front
from backgraph.rules.rule import Hole, Rule, Sides, array, number, positive, rules_into

ALGEBRA: list[Rule] = []
rule = rules_into(ALGEBRA)


# Numbers


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
        result = float(card.numpy(*values))
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


# Signs


@rule(x="m n")
def double_negation(x: Node) -> Sides:
    """−(−x) = x."""
    negative = -x
    return -negative, x


@rule(a="m n", b="m n")
def add_negative(a: Node, b: Node) -> Sides:
    """a + (−b) = a − b."""
    return a + -b, a - b


@rule(a="m n", b="m n")
def subtract_negative(a: Node, b: Node) -> Sides:
    """a − (−b) = a + b."""
    return a - -b, a + b


@rule(a="m n", b="m n")
def subtract_from_negative(a: Node, b: Node) -> Sides:
    """(−a) − b = −(a + b)."""
    return -a - b, -(a + b)


@rule(a="m n", b="m n")
def negative_of_difference(a: Node, b: Node) -> Sides:
    """−(a − b) = b − a."""
    return -(a - b), b - a


@rule(a="m n", b="m n")
def negative_times(a: Node, b: Node) -> Sides:
    """(−a) b = −(a b)."""
    return -a * b, -(a * b)


@rule(s="", A=array("m n"))
def negative_scalar_times(s: Node, A: Node) -> Sides:
    """(−s) A = −(s A)."""
    return -s * A, -(s * A)


@rule(a="m n", b=Hole("m n", domain="nonzero"))
def negative_over(a: Node, b: Node) -> Sides:
    """(−a) / b = −(a / b)."""
    return -a / b, -(a / b)


@rule(a="m n", b=Hole("m n", domain="nonzero"))
def over_negative(a: Node, b: Node) -> Sides:
    """a / (−b) = −(a / b)."""
    return a / -b, -(a / b)


@rule(c=number(3.0), x="m n")
def negative_multiple(c: Node, x: Node) -> Sides:
    """−(c x) = (−c) x for a number c."""
    return -(c * x), (-literal_of(c)) * x


@rule(c=number(-3.0), a="m n", x="m n")
def add_negative_multiple(c: Node, a: Node, x: Node) -> Sides:
    """a + (−c) x = a − c x for a number c > 0."""
    return (a + c * x, a - (-literal_of(c)) * x) if literal_of(c) < 0 else None


@rule(c=number(-3.0), a="m n", x="m n")
def subtract_negative_multiple(c: Node, a: Node, x: Node) -> Sides:
    """a − (−c) x = a + c x for a number c > 0."""
    return (a - c * x, a + (-literal_of(c)) * x) if literal_of(c) < 0 else None


@rule(c=number(-3.0), x="m n")
def add_negative_number(c: Node, x: Node) -> Sides:
    """x + (−c) = x − c for a number c > 0."""
    return (x + c, x - (-literal_of(c))) if literal_of(c) < 0 else None


@rule(c=number(-3.0), x="m n")
def subtract_negative_number(c: Node, x: Node) -> Sides:
    """x − (−c) = x + c for a number c > 0."""
    return (x - c, x + (-literal_of(c))) if literal_of(c) < 0 else None


@rule(x="m n")
def square_of_negative(x: Node) -> Sides:
    """(−x)² = x²."""
    return square(-x), square(x)


@rule(x="m n")
def bars_of_negative(x: Node) -> Sides:
    """|−x| = |x|."""
    return abs(-x), abs(x)


def literal_of(node: Node) -> float:
    """The number of a node bound to a `number` hole."""
    value = literal(node)
    assert value is not None
    return value


# Scalar factors


@rule(s="", A=array("m n"), ordered=True)
def scale_first(s: Node, A: Node) -> Sides:
    """A s = s A: scalars stand in front."""
    return None if is_scale(A) else (A * s, s * A)


@rule(s="", t="", A=array("m n"))
def scale_of_scale(s: Node, t: Node, A: Node) -> Sides:
    """s (t A) = (s t) A."""
    return None if is_scale(A) else (s * (t * A), (s * t) * A)


@rule(s="", A=array("m n"), B=array("m n"))
def scale_to_the_front(s: Node, A: Node, B: Node) -> Sides:
    """A (s B) = s (A B), elementwise."""
    return None if is_scale(A) or is_scale(B) else (A * (s * B), s * (A * B))


@rule(s="", A=array("m n"), B=array("m n", "nonzero"))
def scale_of_quotient(s: Node, A: Node, B: Node) -> Sides:
    """(s A) / B = s (A / B), elementwise."""
    return None if is_scale(A) or is_scale(B) else ((s * A) / B, s * (A / B))


@rule(s="", t=Hole("", domain="nonzero"), A=array("m n"))
def scale_of_scaled_quotient(s: Node, t: Node, A: Node) -> Sides:
    """s (A / t) = (s/t) A."""
    return None if is_scale(A) else (s * (A / t), (s / t) * A)


@rule(s="", t=Hole("", domain="nonzero"), A=array("m n"))
def quotient_of_scale(s: Node, t: Node, A: Node) -> Sides:
    """(s A) / t = (s/t) A."""
    return None if is_scale(A) else ((s * A) / t, (s / t) * A)


@rule(s="m n", a="m n", b="m n")
def common_factor_of_sum(s: Node, a: Node, b: Node) -> Sides:
    """s a + s b = s (a + b)."""
    return None if is_front(a) and is_front(b) else (s * a + s * b, s * (a + b))


@rule(s="m n", a="m n", b="m n")
def common_factor_of_difference(s: Node, a: Node, b: Node) -> Sides:
    """s a − s b = s (a − b)."""
    return None if is_front(a) and is_front(b) else (s * a - s * b, s * (a - b))


# Equal terms


@rule(x="m n")
def twice(x: Node) -> Sides:
    """x + x = 2 x."""
    return x + x, 2.0 * x


@rule(x="m n")
def nothing_left(x: Node) -> Sides:
    """x − x = 0."""
    return x - x, zeros_like(x)


@rule(c=number(3.0), d=number(5.0), x="m n")
def equal_terms(c: Node, d: Node, x: Node) -> Sides:
    """c x + d x = (c + d) x for numbers c, d whose sum is exact."""
    total = exact_sum(c, d)
    return None if total is None else (c * x + d * x, total * x)


@rule(c=number(3.0), x="m n")
def one_more(c: Node, x: Node) -> Sides:
    """c x + x = (c + 1) x for a number c, where c + 1 is exact."""
    total = exact_sum(c, constant(1.0, c.dtype))
    return None if total is None else (c * x + x, total * x)


def exact_sum(c: Node, d: Node) -> float | None:
    """c + d if their dtype holds it exactly: 1 − 0.001 would misstate the 0.001 that it subtracts."""
    total = folded("add", c, d)
    exact = total is not None and Fraction(literal_of(c)) + Fraction(literal_of(d)) == Fraction(literal_of(total))
    return literal_of(total) if total is not None and exact else None


@rule(x="m n")
def times_itself(x: Node) -> Sides:
    """x x = x²."""
    return x * x, square(x)


@rule(x="m n")
def root_of_square(x: Node) -> Sides:
    """√(x²) = |x|."""
    return sqrt(square(x)), abs(x)


@rule(x="m n")
def square_of_bars(x: Node) -> Sides:
    """|x|² = x²."""
    return square(abs(x)), square(x)


@rule(c=number(2.0), x="m n")
def power_by_number(c: Node, x: Node) -> Sides:
    """x¹ = x, x² = square(x), x^½ = √x, x⁻¹ = 1/x."""
    if literal_of(c) not in (1.0, 2.0, 0.5, -1.0):
        return None
    return CARDS["power"](x, c), x ** literal_of(c)  # type: ignore[call-arg]


@rule(x=positive("m n"), b="m n")
def times_power_less_one(x: Node, b: Node) -> Sides:
    """x xᵇ⁻¹ = xᵇ."""
    return x * x ** (b - 1.0), x**b


# Choices


@rule(c=Hole("m n", "condition"), a="m n")
def same_branches(c: Node, a: Node) -> Sides:
    """where(c, a, a) = a."""
    return where(c, a, a), a


@rule(c=Hole("m n", "condition"), a="m n", b="m n", d="m n")
def same_condition_in_first(c: Node, a: Node, b: Node, d: Node) -> Sides:
    """where(c, where(c, a, b), d) = where(c, a, d)."""
    return where(c, where(c, a, b), d), where(c, a, d)


@rule(c=Hole("m n", "condition"), a="m n", b="m n", d="m n")
def same_condition_in_second(c: Node, a: Node, b: Node, d: Node) -> Sides:
    """where(c, a, where(c, b, d)) = where(c, a, d)."""
    return where(c, a, where(c, b, d)), where(c, a, d)


@rule(c=Hole("m n", "condition"), x="m n")
def times_bracket(c: Node, x: Node) -> Sides:
    """[c] x = where(c, x, 0)."""
    return where(c, ones_like(x), zeros_like(x)) * x, where(c, x, zeros_like(x))


@rule(x="m n")
def sign_of_itself_times(x: Node) -> Sides:
    """sign(x) x = |x|."""
    return sign(x) * x, abs(x)
