"""Metrics: values known by hand, weights as copies, and scikit-learn's opinion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backgraph.errors import TrainingError
from backgraph.train.metrics import METRICS, area_under_curve, confusion, more_is_better, scores

RNG = np.random.default_rng(0)
CASES = [(name, task) for name, metric in METRICS.items() for task in metric.functions]


def example(task: str, n: int = 60) -> tuple[Any, Any]:
    if task == "classification":
        p = RNG.dirichlet(np.ones(4), n).round(2) + 0.01
        return RNG.integers(0, 4, n), p / p.sum(axis=1, keepdims=True)
    if task == "multilabel":
        return RNG.integers(0, 2, (n, 3)), RNG.uniform(0.01, 0.99, (n, 3)).round(2)
    return RNG.normal(size=(n, 2)), RNG.normal(size=(n, 2))


@pytest.mark.parametrize(("name", "task"), CASES)
def test_weight_k_is_k_copies_and_weight_0_is_absence(name: str, task: str) -> None:
    y, p = example(task)
    w = RNG.integers(0, 4, len(y))
    weighted, copied = scores([name], task, y, p, w), scores([name], task, np.repeat(y, w, 0), np.repeat(p, w, 0))
    assert weighted[name] == pytest.approx(copied[name], rel=1e-12)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_what_is_right_scores_better_than_what_is_not(name: str, task: str) -> None:
    y, p = example(task)
    perfect = np.eye(4)[y] * 0.98 + 0.005 if task == "classification" else np.clip(y, 0.01, 0.99)
    best = scores([name], task, y, perfect if task != "regression" else y)[name]
    other = scores([name], task, y, p)[name]
    assert (best > other) == METRICS[name].more_is_better == more_is_better(f"validation {name}")


def test_values_by_hand() -> None:
    y, p = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.1, 0.9]])
    found = scores(["accuracy", "balanced accuracy", "log loss", "AUC", "F1"], "classification", y, p)
    assert found["accuracy"] == found["balanced accuracy"] == 0.75
    assert found["log loss"] == pytest.approx(-np.log([0.9, 0.4, 0.6, 0.9]).mean())
    assert found["AUC"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert found["F1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert confusion(y, p.argmax(axis=1), 2).tolist() == [[1, 1], [0, 2]]
    assert scores(["R²"], "regression", np.ones(3), np.zeros(3))["R²"] == 0.0
    assert scores(["median absolute error"], "regression", np.arange(4.0), np.zeros(4))["median absolute error"] == 1.0


def test_a_curve_without_both_kinds_has_no_area() -> None:
    assert np.isnan(area_under_curve(np.array([True, True]), np.array([0.1, 0.2]), np.ones(2)))


@pytest.mark.parametrize(("name", "task"), [("acuracy", "classification"), ("AUC", "regression")])
def test_unknown_metrics_are_refused(name: str, task: str) -> None:
    with pytest.raises(TrainingError, match="BG401"):
        scores([name], task, *example(task))


ORACLES: dict[tuple[str, str], str] = {
    ("accuracy", "classification"): "accuracy_score",
    ("balanced accuracy", "classification"): "balanced_accuracy_score",
    ("log loss", "classification"): "log_loss",
    ("F1", "classification"): "f1_score",
    ("AUC", "classification"): "roc_auc_score",
    ("accuracy", "multilabel"): "accuracy_score",
    ("F1", "multilabel"): "f1_score",
    ("AUC", "multilabel"): "roc_auc_score",
    ("RMSE", "regression"): "root_mean_squared_error",
    ("MSE", "regression"): "mean_squared_error",
    ("MAE", "regression"): "mean_absolute_error",
    ("R²", "regression"): "r2_score",
}


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "task"), ORACLES)
def test_scikit_learn_agrees(name: str, task: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    oracle = getattr(metrics, ORACLES[name, task])
    y, p = example(task)
    w = RNG.uniform(0.1, 2, len(y))
    of_classes = name not in ("log loss", "AUC")
    guess = {"classification": p.argmax(axis=1) if of_classes else p, "multilabel": p > 0.5 if of_classes else p}
    more: dict[str, Any] = {"F1": {"average": "macro"}, "AUC": {"multi_class": "ovr"}}.get(name, {})
    if name == "RMSE":
        expected = oracle(y, p, sample_weight=w, multioutput="uniform_average")
        each = [scores([name], task, y[:, k], p[:, k], w)[name] for k in range(2)]
        assert np.mean(each) == pytest.approx(expected, rel=1e-12)
        return
    assert scores([name], task, y, p, w)[name] == pytest.approx(
        oracle(y, guess.get(task, p), sample_weight=w, **more), rel=1e-12
    )
