"""MLPRegressor: one number or several."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, column_or_1d

from backgraph.data.labels import Targets
from backgraph.data.statistics import centre_and_scale
from backgraph.errors import DataError
from backgraph.language.op import Array
from backgraph.models import defaults
from backgraph.models.learner import Examples
from backgraph.models.losses import REGRESSION, UNSCALED
from backgraph.sklearn.partial import PartialFit

ALIASES = {"squared_error": "half_squared_error"}
"""scikit-learn's squared error is ‖y − ŷ‖²/2, so that alpha and the learning rate mean the same."""


class MLPRegressor(RegressorMixin, PartialFit):
    """A multilayer perceptron that predicts numbers.

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
    loss                 "squared_error" (half of it, as in scikit-learn), "absolute_error", "huber", "quantile",
                         "poisson", or a function of (U, y), nodes: losses of the rows
    delta, quantile      of "huber" (in standard deviations of y), and of "quantile"
    standardize_target   train on (y − mean)/deviation; "poisson" never does
    dropout              share of the hidden units that are dropped in training; or a list, one for each layer; "auto":
                         0.1 from 201 rows on
    clip_norm, clip_value  bounds for the norm of the whole gradient, or for each element
    early_stopping       hold out `validation_fraction` of the rows and keep the weights of the best epoch by
                         `monitor`; ends after `n_iter_no_change` epochs that are not better by `tol`. "auto": from
                         201 rows on
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

    _default_metric = "R²"
    _default_monitor = "loss"
    _held_out_from = 201
    loss: Any
    delta: float
    quantile: float
    standardize_target: bool

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
        loss: Any = "squared_error",
        delta: float = 1.0,
        quantile: float = 0.5,
        standardize_target: bool = True,
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
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """One epoch over X and y, from where the last call ended; see `fit`.

        The first call learns the preparation of the columns and the scale of y. With `X_val` and `y_val` the weights of
        the best call so far are kept, and after `n_iter_no_change` calls without improvement (`stopped_`) later calls
        change nothing.
        """
        return self._in_parts(X, y, sample_weight, None, (X_val, y_val, sample_weight_val))

    def predict(self, X: Any) -> Array:
        """Numbers: (rows,), or rows × outputs."""
        _, says = self._says(X)
        numbers = self._scaling.restore(says).astype(says.dtype)
        return numbers[:, 0] if self._flat else numbers

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked_y(self, y: Any) -> Array:
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y", estimator=self)
        if y.ndim == 2 and y.shape[1] == 1:
            return column_or_1d(y, warn=True).astype("float64")
        return y.astype("float64")

    def _learn_target(self, y: Array, weights: Array | None) -> None:
        self._flat = y.ndim == 1
        columns = y.reshape(len(y), -1)
        if not self._is_scaled:
            self._scaling = Targets((0.0,) * columns.shape[1], (1.0,) * columns.shape[1])
            return
        found = [centre_and_scale(column, weights) for column in columns.T]
        self._scaling = Targets(tuple(mean for mean, _ in found), tuple(scale for _, scale in found))

    @property
    def _is_scaled(self) -> bool:
        return bool(self.standardize_target) and (callable(self.loss) or self.loss not in UNSCALED)

    def _targets(self, y: Array) -> Array:
        if self.loss in UNSCALED and y.min() < 0:
            raise DataError("BG206", "y", "has counts below 0", got=float(y.min()), expected=f"≥ 0 for {self.loss}")
        return self._scaling.apply(y, "y")

    def _network(self, examples: Examples, rows: int) -> dict[str, Any]:  # noqa: ARG002  (a classifier asks)
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        loss = self.loss if callable(self.loss) else ALIASES.get(self.loss, self.loss)
        return {
            "outputs": len(self._scaling.mean), "task": REGRESSION, "loss": loss, "delta": self.delta,
            "quantile": self.quantile,
        }  # fmt: skip
