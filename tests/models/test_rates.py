"""Defaults by the size of a table: label smoothing, and whom it favours."""

from __future__ import annotations

import numpy as np
import pytest

from backgraph.models.defaults import MOST_SMOOTHED, SMOOTHING
from backgraph.models.rates import smoothing_for


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_equal_shares_depend_on_rows_alone(classes: int) -> None:
    masses = np.full(classes, 7.5)
    assert smoothing_for(100, masses) == MOST_SMOOTHED
    assert smoothing_for(100_000, masses) == SMOOTHING / 100_000
    assert smoothing_for(1 << 62, masses) == pytest.approx(0)


def test_the_rarer_a_class_the_less() -> None:
    found = [smoothing_for(1000, np.array([1 - share, share])) for share in (0.5, 0.3, 0.1, 0.01, 1e-6)]
    assert found == sorted(found, reverse=True)
    assert found[2] == pytest.approx(MOST_SMOOTHED / 2.8, rel=0.02)
    assert 0 < found[-1] < 1e-6


def test_scale_and_order_of_masses_and_missing_classes_do_not_matter() -> None:
    expected = smoothing_for(500, np.array([3.0, 1.0]))
    for masses in ([1, 3], [300, 100], [0, 3, 0, 1]):
        assert smoothing_for(500, np.array(masses)) == expected
    assert smoothing_for(500, np.zeros(2)) == smoothing_for(500, np.ones(2))


def test_folds_of_one_table_agree() -> None:
    """They share their graph, and so their code."""
    found = {smoothing_for(rows, np.array([rows - few, few])) for rows, few in ((8000, 801), (8001, 800), (8000, 800))}
    assert len(found) == 1
