"""The number of threads that training settles on, with times of an imagined machine."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from backgraph.compiler.pace import FIRST_PIECE, FIRST_TRIAL, PIECE, SHARE, TRIAL, Pace
from backgraph.train.native import NativeEngine
from tests.compiler.programs import example
from tests.compiler.test_native_engine import run

Times = Callable[[int, float], float]
"""Seconds a step, by the number of threads and the time of day."""
MICRO = 1e-6


def trained(pace: Pace, times: Times, seconds: float, steps: int = 1 << 60) -> Counter[int]:
    """Seconds with each number of threads, of so many in calls of so many steps; of 3,000 pieces at most."""
    spent: Counter[int] = Counter()
    now, left = 0.0, steps
    pieces = 0
    while now < seconds and pieces < 3000:
        pieces += 1
        threads, count = pace.next(left)
        assert 1 <= threads <= pace.limit
        assert 1 <= count <= left
        took = count * times(threads, now)
        pace.took(threads, count, took)
        spent[threads] += took  # type: ignore[assignment]  # a counter of seconds
        now, left = now + took, left - count or steps
    return spent


def steady(times: Mapping[int, float]) -> Times:
    return lambda threads, _: times[threads] * MICRO


def share(spent: Counter[int], threads: int) -> float:
    return spent[threads] / sum(spent.values())


@pytest.mark.parametrize("steps", [1, 40, 1000, 1 << 60])
@pytest.mark.parametrize(
    ("limit", "suggested", "times", "best"),
    [
        (2, 2, {1: 88, 2: 57}, 2),
        (2, 2, {1: 88, 2: 125}, 1),
        (2, 1, {1: 88, 2: 57}, 2),
        (16, 4, {1: 100, 2: 52, 4: 30, 8: 20, 16: 25}, 8),
        (16, 16, {1: 10, 2: 12, 4: 20, 8: 40, 16: 80}, 1),
        (12, 3, {1: 30, 3: 20, 6: 12, 12: 9}, 12),
        (1, 1, {1: 10}, 1),
        (2, 2, {1: 1_100_000, 2: 600_000}, 2),
    ],
)
def test_the_quickest_is_found(limit: int, suggested: int, times: dict[int, float], best: int, steps: int) -> None:
    pace = Pace(limit, suggested)
    trained(pace, steady(times), 2, steps)
    if pace.pieces <= FIRST_TRIAL:
        assert pace.best == suggested
    later = trained(pace, steady(times), 30, steps)
    assert share(later, best) > 0.7
    once = sum(TRIAL * time / times[best] + time * MICRO for time in times.values())
    assert sum(pace.lost.values()) <= once + 2 * (SHARE + 0.01) * pace.total


def test_pieces_are_short_and_as_few_as_can_be() -> None:
    pace = Pace(1, 1)
    assert pace.next(1000) == (1, FIRST_PIECE)
    assert pace.next(2 * FIRST_PIECE) == (1, 2 * FIRST_PIECE)
    pace.took(1, FIRST_PIECE, FIRST_PIECE * 1e-4)
    assert pace.next(10_000) == (1, round(PIECE / 1e-4))
    assert pace.next(700) == (1, 700)
    pace.took(1, 1, 1e-12)
    assert pace.next(10**9) == (1, 10**9) or pace.next(10**9)[1] >= 10**7


def test_one_delay_changes_nothing() -> None:
    delays = iter([20.0 + n for n in range(20)])
    due = [next(delays)]

    def times(threads: int, now: float) -> float:
        if now >= due[0]:
            due[0] = next(delays, 1e9)
            return 5e-4
        return {1: 88, 2: 57}[threads] * MICRO

    pace = Pace(2, 2)
    assert share(trained(pace, times, 60), 2) > 0.85
    assert pace.best == 2


def test_a_processor_that_is_busy_for_a_while() -> None:
    def times(threads: int, now: float) -> float:
        return {1: 88, 2: 125 if 10 <= now < 20 else 57}[threads] * MICRO

    pace = Pace(2, 2)
    assert share(trained(pace, times, 9.9), 2) > 0.9
    busy = trained(pace, lambda threads, now: times(threads, now + 10), 9.9)
    assert share(busy, 1) > 0.9
    assert share(trained(pace, lambda threads, now: times(threads, now + 20), 10), 2) > 0.7


@pytest.mark.parametrize("hindered", [116, 121, 150, 400])
def test_what_became_quicker_again_is_soon_noticed(hindered: float) -> None:
    """Trials of the slower number must not use up what trials of the quicker one may cost."""

    def times(threads: int, now: float) -> float:
        return {1: 118, 2: hindered if 4 <= now < 9 else 72}[threads] * MICRO

    pace = Pace(2, 2)
    trained(pace, times, 9)
    assert share(trained(pace, lambda threads, now: times(threads, now + 9), 3), 2) > 0.75


def test_noise_does_not_hide_the_quicker() -> None:
    chance = random.Random(0)
    times = {1: 100, 2: 60, 4: 45, 8: 70}
    pace = Pace(8, 2)
    spent = trained(pace, lambda threads, _: times[threads] * MICRO * chance.lognormvariate(0, 0.1), 60)
    assert share(spent, 4) > 0.8


def test_training_with_changing_numbers_of_threads_keeps_its_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    step, start, data = example()
    index = np.arange(60).reshape(4, 15)
    expected = run(NativeEngine(1), step, start, data, index)
    taken: list[tuple[int, int]] = []

    def following(self: Pace, left: int) -> tuple[int, int]:
        taken.append((1 + len(taken) % 3, min(left, 1 + len(taken) % 2)))
        return taken[-1]

    monkeypatch.setattr(Pace, "next", following)
    losses, variables = run(NativeEngine(3), step, start, data, index)
    assert taken == [(1, 1), (2, 2), (3, 1)]
    assert losses.tobytes() == expected[0].tobytes()
    for a, b in zip(variables, expected[1], strict=True):
        assert a.tobytes() == b.tobytes()
