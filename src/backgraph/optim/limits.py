"""Checks of hyper-parameters: what is NaN, infinite, or outside its range is refused before anything is built."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from backgraph.errors import TrainingError, UsageError


def positive(where: str, value: object) -> float:
    """`value` if it is a finite number above 0. Raises TrainingError BG401, UsageError BG601 for no number."""
    return _within(where, value, lambda x: x > 0, "a finite number above 0")


def not_negative(where: str, value: object) -> float:
    """`value` if it is a finite number, 0 or above. Raises TrainingError BG401, UsageError BG601."""
    return _within(where, value, lambda x: x >= 0, "a finite number, 0 or above")


def fraction(where: str, value: object) -> float:
    """`value` if 0 ≤ value < 1. Raises TrainingError BG401, UsageError BG601."""
    return _within(where, value, lambda x: 0 <= x < 1, "0 ≤ value < 1")


def whole(where: str, value: object, least: int = 1) -> int:
    """`value` if it is an integer, `least` or above. Raises TrainingError BG401, UsageError BG601."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise UsageError("BG601", where, "not a whole number", got=value)
    if value < least:
        raise TrainingError("BG401", where, "out of range", got=int(value), expected=f"a whole number ≥ {least}")
    return int(value)


def _within(where: str, value: object, holds: Callable[[float], bool], expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise UsageError("BG601", where, "not a number", got=value)
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number) or not holds(number):
        raise TrainingError("BG401", where, "out of range", got=number, expected=expected)
    return number
