"""Which rows are held out: a split that depends on the number of rows, the fraction and the seed alone.

The order is that of `train.shuffle`, so it is the same on every machine and in every version of NumPy. With labels it
is *stratified*: each class gives its share of the held-out rows, by largest remainders, and keeps at least one row.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from backgraph.errors import DataError, TrainingError
from backgraph.train.shuffle import Indices, permutation

SPLIT = 2**64 - 1
"""The second word of the key, where `minibatch_indices` has the epoch: no epoch draws the same words."""


def split(n_rows: int, fraction: float, seed: int, labels: npt.ArrayLike | None = None) -> tuple[Indices, Indices]:
    """The rows to train on and the rows held out, int64, each ascending; together they are 0 … n_rows-1.

    `fraction`, from 0 up to but not 1, is rounded to whole rows, at least one of each kind unless it is 0.
    With `labels` (n_rows,), of any type that sorts, the split is stratified.
    Raises TrainingError BG401 for the fraction, DataError BG207 for labels of another length, BG201 for too few rows.
    """
    if not 0 <= fraction < 1:
        raise TrainingError("BG401", "fraction", "cannot be held out", got=fraction, expected="0 ≤ fraction < 1")
    if n_rows < (2 if fraction else 1):
        raise DataError("BG201", "split", "too few rows to hold some out", got=n_rows, expected="at least 2")
    order = permutation(n_rows, (seed, SPLIT))
    wanted = min(max(round(fraction * n_rows), 1), n_rows - 1) if fraction else 0
    held_out = order[:wanted] if labels is None else _stratified(order, wanted, _codes(labels, n_rows))
    return np.setdiff1d(order, held_out), np.sort(held_out)


def _codes(labels: npt.ArrayLike, n_rows: int) -> Indices:
    values = np.asarray(labels)
    if values.shape != (n_rows,):
        raise DataError("BG207", "labels", "do not fit the rows", got=values.shape, expected=f"({n_rows},)")
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _stratified(order: Indices, wanted: int, codes: Indices) -> Indices:
    counts = np.bincount(codes)
    take = shares(counts, wanted)
    by_class = np.split(order[np.argsort(codes[order], kind="stable")], np.cumsum(counts)[:-1])
    return np.concatenate([rows[:some] for rows, some in zip(by_class, take, strict=True)])


def shares(counts: Indices, wanted: int) -> Indices:
    """How many of `counts` (classes,) to take, `wanted` in all, in proportion, leaving one of each class.

    Largest remainders: each class takes the whole part of its share, the classes with the largest rest one more. Where
    that would leave none of a class, fewer than `wanted` are taken.
    """
    total = int(counts.sum())
    # Exact fractions: two remainders that are equal must not differ by a rounding error.
    exact = [Fraction(int(count) * wanted, total) for count in counts]
    taken = [min(int(share), int(count) - 1) for share, count in zip(exact, counts, strict=True)]
    rest = sorted(range(len(exact)), key=lambda code: (int(exact[code]) - exact[code], code))
    for code in rest:
        if sum(taken) < wanted and taken[code] < counts[code] - 1:
            taken[code] += 1
    return np.array(taken, dtype=np.int64)
