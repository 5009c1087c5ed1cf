"""Schedules of the learning rate by name, for training whose number of steps is known when it begins."""

from __future__ import annotations

from collections.abc import Callable

from backgraph.errors import TrainingError, nearest
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
