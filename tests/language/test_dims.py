"""Dimensions: polynomials with integer coefficients, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backgraph.language.dims import Dim, Open, Polynomial, at, count, product, shape_text, symbol, symbols

m, n = symbol("m"), symbol("n")


def combine(parts: tuple[Dim, Dim, str]) -> Dim:
    a, b, sign = parts
    return a + b if sign == "+" else a - b if sign == "-" else a * b


sizes = st.fixed_dictionaries({"m": st.integers(0, 9), "n": st.integers(0, 9), "k": st.integers(0, 9)})
dims = st.recursive(
    st.integers(-5, 5) | st.sampled_from(["m", "n", "k"]).map(symbol),
    lambda inner: st.tuples(inner, inner, st.sampled_from("+-*")).map(combine),
    max_leaves=8,
)


@given(dims, dims, sizes)
def test_arithmetic_is_that_of_the_sizes(a: Dim, b: Dim, given_sizes: dict[str, int]) -> None:
    for combined, right in (
        (a + b, at(a, given_sizes) + at(b, given_sizes)),
        (a - b, at(a, given_sizes) - at(b, given_sizes)),
        (a * b, at(a, given_sizes) * at(b, given_sizes)),
    ):
        assert at(combined, given_sizes) == right


@given(dims, dims, dims)
def test_equal_polynomials_are_equal(a: Dim, b: Dim, c: Dim) -> None:
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) * c == a * c + b * c
    assert hash((a + b) * c) == hash(a * c + b * c)
    assert a - a == 0


@given(dims)
def test_a_polynomial_is_never_a_mere_number(a: Dim) -> None:
    assert isinstance(a, int) or (a.symbols and a.degree >= 1)


def test_text() -> None:
    assert str(2 * m * n + 1 - m) == "2·m·n - m + 1"
    assert str(m * m) == "m²"
    assert shape_text((m + 1, 3)) == "(m + 1)×3"
    assert shape_text(()) == "scalar"
    assert str(Open(frozenset({"b", "a"}))) == "shape of a, b"


def test_partial_sizes() -> None:
    assert (m * n).at({"m": 3}) == 3 * n
    assert isinstance((m * n).at({"m": 3}), Polynomial)
    assert (m * n).at({"m": 0}) == 0


def test_counts() -> None:
    assert product(()) == 1
    assert count((m, 3)) == 3 * m
    assert symbols((m, n * m, 3)) == {"m", "n"}


def test_division_by_a_common_symbol() -> None:
    work = 2 * m * n + m * m
    assert isinstance(work, Polynomial)
    assert work.in_every_term == {"m"}
    assert work.over("m") == 2 * n + m
    (twice,) = [m * 2]
    assert isinstance(twice, Polynomial)
    assert twice.over("m") == 2
