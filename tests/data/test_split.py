"""Held-out rows: a fixed function of rows, fraction and seed, with every class in its share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph.data import split
from backgraph.data.split import shares
from backgraph.errors import BackgraphError

FRACTION = st.floats(0.01, 0.99)


@given(st.integers(2, 300), FRACTION, st.integers(0, 2**64 - 1))
def test_every_row_is_in_one_part(n_rows: int, fraction: float, seed: int) -> None:
    train, held_out = split(n_rows, fraction, seed)
    assert sorted([*train, *held_out]) == list(range(n_rows))
    assert len(held_out) == min(max(round(fraction * n_rows), 1), n_rows - 1)
    assert (train.dtype, held_out.dtype) == (np.int64, np.int64)
    assert all(np.all(np.diff(part) > 0) for part in (train, held_out))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), FRACTION, st.integers(0, 99))
def test_classes_are_held_out_in_proportion(counts: list[int], fraction: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    if len(labels) < 2:
        return
    train, held_out = split(len(labels), fraction, seed, labels)
    assert sorted([*train, *held_out]) == list(range(len(labels)))
    assert set(labels[train]) == set(labels)
    wanted = min(max(round(fraction * len(labels)), 1), len(labels) - 1)
    for code, count in enumerate(counts):
        held = int((labels[held_out] == code).sum())
        assert held <= count * wanted / len(labels) + 1
        assert held >= min(int(count * wanted / len(labels)), count - 1)


def test_shares_by_largest_remainders() -> None:
    assert shares(np.array([50, 30, 20]), 10).tolist() == [5, 3, 2]
    assert shares(np.array([7, 3]), 5).tolist() == [4, 1]
    assert shares(np.array([1, 1, 8]), 2).tolist() == [0, 0, 2]


def test_the_same_rows_for_ever() -> None:
    """Written down once; a change would make saved models disagree with their reports."""
    assert split(10, 0.3, 0)[1].tolist() == [7, 8, 9]
    assert split(10, 0.3, 0, list("aaaaabbbbb"))[1].tolist() == [0, 2, 7]


def test_nothing_held_out() -> None:
    train, held_out = split(3, 0, 0)
    assert (train.tolist(), held_out.tolist()) == ([0, 1, 2], [])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((10, 1.0, 0), "BG401"),
        ((10, -0.1, 0), "BG401"),
        ((10, float("nan"), 0), "BG401"),
        ((10, 0.5, -1), "BG401"),
        ((1, 0.5, 0), "BG201"),
        ((0, 0, 0), "BG201"),
        ((10, 0.5, 0, [1, 2]), "BG207"),
    ],
)
def test_bad_arguments_are_refused(arguments: tuple[object, ...], code: str) -> None:
    with pytest.raises(BackgraphError, match=code):
        split(*arguments)
