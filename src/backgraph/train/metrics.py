"""Metrics: how good predictions are, as numbers from NumPy arrays.

    classification   y class numbers (n), p probabilities of the classes (n × k)
    multilabel       Y zeros and ones (n × k), p probabilities that each is one (n × k); k = 1 counts as two classes
    regression       y targets (n × k), p predictions (n × k)

Every metric takes weights of the examples (n); weight k counts as k copies. METRICS is the table: a name, the tasks it
is for, whether more is better, and the function. Sources: Fawcett, "An introduction to ROC analysis" (2006), for AUC;
Hand and Till (2001) for its average over pairs of classes is not used: with several classes it is one against the rest,
averaged over the classes that occur. F1 is averaged over classes likewise ("macro").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backgraph.errors import TrainingError, nearest
from backgraph.language.op import Array

Function = Callable[[Array, Array, Array], float]
"""(truth, prediction, weights) → number; see the module's docstring for the shapes."""

CLASSES, LABELS, NUMBERS = "classification", "multilabel", "regression"


@dataclass(frozen=True)
class Metric:
    """A function for each task that it is defined for."""

    functions: Mapping[str, Function]
    more_is_better: bool


def scores(
    names: Sequence[str], task: str, truth: Array, prediction: Array, weights: Array | None = None
) -> dict[str, float]:
    """The metrics `names` by name. Raises TrainingError BG401 for one that is unknown or not for this task."""
    w = np.ones(len(truth)) if weights is None else np.asarray(weights, "float64")
    if viewed(task, prediction.shape[-1]) != task:
        truth, prediction = truth[:, 0].astype("int64"), np.concatenate([1 - prediction, prediction], axis=1)
        task = CLASSES
    if task == NUMBERS:
        truth, prediction = (np.asarray(x, "float64").reshape(len(truth), -1) for x in (truth, prediction))
    return {name: float(function_of(name, task)(truth, prediction, w)) for name in names}


def viewed(task: str, outputs: int) -> str:
    """The task as metrics see it: a single label is two classes."""
    return CLASSES if task == LABELS and outputs == 1 else task


def function_of(name: str, task: str) -> Function:
    """The function. Raises TrainingError BG401 with the nearest name."""
    known = [each for each, metric in METRICS.items() if task in metric.functions]
    if name not in known:
        hint = nearest(name, known)
        raise TrainingError("BG401", "metric", f"unknown for {task}", got=name, expected=", ".join(known), hint=hint)
    return METRICS[name].functions[task]


def more_is_better(name: str) -> bool:
    """Whether a larger value of what is monitored (a metric, perhaps of the validation part) is the better one."""
    bare = name.removeprefix("validation ")
    return bare in METRICS and METRICS[bare].more_is_better


def mean(values: Array, weights: Array) -> float:
    """Σ w x / Σ w over examples; 0 where no weight is left."""
    total = weights.sum()
    return float((weights * values).sum() / total) if total else 0.0


def confusion(truth: Array, guess: Array, classes: int, weights: Array | None = None) -> Array:
    """How often class i (row) was taken for class j (column): k × k, sums of weights."""
    table = np.zeros((classes, classes))
    np.add.at(table, (truth, guess), np.ones(len(truth)) if weights is None else weights)
    return table


def _table(y: Array, p: Array, w: Array) -> Array:
    return confusion(y, p.argmax(axis=1), p.shape[1], w)


def _accuracy(y: Array, p: Array, w: Array) -> float:
    return mean(p.argmax(axis=1) == y, w)


def _balanced_accuracy(y: Array, p: Array, w: Array) -> float:
    """The mean over classes that occur of the share that is recognised."""
    table = _table(y, p, w)
    occurring = table.sum(axis=1) > 0
    return float((np.diag(table)[occurring] / table.sum(axis=1)[occurring]).mean())


def _log_loss(y: Array, p: Array, w: Array) -> float:
    smallest = np.finfo(p.dtype).tiny
    return mean(-np.log(np.maximum(p[np.arange(len(y)), y], smallest)), w)


def _f1(y: Array, p: Array, w: Array) -> float:
    """2 tp / (2 tp + fp + fn) of each class that occurs or is predicted, averaged."""
    table = _table(y, p, w)
    both = table.sum(axis=0) + table.sum(axis=1)
    return float((2 * np.diag(table)[both > 0] / both[both > 0]).mean())


