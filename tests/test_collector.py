"""The collector is off inside, and afterwards as it was, also where calls overlap or fail."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from threading import Barrier, Thread

import pytest

from backgraph import gradient, tanh
from backgraph.collector import uncollected
from backgraph.language.ops.leaf import variable


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    """The collector is on before and after each test."""
    gc.enable()
    yield
    gc.enable()


@uncollected
def inside() -> bool:
    return gc.isenabled()


def test_it_is_off_inside_and_on_afterwards() -> None:
    assert not inside()
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    inside()
    assert not gc.isenabled()


def test_it_is_on_again_after_an_error() -> None:
    @uncollected
    def fails() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        fails()
    assert gc.isenabled()


def test_the_last_of_calls_that_overlap_turns_it_on() -> None:
    both, one_left = Barrier(2), Barrier(2)
    seen: list[bool] = []

    @uncollected
    def first() -> None:
        both.wait(10)

    @uncollected
    def second() -> None:
        both.wait(10)
        one_left.wait(10)
        seen.append(gc.isenabled())

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    threads[0].join()
    one_left.wait(10)
    threads[1].join()
    assert seen == [False]
    assert gc.isenabled()


def test_a_gradient_is_built_without_a_collection() -> None:
    x = variable("x", (), "float64", "data")
    y = x
    for _ in range(5000):
        y = tanh(y)
    runs: list[str] = []
    watch = lambda phase, _: runs.append(phase)  # noqa: E731
    gc.collect()
    gc.callbacks.append(watch)
    try:
        gradient(y, x)
    finally:
        gc.callbacks.remove(watch)
    assert runs.count("start") <= 1  # the one that was due when building had ended
