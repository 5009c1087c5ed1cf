"""Divergence: training stops in the step in which it happens, names the tensor, and keeps what was good."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

import backgraph as bg
from backgraph.errors import DivergenceError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.optim import SGD, Adam, Momentum, Optimizer, RMSProp
from backgraph.train.directory import RunDirectory
from backgraph.train.engine import Engine, NumpyEngine
from backgraph.train.interrupt import Interrupt
from backgraph.train.loop import Training, begin
from backgraph.train.native import NativeEngine
from backgraph.train.shuffle import permutation
from backgraph.train.step import Step

ROWS, BATCH = 48, 4
RANDOM = np.random.default_rng(5)
VALUES = RANDOM.normal(size=(ROWS, 3))
TARGETS = VALUES @ np.array([1.0, -2.0, 0.5])
X, t, w = bg.input("X", ("m", 3)), bg.input("t", ("m",)), bg.parameter("w", (3,))
START = np.array([0.1, 0.2, 0.3])
LINE = bg.squared_error(X @ w, t)


def line(optimizer: Optimizer, seed: int) -> Training:
    return begin(LINE, {w: START}, {X: VALUES, t: TARGETS}, optimizer=optimizer, batch_size=BATCH, seed=seed)


def expected_step(row: int, seed: int, epoch: int) -> int:
    """The step that meets a row in an epoch."""
    position = int(np.flatnonzero(permutation(ROWS, (seed, epoch)) == row)[0])
    return epoch * (ROWS // BATCH) + position // BATCH


@pytest.mark.parametrize("engine", [NumpyEngine(), NativeEngine(threads=2)], ids=["NumPy", "native"])
def test_a_hundred_divergences_stop_in_their_step(engine: Engine) -> None:
    """Bad values met at a known step: the state is that of the step before, the message says which step and tensor."""
    training = line(SGD(learning_rate=0.01), seed=0)
    for number in range(50):
        row, seed = int(RANDOM.integers(ROWS)), int(RANDOM.integers(1 << 30))
        bad = [np.nan, np.inf, -np.inf, 1e308][number % 4]
        data = {X: VALUES.copy(), t: TARGETS.copy()}
        leaf: Node = (X, t)[number % 2]
        data[leaf].reshape(ROWS, -1)[row, 0] = bad
        again = Training(training.step, [START.copy()], ROWS, BATCH, seed)
        step = expected_step(row, seed, 0)
        with pytest.raises(DivergenceError) as caught:
            again.run(data, epochs=2, engine=engine)
        assert again.done == step
        assert caught.value.exit_code == 4
        tensor = f"step {step}: {leaf.op} " if not np.isfinite(bad) else f"step {step}: "
        assert tensor in str(caught.value)
        good = Training(training.step, [START.copy()], ROWS, BATCH, seed)
        with contextlib.suppress(KeyboardInterrupt):
            good.run({X: VALUES, t: TARGETS}, epochs=1, engine=Limited(engine, step))
        assert again.variables[0].tobytes() == good.variables[0].tobytes()


class Limited:
    """Runs so many steps in all, and asks for an end where there are more."""

    def __init__(self, engine: Engine, steps: int) -> None:
        self.engine, self.left = engine, steps

    def run(
        self, step: Step, variables: Sequence[Array], data: Mapping[Node, Array], *, index: Array, scalars: Array,
        interrupt: Interrupt,
    ) -> Array:  # fmt: skip
        now = min(self.left, len(index))
        self.left -= now
        done = self.engine.run(step, variables, data, index=index[:now], scalars=scalars[:now], interrupt=interrupt)
        interrupt.requested = interrupt.requested or now < len(index)
        return done


OPTIMIZERS: list[Callable[[], Optimizer]] = [
    lambda: SGD(learning_rate=1e9), lambda: SGD(learning_rate=3.0), lambda: Momentum(learning_rate=2.0),
    lambda: RMSProp(learning_rate=1e200), lambda: Adam(learning_rate=1e300),
]  # fmt: skip


@pytest.mark.parametrize("make", OPTIMIZERS, ids=range(len(OPTIMIZERS)))
@pytest.mark.parametrize("seed", [0, 1])
def test_steps_too_long_keep_the_last_checkpoint(tmp_path: Path, make: Callable[[], Optimizer], seed: int) -> None:
    training = line(make(), seed)
    with RunDirectory(tmp_path / "run", epochs=1) as keeper, pytest.raises(DivergenceError) as caught:
        training.run({X: VALUES, t: TARGETS}, epochs=10_000, engine=NumpyEngine(), keeper=keeper)
    found = keeper.latest()
    assert found is not None
    assert all(np.isfinite(array).all() for array in found[0].tensors.values())
    assert found[0].metadata["done"] <= training.done
    assert f"step {training.done}: " in str(caught.value)
    assert all(np.isfinite(array).all() for array in training.variables)
