"""Optimisers and schedules by the names that users of scikit-learn know, and a few more.

SOLVERS and SCHEDULES are the tables. solver="sgd" and "adam" step exactly as scikit-learn's do; "adamw" is AdamW as in
its paper. A schedule may depend on the number of steps of the whole training, so it is made when that is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from backgraph.errors import TrainingError, nearest
from backgraph.optim import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp
from backgraph.optim.limits import positive
from backgraph.optim.schedules import Constant, Cosine, InverseTime, OneCycle, Schedule, StepDecay, WarmUp


@dataclass(frozen=True, kw_only=True)
class AdamInScikitLearn(Adam):
    """Adam with ε_t = ε √(1 − ρ₂ᵗ)/(1 − ρ₁ᵗ) and δ beside the uncorrected √r, as section 2 of the paper ends with."""

    def scalars(self, t: int) -> dict[str, float]:
        """The correction of the second moment stands in the learning rate."""
        scalars = super().scalars(t)
        scalars["learning_rate"] /= scalars["root_correction"]
        return scalars | {"root_correction": 1.0}


def _sgd(e: Any, rate: Schedule) -> Optimizer:
    if not e.momentum:
        return SGD(learning_rate=rate)
    kind = Nesterov if e.nesterovs_momentum else Momentum
    return kind(learning_rate=rate, momentum=e.momentum)


SOLVERS: dict[str, Callable[[Any, Schedule], Optimizer]] = {
    "adamw": lambda e, rate: AdamW(
        learning_rate=rate, rho1=e.beta_1, rho2=e.beta_2, delta=e.epsilon, decoupled_decay=e.weight_decay
    ),
    "adam": lambda e, rate: AdamInScikitLearn(learning_rate=rate, rho1=e.beta_1, rho2=e.beta_2, delta=e.epsilon),
    "sgd": _sgd,
    "rmsprop": lambda e, rate: RMSProp(learning_rate=rate, rho=e.beta_2, delta=e.epsilon),
    "adagrad": lambda e, rate: AdaGrad(learning_rate=rate, delta=e.epsilon),
}
"""Every solver by name: made from an estimator's parameters and a schedule."""


@dataclass(frozen=True)
class Span:
    """How long training is: rows, steps in an epoch, and steps in all."""

    rows: int
    steps_per_epoch: int
    steps: int


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


@dataclass(frozen=True)
class FlatCosine:
    """ε for the first part of the steps, then down along a cosine to 0."""

    rate: float
    steps: int
    flat: float = 0.5

    def __call__(self, t: int) -> float:
        """The rate of step t."""
        way = (t / self.steps - self.flat) / (1 - self.flat)
        return self.rate * (1 + math.cos(math.pi * min(max(way, 0.0), 1.0))) / 2


SCHEDULES: dict[str, Callable[[Any, Span], Schedule]] = {
    "constant": lambda e, _: Constant(e.learning_rate_init),
    "invscaling": lambda e, span: InverseScaling(e.learning_rate_init, e.power_t, span),
    "adaptive": lambda e, _: Adaptive(e.learning_rate_init),
    "cosine": lambda e, span: Cosine(e.learning_rate_init, span.steps),
    "flat_cosine": lambda e, span: FlatCosine(e.learning_rate_init, span.steps),
    "one_cycle": lambda e, span: OneCycle(e.learning_rate_init, span.steps),
    "step": lambda e, span: StepDecay(e.learning_rate_init, max(1, span.steps // 3)),
    "inverse_time": lambda e, span: InverseTime(e.learning_rate_init, 10 / span.steps),
}
"""Every schedule by name: made from an estimator's parameters and the length of training."""

ENDLESS = frozenset({"constant", "invscaling", "adaptive"})
"""Schedules of scikit-learn, which do not know when training ends: it ends where the loss no longer falls by `tol`."""

Rate: TypeAlias = str | Schedule


def schedule_of(e: Any, span: Span) -> Schedule:
    """The schedule of an estimator, its warm-up in front. Raises TrainingError BG401 for an unknown name."""
    rate: Rate = e.learning_rate
    if callable(rate):
        return rate
    positive("learning_rate_init", e.learning_rate_init)
    warm = round(e.warmup * span.steps)
    rest = Span(span.rows, span.steps_per_epoch, max(1, span.steps - warm))
    main = _named("learning_rate", rate, SCHEDULES)(e, rest)
    return WarmUp(warm, main) if warm else main


def optimizer_of(e: Any, schedule: Schedule) -> Optimizer:
    """The optimiser of an estimator. Raises TrainingError BG401 for an unknown name."""
    return _named("solver", e.solver, SOLVERS)(e, schedule)


def _named(where: str, name: Any, table: dict[str, Any]) -> Any:
    if name not in table:
        hint = nearest(str(name), list(table))
        raise TrainingError("BG401", where, "unknown", got=name, expected=", ".join(table), hint=hint)
    return table[name]
