"""scikit-learn's own MLP as an oracle: the same weights to begin with give the same loss after every epoch."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

from backgraph.sklearn import MLPClassifier, MLPRegressor

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

ROWS, COLUMNS, EPOCHS = 130, 6, 25
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, COLUMNS))
WEIGHTS = RNG.uniform(0.2, 3, ROWS)
SIGNAL = X @ RNG.normal(size=(COLUMNS, 3))

TARGETS: dict[str, Any] = {
    "three classes": SIGNAL.argmax(axis=1),
    "two classes": np.where(SIGNAL[:, 0] > 0, "yes", "no"),
    "three labels": (SIGNAL > 0).astype(int),
    "a number": SIGNAL[:, 0] + 0.1 * RNG.normal(size=ROWS),
    "three numbers": SIGNAL,
}
OUTPUTS = {"three classes": 3, "two classes": 1, "three labels": 3, "a number": 1, "three numbers": 3}
SOLVERS: dict[str, dict[str, Any]] = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False, "learning_rate_init": 0.02},
    "nesterov": {"solver": "sgd", "momentum": 0.9, "learning_rate_init": 0.02},
    "invscaling": {"solver": "sgd", "momentum": 0.0, "learning_rate": "invscaling", "learning_rate_init": 0.5},
    "adam": {"solver": "adam", "beta_2": 0.999, "learning_rate_init": 0.01},
}
KEPT_AS_IT_IS: dict[str, Any] = {"preparation": None, "early_stopping": False, "dtype": "float64"}


def start(widths: tuple[int, ...], activation: str) -> tuple[list[Any], list[Any]]:
    """What scikit-learn draws with random_state=0."""
    random = np.random.RandomState(0)
    coefs, intercepts = [], []
    for a, b in pairwise(widths):
        bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (a + b))
        coefs.append(random.uniform(-bound, bound, (a, b)))
        intercepts.append(random.uniform(-bound, bound, b))
    return coefs, intercepts


def both(target: str, **settings: Any) -> tuple[Any, Any]:
    """scikit-learn's estimator and ours, fitted alike."""
    y, hidden = TARGETS[target], (7, 5)
    of_numbers = "number" in target
    common = {
        "hidden_layer_sizes": hidden, "alpha": 0.3, "batch_size": 50, "max_iter": EPOCHS, "shuffle": False, "tol": 0.0,
        "activation": "tanh", "learning_rate": "constant", "n_iter_no_change": 1000,
    } | settings  # fmt: skip
    weights = common.pop("weights", None)
    theirs = neural_network.MLPRegressor if of_numbers else neural_network.MLPClassifier
    ours = MLPRegressor if of_numbers else MLPClassifier
    more: dict[str, Any] = {"standardize_target": False} if of_numbers else {"label_smoothing": 0.0}
    first = start((COLUMNS, *hidden, OUTPUTS[target]), common["activation"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        a = theirs(random_state=0, early_stopping=False, **common).fit(X, y, sample_weight=weights)
        b = ours(initial_weights=first, **KEPT_AS_IT_IS, **more, **common).fit(X, y, sample_weight=weights)
    return a, b


def assert_alike(a: Any, b: Any, *, curve: bool = True) -> None:
    if curve:
        np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=1e-10)
    for ours, theirs in zip(b.coefs_ + b.intercepts_, a.coefs_ + a.intercepts_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-11)
    said = "predict_proba" if hasattr(b, "predict_proba") else "predict"
    np.testing.assert_allclose(getattr(b, said)(X), getattr(a, said)(X), rtol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("target", ["three classes", "a number"])
def test_every_solver(solver: str, target: str) -> None:
    assert_alike(*both(target, **SOLVERS[solver]))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_every_kind_of_target(target: str, weights: Any) -> None:
    """Two means differ: scikit-learn's loss of several numbers is their mean, while its gradient is that of their sum,
    as is our loss; and its loss of an epoch counts minibatches by rows where ours counts them by weight.
    """
    a, b = both(target, **SOLVERS["adam"], weights=weights)
    assert_alike(a, b, curve=weights is None and target != "three numbers")


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_every_activation(activation: str) -> None:
    assert_alike(*both("three classes", **SOLVERS["adam"], activation=activation))


def test_training_ends_where_scikit_learn_s_does() -> None:
    a, b = both(
        "three classes", **SOLVERS["adam"] | {"learning_rate_init": 0.05}, tol=1e-2, n_iter_no_change=4, max_iter=300
    )
    assert a.n_iter_ == b.n_iter_ < 300
    np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=1e-9)


def test_an_adaptive_rate_adapts_alike() -> None:
    settings = SOLVERS["sgd"] | {"learning_rate_init": 2.0, "learning_rate": "adaptive", "alpha": 0.0}
    a, b = both("three classes", **settings, tol=1e-2, n_iter_no_change=2, max_iter=60)
    assert a.n_iter_ == b.n_iter_
    np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=1e-9)
