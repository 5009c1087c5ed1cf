"""Arithmetic of numbers as they are written: 1 − 0.9 is 0.1, not 0.09999999999999998.

A binary float stands for the shortest decimal that reads back as it, which is what its user wrote. Carried out on these
decimals, a sum, difference or product is at most the rounding of its operands away from binary arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Context, Decimal

EXACT = Context(prec=40)
"""Products of two shortest decimals, of 17 digits each, are exact."""

CARRIED: dict[str, Callable[..., Decimal]] = {
    "add": EXACT.add,
    "sub": EXACT.subtract,
    "mul": EXACT.multiply,
    "square": lambda a: EXACT.multiply(a, a),
}
"""Operations whose result is a decimal again, by the name of their card."""


def written(name: str, *values: float) -> float | None:
    """The float nearest to the operation carried out on the decimals as written; None for other operations."""
    if name not in CARRIED or not all(abs(value) < float("inf") for value in values):
        return None
    return float(CARRIED[name](*(Decimal(repr(float(value))) for value in values)))


def product_of(values: Iterable[float]) -> float:
    """The product, carried out on decimals where all are finite; 1 of none."""
    product = 1.0
    for value in values:
        as_written = written("mul", product, value)
        product = product * value if as_written is None else as_written
    return product


def complement(share: float) -> float:
    """1 − share, as one would write it."""
    return float(EXACT.subtract(Decimal(1), Decimal(repr(float(share)))))
