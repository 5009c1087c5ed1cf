"""The main job on the digits: held-out accuracy of one hidden layer of 64, a few seeds (all 20: benchmarks)."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.digits_accuracy import CASES, accuracies


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_digits_are_told_apart(name: str) -> None:
    """The mean of 20 seeds is above 97.2 % with a standard deviation of 0.7 %; four seeds are held to 96.5 %."""
    assert statistics.mean(accuracies(*CASES[name], seeds=4)) >= 0.965
