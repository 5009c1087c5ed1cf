"""Learning rates over time: ε_t for t = 0, 1, 2 … steps, in float64 on the host.

A rate enters the graph as a scalar input, rounded once to the parameters' dtype. Anything callable with t serves as a
schedule; those below are frozen, comparable, refuse senseless parameters, and say in words what they do. Sources:
section 8.3.1 of Goodfellow et al. (2016); cosine: Loshchilov and Hutter (2017); one cycle: Smith and Topin (2018);
warm-up: Goyal et al. (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from backgraph.errors import UsageError
from backgraph.optim.limits import fraction, not_negative, positive, whole

Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """ε_t = ε."""

    rate: float

    def __post_init__(self) -> None:
        positive("learning_rate", self.rate)

    def __call__(self, t: int) -> float:
        return self.rate

    def __str__(self) -> str:
        return f"{self.rate:g}"


@dataclass(frozen=True)
class StepDecay:
    """ε_t = ε · factor^⌊t / every⌋."""

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        positive("learning_rate", self.rate)
        whole("StepDecay every", self.every)
        positive("StepDecay factor", self.factor)

    def __call__(self, t: int) -> float:
        return self.rate * self.factor ** (t // self.every)

    def __str__(self) -> str:
        return f"{self.rate:g}, times {self.factor:g} every {self.every:,} steps"


@dataclass(frozen=True)
class InverseTime:
    """ε_t = ε / (1 + k t), which fulfils the Robbins–Monro conditions Σ ε_t = ∞, Σ ε_t² < ∞."""

    rate: float
    k: float

    def __post_init__(self) -> None:
        positive("learning_rate", self.rate)
        not_negative("InverseTime k", self.k)

    def __call__(self, t: int) -> float:
        return self.rate / (1 + self.k * t)

    def __str__(self) -> str:
        return f"{self.rate:g}/(1 + {self.k:g} t)"


@dataclass(frozen=True)
class Cosine:
    """From ε to `end` · ε along half a cosine in `steps` steps; constant after."""

    rate: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        positive("learning_rate", self.rate)
        whole("Cosine steps", self.steps)
        not_negative("Cosine end", self.end)

    def __call__(self, t: int) -> float:
        return self.rate * _along_cosine(1.0, self.end, t / self.steps)

    def __str__(self) -> str:
        return f"{self.rate:g}, along a cosine to {self.end * self.rate:g} in {self.steps:,} steps"


@dataclass(frozen=True)
class FlatCosine:
    """ε for the share `flat` of `steps` steps, then to 0 along half a cosine."""

    rate: float
    steps: int
    flat: float = 0.5

    def __post_init__(self) -> None:
        positive("learning_rate", self.rate)
        whole("FlatCosine steps", self.steps)
        fraction("FlatCosine flat", self.flat)

    def __call__(self, t: int) -> float:
        return self.rate * _along_cosine(1.0, 0.0, max(t / self.steps - self.flat, 0.0) / (1 - self.flat))

    def __str__(self) -> str:
        return f"{self.rate:g}, from step {math.ceil(self.flat * self.steps):,} to {self.steps:,} along a cosine to 0"


@dataclass(frozen=True)
class OneCycle:
    """Up from ε / `start_divisor` to ε in the first `rise` of the steps, down to ε / `end_divisor`, along cosines."""

    rate: float
    steps: int
    rise: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 250_000.0

    def __post_init__(self) -> None:
        positive("learning_rate", self.rate)
        whole("OneCycle steps", self.steps)
        positive("OneCycle rise", fraction("OneCycle rise", self.rise))
        positive("OneCycle start_divisor", self.start_divisor)
        positive("OneCycle end_divisor", self.end_divisor)

    def __call__(self, t: int) -> float:
        top = self.rise * self.steps
        if t < top:
            return self.rate * _along_cosine(1 / self.start_divisor, 1.0, t / top)
        return self.rate * _along_cosine(1.0, 1 / self.end_divisor, (t - top) / (self.steps - top))

    def __str__(self) -> str:
        return (
            f"up to {self.rate:g} at step {math.ceil(self.rise * self.steps):,}, down along a cosine to {self.steps:,}"
        )


@dataclass(frozen=True)
class WarmUp:
    """(t + 1)/steps of the first rate of `then` during `steps` steps, then `then`; no step is wasted on rate 0."""

    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        whole("WarmUp steps", self.steps)

    def __call__(self, t: int) -> float:
        return self.then(0) * (t + 1) / self.steps if t < self.steps else self.then(t - self.steps)

    def __str__(self) -> str:
        return f"{self.then}, after {self.steps:,} steps of warm-up"


def as_schedule(rate: float | Schedule) -> Schedule:
    """A schedule from what users write: 0.1, or a schedule. Raises TrainingError BG401, UsageError BG601."""
    if callable(rate):
        return rate
    return Constant(positive("learning_rate", rate))


def rate_at(schedule: float | Schedule, t: int) -> float:
    """ε_t. Raises UsageError BG601 where a user's schedule returns something else than a finite number ≥ 0.

    Called for every step: what an optimiser accepted as a number is not looked at again.
    """
    rate = schedule(t) if callable(schedule) else schedule
    if not math.isfinite(rate) or rate < 0:
        raise UsageError("BG601", f"learning_rate at step {t}", "the schedule gave no rate", got=rate)
    return float(rate)


def _along_cosine(first: float, last: float, way: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * min(way, 1.0))) / 2
