"""MLPClassifier: labels of two or more classes, or several labels at once.

Two classes are one logit u with the probability sigmoid(u), as in scikit-learn; more are a softmax; labels that do not
exclude each other (y of zeros and ones, rows × labels) have a logit each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, column_or_1d

from backgraph.errors import DataError
from backgraph.language.op import Array
from backgraph.models import defaults
from backgraph.models.class_weights import class_weights
from backgraph.models.learner import Examples
from backgraph.models.losses import CLASSIFICATION, MULTILABEL
from backgraph.models.rates import smoothing_for
from backgraph.sklearn.partial import PartialFit


class MLPClassifier(ClassifierMixin, PartialFit):
    """A multilayer perceptron that classifies.

    hidden_layer_sizes   widths of the hidden layers; (): a linear model
    activation           a name, a function of nodes, or a list with one for each hidden layer
    solver               "adamw", "adam", "sgd", "rmsprop" or "adagrad"
    alpha                α of α/(2m) Σ W² in the cost, m the rows of a minibatch; λ = α/(2m)
    weight_decay         share of the weights, times the rate, that each step of "adamw" takes away; "auto": 250/rows,
                         from 0.01 to 0.5
    batch_size           "auto": all rows up to 200, else 256
    learning_rate        "constant", "invscaling", "adaptive", "cosine", "flat_cosine", "one_cycle", "step",
                         "inverse_time", or a function from the number of the step to the rate
    learning_rate_init   the rate that the schedule begins with, or reaches after the share `warmup`; "auto": 0.01, less
                         in proportion to 1/inputs where there are more than 64
    max_iter             epochs; None: by the number of rows
    loss                 None: cross-entropy; or a function of (U, y), nodes: losses of the rows
    class_weight         weights by class: a dict, or "balanced"
    label_smoothing      share of the certainty that is spread over all classes; "auto": 250/rows, 0.1 at most, less
                         where classes are rare, for labels that exclude each other
    dropout              share of the hidden units that are dropped in training; or a list, one for each layer; "auto":
                         0.1 from 201 rows on
    clip_norm, clip_value  bounds for the norm of the whole gradient, or for each element
    early_stopping       hold out `validation_fraction` of the rows and keep the weights of the best epoch by
                         `monitor`; ends after `n_iter_no_change` epochs that are not better by `tol`. "auto": from
                         100 rows on
    monitor, metrics     names of `backgraph.train.metrics`, or "loss"; metrics are noted in `history_`
    preparation          "auto": numbers scaled by median and quartiles, missing values and categories taken care of;
                         None: X as it is
    categorical_features columns of numbers that are categories: names, places, or a mask
    initial_weights      (coefs, intercepts) to begin with
    dtype                "auto": as an array X has it, float32 for a data frame
    n_threads, memory    threads, and bytes beside data and parameters ("64MiB"); neither changes a bit of the result

    Attributes as scikit-learn's MLP has them (coefs_, intercepts_, loss_curve_, n_iter_, validation_scores_, …), and
    history_ (lists by name), best_iter_, preparation_, embeddings_, mlp_ (the network as backgraph knows it).
    """

    _default_metric = "accuracy"
    _default_monitor = "loss"
    _held_out_from = 100
    loss: Any
    class_weight: Any
    label_smoothing: float | str

    def __init__(
        self,
        hidden_layer_sizes: Any = defaults.HIDDEN,
        activation: Any = defaults.ACTIVATION,
        *,
        solver: str = "adamw",
        alpha: float = 0.0,
        weight_decay: float | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: Any = defaults.SCHEDULE,
        learning_rate_init: float | str = "auto",
        warmup: float = 0.0,
        power_t: float = 0.5,
        max_iter: int | None = None,
        loss: Any = None,
        class_weight: Any = None,
        label_smoothing: float | str = "auto",
        dropout: Any = "auto",
        clip_norm: float | None = None,
        clip_value: float | None = None,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        monitor: str = "auto",
        metrics: tuple[str, ...] = (),
        n_iter_no_change: float = defaults.PATIENCE,
        beta_1: float = 0.9,
        beta_2: float = defaults.RHO2,
        epsilon: float = 1e-8,
        preparation: str | None = "auto",
        categorical_features: Any = None,
        initial_weights: Any = None,
        dtype: str = "auto",
        n_threads: int | None = None,
        memory: int | str | None = None,
    ) -> None:
        vars(self).update({name: value for name, value in locals().items() if name not in ("self", "__class__")})

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPClassifier:
        """One epoch over X and y, from where the last call ended; see `fit`.

        `classes`: all labels that will come; needed in the first call unless y has them all. The first call also learns
        the preparation of the columns. With `X_val` and `y_val` the weights of the best call so far are kept, and after
        `n_iter_no_change` calls without improvement (`stopped_`) later calls change nothing.
        """
        return self._in_parts(X, y, sample_weight, classes, (X_val, y_val, sample_weight_val))

    def predict(self, X: Any) -> Array:
        """Labels (rows), or zeros and ones (rows × labels)."""
        U, _ = self._says(X)
        if self._several:
            return (U > 0).astype(self.classes_.dtype)
        return self.classes_[(U[:, 0] > 0).astype(int) if len(self.classes_) == 2 else U.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Array:
        """Probabilities: rows × classes, each row adding up to 1; or of each label, rows × labels."""
        _, p = self._says(X)
        if self._several or len(self.classes_) != 2:
            return p
        return np.concatenate([1 - p, p], axis=1)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _checked_y(self, y: Any) -> Array:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y", estimator=self)
        kind = type_of_target(y, input_name="y")
        if kind == "multilabel-indicator":
            return y
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return column_or_1d(y)

    def _learn_target(self, y: Array, weights: Array | None) -> None:  # noqa: ARG002  (as the base says)
        self._several = y.ndim == 2
        self.classes_ = np.arange(y.shape[1]) if self._several else np.unique(y)
        self.out_activation_ = "logistic" if self._several or len(self.classes_) == 2 else "softmax"

    def _targets(self, y: Array) -> Array:
        if self._several != (y.ndim == 2) or (self._several and y.shape[1] != len(self.classes_)):
            got, expected = y.shape, f"rows×{len(self.classes_)} as in fit" if self._several else "one label a row"
            raise DataError("BG207", "y", "does not fit the classes", got=got, expected=expected)
        return y if self._several else self._numbers(y)

    def _numbers(self, y: Array) -> Array:
        """The place of each label among the classes. Raises DataError BG206 for another."""
        places = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        bad = np.flatnonzero(self.classes_[places] != y)
        if len(bad):
            expected = ", ".join(str(label) for label in self.classes_[:5])
            raise DataError("BG206", f"y, row {bad[0]}", "is no class", got=y[bad[0]], expected=expected)
        return places

    def _smoothing(self, examples: Examples, rows: int) -> Any:
        """Label smoothing for training on so many rows like `examples`; functions of one's own have none."""
        if self.loss is not None:
            return 0.0
        if self.label_smoothing != "auto":
            return self.label_smoothing
        return 0.0 if self._several else smoothing_for(rows, np.bincount(examples.y, examples.weights))

    def _network(self, examples: Examples, rows: int) -> dict[str, Any]:
        k = len(self.classes_)
        binary = k == 2 and not self._several
        return {
            "outputs": 1 if binary else k, "task": MULTILABEL if binary or self._several else CLASSIFICATION,
            "loss": self.loss, "label_smoothing": self._smoothing(examples, rows),
        }  # fmt: skip

    def _with_class_weights(self, y: Array, weights: Array | None) -> Array | None:
        if self.class_weight is None:
            return weights
        if self._several:
            raise DataError("BG207", "class_weight", "is for classes that exclude each other", got="several labels")
        return class_weights(self.class_weight, self.classes_.tolist(), self._numbers(y), weights)

    def _strata(self, y: Array) -> Array | None:
        return None if self._several else self._numbers(y)
