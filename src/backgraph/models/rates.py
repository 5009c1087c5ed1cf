"""Learning rate and weight decay where none is given; schedules of the rate by name, from the number of steps."""

from __future__ import annotations

from collections.abc import Callable

from backgraph.errors import TrainingError, nearest
from backgraph.models.defaults import DECAY, LEAST_DECAY, MOST_DECAY, RATE, RATED_INPUTS
from backgraph.optim.limits import fraction, positive
from backgraph.optim.schedules import (
    Constant,
    Cosine,
    FlatCosine,
    InverseTime,
    OneCycle,
    Schedule,
    StepDecay,
    WarmUp,
)

RATES: dict[str, Callable[[float, int], Schedule]] = {
    "constant": lambda rate, _: Constant(rate),
    "cosine": Cosine,
    "flat_cosine": FlatCosine,
    "one_cycle": OneCycle,
    "step": lambda rate, steps: StepDecay(rate, max(1, steps // 3)),
    "inverse_time": lambda rate, steps: InverseTime(rate, 10 / steps),
}
"""From the rate and the number of steps. "step": a tenth after each third; "inverse_time": at last an eleventh."""


def rate_for(inputs: int) -> float:
    """The learning rate of a network with so many inputs where none is given."""
    return RATE * min(1.0, RATED_INPUTS / inputs)


def decay_for(rows: int) -> float:
    """The decoupled weight decay for so many rows where none is given."""
    return min(max(DECAY / rows, LEAST_DECAY), MOST_DECAY)


def schedule_of(name: str, rate: float, steps: int, warm_up: float = 0.0) -> Schedule:
    """The schedule `name` for `steps` steps, of which the share `warm_up` leads up to `rate`.

    Raises TrainingError BG401 for an unknown name and numbers out of range.
    """
    if name not in RATES:
        hint = nearest(name, list(RATES))
        raise TrainingError("BG401", "schedule", "unknown", got=name, expected=", ".join(RATES), hint=hint)
    warm = round(fraction("warm_up", warm_up) * steps)
    main = RATES[name](positive("learning_rate", rate), max(1, steps - warm))
    return WarmUp(warm, main) if warm else main
