"""Callbacks: what may look at training while it runs, and end it.

The order of calls, for each callback in the order it was given:

    restore      only where training goes on from a checkpoint: what `state` had returned
    begin        once in each run, before the first step
    steps_done   after each call of the engine, which runs some hundreds of steps at most
    epoch_done   after each epoch, validation included
    end          after the last step, also where training was interrupted or has failed

`state` is asked for whenever a checkpoint is saved. Whatever decides how training goes on (the best score so far, the
epochs since) belongs into it: then a run that is killed and resumed ends in the same bits as one that was not.
Callbacks run in the thread that trains; training waits for them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from backgraph.language.node import Node
from backgraph.language.op import Array

if TYPE_CHECKING:
    from backgraph.train.loop import Training

State: TypeAlias = Mapping[str, Any]
"""By name: arrays of numbers, or what JSON can hold (floats keep their bits, NaN and infinity too)."""

LOG = logging.getLogger("backgraph.train")


class Callback:
    """Base of all callbacks; each method does nothing. What a callback raises ends training between two steps."""

    @property
    def name(self) -> str:
        """What checkpoints call its state: two callbacks of one name are told apart by their order."""
        return type(self).__name__

    @property
    def settings(self) -> State:
        """What it was told, as far as training depends on it; a run is only resumed with the same."""
        return {}

    def begin(self, training: Training) -> None:
        """Before the first step; in a resumed run `restore` came before."""

    def steps_done(self, training: Training) -> None:
        """After each call of the engine."""

    def epoch_done(self, training: Training) -> bool | None:
        """After each epoch, validation included; True ends training."""

    def end(self, training: Training) -> None:
        """After the last step and the last checkpoint; changes to the parameters here are part of the result only."""

    def interrupted(self, training: Training) -> None:
        """A signal asks for a stop. Called in the signal handler at once: a step may be running, so only tell."""

    def state(self) -> State:
        """What a checkpoint keeps of this callback; a callback without memory keeps nothing."""
        return {}

    def restore(self, state: State) -> None:
        """Take up what `state` returned in an earlier run; its arrays are this callback's own."""


class Keeper(Protocol):
    """Keeps training on the disk; asked after the callbacks, when their state and that of training belong together."""

    def begin(
        self, training: Training, data: Mapping[Node, Array], callbacks: Sequence[Callback], validation: object
    ) -> None:
        """Before the first step: make sure that saving works, and take up what was kept, if anything."""
        ...

    def steps_done(self, training: Training, callbacks: Sequence[Callback]) -> None:
        """After each call of the engine."""
        ...

    def epoch_done(self, training: Training, callbacks: Sequence[Callback]) -> None:
        """After each epoch."""
        ...

    def end(self, training: Training, callbacks: Sequence[Callback]) -> None:
        """After the last step, also where a signal asked for the end; not after an error."""
        ...


class LogEpochs(Callback):
    """Logs a line for each epoch to the logger `backgraph.train`."""

    def epoch_done(self, training: Training) -> None:
        """`epoch 3: loss 0.123, validation accuracy 0.97`."""
        scores = ", ".join(f"{name} {value:.6g}" for name, value in training.history[-1].items())
        LOG.info("epoch %d: %s", training.epoch, scores)


def any_wants_to_stop(callbacks: Sequence[Callback], training: Training) -> bool:
    """Tell every callback that an epoch is done; whether one of them wants to stop."""
    answers = [callback.epoch_done(training) for callback in callbacks]
    return any(answers)
