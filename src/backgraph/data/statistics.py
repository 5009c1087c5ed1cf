"""What is learnt of a column and how numbers are scaled by it: medians, ranges, levels, each counted by weight.

A row counts w times where its weight is w, so weight 2 and two copies give the same; a row of weight 0 is not there.
Nothing here overflows, whatever finite numbers come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from backgraph.data.table import Column

Matrix: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]

CLIP = 3.0
"""Where the smooth clip levels off."""
FURTHEST = 1e150
"""Scaled numbers are cut here first, so that their squares are finite."""
LARGEST = float(np.finfo(np.float64).max) / 2
"""Half of the largest number, so that a sum of two is finite."""


def ranked(values: Column, weights: Matrix | None = None, least: int = 0) -> list[str]:
    """The levels of `values` (rows,) of str, the most frequent first, the first in sorted order among equals.

    Levels with a weight below `least` are left away.
    """
    values, weights = counted_rows(values, weights)
    counts: dict[str, float] = dict(Counter(cast("list[str]", values.tolist())))
    if weights is not None:
        places = positions(values, tuple(counts))
        counts = dict(zip(counts, np.bincount(places, weights).tolist(), strict=True))
    return sorted((level for level in counts if counts[level] >= least), key=lambda level: (-counts[level], level))


def positions(values: Column, levels: tuple[str, ...]) -> Codes:
    """The place of each cell of `values` (rows,) among `levels`, −1 where it is none: int64 (rows,)."""
    place = {level: index for index, level in enumerate(levels)}
    return np.array([place.get(value, -1) for value in cast("list[str]", values.tolist())], dtype=np.int64)


def epoch_seconds(values: Column) -> Matrix:
    """Seconds since 1970 of `values` (rows,), datetime64: float64, NaN where a time is missing."""
    whole = values.astype("datetime64[us]")
    return np.where(np.isnat(whole), np.nan, whole.astype(np.int64) / 1e6)


def counted_rows(values: Column, weights: Matrix | None) -> tuple[Column, Matrix | None]:
    """The rows whose weight is not 0: a row of weight 0 is as if it were not there."""
    return (values, None) if weights is None else (values[weights > 0], weights[weights > 0])


def quantiles(values: Matrix, shares: Sequence[float], weights: Matrix | None = None) -> list[float]:
    """For each of `shares`, the least of `values` (rows,) that at least this share of the weight does not exceed.

    It is a value that occurs, so that it can neither overflow nor depend on how a mean is rounded. `values` are some.
    """
    if weights is None:
        ordered, below = np.sort(values), np.arange(1.0, len(values) + 1)
    else:
        order = np.argsort(values, kind="stable")
        ordered, below = values[order], np.cumsum(weights[order])
    places = [int(np.searchsorted(below, share * below[-1])) for share in shares]
    return [float(ordered[min(place, len(values) - 1)]) for place in places]


def centre_and_range(values: Matrix, weights: Matrix | None = None) -> tuple[float, float]:
    """The median and a robust range of `values` (rows,), all finite: (0, 0) when empty, range 0 when all are equal.

    The range is that between the quartiles, or half of the whole range where the quartiles coincide.
    """
    if not len(values) or values.min() == values.max():
        return (float(values[0]) if len(values) else 0.0), 0.0
    low, centre, high = quantiles(values, (0.25, 0.5, 0.75), weights)
    if low == high:
        low, high = float(values.min()) / 2, float(values.max()) / 2
    return centre, min(high / 2 - low / 2, LARGEST) * 2


def smooth_clip(values: Matrix) -> Matrix:
    """z/√(1 + (z/3)²): about z near 0, at most 3 far away."""
    near = np.clip(values, -FURTHEST, FURTHEST)
    return near / np.sqrt(1 + np.square(near / CLIP))


def centre_and_scale(values: Matrix, weights: Matrix | None = None) -> tuple[float, float]:
    """The mean and the standard deviation (of the population) of `values` (rows,), all finite; 0.0, 0.0 when empty.

    Values that are all equal have exactly that mean and deviation 0: the rounding of a sum of tenths would otherwise
    give a deviation of 1e-17, and a constant column features of size 1. Sums are of values divided by the largest, so
    that squares of 1e200 do not overflow.
    """
    values, weights = counted_rows(values, weights)
    if not len(values) or values.min() == values.max():
        return (float(values[0]) if len(values) else 0.0), 0.0
    largest = float(np.abs(values).max())
    unit = values / largest
    mean = float(np.average(unit, weights=weights))
    return mean * largest, float(np.sqrt(np.average(np.square(unit - mean), weights=weights))) * largest


def standardized(values: Matrix, mean: float | Matrix, scale: float | Matrix) -> Matrix:
    """(values - mean) / scale, cut to what float64 holds; 0 where the scale is 0."""
    # Halves, because the difference of 1e308 and -1e308 is not a float64 while its quotient may be.
    difference = values / 2 - np.asarray(mean) / 2
    with np.errstate(over="ignore"):
        half = np.divide(difference, scale, out=np.zeros_like(difference), where=np.asarray(scale) != 0)
    return np.clip(half, -LARGEST, LARGEST) * 2
