"""No byte outside is read or written: programs, trainings, row blocks between forbidden pages; this can fail.

Random graphs run between them too, in test_random_graphs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler import call as calls
from backgraph.compiler.function import compile
from backgraph.compiler.target import host_levels, host_target
from backgraph.language.op import Array
from backgraph.optim import OPTIMIZERS
from backgraph.train.native import NativeEngine
from tests.compiler.guarded import needs_fork, survives
from tests.compiler.programs import PROGRAMS, batches, example
from tests.compiler.test_native_engine import run

pytestmark = needs_fork


@pytest.fixture(autouse=True)
def many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)


def small(rows: int = 19) -> Callable[[], list[Array]]:
    """An argument, a constant, temporaries, results; sizes that are no multiple of 16."""
    X, W = bg.input("X", ("m", 21)), bg.parameter("W", (21, 5))
    H = bg.tanh(X @ W) @ bg.constant(np.ones((5, 3)))
    f = compile([X, W], [H, bg.gradient(bg.sum(H), [W]).nodes[0]], threads=2)
    r = np.random.default_rng(0)
    x, w = r.normal(size=(rows, 21)), r.normal(size=(21, 5))
    return lambda: f(x, w)


@pytest.mark.parametrize("rows", [1, 16, 19, 300])
def test_any_number_of_rows(rows: int) -> None:
    survives(small(rows))


@pytest.mark.parametrize("role", ["argument", "constant", "temporary"])
def test_memory_that_is_too_short_ends_the_child(role: str) -> None:
    with pytest.raises(AssertionError, match="SIGSEGV"):
        survives(small(), short={role: 8})


def test_an_arena_that_is_too_short_ends_the_child() -> None:
    with pytest.raises(AssertionError, match=r"SIGSEGV.*planned=True"):
        survives(small(300), short={"arena": 4096})


@pytest.mark.parametrize("isa", [isa for isa in host_levels() if isa != "baseline"])
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.slow
def test_programs(name: str, isa: str) -> None:
    outputs, values = PROGRAMS[name]()
    f = compile(list(values), outputs, threads=2, target=host_target(isa))
    survives(lambda: f(*values.values()))


def training(optimizer: str, dtype: str, rows: int, **options: Any) -> Callable[[], list[Array]]:
    step, variables, data = example(optimizer, dtype)
    engine, index = NativeEngine(2, **options), batches(3, rows)

    def train() -> list[Array]:
        losses, after = run(engine, step, variables, data, index)
        return [losses, *after]

    return train


def test_a_training() -> None:
    survives(training("adam", "float32", 17))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_trainings(optimizer: str, dtype: str) -> None:
    survives(training(optimizer, dtype, 17))
    survives(training(optimizer, dtype, 600, memory="256KiB"))
