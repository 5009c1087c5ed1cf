"""Early stopping, validation, weights of examples, and order, for a graph of a user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backgraph import fit, input, mean, parameter, square
from backgraph import sum as summed
from backgraph.errors import TrainingError
from backgraph.optim import SGD, Adam
from backgraph.train.loop import Training, begin
from backgraph.train.stopping import EarlyStopping
from backgraph.train.validation import HeldOut

RNG = np.random.default_rng(0)
x, t, w = input("x", ("m",)), input("t", ("m",)), parameter("w")
START = {w: np.asarray(0.0)}


def quadratic() -> Any:
    return mean(square(w * x - t))


def noisy(n: int = 40) -> Any:
    """A slope of 1 to learn and one of 0.6 to be judged by: the validation loss falls, then rises."""
    xs = np.ones(n)
    return {x: xs, t: xs}, {x: xs, t: 0.6 * xs}


def test_the_weights_of_the_best_epoch_come_back() -> None:
    data, held_out = noisy()
    stopping = EarlyStopping(patience=3)
    training = fit(
        quadratic(), START, data, optimizer=SGD(learning_rate=0.02), epochs=200, batch_size=40,
        validation=held_out, early_stopping=stopping,
    )  # fmt: skip
    curve = [row["validation loss"] for row in training.history]
    assert training.epoch == stopping.best_epoch + 3 < 200
    assert min(curve) == stopping.best_score == curve[stopping.best_epoch - 1]
    assert HeldOut({"now": quadratic()}, held_out)(training)["now"] == pytest.approx(min(curve), rel=1e-12)


def history(values: list[float], **settings: Any) -> EarlyStopping:
    """What early stopping says to a history, epoch by epoch; the weight is the number of the epoch."""
    stopping = EarlyStopping(**{"monitor": "score", "more": True} | settings)
    training = begin(quadratic(), START, noisy(4)[0], optimizer=SGD(), batch_size=4)
    for epoch, value in enumerate(values, start=1):
        training.done = epoch
        np.copyto(training.variables[0], epoch)
        training.history.append({"score": value})
        if stopping.epoch_done(training):
            break
    stopping.take_best(training)
    assert training.variables[0] == stopping.best_epoch
    stopping.done = training.done  # type: ignore[attr-defined]
    return stopping


NAN = float("nan")
CASES: list[tuple[list[float], dict[str, Any], int, int]] = [
    ([1, 3, 2, 2, 2, 9], {"patience": 3}, 2, 5),
    ([1, 3, 2, 2, 2, 9], {"patience": None}, 6, 6),
    ([3, 2, 4, 4, 4], {"patience": 2, "more": False}, 2, 4),
    ([1, 1.05, 1.09, 1.08], {"patience": 2, "min_delta": 0.1}, 3, 3),
    ([1, 1.06, 1.12, 1.12, 1.12], {"patience": 2, "min_delta": 0.1}, 3, 5),
    ([NAN, NAN, 0.5, NAN, NAN], {"patience": 9}, 3, 5),
    ([NAN, NAN, NAN], {"patience": 2}, 1, 3),
    ([1, 1, 1, 1], {"patience": 2}, 1, 3),
]


@pytest.mark.parametrize(("values", "settings", "best", "last"), CASES)
def test_patience_is_counted_from_the_last_improvement(
    values: list[float], settings: Any, best: int, last: int
) -> None:
    stopping = history(values, **settings)
    assert (stopping.best_epoch, stopping.done) == (best, last)  # type: ignore[attr-defined]


def test_a_state_taken_back_decides_alike() -> None:
    first = history([1, 3, 2], patience=3)
    second = EarlyStopping("score", patience=3, more=True)
    second.restore({name: np.asarray(value) for name, value in first.state().items()})
    assert (second.best_epoch, second.best_score, second.improved_epoch) == (2, 3, 2)
    assert [array.tolist() for array in second.best] == [array.tolist() for array in first.best]


def test_what_is_monitored_must_be_there() -> None:
    with pytest.raises(TrainingError, match=r"BG401.*did you mean score"):
        history([1], monitor="scores")


@pytest.mark.parametrize("settings", [{"patience": 0}, {"min_delta": -1.0}, {"min_delta": NAN}], ids=str)
def test_senseless_numbers_are_refused(settings: Any) -> None:
    with pytest.raises(TrainingError, match="BG401"):
        EarlyStopping(**settings)


def weighted(values: Any, targets: Any, weights: Any | None, **changes: Any) -> Training:
    v = input("v", ("m",))
    cost = summed(v * square(w * x - t)) / summed(v)
    data = {x: values, t: targets, v: np.ones(len(values)) if weights is None else weights}
    settings = {"optimizer": Adam(learning_rate=0.1), "epochs": 5, "batch_size": 1000, "weights": v} | changes
    return fit(cost, START, data, **settings)


def test_weight_k_is_k_copies() -> None:
    xs, ts, k = RNG.normal(size=12), RNG.normal(size=12), RNG.integers(0, 4, 12)
    one, other = weighted(xs, ts, k.astype("float64")), weighted(np.repeat(xs, k), np.repeat(ts, k), None)
    np.testing.assert_allclose(one.variables[0], other.variables[0], rtol=1e-12)
    losses = [[row["loss"] for row in training.history] for training in (one, other)]
    np.testing.assert_allclose(*losses, rtol=1e-12)


def test_the_loss_of_an_epoch_counts_minibatches_by_weight() -> None:
    """With a rate that changes nothing, it is the weighted mean over all examples."""
    xs, ts, k = RNG.normal(size=10), RNG.normal(size=10), RNG.uniform(0.1, 3, 10)
    training = weighted(xs, ts, k, optimizer=SGD(learning_rate=1e-300), epochs=1, batch_size=3)
    assert training.history[0]["loss"] == pytest.approx((k * ts**2).sum() / k.sum(), rel=1e-12)


def test_without_shuffling_rows_come_as_they_are() -> None:
    xs = np.arange(6.0)
    order: list[float] = []

    def remember(training: Training) -> dict[str, float]:
        order.append(float(training.variables[0]))
        return {}

    for epochs in (1, 2):
        fit(mean(x * w), START, {x: xs}, optimizer=SGD(learning_rate=1.0), epochs=epochs, batch_size=2, shuffle=False,
            validation=remember)  # fmt: skip
    assert order == [-7.5, -7.5, -15.0]
