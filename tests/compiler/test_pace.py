"""The number of threads that calls settle on, with times of an imagined machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from backgraph.compiler.pace import FIRST_TRIAL, SHARE, Pace
from backgraph.train.native import NativeEngine
from tests.compiler.programs import example
from tests.compiler.test_native_engine import run


def calls(pace: Pace, times: Callable[[int, int], float], count: int, first: int = 0) -> list[int]:
    """The numbers of threads of so many calls, where `times(threads, call)` says what each takes."""
    taken: list[int] = []
    for call in range(first, first + count):
        taken.append(pace.threads())
        pace.took(taken[-1], times(taken[-1], call))
    return taken


def steady(times: Mapping[int, float]) -> Callable[[int, int], float]:
    return lambda threads, _: times[threads]


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
    ],
)
def test_the_quickest_is_found(limit: int, suggested: int, times: dict[int, float], best: int) -> None:
    pace = Pace(limit, suggested)
    assert calls(pace, steady(times), FIRST_TRIAL) == [suggested] * FIRST_TRIAL
    calls(pace, steady(times), 200)
    later = calls(pace, steady(times), 1000)
    assert later.count(best) > 850
    assert max(later) <= limit
    first = limit.bit_length() * 2 * max(times.values())  # each neighbour once, whatever it costs
    assert pace.lost <= first + SHARE * pace.total


def test_one_delay_changes_nothing() -> None:
    pace = Pace(2, 2)
    calls(pace, steady({1: 88, 2: 57}), 100)
    calls(pace, lambda threads, call: 5_000 if call % 50 == 0 else {1: 88, 2: 57}[threads], 1000)
    assert pace.best == 2


def test_a_processor_that_is_busy_for_a_while() -> None:
    quiet, busy = {1: 88, 2: 57}, {1: 88, 2: 125}
    pace = Pace(2, 2)
    calls(pace, steady(quiet), 50)
    meanwhile = calls(pace, steady(busy), 100)
    assert meanwhile[5:].count(1) > 90
    assert calls(pace, steady(quiet), 300)[-100:].count(2) > 90


def test_noise_does_not_hide_the_quicker() -> None:
    chance = random.Random(0)
    pace = Pace(8, 2)
    times = {1: 100, 2: 60, 4: 45, 8: 70}
    taken = calls(pace, lambda threads, _: times[threads] * chance.lognormvariate(0, 0.1), 2000)
    assert taken[100:].count(4) > 1600


def test_training_with_changing_numbers_of_threads_keeps_its_bits() -> None:
    step, start, data = example()
    index = np.arange(60).reshape(4, 15)
    ours, expected = ([array.copy() for array in start] for _ in range(2))
    loop = NativeEngine(4).loop(step, data)
    loop.paces.clear()
    numbers: list[int] = []

    class Noting(Pace):
        def threads(self) -> int:
            numbers.append(1 + len(numbers) % 4)
            return numbers[-1]

    loop.paces[4, 3, 15] = Noting(4, 1)
    for _ in range(8):
        ours = run(NativeEngine(4), step, ours, data, index)[1]
        expected = run(NativeEngine(1), step, expected, data, index)[1]
    assert set(numbers) == {1, 2, 3, 4}
    for a, b in zip(ours, expected, strict=True):
        assert a.tobytes() == b.tobytes()
