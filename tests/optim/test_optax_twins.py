"""Each optimiser and schedule follows its twin in Optax for 100 steps in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backgraph import evaluate, input
from backgraph.optim import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    ClipByGlobalNorm,
    ClipByValue,
    Cosine,
    Momentum,
    Nesterov,
    OneCycle,
    RMSProp,
    StepDecay,
    WarmUp,
)
from backgraph.optim.schedules import Constant
from tests.optim.test_optimizers import follow

pytestmark = pytest.mark.oracle

TWINS: dict[str, tuple[Any, Any]] = {
    "sgd": (SGD(learning_rate=0.1), lambda o: o.sgd(0.1)),
    "sgd, decay": (
        SGD(learning_rate=0.1, decay=0.01),
        lambda o: o.chain(o.add_decayed_weights(0.02), o.sgd(0.1)),
    ),
    "momentum": (Momentum(learning_rate=0.1, momentum=0.8), lambda o: o.sgd(0.1, momentum=0.8)),
    "momentum, cosine": (
        Momentum(learning_rate=Cosine(0.1, steps=80)),
        lambda o: o.sgd(o.cosine_decay_schedule(0.1, 80), momentum=0.9),
    ),
    "nesterov": (Nesterov(learning_rate=0.1), lambda o: o.sgd(0.1, momentum=0.9, nesterov=True)),
    "adagrad": (
        AdaGrad(learning_rate=0.1, delta=1e-300, initial=0.1),
        lambda o: o.adagrad(0.1, initial_accumulator_value=0.1, eps=0.0),
    ),
    "rmsprop": (RMSProp(learning_rate=0.01), lambda o: o.rmsprop(0.01, decay=0.9, eps=1e-6)),
    "adam": (Adam(learning_rate=0.01), lambda o: o.adam(0.01)),
    "adam, decay in the gradient": (
        Adam(learning_rate=0.01, rho1=0.5, decay=0.05),
        lambda o: o.chain(o.add_decayed_weights(0.1), o.adam(0.01, b1=0.5)),
    ),
    "adamw": (AdamW(learning_rate=0.01, decoupled_decay=0.2), lambda o: o.adamw(0.01, weight_decay=0.2)),
}


def schedules(optax: Any) -> dict[str, tuple[Any, Any]]:
    return {
        "step": (StepDecay(0.1, every=30), optax.exponential_decay(0.1, 30, 0.1, staircase=True)),
        "cosine": (Cosine(0.1, steps=70, end=0.2), optax.cosine_decay_schedule(0.1, 70, alpha=0.2)),
        "one cycle": (OneCycle(0.1, steps=90, end_divisor=25e4), optax.cosine_onecycle_schedule(90, 0.1)),
        "warm-up": (WarmUp(10, Constant(0.1)), optax.linear_schedule(0.01, 0.1, 9)),
    }


@pytest.fixture(scope="module")
def optax() -> Any:
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", True)
    return optax


@pytest.mark.parametrize("name", TWINS)
def test_follows_its_twin(name: str, optax: Any) -> None:
    ours, make = TWINS[name]
    rng = np.random.default_rng(0)
    theta, gradients = rng.normal(size=(3, 2)), list(rng.normal(size=(100, 3, 2)))
    twin = make(optax)
    state, theirs = twin.init(theta), theta
    for g in gradients:
        updates, state = twin.update(g, state, theirs)
        theirs = optax.apply_updates(theirs, updates)
    np.testing.assert_allclose(follow(ours, theta, gradients), np.asarray(theirs), rtol=1e-12)


@pytest.mark.parametrize("name", ["step", "cosine", "one cycle", "warm-up"])
def test_schedule_follows_its_twin(name: str, optax: Any) -> None:
    ours, theirs = schedules(optax)[name]
    np.testing.assert_allclose([ours(t) for t in range(100)], [float(theirs(t)) for t in range(100)], rtol=1e-12)


@pytest.mark.parametrize("name", ["by value", "by global norm"])
def test_clipping_follows_its_twin(name: str, optax: Any) -> None:
    ours, twin = {
        "by value": (ClipByValue(0.5), optax.clip(0.5)),
        "by global norm": (ClipByGlobalNorm(0.5), optax.clip_by_global_norm(0.5)),
    }[name]
    rng = np.random.default_rng(1)
    gradients = [rng.normal(size=(2, 3)), rng.normal(size=4)]
    nodes = [input(f"g{i}", g.shape) for i, g in enumerate(gradients)]
    expected, _ = twin.update(gradients, twin.init(gradients))
    for mine, other in zip(evaluate(ours(nodes), dict(zip(nodes, gradients, strict=True))), expected, strict=True):
        np.testing.assert_allclose(mine, np.asarray(other), rtol=1e-12)
