"""The MLP: its graph, its initial weights, its predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backgraph import evaluate, gradient, square
from backgraph.errors import DataError, TrainingError
from backgraph.models.activations import ACTIVATIONS
from backgraph.models.mlp import MLP
from backgraph.optim import Adam
from backgraph.train.loop import fit

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(40, 3))


def test_the_graph_is_the_book_s() -> None:
    mlp = MLP(3, (4,), 2, biases=False, decay=0.1, dtype="float64")
    names = mlp.network.names
    start = mlp.initial(0)
    y = np.array([0, 1] * 20)
    W1, W2 = (start[names[name]] for name in ("W1", "W2"))
    H = np.maximum(0, ROWS @ W1)
    U = H @ W2
    log_p = U - np.log(np.exp(U).sum(axis=1, keepdims=True))
    J = -log_p[np.arange(40), y].mean() + 0.1 * ((W1**2).sum() + (W2**2).sum())
    assert evaluate(mlp.network.cost, mlp.data(ROWS, y) | start) == pytest.approx(J, rel=1e-14)
    assert list(names) == ["X", "y", "W1", "W2", "lam", "U1", "H", "U2", "J"]


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4, 3)])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_depth_has_a_gradient_for_every_parameter(hidden: Any, biases: bool, task: str, dtype: str) -> None:
    mlp = MLP(3, hidden, 2, task=task, biases=biases, decay=0.01, dtype=dtype)
    parameters = mlp.network.parameters
    assert len(parameters) == (1 + len(hidden)) * (1 + biases)
    y = np.zeros(40, int) if task == "classification" else np.zeros((40, 2))
    gradients = evaluate(list(gradient(mlp.network.cost, parameters)), mlp.data(ROWS, y) | mlp.initial(0))
    assert [g.shape for g in gradients] == [p.shape for p in parameters]
    assert all(g.dtype == dtype and np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, square], ids=str)
def test_every_activation_trains(activation: Any) -> None:
    mlp = MLP(3, (6,), 2, activation=activation, dtype="float64")
    y = (ROWS[:, 0] > 0).astype(int)
    training = fit(mlp.network.cost, mlp.initial(0), mlp.data(ROWS, y), optimizer=Adam(learning_rate=0.02), epochs=15)
    assert training.history[-1]["loss"] < training.history[0]["loss"]


def test_an_activation_for_each_layer() -> None:
    mlp = MLP(3, (6, 5), 2, activation=("tanh", "relu"))
    operations = [mlp.network.names[name].op.name for name in ("H1", "H2")]
    assert operations == ["tanh", "relu"]


def test_biases_do_not_decay() -> None:
    mlp = MLP(2, (), 1, task="regression", decay=0.5, dtype="float64")
    (b,) = mlp.network.biases
    values = mlp.data(np.zeros((4, 2)), np.zeros(4)) | mlp.initial(0) | {b: np.array([3.0])}
    assert evaluate(gradient(mlp.network.cost, b)[0], values).tolist() == [6.0]


def test_initial_weights_depend_on_seed_and_layer_alone() -> None:
    one, other = MLP(30, (20, 20), 10), MLP(30, (20, 20), 10)
    first, second = list(one.initial(5).values()), list(other.initial(5).values())
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], next(iter(one.initial(6).values())))
    assert not np.array_equal(first[1].ravel()[:100], first[0].ravel()[:100])


def test_initial_weights_have_the_variance_of_he_and_glorot() -> None:
    W1, W2, *biases = MLP(300, (200,), 100, dtype="float64").initial(0).values()
    assert W1.var() == pytest.approx(2 / 300, rel=0.02)
    assert W2.var() == pytest.approx(2 / 300, rel=0.02)
    (T1, *_) = MLP(300, (200,), 100, activation="tanh", dtype="float64").initial(0).values()
    assert T1.var() == pytest.approx(2 / 500, rel=0.02)
    assert not any(b.any() for b in biases)


def test_initial_weights_are_the_same_bits_for_ever() -> None:
    """Raw Philox words, so no version of NumPy changes them."""
    W, *_ = MLP(2, (2,), 2, dtype="float64").initial(0).values()
    assert [x.hex() for x in W.ravel()] == FIRST_WEIGHTS


def test_float32_weights_are_the_float64_ones_rounded() -> None:
    single, double = MLP(4, (3,), 2).initial(9), MLP(4, (3,), 2, dtype="float64").initial(9)
    for a, b in zip(single.values(), double.values(), strict=True):
        assert np.array_equal(a, b.astype("float32"))


def test_probabilities_and_classes() -> None:
    mlp = MLP(3, (4,), 5)
    start = mlp.initial(0)
    p = mlp.predict_proba(start, ROWS)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert np.array_equal(p.argmax(axis=1), mlp.predict(start, ROWS))


def test_regression_predicts_a_column_or_several() -> None:
    one, two = MLP(3, (4,), 1, task="regression"), MLP(3, (4,), 2, task="regression")
    assert one.predict(one.initial(0), ROWS).shape == (40,)
    assert two.predict(two.initial(0), ROWS).shape == (40, 2)


def test_many_rows_are_predicted_in_parts() -> None:
    mlp = MLP(3, (4,), 2, dtype="float64")
    rows = np.tile(ROWS, (250, 1))
    scores = mlp.scores(mlp.initial(0), rows)
    np.testing.assert_allclose(scores[-40:], mlp.scores(mlp.initial(0), ROWS), rtol=1e-12)
    assert mlp.scores(mlp.initial(0), rows[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": 0},
        {"outputs": 0},
        {"hidden": (0,)},
        {"hidden": (5, -1)},
        {"activation": "rule"},
        {"activation": ("relu", "relu")},
        {"decay": -0.1},
        {"decay": float("nan")},
        {"task": "clustering"},
        {"dtype": "float16"},
    ],
    ids=str,
)
def test_senseless_networks_are_refused(changes: Any) -> None:
    arguments: dict[str, Any] = {"inputs": 3, "hidden": (4,), "outputs": 2, **changes}
    with pytest.raises(TrainingError, match="BG401"):
        MLP(**arguments)


def test_the_nearest_activation_is_named() -> None:
    with pytest.raises(TrainingError, match="did you mean relu"):
        MLP(3, (4,), 2, activation="rely")


@pytest.mark.parametrize("rows", [np.zeros(3), np.zeros((2, 4))], ids=str)
def test_rows_that_do_not_fit_are_refused(rows: Any) -> None:
    mlp = MLP(3, (4,), 2)
    with pytest.raises(DataError, match="BG207"):
        mlp.predict(mlp.initial(0), rows)


FIRST_WEIGHTS = ["0x1.8bb9195a65378p+0", "0x1.7d462b4cf690fp+0", "-0x1.0c644c2e70209p+0", "0x1.3cc22509922c4p-2"]
