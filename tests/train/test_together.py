"""Epochs that nobody looks at run in one call of the engine, and compiled loops are shared; neither changes a bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backgraph.models.learner import Examples, Learner, Method
from backgraph.models.mlp import MLP
from backgraph.optim import Adam, Cosine
from backgraph.train.callbacks import Callback
from backgraph.train.loop import Training
from backgraph.train.native import NativeEngine

RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(24, 3)), RNG.integers(0, 3, 24), RNG.uniform(0.5, 2, 24)


def trained(epochs: int, callbacks: Any = (), engine: Any = None, **settings: Any) -> Training:
    mlp = MLP(3, (4,), 3, dtype="float64", dropout=0.2, weighted=True)
    method = Method(**{"optimizer": Adam(learning_rate=Cosine(0.05, 30)), "batch_size": 12, "seed": 1} | settings)
    learner = Learner(mlp, mlp.initial(0), Examples(X, Y, weights=W), None, method)
    return learner.run(epochs, callbacks, engine or NativeEngine(1))


def bits(training: Training) -> Any:
    return [array.tobytes() for array in training.variables], training.history


@pytest.mark.parametrize("batch_size", [24, 12, 5])
def test_epochs_run_together_have_the_bits_of_epochs_run_alone(batch_size: int) -> None:
    together = trained(20, batch_size=batch_size)
    alone = trained(20, [Callback()], batch_size=batch_size)
    assert bits(together) == bits(alone)
    assert len(together.history) == 20


def test_several_epochs_are_one_call() -> None:
    calls: list[int] = []

    class Counted(NativeEngine):
        def run(self, *arguments: Any, **named: Any) -> Any:
            calls.append(len(named["index"]))
            return super().run(*arguments, **named)

    trained(20, engine=Counted(1))
    assert calls == [40]


def test_fits_that_differ_in_the_rate_alone_share_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    from backgraph.train import native

    monkeypatch.setattr(native, "_LOOPS", {})
    first = trained(2)
    second = trained(2, optimizer=Adam(learning_rate=0.5), seed=9)
    assert len(native._LOOPS) == 1
    assert bits(first) != bits(second)
    trained(2, optimizer=Adam(rho1=0.8))
    assert len(native._LOOPS) == 2
