"""Callbacks: what may look at training while it runs, and end it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backgraph.train.loop import Training


class Callback:
    """Base of all callbacks; each method does nothing. What a callback raises ends training between two steps."""

    def begin(self, training: Training) -> None:
        """Before the first step."""

    def steps_done(self, training: Training) -> None:
        """After each call of the engine."""

    def epoch_done(self, training: Training) -> bool | None:
        """After each epoch, validation included; True ends training."""

    def end(self, training: Training) -> None:
        """After the last step, also where training was interrupted or diverged."""


def any_wants_to_stop(callbacks: Sequence[Callback], training: Training) -> bool:
    """Tell every callback that an epoch is done; whether one of them wants to stop."""
    answers = [callback.epoch_done(training) for callback in callbacks]
    return any(answers)
