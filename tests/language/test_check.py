"""Broadcasting, signatures and dtypes: what fits, and what the error says when it does not."""

from __future__ import annotations

import numpy as np
import pytest

import backgraph as bg
from backgraph.errors import GraphError, UsageError
from backgraph.language.check import parse_signature

A, B = bg.input("A", (3, 4)), bg.input("B", (5, 2))


def fails(code: str, build: object) -> str:
    with pytest.raises((GraphError, UsageError)) as caught:
        build()  # type: ignore[operator]
    assert caught.value.code == code
    return str(caught.value)


def test_a_mismatch_says_everything() -> None:
    text = fails("BG101", lambda: A @ B)
    assert text.startswith("error[BG101] test_check.py:")
    for fact in ("matmul", "A 3×4", "B 5×2", "dimension k is 4 and 5", "(m,k),(k,n)->(m,n)"):
        assert fact in text
    assert "\n" not in text


def test_elementwise_names_the_axis() -> None:
    text = fails("BG101", lambda: A + B)
    for fact in ("add", "A 3×4", "B 5×2", "axis -2 is 3 and 5"):
        assert fact in text


def test_symbols_never_broadcast_against_each_other() -> None:
    m, n = bg.input("x", ("m",)), bg.input("y", ("n",))
    text = fails("BG101", lambda: m * n)
    assert "m" in text
    assert "n" in text
    fails("BG101", lambda: m * bg.input("z", (3,)))
    assert (m * bg.input("z", (1,))).shape == m.shape
    assert (m * bg.input("x", ("m",))).shape == m.shape
    fails("BG101", lambda: m + bg.input("w", (bg.symbol("m") + 1,)))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3,), ()),
        ((2, 3), (3,)),
        ((2, 1), (3,)),
        ((2, 1, 3), (4, 1)),
        ((1,), (1,)),
        ((0,), (1,)),
        ((0, 3), (3,)),
        ((1, 1), (5,)),
    ],
)
def test_broadcasting_is_numpys(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = np.random.default_rng(0).normal(size=a), np.random.default_rng(1).normal(size=b)
    result = bg.input("x", a) - bg.input("y", b)
    assert result.shape == np.broadcast_shapes(a, b)
    np.testing.assert_array_equal(bg.evaluate(result, {"x": x, "y": y}), x - y)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
     ((5, 1, 2, 3), (4, 3, 2)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2))],
)  # fmt: skip
def test_products_are_numpys(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = np.random.default_rng(0).normal(size=a), np.random.default_rng(1).normal(size=b)
    leaves = bg.input("x", a), bg.input("y", b)
    result = leaves[0] @ leaves[1]
    np.testing.assert_allclose(bg.evaluate(result, {"x": x, "y": y}), x @ y, rtol=1e-13)
    assert bg.check_gradient(bg.sum(bg.square(result)), leaves, {"x": x, "y": y}).require().error <= 1e-13


def test_dtypes_never_mix_silently() -> None:
    wide, narrow = bg.input("a", (2,)), bg.input("b", (2,), "float32")
    text = fails("BG102", lambda: wide + narrow)
    assert "a float64, b float32" in text
    assert "cast(x, 'float64')" in text
    assert (wide + bg.cast(narrow, "float64")).dtype == "float64"
    fails("BG102", lambda: bg.labels("y", (2,)) + 1.0 * wide)


def test_python_numbers_are_weak() -> None:
    narrow = bg.input("b", (2,), "float32")
    assert (narrow * 2).dtype == (0.5 - narrow).dtype == (np.float64(3) * narrow).dtype == "float32"
    value = bg.evaluate(narrow * 0.1, {narrow: np.ones(2, "float32")})
    assert value.dtype == np.float32


def test_arrays_are_no_operands() -> None:
    assert "constant" in fails("BG601", lambda: bg.maximum(A, np.ones((3, 4))))
    fails("BG601", lambda: bg.sin(A, A))


@pytest.mark.parametrize("axis", [2, -3])
def test_axes(axis: int) -> None:
    assert str(axis) in fails("BG103", lambda: bg.sum(A, axis=axis))
    fails("BG103", lambda: bg.softmax(A, axis=axis))
    fails("BG103", lambda: bg.sum(A, axis=(0, 0)))


def test_signatures() -> None:
    assert parse_signature("(m,k),(k,n)->(m,n)") == ((("m", "k"), ("k", "n")), ("m", "n"))
    assert parse_signature("(),()->()") == (((), ()), ())
    assert parse_signature("->(n,n)") == ((), ("n", "n"))
