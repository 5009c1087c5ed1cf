"""Compile, call, drop, again and again: nothing is kept but what llvmlite keeps itself."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler.function import compile
from backgraph.language.node import interned_count
from backgraph.train.native import NativeEngine
from tests.compiler.programs import batches, example
from tests.compiler.test_native_engine import run

STATUS = Path("/proc/self/statm")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not STATUS.exists(), reason="memory is read from /proc"),
]
KEPT = 0.5
"""KiB a cycle may keep."""
KEPT_BY_LLVMLITE = 4.0
"""KiB that llvmlite 0.50 may keep of each run of its optimiser, where the text is new: 1.6 of a small module (see
compile.jit), about 2.4 of these.
"""


def resident() -> float:
    """KiB, after a collection; what malloc holds back for later goes first, as it comes and goes by hundreds of KiB."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return int(STATUS.read_text().split()[1]) * 4


def cycle(factor: float) -> None:
    X, W = bg.input("X", ("m", 5)), bg.parameter("W", (5, 3))
    cost = bg.sum(bg.tanh(X @ W) ** 2) * factor
    f = compile([X, W], [cost, *bg.gradient(cost, [W]).nodes])
    f(np.ones((4, 5)), np.ones((5, 3)))


def growth(cycles: int, first: int, different: bool) -> float:
    """KiB that each of so many cycles keeps."""
    before = resident()
    for number in range(first, first + cycles):
        cycle(1.0 + number * different)
    return (resident() - before) / cycles


@pytest.mark.parametrize(
    ("cycles", "different"),
    [
        (100, False),
        pytest.param(500, False, marks=pytest.mark.nightly),
        pytest.param(100, True, marks=pytest.mark.nightly),
    ],
)
def test_compile_and_drop(cycles: int, different: bool) -> None:
    """The same graph (its object code is remembered), or a new one each time. What leaks does so in both halves."""
    cycle(0.0)
    nodes = interned_count()
    growth(200 if different else 100, 1, different)
    kept = min(growth(cycles, 300, different), growth(cycles, 1000, different))
    assert kept < (KEPT_BY_LLVMLITE + KEPT if different else KEPT)
    assert interned_count() == nodes


def test_maps_stay_as_many() -> None:
    growth(20, 1, True)
    before = len(maps())
    growth(20, 100, True)
    assert abs(len(maps()) - before) <= 8


def maps() -> list[str]:
    return Path("/proc/self/maps").read_text().splitlines()


def test_calls_keep_nothing() -> None:
    X, W = bg.input("X", ("m", 50)), bg.parameter("W", (50, 30))
    f = compile([X, W], bg.tanh(X @ W))
    x, w = np.ones((40, 50)), np.ones((50, 30))
    for _ in range(200):
        f(x, w)
    before = resident()
    for _ in range(3000):
        f(x, w)
    assert (resident() - before) / 3000 < 0.05


@pytest.mark.nightly
def test_train_and_drop() -> None:
    """A new engine for the same step each time; the smallest growth of some windows, as memory comes and goes."""
    step, variables, data = example()

    def window() -> float:
        before = resident()
        for _ in range(100):
            run(NativeEngine(2), step, variables, data, batches(3))
        return (resident() - before) / 100

    window()
    assert min(window() for _ in range(4)) < KEPT


def test_no_new_page_is_writable_and_executable() -> None:
    """One is there from the start: ctypes, for the callbacks of llvmlite."""
    before = sum("rwx" in line for line in maps())
    cycle(3.0)
    assert sum("rwx" in line for line in maps()) == before
