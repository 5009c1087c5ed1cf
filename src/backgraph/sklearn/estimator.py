"""What both estimators share: from X and y to a trained network, and from rows to what it says.

    given      X, y and weights, validated, without rows of weight 0 (`given`)
    learner    the network in training (`models.learner`); its result is kept as arrays, which can be pickled
    seed       a whole number drawn from `random_state`: initial weights, order of rows, dropout, the held-out part

Parameters of scikit-learn's MLP mean the same here; alpha is its α: the cost has α/(2m) Σ W² for a minibatch of m rows.
"""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    check_is_fitted,
)

from backgraph.data.prepare import Preparation
from backgraph.data.split import split
from backgraph.errors import TrainingError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.models.learner import Examples, Learner
from backgraph.models.mlp import MLP
from backgraph.optim.limits import fraction
from backgraph.show.explain import Explanation, explain
from backgraph.sklearn import saving
from backgraph.sklearn.given import Given, given_of
from backgraph.sklearn.layers import activations_of, widths_of
from backgraph.sklearn.method import Plan, dropout_of, engine_of, plan, stops_early
from backgraph.sklearn.solvers import ENDLESS
from backgraph.sklearn.tables import as_table, checked, choices, design_matrix, dtype_of
from backgraph.sklearn.watching import CallbackSupport, Lines, Tasks, Tolerance, with_callbacks
from backgraph.train.callbacks import Callback
from backgraph.train.loop import Training
from backgraph.train.stopping import EarlyStopping

KEPT = ("n_features_in_", "feature_names_in_")
"""What validation of X has noted before anything else of a fit."""


