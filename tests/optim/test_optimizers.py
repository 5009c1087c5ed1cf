"""Every optimiser: what its step does by hand, what it refuses, and that decay is what its page says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from backgraph import evaluate, input, parameter
from backgraph.errors import TrainingError, UsageError
from backgraph.optim import OPTIMIZERS, SGD, Adam, AdamW, ClipByGlobalNorm, ClipByValue, Momentum, Optimizer

BAD = [math.nan, math.inf, -1.0, 0.0]


def follow(optimizer: Optimizer, theta: Any, gradients: Sequence[Any], dtype: str = "float64") -> Any:
    """θ after one step for each of `gradients`, through the graph."""
    values = np.asarray(theta, dtype)
    p, g = parameter("theta", values.shape, dtype), input("g", values.shape, dtype)
    state = {name: input(name, values.shape, dtype) for name in optimizer.state(p)}
    kept = {name: np.full_like(values, number) for name, number in optimizer.state(p).items()}
    scalars = {name: input(name, (), dtype) for name in optimizer.scalars(0)}
    new_theta, new_state = optimizer.step(p, g, state, scalars)
    for t, gradient in enumerate(gradients):
        bound: dict[Any, Any] = {p: values, g: np.asarray(gradient, dtype)}
        bound |= {state[name]: kept[name] for name in state}
        bound |= {scalars[name]: np.asarray(number, dtype) for name, number in optimizer.scalars(t).items()}
        values, *rest = evaluate([new_theta, *new_state.values()], bound)
        kept = dict(zip(new_state, rest, strict=True))
    return values


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_first_step_goes_against_the_gradient(name: str) -> None:
    optimizer = OPTIMIZERS[name](learning_rate=0.1)
    moved = follow(optimizer, [0.0, 0.0], [[2.0, -0.5]])
    assert moved[0] < 0 < moved[1]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("rate", BAD)
def test_a_senseless_learning_rate_is_refused(name: str, rate: float) -> None:
    with pytest.raises(TrainingError, match="BG401"):
        OPTIMIZERS[name](learning_rate=rate)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("field", ["decay", "decoupled_decay"])
def test_a_negative_decay_is_refused(name: str, field: str) -> None:
    changes: dict[str, Any] = {field: -1e-3}
    with pytest.raises(TrainingError, match="BG401"):
        OPTIMIZERS[name](**changes)


@pytest.mark.parametrize(
    ("name", "field"), [("adam", "rho1"), ("adam", "rho2"), ("rmsprop", "rho"), ("nesterov", "momentum")]
)
@pytest.mark.parametrize("value", [1.0, -0.1, math.nan])
def test_a_fraction_outside_its_range_is_refused(name: str, field: str, value: float) -> None:
    changes: dict[str, Any] = {field: value}
    with pytest.raises(TrainingError, match="BG401"):
        OPTIMIZERS[name](**changes)


def test_a_learning_rate_that_is_no_number_is_refused() -> None:
    with pytest.raises(UsageError, match="BG601"):
        SGD(learning_rate="fast")  # type: ignore[arg-type]


def test_a_schedule_without_a_rate_is_refused() -> None:
    with pytest.raises(UsageError, match="learning_rate at step 3"):
        SGD(learning_rate=lambda t: math.nan).scalars(3)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_decay_in_the_gradient_is_two_lambda_theta(name: str) -> None:
    lam, theta, g = 0.01, np.array([1.0, -2.0]), np.array([0.3, 0.4])
    with_decay = follow(OPTIMIZERS[name](learning_rate=0.1, decay=lam), theta, [g])
    by_hand = follow(OPTIMIZERS[name](learning_rate=0.1), theta, [g + 2 * lam * theta])
    np.testing.assert_allclose(with_decay, by_hand, rtol=1e-15)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decoupled_decay_shrinks_beside_the_step(name: str) -> None:
    theta, g = np.array([1.0, -2.0]), np.array([0.3, 0.4])
    plain = OPTIMIZERS[name](learning_rate=0.1, decoupled_decay=0.0)
    decoupled = OPTIMIZERS[name](learning_rate=0.1, decoupled_decay=0.5)
    np.testing.assert_allclose(follow(decoupled, theta, [g]), follow(plain, theta, [g]) - 0.1 * 0.5 * theta, rtol=1e-14)


def test_a_small_decay_is_not_lost_in_float32() -> None:
    """(1 − 2ελ) θ with 2ελ = 1e-9 would be θ in float32, and 2e-7 misstated; W − c W keeps what fits."""
    theta = np.float32(1.0)
    shrunk = follow(SGD(learning_rate=0.1, decay=1e-6), theta, [np.float32(0)], "float32")
    assert shrunk == np.float32(theta - np.float32(2e-7) * theta) < theta


def test_a_bias_does_not_decay() -> None:
    assert AdamW(decoupled_decay=0.3).without_decay() == AdamW(decoupled_decay=0.0)


def test_adam_corrections_survive_many_steps() -> None:
    scalars = Adam(learning_rate=0.5).scalars(10**9)
    assert scalars == {"learning_rate": 0.5, "root_correction": 1.0}


def test_the_rate_is_rounded_once() -> None:
    """Steps of float32 use the float32 nearest to ε, however it was computed."""
    moved = follow(SGD(learning_rate=lambda t: 0.3 / (1 + t)), np.float32(0), [np.float32(1)] * 1, "float32")
    assert moved == -np.float32(0.3)


def test_the_step_of_an_optimiser_is_pure() -> None:
    optimizer = Momentum(learning_rate=0.1)
    first = follow(optimizer, [1.0], [[1.0], [2.0]])
    assert first == follow(optimizer, [1.0], [[1.0], [2.0]])


def clipped(clip: Any, *gradients: Any) -> list[Any]:
    nodes = [input(f"g{i}", np.shape(g)) for i, g in enumerate(gradients)]
    return evaluate(clip(nodes), dict(zip(nodes, gradients, strict=True)))


def test_clipping_by_value() -> None:
    (g,) = clipped(ClipByValue(1.0), np.array([-3.0, 0.5, 2.0]))
    assert g.tolist() == [-1.0, 0.5, 1.0]


def test_clipping_by_global_norm_scales_all_together() -> None:
    a, b = clipped(ClipByGlobalNorm(1.0), np.array([3.0]), np.array([[0.0, 4.0]]))
    np.testing.assert_allclose(a, [0.6], rtol=1e-15)
    np.testing.assert_allclose(b, [[0.0, 0.8]], rtol=1e-15)


def test_small_and_zero_gradients_are_left_alone() -> None:
    a, b = clipped(ClipByGlobalNorm(10.0), np.array([3.0]), np.array([0.0]))
    assert (a.tolist(), b.tolist()) == ([3.0], [0.0])
    assert clipped(ClipByGlobalNorm(1.0), np.zeros(2))[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("limit", BAD)
def test_a_senseless_limit_is_refused(limit: float) -> None:
    with pytest.raises(TrainingError, match="BG401"):
        ClipByValue(limit)
