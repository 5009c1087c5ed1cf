"""Numbers that are made from numbers of the user are those that one would write."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import backgraph as bg
from backgraph.language.decimals import CARRIED, complement, written
from backgraph.language.ops.leaf import literal
from backgraph.language.walk import topological_order
from backgraph.rules import simplify

BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "square": lambda a: a * a,
}
floats = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150)


@pytest.mark.parametrize(("hundredths"), range(1, 100))
def test_what_is_left_of_one_is_what_one_writes(hundredths: int) -> None:
    assert repr(complement(hundredths / 100)) == repr(float(f"{100 - hundredths}e-2"))


@given(floats, floats)
def test_no_result_is_further_off_than_its_operands_are_rounded(a: float, b: float) -> None:
    for name in CARRIED:
        operands = (a, b) if name in ("add", "sub", "mul") else (a,)
        plain = BINARY[name](*operands)
        products = name in ("mul", "square")
        allowed = max(math.ulp(x) for x in (*operands, plain))
        if products:
            x, y = operands[0], operands[-1]
            allowed = 2 * math.ulp(plain) + abs(x) * math.ulp(y) + abs(y) * math.ulp(x)
        assert abs(written(name, *operands) - plain) <= allowed


def test_what_is_no_decimal_is_left_to_binary_arithmetic() -> None:
    assert written("div", 1.0, 3.0) is None
    assert written("add", math.inf, 1.0) is None


def test_numbers_of_the_user_are_printed_as_one_writes_them() -> None:
    cost = "mean(quantile_loss(X@w, t, 0.9, reduction=none)) + (1 - 0.9)*sum(w**2)"
    told = str(bg.explain_text(cost, ["w"]))
    assert "−0.1 (t − u)" in told
    assert "0.2w" in told.replace(" ", "")
    assert "0000000" not in told
    assert "9999999" not in told


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_folded_numbers_are_those_one_writes(dtype: str) -> None:
    x = bg.input("x", (), dtype=dtype)
    (node,) = simplify([0.1 * (3 * x)]).nodes
    numbers = [literal(each) for each in topological_order([node]) if literal(each) is not None]
    assert numbers == [bg.constant(0.3, dtype).op.value]  # type: ignore[attr-defined]
    assert "J = 0.3x x" in str(bg.explain(0.1 * (3 * x) * x, [x]))