def _auc(y: Array, p: Array, w: Array) -> float:
    """One class against the rest; with two classes they are the same and one suffices."""
    columns = [1] if p.shape[1] == 2 else range(p.shape[1])
    return _mean_auc([(y == k, p[:, k]) for k in columns], w)


def _mean_auc(cases: Sequence[tuple[Array, Array]], w: Array) -> float:
    areas = [area_under_curve(positive, score, w) for positive, score in cases]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def area_under_curve(positive: Array, score: Array, weights: Array) -> float:
    """The probability that a positive example scores above a negative one, ties counting half; NaN without both.

    `positive` (n) of truth values, `score` (n), `weights` (n).
    """
    _, group = np.unique(score, return_inverse=True)
    ups = np.bincount(group, weights * positive)
    downs = np.bincount(group, weights * ~positive)
    pairs = ups.sum() * downs.sum()
    below = np.cumsum(downs) - downs / 2
    return float((ups * below).sum() / pairs) if pairs else float("nan")


def _every_label(y: Array, p: Array, w: Array) -> float:
    """All labels of an example right."""
    return mean(((p > 0.5) == (y > 0.5)).all(axis=1), w)


def _binary_log_loss(y: Array, p: Array, w: Array) -> float:
    smallest = np.finfo(p.dtype).tiny
    chosen = np.where(y > 0.5, p, 1 - p)
    return mean(-np.log(np.maximum(chosen, smallest)).sum(axis=1), w)


def _label_f1(y: Array, p: Array, w: Array) -> float:
    truth, guess = y > 0.5, p > 0.5
    right = (w[:, None] * (truth & guess)).sum(axis=0)
    both = (w[:, None] * truth).sum(axis=0) + (w[:, None] * guess).sum(axis=0)
    return float((2 * right[both > 0] / both[both > 0]).mean()) if (both > 0).any() else 0.0


def _label_auc(y: Array, p: Array, w: Array) -> float:
    return _mean_auc([(y[:, k] > 0.5, p[:, k]) for k in range(p.shape[1])], w)


def _mse(y: Array, p: Array, w: Array) -> float:
    return mean(((y - p) ** 2).mean(axis=1), w)


def _rmse(y: Array, p: Array, w: Array) -> float:
    return float(np.sqrt(_mse(y, p, w)))


def _mae(y: Array, p: Array, w: Array) -> float:
    return mean(np.abs(y - p).mean(axis=1), w)


def _median_absolute_error(y: Array, p: Array, w: Array) -> float:
    """The lower median, so that copies of rows change nothing."""
    errors = np.abs(y - p).mean(axis=1)
    order = np.argsort(errors, kind="stable")
    passed = np.cumsum(w[order])
    return float(errors[order][np.searchsorted(passed, passed[-1] / 2)])


def _r2(y: Array, p: Array, w: Array) -> float:
    """1 − Σ w (y − ŷ)² / Σ w (y − ȳ)² of each target, averaged; 0 where all y are equal."""
    centre = (w[:, None] * y).sum(axis=0) / w.sum()
    spread = (w[:, None] * (y - centre) ** 2).sum(axis=0)
    residual = (w[:, None] * (y - p) ** 2).sum(axis=0)
    return float(np.where(spread > 0, 1 - residual / np.where(spread > 0, spread, 1), 0).mean())


METRICS: dict[str, Metric] = {
    "accuracy": Metric({CLASSES: _accuracy, LABELS: _every_label}, more_is_better=True),
    "balanced accuracy": Metric({CLASSES: _balanced_accuracy}, more_is_better=True),
    "log loss": Metric({CLASSES: _log_loss, LABELS: _binary_log_loss}, more_is_better=False),
    "AUC": Metric({CLASSES: _auc, LABELS: _label_auc}, more_is_better=True),
    "F1": Metric({CLASSES: _f1, LABELS: _label_f1}, more_is_better=True),
    "RMSE": Metric({NUMBERS: _rmse}, more_is_better=False),
    "MSE": Metric({NUMBERS: _mse}, more_is_better=False),
    "MAE": Metric({NUMBERS: _mae}, more_is_better=False),
    "median absolute error": Metric({NUMBERS: _median_absolute_error}, more_is_better=False),
    "R²": Metric({NUMBERS: _r2}, more_is_better=True),
}
"""Every metric by name."""
