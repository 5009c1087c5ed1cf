"""Signs: they stand outside of products, sums subtract rather than add a negative, and numbers take them in."""

from __future__ import annotations

from backgraph.language.node import Node
from backgraph.language.ops.elementwise import square
from backgraph.rules.numbers import literal_of
from backgraph.rules.rule import Hole, Rule, Sides, array, number, rules_into

SIGNS: list[Rule] = []
rule = rules_into(SIGNS)


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


@rule(a="m n", b="m n", alone=True)
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


@rule(s="", a=array("m n"), b=array("m n"), alone=True)
def negative_of_scaled_difference(s: Node, a: Node, b: Node) -> Sides:
    """−(s (a − b)) = s (b − a)."""
    return -(s * (a - b)), s * (b - a)


@rule(c=number(-3.0), a="m n", b="m n", alone=True)
def negative_number_times_difference(c: Node, a: Node, b: Node) -> Sides:
    """(−c) (a − b) = c (b − a) for a number c > 0."""
    return (c * (a - b), -literal_of(c) * (b - a)) if literal_of(c) < 0 else None


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
