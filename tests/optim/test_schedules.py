"""Schedules at the points that define them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from backgraph.errors import TrainingError
from backgraph.optim import Constant, Cosine, FlatCosine, InverseTime, OneCycle, StepDecay, WarmUp
from backgraph.optim.schedules import as_schedule, rate_at

POINTS: list[tuple[Any, int, float]] = [
    (Constant(0.1), 10**9, 0.1),
    (StepDecay(0.1, every=10), 9, 0.1),
    (StepDecay(0.1, every=10), 10, 0.01),
    (StepDecay(0.1, every=10, factor=0.5), 25, 0.025),
    (InverseTime(0.1, k=0.5), 0, 0.1),
    (InverseTime(0.1, k=0.5), 2, 0.05),
    (Cosine(0.1, steps=100), 0, 0.1),
    (Cosine(0.1, steps=100), 50, 0.05),
    (Cosine(0.1, steps=100), 100, 0.0),
    (FlatCosine(0.1, steps=100), 50, 0.1),
    (FlatCosine(0.1, steps=100), 75, 0.05),
    (FlatCosine(0.1, steps=100, flat=0.0), 500, 0.0),
    (Cosine(0.1, steps=100, end=0.1), 1000, 0.01),
    (OneCycle(0.1, steps=100), 0, 0.004),
    (OneCycle(0.1, steps=100), 30, 0.1),
    (OneCycle(0.1, steps=100), 100, 4e-7),
    (WarmUp(4, Constant(0.1)), 0, 0.025),
    (WarmUp(4, Constant(0.1)), 3, 0.1),
    (WarmUp(4, InverseTime(0.1, k=1.0)), 5, 0.05),
]


@pytest.mark.parametrize(("schedule", "t", "rate"), POINTS, ids=str)
def test_rate(schedule: Any, t: int, rate: float) -> None:
    assert schedule(t) == pytest.approx(rate, rel=1e-12, abs=1e-18)


@pytest.mark.parametrize("schedule", [Cosine(0.1, steps=50), OneCycle(0.1, steps=50), InverseTime(0.1, k=0.1)], ids=str)
def test_rates_stay_between_zero_and_the_top(schedule: Any) -> None:
    assert all(0 <= schedule(t) <= 0.1 for t in range(200))


@pytest.mark.parametrize(
    "build",
    [
        lambda: Constant(0),
        lambda: StepDecay(0.1, every=0),
        lambda: StepDecay(0.1, every=1, factor=-1),
        lambda: InverseTime(math.nan, k=1),
        lambda: InverseTime(0.1, k=-1),
        lambda: Cosine(0.1, steps=0),
        lambda: FlatCosine(0.1, steps=10, flat=1.0),
        lambda: OneCycle(0.1, steps=10, rise=1.0),
        lambda: WarmUp(-1, Constant(0.1)),
    ],
)
def test_senseless_parameters_are_refused(build: Any) -> None:
    with pytest.raises(TrainingError, match="BG401"):
        build()


def test_a_number_is_a_constant_schedule() -> None:
    assert as_schedule(0.5) == Constant(0.5)
    assert rate_at(0.5, 3) == 0.5


WORDS = {
    Constant(0.001): "0.001",
    StepDecay(0.1, every=1_000): "0.1, times 0.1 every 1,000 steps",
    InverseTime(0.1, k=0.5): "0.1/(1 + 0.5 t)",
    Cosine(0.01, steps=2_000, end=0.1): "0.01, along a cosine to 0.001 in 2,000 steps",
    FlatCosine(0.01, steps=1_997): "0.01, from step 999 to 1,997 along a cosine to 0",
    OneCycle(0.01, steps=100): "up to 0.01 at step 30, down along a cosine to 100",
    WarmUp(4, Constant(0.1)): "0.1, after 4 steps of warm-up",
}


@pytest.mark.parametrize("schedule", WORDS, ids=lambda each: type(each).__name__)
def test_words(schedule: Any) -> None:
    assert str(schedule) == WORDS[schedule]


def test_words_are_true_at_their_steps() -> None:
    flat, cycle = FlatCosine(0.01, steps=1_997), OneCycle(0.01, steps=100)
    assert flat(998) == 0.01 > flat(999)
    assert max(range(101), key=cycle) == 30
