"""Algebra: scalar factors, equal terms, powers and choices.

Scalars stand in front of arrays. Nothing here merges W − s W into (1 − s) W: see `rules.update` for why.
"""

from __future__ import annotations

from fractions import Fraction

from backgraph.language.node import Node
from backgraph.language.op import CARDS
from backgraph.language.ops.elementwise import is_scale, sign, sqrt, square, where
from backgraph.language.ops.leaf import constant, literal
from backgraph.language.ops.shape import ones_like, zeros_like
from backgraph.rules.cost import is_front
from backgraph.rules.numbers import folded, literal_of
from backgraph.rules.rule import Hole, Rule, Sides, array, number, positive, rules_into

ALGEBRA: list[Rule] = []
rule = rules_into(ALGEBRA)


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


@rule(s="", A=array("m n"))
def factor_of_less_one(s: Node, A: Node) -> Sides:
    """s A − s = s (A − 1)."""
    return None if literal(s) is not None else (s * A - s, s * (A - 1.0))


@rule(s="", A=array("m n"))
def factor_of_one_less(s: Node, A: Node) -> Sides:
    """s − s A = s (1 − A)."""
    return None if literal(s) is not None else (s - s * A, s * (1.0 - A))


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
