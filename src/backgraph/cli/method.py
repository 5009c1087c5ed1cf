"""How `backgraph train` trains, beside the sizes: loss, regularisation, schedule, weights, metrics, early stopping."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclopts import Parameter

from backgraph.cli.numbers import Whole, names
from backgraph.errors import TrainingError, UsageError
from backgraph.models.class_weights import BALANCED, ClassWeights
from backgraph.models.rates import schedule_of
from backgraph.optim.clipping import Clip, ClipByGlobalNorm, ClipByValue
from backgraph.optim.schedules import Schedule
from backgraph.train.stopping import EarlyStopping


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """More options of `backgraph train`; each line below a field is its help."""

    loss: str | None = None
    """For numbers squared_error, absolute_error, huber, quantile or poisson; for classes cross_entropy."""
    delta: float = 1.0
    """Where huber becomes linear, in standard deviations of the target."""
    quantile: float = 0.5
    """Which quantile the loss of that name predicts."""
    dropout: str | None = None
    """Share of the hidden units that are dropped in training; or one for each layer: a,b,c."""
    label_smoothing: float | None = None
    """Share of the certainty of each label that is spread over all classes."""
    schedule: str | None = None
    """Of the learning rate: constant, cosine, flat_cosine, one_cycle, step or inverse_time."""
    warm_up: float = 0.0
    """Share of the steps in which the learning rate rises."""
    clip_norm: float | None = None
    """The largest norm of the whole gradient."""
    clip_value: float | None = None
    """The largest element of the gradient."""
    shuffle: bool = True
    """Whether each epoch takes the rows in another order."""
    weights: str | None = None
    """The column with the weights of the rows; it is not learnt from."""
    class_weight: str | None = None
    """Weights of the classes: balanced, or such as yes=5,no=1; they count in training, not in scores."""
    validation_data: Path | None = None
    """File to validate on, with the columns of the first; no rows of that are then held out."""
    metrics: str = ""
    """What is told after each epoch, such as "AUC,log loss"; see `backgraph evaluate`."""
    early_stopping: bool | None = None
    """End when the monitored score no longer improves, and keep the weights of the best epoch."""
    monitor: str | None = None
    """What stops training: loss, or a metric; of the validation part, if there is one."""
    patience: Whole = 16
    """Epochs without improvement before training ends."""
    min_delta: float = 0.0
    """What counts as an improvement must be larger."""


def method_of(options: MethodOptions, validated: bool) -> dict[str, Any]:
    """The fields of a Recipe. Raises TrainingError BG401 and UsageError BG601 for what does not serve."""
    told = names(options.metrics)
    return {
        "loss": options.loss,
        "delta": options.delta,
        "quantile": options.quantile,
        "dropout": None if options.dropout is None else _rates(options.dropout),
        "label_smoothing": options.label_smoothing,
        "clip": _clip(options),
        "shuffle": options.shuffle,
        "weights": options.weights,
        "class_weight": class_weights_from(options.class_weight),
        "metrics": told or None,
        "stopping": _stopping(options, validated),
    }


def _rates(text: str) -> float | tuple[float, ...]:
    try:
        rates = tuple(float(part) for part in text.split(","))
    except ValueError:
        expected = "a share such as 0.2, or a,b,c"
        raise TrainingError("BG401", "--dropout", "not a rate", got=text, expected=expected) from None
    return rates[0] if len(rates) == 1 else rates


def _clip(options: MethodOptions) -> Clip | None:
    if options.clip_norm is not None and options.clip_value is not None:
        raise UsageError("BG601", "--clip-norm", "and --clip-value are both given", hint="choose one")
    if options.clip_norm is not None:
        return ClipByGlobalNorm(options.clip_norm)
    return None if options.clip_value is None else ClipByValue(options.clip_value)


def class_weights_from(text: str | None) -> ClassWeights:
    """`balanced`, or `yes=5,no=1` as a table. Raises UsageError BG601."""
    if text is None or text == BALANCED:
        return text
    table: dict[Any, float] = {}
    for part in names(text):
        label, equals, weight = part.rpartition("=")
        try:
            table[label] = float(weight if equals else "")
        except ValueError:
            raise UsageError(
                "BG601", "--class-weight", "not weights", got=part, expected="such as yes=5,no=1"
            ) from None
    return table


def _stopping(options: MethodOptions, validated: bool) -> EarlyStopping | None:
    if not options.early_stopping:
        if options.monitor is not None:
            raise UsageError("BG601", "--monitor", "is of no use alone", hint="add --early-stopping")
        return None
    part = "validation " if validated else ""
    return EarlyStopping(f"{part}{options.monitor or 'loss'}", options.patience, options.min_delta)


def rate_of(options: MethodOptions, rate: float, steps: int) -> float | Schedule:
    """The learning rate, or its schedule over so many steps. Raises TrainingError BG401."""
    name = str(options.schedule)
    if name == "constant" and not options.warm_up:
        return rate
    return schedule_of(name, rate, steps, options.warm_up)