class BaseMLP(CallbackSupport, BaseEstimator):
    """Everything but what y is and what is said of it; the parameters are those of the subclasses."""

    _default_metric: str
    _default_monitor: str
    _held_out_from: int
    hidden_layer_sizes: Any
    activation: Any
    alpha: float
    learning_rate: Any
    dropout: Any
    random_state: Any
    tol: float
    verbose: bool
    warm_start: bool
    validation_fraction: float
    n_iter_no_change: float
    preparation: str | None
    categorical_features: Any
    initial_weights: Any
    dtype: str
    coefs_: list[Array]
    intercepts_: list[Array]
    embeddings_: list[Array]

    @abstractmethod
    def _checked_y(self, y: Any) -> Array:
        """y validated: (rows,), or (rows, outputs) if several."""

    @abstractmethod
    def _learn_target(self, y: Array, weights: Array | None) -> None:
        """Note what the targets are: classes, or their scale."""

    @abstractmethod
    def _targets(self, y: Array) -> Array:
        """y as the network is to say it."""

    @abstractmethod
    def _network(self, examples: Examples, rows: int) -> dict[str, Any]:
        """Task, outputs and loss for training on so many rows, as `MLP` takes them."""

    def _with_class_weights(self, y: Array, weights: Array | None) -> Array | None:  # noqa: ARG002  (for subclasses)
        """The weights of examples, times those of their classes."""
        return weights

    def _strata(self, y: Array) -> Array | None:  # noqa: ARG002  (for subclasses)
        """Labels of which the held-out rows are to have their share."""
        return None

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train the network.

        X: array or data frame, rows × columns; y: labels (rows), zeros and ones (rows × labels), or numbers (rows, or
        rows × outputs); `sample_weight`: (rows,). With `X_val` and `y_val` each epoch is validated on them instead of
        on a share of the rows. Raises ValueError and TypeError, with what was got and expected.
        """
        again = bool(self.warm_start) and self.__sklearn_is_fitted__()
        given = whole_given = self._given(X, y, sample_weight, reset=not again)
        if not again:
            self._forget()
            self._learn_target(given.y, given.weights)
        held_out = None if X_val is None else self._given(X_val, y_val, sample_weight_val, reset=False)
        if held_out is None and stops_early(self, len(given.y)):
            given, held_out = self._split(given)
        if not again:
            self._learn_columns(given)
        examples, judge = self._trained_on(given), None if held_out is None else self._examples(held_out)
        how = plan(self, len(examples), judge is not None, self._seed)
        learner = Learner(self.mlp_, self._start(), examples, judge, how.method)
        if again and how.method.stopping is not None:
            self._consider_start(learner, how.method.stopping)
        self._run(learner, how, whole_given)
        return self

    def explain(self, lang: str = "en", format: str = "text") -> Explanation:
        """The gradient of the cost that was minimised, derived step by step. Raises NotFittedError."""
        check_is_fitted(self)
        network = self.mlp_.network
        names = {node: name for name, node in network.names.items()}
        return explain(network.cost, network.parameters, names, lang=lang, format=format)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the estimator, fitted or not, to a file that executes nothing when it is loaded.

        Raises UsageError BG601 for functions of one's own, SaveError BG551.
        """
        saving.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator that `save` wrote. Raises FileError BG501, BG502 and BG503."""
        return saving.load(cls, path)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.preparation is not None
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_part"}

    def _given(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Given:
        return given_of(self, X, y, sample_weight, reset=reset)

    def _forget(self) -> None:
        """Begin anew."""
        for name in [each for each in vars(self) if each.endswith("_") and each not in KEPT]:
            delattr(self, name)
        self._seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.history_: dict[str, list[float]] = {}
        self._state: list[Array] | None = None
        self._stopping: EarlyStopping | None = None
        self._steps = self._calls = self.n_iter_ = self.t_ = 0
        self.stopped_ = False

    def _split(self, given: Given) -> tuple[Given, Given]:
        """The rows to train on, and those held out."""
        share = fraction("validation_fraction", self.validation_fraction)
        train, rest = split(len(given.y), share, self._seed, self._strata(given.y))
        if not len(rest):
            raise TrainingError(
                "BG401", "validation_fraction", "no row is held out", got=share, hint="larger, or X_val"
            )
        return given.rows(train), given.rows(rest)

    def _learn_columns(self, given: Given) -> None:
        self._dtype = dtype_of(given.X) if self.dtype == "auto" else self.dtype
        self.preparation_ = None
        if self.preparation is not None:
            table = as_table(given.X)
            self.preparation_ = Preparation.fit(table, given.weights, choices(table, self.categorical_features))

    def _examples(self, given: Given) -> Examples:
        matrix, codes = design_matrix(given.X, self.preparation_)
        return Examples(matrix, self._targets(given.y), codes, given.weights)

    def _trained_on(self, given: Given, rows: int | None = None) -> Examples:
        """The examples of a fit, and `mlp_` made to measure, or changed where they now have weights.

        `rows` is how many there will be in all, if these are not all.
        """
        weights = self._with_class_weights(given.y, given.weights)
        examples = self._examples(Given(given.X, given.y, weights))
        if not hasattr(self, "mlp_") or (weights is not None and not self.mlp_.weighted):
            self.mlp_ = self._made_to_measure(examples, len(examples) if rows is None else rows)
        return examples

    def _made_to_measure(self, examples: Examples, rows: int) -> MLP:
        embedded = () if self.preparation_ is None else self.preparation_.embeddings
        return MLP(
            examples.X.shape[1], widths_of(self.hidden_layer_sizes), activation=activations_of(self.activation),
            alpha=self.alpha, dtype=self._dtype, dropout=dropout_of(self, rows), **self._network(examples, rows),
            embeddings=tuple((each.codes, each.size) for each in embedded), weighted=examples.weights is not None,
        )  # fmt: skip

    def _start(self) -> dict[Node, Array]:
        """The weights of the last fit, those that are given, or random ones."""
        nodes = self.mlp_.network.parameters
        if self.__sklearn_is_fitted__():
            return dict(zip(nodes, self._arrays(), strict=True))
        start = self.mlp_.initial(self._seed)
        if self.initial_weights is not None:
            coefs, intercepts = self.initial_weights
            given = [np.asarray(array, self._dtype) for array in (*coefs, *intercepts)]
            start |= dict(zip(nodes, given, strict=False))
        return start

    def _arrays(self) -> list[Array]:
        return [np.asarray(array, self._dtype) for array in (*self.coefs_, *self.intercepts_, *self.embeddings_)]

    def _named(self, arrays: Sequence[Array]) -> dict[str, list[Array]]:
        """Copies of the learned arrays, by attribute."""
        copies, layers = [array.copy() for array in arrays], len(self.mlp_.widths) - 1
        weights, biases, tables = copies[:layers], copies[layers : 2 * layers], copies[2 * layers :]
        return {"coefs_": weights, "intercepts_": biases, "embeddings_": tables}

    def _consider_start(self, learner: Learner, stopping: EarlyStopping) -> None:
        """A fit that goes on from earlier weights keeps them unless it finds better ones."""
        found = learner.validation(learner.training)
        stopping.consider(found[stopping.monitor], 0, list(learner.training.parameters.values()))

    def _run(self, learner: Learner, how: Plan, given: Given) -> None:
        """Train to the end, tell whoever wants to know, and keep the result."""
        told = {
            "X": given.X,
            "y": given.y,
            "metadata": {} if given.weights is None else {"sample_weight": given.weights},
        }
        context = self._context(how.epochs, told)
        watching: list[Callback] = [Lines()] if self.verbose else []
        tolerance = None
        if learner.method.stopping is None and self.learning_rate in ENDLESS:
            watching.append(tolerance := Tolerance(self.tol, self.n_iter_no_change, how.schedule))
        if context is not None and context._callbacks:
            watching.append(
                Tasks(self, context, told, lambda training: self._named(list(training.parameters.values())))
            )
        training = learner.run(how.epochs, watching, engine_of(self))
        self._keep(learner, training)
        if tolerance is not None and training.epoch == how.epochs and tolerance.stalled <= tolerance.patience:
            text = f"the loss had not settled after max_iter={how.epochs} epochs"
            warnings.warn(text, ConvergenceWarning, stacklevel=4)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, reconstruction_attributes=dict, **told)

    def _context(self, epochs: int, told: dict[str, Any]) -> Any:
        """The context of scikit-learn's callbacks, where it has them."""
        if not hasattr(self, "_init_callback_context"):
            return None
        context = self._init_callback_context(max_subtasks=epochs)
        context.call_on_fit_task_begin(estimator=self, **told)
        return context

    def _keep(self, learner: Learner, training: Training) -> None:
        """The attributes of a fit that has ended."""
        vars(self).update(self._named(list(learner.parameters.values())))
        self._state = [array.copy() for array in training.variables]
        self._steps = training.first_step + training.done
        for row in training.history:
            for name, value in row.items():
                self.history_.setdefault(name, []).append(value)
        self.loss_curve_ = self.history_["loss"]
        self.loss_, self.best_loss_ = self.loss_curve_[-1], min(self.loss_curve_)
        self.n_iter_, self.t_ = training.epoch, self.t_ + training.epoch * len(learner.examples)
        self.n_layers_, self.n_outputs_ = len(self.mlp_.widths), self.mlp_.outputs
        self._keep_scores(learner.method.stopping)

    def _keep_scores(self, stopping: EarlyStopping | None) -> None:
        self.validation_scores_ = self.best_validation_score_ = None
        self.best_iter_ = self.n_iter_
        if stopping is not None:
            self.validation_scores_ = self.history_[stopping.monitor]
            self.best_validation_score_, self.best_iter_ = stopping.best_score, stopping.best_epoch

    def _says(self, X: Any) -> tuple[Array, Array]:
        """The last U and what the network says, rows × outputs. Raises NotFittedError."""
        check_is_fitted(self)
        matrix, codes = design_matrix(checked(self, X, reset=False), self.preparation_)
        parameters = dict(zip(self.mlp_.network.parameters, self._arrays(), strict=True))
        return self.mlp_.forward(parameters, np.asarray(matrix, self._dtype), codes)
