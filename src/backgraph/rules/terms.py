"""Terms and factors that meet again: a − b − b = a − 2 b, p (b − a/p) = p b − a, (a/x²) x = a/x.

    like terms   multiples of one thing in a sum of three terms; their coefficients are added where that is exact
    cancelling   a factor of a product that divides the other factor

A factor that cancels must not be 0; where it is, the left side is NaN and the right side is what it tends to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backgraph.language.node import Node
from backgraph.language.ops.elementwise import square, xdivy
from backgraph.language.ops.leaf import constant
from backgraph.rules.algebra import exact_sum
from backgraph.rules.numbers import folded, literal_of
from backgraph.rules.rule import Hole, Rule, Sides, number, positive, rules_into

TERMS: list[Rule] = []
rule = rules_into(TERMS)

NONZERO = Hole("m n", domain="nonzero")


# Cancelling


@rule(x=NONZERO, a="m n")
def times_quotient_by_itself(x: Node, a: Node) -> Sides:
    """x (a/x) = a."""
    return x * (a / x), a


@rule(x=NONZERO, a="m n", b="m n")
def times_sum_with_quotient(x: Node, a: Node, b: Node) -> Sides:
    """x (b + a/x) = x b + a."""
    return x * (b + a / x), x * b + a


@rule(x=NONZERO, a="m n", b="m n")
def times_difference_with_quotient(x: Node, a: Node, b: Node) -> Sides:
    """x (b − a/x) = x b − a."""
    return x * (b - a / x), x * b - a


@rule(x=NONZERO, a="m n", b="m n")
def times_quotient_less(x: Node, a: Node, b: Node) -> Sides:
    """x (a/x − b) = a − x b."""
    return x * (a / x - b), a - x * b


@rule(p=positive("m k"), T="m k", b="m k")
def times_difference_with_ratio(p: Node, T: Node, b: Node) -> Sides:
    """p (b − T/p) = p b − T for a ratio that is 0 where T is 0."""
    return p * (b - xdivy(T, p)), p * b - T


@rule(x=NONZERO, a="m n")
def times_quotient_by_square(x: Node, a: Node) -> Sides:
    """x (a/x²) = a/x."""
    return x * (a / square(x)), a / x


@rule(x=NONZERO, a="m n", b=NONZERO)
def times_quotient_by_square_times(x: Node, a: Node, b: Node) -> Sides:
    """x (a / (x² b)) = a / (x b)."""
    return x * (a / (square(x) * b)), a / (x * b)


@rule(c=number(3.0), d=number(4.0), a="", b=Hole("", domain="nonzero"), x=Hole("", domain="nonzero"))
def number_times_over_multiple_over(*, c: Node, d: Node, a: Node, b: Node, x: Node) -> Sides:
    """c (a / (d b) / x) = (c/d) (a/b / x) for numbers c, d where c/d is exact."""
    quotient = folded("div", c, d)
    return None if quotient is None else (c * (a / (d * b) / x), quotient * (a / b / x))


# Like terms


def _plus(a: Node, b: Node) -> Node:
    return a + b


def _minus(a: Node, b: Node) -> Node:
    return a - b


def _from(a: Node, b: Node) -> Node:
    return b - a


SUMS: tuple[tuple[str, Callable[[Node, Node], Node], int, int, str], ...] = (
    ("added", _plus, 1, 1, "{0} + {1}"),
    ("subtracted", _minus, 1, -1, "{0} − {1}"),
    ("from", _from, -1, 1, "{1} − {0}"),
)
"""Ways to put a term to what is there: its word, what it does, the signs of what is there and of the term, as text."""


def _multiple(coefficient: Node | None, x: Node) -> Node:
    return x if coefficient is None else coefficient * x


def _collected(sign: int, a: Node, coefficient: float, b: Node) -> Node:
    """± a + coefficient b, written as one would."""
    if coefficient == 0:
        return a if sign > 0 else -a
    term = b if abs(coefficient) == 1 else abs(coefficient) * b
    if coefficient > 0:
        return a + term if sign > 0 else term - a
    return a - term if sign > 0 else -(a + term)


def _like_terms(inner: int, outer: int, given: Mapping[str, bool]) -> None:
    """The rule of two sums, one in the other; `given` says which of the two terms has a coefficient."""
    word, put, a_sign, first, text = SUMS[inner]
    outer_word, put_again, whole, second, outer_text = SUMS[outer]

    def sides(a: Node, b: Node, c: Node | None = None, d: Node | None = None) -> Sides:
        one = constant(1.0, b.dtype)
        c_signed = (whole * first) * literal_of(one if c is None else c)
        d_signed = second * literal_of(one if d is None else d)
        total = exact_sum(constant(c_signed, b.dtype), constant(d_signed, b.dtype))
        if total is None:
            return None
        left = put_again(put(a, _multiple(c, b)), _multiple(d, b))
        return left, _collected(whole * a_sign, a, total, b)

    holes = {name: number(value) for name, value in (("c", 3.0), ("d", 5.0)) if given[name]}
    p, q = ("c b" if given["c"] else "b"), ("d b" if given["d"] else "b")
    added = text.format("a", p)
    left = outer_text.format(added if whole > 0 else f"({added})", q)
    right = _collected_text(whole * a_sign, (whole * first, "c" * given["c"]), (second, "d" * given["d"]))
    name = "_".join(["like_terms", *("c" * given["c"]), word, "then", *("d" * given["d"]), outer_word])
    rule(name, f"{left} = {right}", a="m n", b="m n", **holes)(sides)


def _collected_text(sign: int, first: tuple[int, str], second: tuple[int, str]) -> str:
    """± a + (± c ± d) b as text; a coefficient without a letter is 1."""
    a = "a" if sign > 0 else "−a"
    (one, c), (other, d) = first, second
    if not c and not d:
        return a if one != other else f"{a} {'+' if one > 0 else '−'} 2 b"
    if one == other:
        return f"{a} {'+' if one > 0 else '−'} ({c or 1} + {d or 1}) b"
    return f"{a} + ({c or 1} − {d or 1}) b" if one > 0 else f"{a} + ({d or 1} − {c or 1}) b"


for _inner in range(len(SUMS)):
    for _outer in range(len(SUMS)):
        for _c in (False, True):
            for _d in (False, True):
                _like_terms(_inner, _outer, {"c": _c, "d": _d})
