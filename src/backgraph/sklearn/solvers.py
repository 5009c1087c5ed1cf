"""Optimisers and schedules by the names that users of scikit-learn know, and a few more.

SOLVERS and SCHEDULES (with `models.rates`) are the tables. solver="sgd" and "adam" step exactly as scikit-learn's do;
"adamw" is AdamW as in its paper. A schedule may depend on the number of steps of the whole training, so it is made when
that is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from backgraph.errors import TrainingError, nearest
from backgraph.models import rates
from backgraph.models.rates import Span
from backgraph.optim import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp
from backgraph.optim.limits import not_negative, positive
from backgraph.optim.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class AdamInScikitLearn(Adam):
    """Adam with ε_t = ε √(1 − ρ₂ᵗ)/(1 − ρ₁ᵗ) and δ beside the uncorrected √r, as section 2 of the paper ends with."""

    def scalars(self, t: int) -> dict[str, float]:
        """The correction of the second moment stands in the learning rate."""
        scalars = super().scalars(t)
        scalars["learning_rate"] /= scalars["root_correction"]
        return scalars | {"root_correction": 1.0}


def _sgd(e: Any, rate: Schedule, rows: int) -> Optimizer:  # noqa: ARG001  (every solver has this signature)
    if not e.momentum:
        return SGD(learning_rate=rate)
    kind = Nesterov if e.nesterovs_momentum else Momentum
    return kind(learning_rate=rate, momentum=e.momentum)


SOLVERS: dict[str, Callable[[Any, Schedule, int], Optimizer]] = {
    "adamw": lambda e, rate, rows: AdamW(
        learning_rate=rate, rho1=e.beta_1, rho2=e.beta_2, delta=e.epsilon, decoupled_decay=decay_of(e, rows)
    ),
    "adam": lambda e, rate, _: AdamInScikitLearn(learning_rate=rate, rho1=e.beta_1, rho2=e.beta_2, delta=e.epsilon),
    "sgd": _sgd,
    "rmsprop": lambda e, rate, _: RMSProp(learning_rate=rate, rho=e.beta_2, delta=e.epsilon),
    "adagrad": lambda e, rate, _: AdaGrad(learning_rate=rate, delta=e.epsilon),
}
"""Every solver by name: made from an estimator's parameters, a schedule, and the number of rows."""


class Adaptive:
    """A rate that is divided by 5 whenever training has stalled; `divide` says that it has."""

    SMALLEST = 1e-6

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, t: int) -> float:  # noqa: ARG002  (every schedule has this signature)
        """The rate of now."""
        return self.rate

    def divide(self) -> bool:
        """Whether the rate was still large enough to be divided."""
        if self.rate <= self.SMALLEST:
            return False
        self.rate /= 5
        return True


@dataclass(frozen=True)
class InverseScaling:
    """ε/(rows seen + 1)^p, changed after each epoch, as scikit-learn's "invscaling" does."""

    rate: float
    power: float
    span: Span

    def __call__(self, t: int) -> float:
        """The rate of step t."""
        epoch = t // self.span.steps_per_epoch
        return self.rate / (epoch * self.span.rows + 1) ** self.power


SCHEDULES: dict[str, Callable[[Any, Span], Schedule]] = {
    "invscaling": lambda e, span: InverseScaling(rate_of(e, span.inputs), e.power_t, span),
    "adaptive": lambda e, span: Adaptive(rate_of(e, span.inputs)),
}
"""Schedules that scikit-learn alone has, beside `models.rates.RATES`."""

ENDLESS = frozenset({"constant", "invscaling", "adaptive"})
"""Schedules of scikit-learn, which do not know when training ends: it ends where the loss no longer falls by `tol`."""

Rate: TypeAlias = str | Schedule


def schedule_of(e: Any, span: Span) -> Schedule:
    """The schedule of an estimator, its warm-up in front. Raises TrainingError BG401 for an unknown name."""
    rate: Rate = e.learning_rate
    if callable(rate):
        return rate
    if rate in SCHEDULES:
        return SCHEDULES[rate](e, span)
    return rates.schedule_of(rate, rate_of(e, span.inputs), span.steps, e.warmup)


def rate_of(e: Any, inputs: int) -> float:
    """The learning rate of an estimator whose network has so many inputs."""
    if e.learning_rate_init == "auto":
        return rates.rate_for(inputs)
    return positive("learning_rate_init", e.learning_rate_init)


def decay_of(e: Any, rows: int) -> float:
    """The decoupled weight decay of an estimator that is trained on so many rows."""
    return rates.decay_for(rows) if e.weight_decay == "auto" else not_negative("weight_decay", e.weight_decay)


def optimizer_of(e: Any, schedule: Schedule, rows: int) -> Optimizer:
    """The optimiser of an estimator that is trained on so many rows. Raises TrainingError BG401 for an unknown name."""
    if e.solver not in SOLVERS:
        hint = nearest(str(e.solver), list(SOLVERS))
        raise TrainingError("BG401", "solver", "unknown", got=e.solver, expected=", ".join(SOLVERS), hint=hint)
    return SOLVERS[e.solver](e, schedule, rows)
