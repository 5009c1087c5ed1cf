"""What the rows and columns of a table decide where it is not given: learning rate, weight decay, minibatches, epochs,
dropout, label smoothing. And schedules of the rate by name, from the number of steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backgraph.errors import TrainingError, nearest
from backgraph.language.op import Array
from backgraph.models.defaults import (
    BATCH,
    DECAY,
    DROPOUT,
    FEWEST_DROPPED,
    FEWEST_EPOCHS,
    FEWEST_STEPS,
    LEAST_DECAY,
    MOST_DECAY,
    MOST_EPOCHS,
    MOST_SMOOTHED,
    MOST_STEPS,
    RATE,
    RATED_INPUTS,
    SMOOTHING,
    WHOLE_BATCH,
)
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


@dataclass(frozen=True)
class Span:
    """How long training is: rows, steps in an epoch, and steps in all; and how wide what comes in is."""

    rows: int
    steps_per_epoch: int
    steps: int
    inputs: int


def rate_for(inputs: int) -> float:
    """The learning rate of a network with so many inputs where none is given."""
    return RATE * min(1.0, RATED_INPUTS / inputs)


def decay_for(rows: int) -> float:
    """The decoupled weight decay for so many rows where none is given."""
    return min(max(DECAY / rows, LEAST_DECAY), MOST_DECAY)


def batch_for(rows: int) -> int:
    """Rows of a minibatch where nothing is said."""
    return rows if rows <= WHOLE_BATCH else BATCH


def dropout_for(rows: int) -> float:
    """The rate of dropout for so many rows where none is given."""
    return DROPOUT if rows >= FEWEST_DROPPED else 0.0


def smoothing_for(rows: int, masses: Array) -> float:
    """Label smoothing for so many rows where none is given; `masses` (k) is what the rows of each class weigh together.

    It draws towards equal shares, and so makes rare classes likelier than they are: it is divided by Σ (1/k)² / pₖ,
    which is 1 for equal shares p and 2.8 for one tenth of two. Two digits of it: folds of one table share their code.
    """
    known = masses[masses > 0]
    unequal = float(np.mean(known.sum() / (len(known) * known))) if len(known) else 1.0
    return float(f"{min(SMOOTHING / rows, MOST_SMOOTHED) / unequal:.2g}")


def epochs_for(steps_per_epoch: int) -> int:
    """How often every row is seen at most where nothing is said."""
    fitting = min(max(MOST_STEPS // steps_per_epoch, FEWEST_EPOCHS), MOST_EPOCHS)
    return max(fitting, math.ceil(FEWEST_STEPS / steps_per_epoch))


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
