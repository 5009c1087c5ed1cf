"""Losses, weights and dropout of the network: against NumPy, and what prediction sees of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph import evaluate, square
from backgraph.data.labels import Targets
from backgraph.data.prepare import Preparation
from backgraph.data.table import Table
from backgraph.errors import BackgraphError, GraphError, TrainingError
from backgraph.models.class_weights import class_weights
from backgraph.models.fitted import Fitted, load
from backgraph.models.learner import loss_of_rows
from backgraph.models.losses import LOSSES
from backgraph.models.mlp import MLP

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(11, 3)), RNG.uniform(0.2, 3, 11)
U, NUMBERS = RNG.normal(size=(11, 2)), RNG.uniform(0, 2, size=(11, 2))
LABELS, CLASSES = (RNG.random((11, 2)) < 0.5).astype("float64"), RNG.integers(0, 2, 11)
ERROR = NUMBERS - U
BY_HAND: dict[str, tuple[Any, Any]] = {
    "cross_entropy": (CLASSES, np.log(np.exp(U).sum(axis=1)) - U[np.arange(11), CLASSES]),
    "binary_cross_entropy": (LABELS, (np.log1p(np.exp(U)) - LABELS * U).sum(axis=1)),
    "squared_error": (NUMBERS, (ERROR**2).mean(axis=1)),
    "half_squared_error": (NUMBERS, (ERROR**2).sum(axis=1) / 2),
    "absolute_error": (NUMBERS, np.abs(ERROR).mean(axis=1)),
    "huber": (NUMBERS, np.where(np.abs(ERROR) < 0.5, ERROR**2 / 2, 0.5 * (np.abs(ERROR) - 0.25)).mean(axis=1)),
    "quantile": (NUMBERS, np.maximum(0.8 * ERROR, -0.2 * ERROR).mean(axis=1)),
    "poisson": (NUMBERS, (np.exp(U) - NUMBERS * U).mean(axis=1)),
}


def network(loss: Any, **changes: Any) -> MLP:
    task = LOSSES[loss].task if isinstance(loss, str) else "regression"
    return MLP(3, (4,), 2, task, dtype="float64", loss=loss, **{"delta": 0.5, "quantile": 0.8} | changes)


def test_every_loss_is_here() -> None:
    assert BY_HAND.keys() == LOSSES.keys()


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_rows(loss: str) -> None:
    y, expected = BY_HAND[loss]
    np.testing.assert_allclose(loss_of_rows(network(loss), U, y), expected, rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_cost_is_the_mean_by_weight_and_the_penalty(loss: str) -> None:
    y, _ = BY_HAND[loss]
    mlp = network(loss, weighted=True, alpha=0.7)
    start = mlp.initial(0)
    rows = loss_of_rows(mlp, mlp.scores(start, X), y)
    penalty = 0.7 / (2 * W.sum()) * sum((start[each] ** 2).sum() for each in mlp.network.weights)
    cost = evaluate(mlp.network.cost, start | mlp.data(X, y, weights=W))
    assert cost == pytest.approx((W * rows).sum() / W.sum() + penalty, rel=1e-12)


def test_dropout_is_for_training_alone() -> None:
    mlp = network("squared_error", dropout=0.5)
    start, data = mlp.initial(0), mlp.data(X, NUMBERS)
    key = mlp.network.key
    costs = [float(evaluate(mlp.network.cost, start | data | {key: np.asarray(k)})) for k in (0, 0, 1)]  # type: ignore[dict-item]
    assert costs[0] == costs[1] != costs[2]
    plain = network("squared_error")
    assert np.array_equal(
        mlp.predict(start, X), plain.predict(dict(zip(plain.network.parameters, start.values(), strict=True)), X)
    )


def test_keys_of_dropout_depend_on_seed_and_step() -> None:
    mlp = network("squared_error", dropout=0.5)
    (first,), (second,) = mlp.scheduled(0).values(), mlp.scheduled(1).values()
    assert first(3) == first(0) + 3 != second(3)
    assert float(first(10**6)) < 2**53
    assert network("squared_error").scheduled(0) == {}


@pytest.mark.parametrize("hidden", [(), (5,), (17, 9)])
def test_a_row_has_the_same_bits_alone_and_among_others(hidden: tuple[int, ...]) -> None:
    mlp = MLP(3, hidden, 4, activation="silu")
    start, rows = mlp.initial(0), RNG.normal(size=(300, 3))
    among = mlp.predict_proba(start, rows)
    alone = np.concatenate([mlp.predict_proba(start, row[None]) for row in rows[::7]])
    assert np.array_equal(among[::7], alone)


def test_a_model_with_all_of_it_is_saved(tmp_path: Path) -> None:
    table = Table({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    mlp = MLP(3, (4, 4), 1, "regression", dropout=(0.1, 0.2), loss="huber", delta=0.3, weighted=True)
    fitted = Fitted(mlp, mlp.initial(0), Preparation.fit(table), Targets((1.0,), (2.0,)), "y")
    fitted.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.mlp == mlp
    assert np.array_equal(again.predict(table), fitted.predict(table))


def test_a_loss_of_one_s_own_is_of_each_example() -> None:
    own = network(lambda u, y: square(u - y))
    assert own.network.cost is not None
    with pytest.raises(GraphError, match="BG108"):
        _ = network(lambda u, y: (u - y) @ (u - y).T).network
    with pytest.raises(TrainingError, match="BG401"):
        network(lambda u, y: square(u - y), label_smoothing=0.1)
    with pytest.raises(TrainingError, match=r"BG401.*did you mean huber"):
        MLP(3, (4,), 2, "regression", loss="hubre")


def test_weights_of_classes() -> None:
    y = np.array([0, 0, 0, 1])
    assert class_weights(None, ["a", "b"], y) is None
    assert class_weights("balanced", ["a", "b"], y).tolist() == [4 / 6, 4 / 6, 4 / 6, 2.0]  # type: ignore[union-attr]
    assert class_weights({"b": 3.0}, ["a", "b"], y, np.array([1.0, 1, 2, 2])).tolist() == [1, 1, 2, 6]  # type: ignore[union-attr]
    for wrong in ("even", {"c": 1.0}, {"a": -1.0}):
        with pytest.raises(BackgraphError, match="BG401"):
            class_weights(wrong, ["a", "b"], y)
