"""What is wrong with an array that ought to be another one: its shape, its sign, a factor, a term, a transposition.

parts      the terms whose sum the right array is, by name, where it is a sum over paths
sizes      sizes of dimensions by name, so that a factor of 1/4 is called 1/m
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from backgraph.language.op import Array

CLOSE = 1e-8
"""Numbers that agree so well, relative to the largest, are taken as equal."""
MOST_PARTS = 6


@dataclass(frozen=True)
class Fault:
    """A kind of fault, with what its sentence needs: `factor` as text, positions of `parts`."""

    kind: str
    factor: str = ""
    parts: tuple[int, ...] = ()


def find_fault(
    given: Array, right: Array, parts: Sequence[Array] = (), sizes: Mapping[str, int] | None = None
) -> Fault | None:
    """The simplest fault that makes `given` of `right`; None if they agree. The last resort is "other"."""
    if given.shape != right.shape:
        turned = given.ndim == 2 and given.shape[::-1] == right.shape and same(given.T, right)
        return Fault("transposed" if turned else "shape")
    if same(given, right):
        return None
    if same(given, -right):
        return Fault("sign")
    if given.ndim == 2 and given.shape[0] == given.shape[1] and same(given.T, right):
        return Fault("transposed")
    if factor := _factor(given, right):
        return Fault("factor", _written(factor, sizes or {}))
    return _of_parts(given, parts, sizes or {}) or Fault("other")


def same(a: Array, b: Array) -> bool:
    """Whether two arrays agree, relative to the largest element; NaN agrees with NaN."""
    if a.shape != b.shape:
        return False
    largest = max(np.abs(a[np.isfinite(a)]).max(initial=0.0), np.abs(b[np.isfinite(b)]).max(initial=0.0), 1e-300)
    return bool(np.allclose(a, b, rtol=0, atol=CLOSE * largest, equal_nan=True))


def _factor(given: Array, right: Array) -> float:
    """The number by which `right` is multiplied; 0 if there is none."""
    at = np.unravel_index(int(np.argmax(np.abs(right))), right.shape) if right.size else ()
    if not right.size or right[at] == 0 or not np.isfinite(given[at]):
        return 0.0
    factor = float(given[at] / right[at])
    return factor if factor != 0 and np.isfinite(factor) and same(given, factor * right) else 0.0


def _written(factor: float, sizes: Mapping[str, int]) -> str:
    """m, 1/m, −2, 1/2 or a decimal."""
    sign = "−" if factor < 0 else ""
    for name, size in sizes.items():
        for value, text in ((float(size), name), (1 / size if size else 0.0, f"1/{name}")):
            if size > 1 and np.isclose(abs(factor), value, rtol=1e-9):
                return sign + text
    simple = Fraction(abs(factor)).limit_denominator(64)
    return sign + (str(simple) if np.isclose(float(simple), abs(factor), rtol=1e-9) else f"{abs(factor):.4g}")


def _of_parts(given: Array, parts: Sequence[Array], sizes: Mapping[str, int]) -> Fault | None:
    """A path left out, one with the wrong sign or a factor: what is changed in the sum."""
    if not 1 < len(parts) <= MOST_PARTS or any(part.shape != given.shape for part in parts):
        return None
    for size in range(1, len(parts)):
        for missing in itertools.combinations(range(len(parts)), size):
            kept = sum((part for i, part in enumerate(parts) if i not in missing), np.zeros_like(given))
            if same(given, kept):
                return Fault("missing", parts=missing)
    for i, part in enumerate(parts):
        rest = sum((other for j, other in enumerate(parts) if j != i), np.zeros_like(given))
        if factor := _factor(given - rest, part):
            return Fault("part_sign" if np.isclose(factor, -1) else "part_factor", _written(factor, sizes), (i,))
    return None
