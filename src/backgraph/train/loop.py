"""The training loop: epochs of minibatches in an order keyed by (seed, epoch), through an engine.

The state of training is a `Training`: the arrays that change, and how many steps are done. From the seed and that
number follows everything else, so training that was interrupted, in the middle of an epoch too, goes on to the same
bits as training that was not.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.optim.clipping import Clip
from backgraph.optim.limits import whole
from backgraph.optim.optimizer import Optimizer
from backgraph.optim.schedules import Schedule
from backgraph.train.callbacks import Callback, Keeper, any_wants_to_stop
from backgraph.train.directory import RunDirectory, opened
from backgraph.train.engine import Engine, bindings, default_engine, divergence
from backgraph.train.examples import minibatches
from backgraph.train.interrupt import Interrupt, interruptible
from backgraph.train.shuffle import permutation
from backgraph.train.step import Step, training_step
from backgraph.train.stopping import EarlyStopping
from backgraph.train.stream import Stream, given
from backgraph.train.validation import HeldOut

CALL_SECONDS = 0.25
"""About how long the engine runs between two looks at callbacks and checkpoints."""
FIRST_STEPS = 64
MOST_STEPS = 1 << 16

Validation: TypeAlias = Callable[["Training"], Mapping[str, float]]
"""Scores of the model as it is now, by name, such as {"validation accuracy": 0.97}."""


@dataclass
class Training:
    """The state of training: `variables` (the arrays of `step.variables`, changed in place) after `done` steps.

    `history` has a row for each finished epoch: "loss", the mean of the cost over its examples as they were seen, and
    what validation said. `loss_sum` is the running sum of the unfinished epoch, in float64 and in the order of steps.
    `shuffle` says whether each epoch has an order of its own. `weights` is the leaf with the weights of the examples
    where the cost is a mean by weight: then so is the loss of an epoch. `first_step` is the number that schedules and
    the optimiser have for step 0, where earlier training counts.
    """

    step: Step
    variables: list[Array]
    examples: int
    batch_size: int
    seed: int
    shuffle: bool = True
    weights: Node | None = None
    first_step: int = 0
    done: int = 0
    loss_sum: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    stopped: bool = False

    @property
    def parameters(self) -> dict[Node, Array]:
        """The learned arrays, by node; not copies."""
        return dict(zip(self.step.parameters, self.variables, strict=False))

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches in an epoch; the last may be smaller."""
        return -(-self.examples // self.batch_size)

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return self.done // self.steps_per_epoch

    def run(
        self,
        data: Mapping[Any, ArrayLike] | Stream,
        *,
        epochs: int,
        validation: Validation | None = None,
        callbacks: Sequence[Callback] = (),
        engine: Engine | None = None,
        steps_per_call: int | None = None,
        keeper: Keeper | None = None,
    ) -> Training:
        """Train until `epochs` epochs are done in all, counted from the very start.

        `steps_per_call` is how many steps the engine runs at a time; by default as many as fit into a fraction of a
        second. It changes no bit. Raises what `fit` does. After any of it (a second Ctrl-C excepted) this object is
        whole, and `run` goes on where it stopped.
        """
        arrays, _ = given(self.step, data)
        whole("epochs", epochs, least=0)
        self.stopped = False
        with interruptible(lambda: _announce(self, callbacks)) as interrupt:
            pace = Pace(steps_per_call)
            mass = self.examples if self.weights is None else _total(arrays, self.weights)
            run = _Run(arrays, mass, engine or default_engine(), interrupt, validation, callbacks, pace, keeper)
            if keeper is not None:
                keeper.begin(self, arrays, callbacks, validation)
            for callback in callbacks:
                callback.begin(self)
            try:
                self._epochs(epochs, run)
                if keeper is not None:
                    keeper.end(self, callbacks)
            finally:
                for callback in callbacks:
                    callback.end(self)
        return self

    def _epochs(self, epochs: int, run: _Run) -> None:
        """Epoch after epoch; one whose steps are done is finished first, even if that was in an earlier run."""
        while not run.interrupt.requested:
            if len(self.history) < self.epoch:
                self._finish_epoch(run)
            elif self.epoch >= epochs or self.stopped:
                return
            elif (together := self._together(epochs, run)) > 1:
                orders = [self._order(self.epoch + more) for more in range(together)]
                self._steps(np.concatenate(orders).reshape(-1, self.batch_size), run)
            else:
                self._epoch(run)

    def _together(self, epochs: int, run: _Run) -> int:
        """How many epochs one call of the engine takes: several only where they are small and nobody looks at each."""
        on_disk = isinstance(run.data, Stream)
        watched = run.validation is not None or run.callbacks or run.keeper is not None or on_disk
        whole_epochs = self.examples % self.batch_size == 0 == self.done % self.steps_per_epoch
        return min(epochs - self.epoch, run.pace.steps // self.steps_per_epoch) if whole_epochs and not watched else 1

    def _order(self, epoch: int) -> Array:
        return permutation(self.examples, (self.seed, epoch)) if self.shuffle else np.arange(self.examples)

    def _epoch(self, run: _Run) -> None:
        for index, data in self._calls(run):
            self._steps(index, replace(run, data=data))
            for callback in run.callbacks:
                callback.steps_done(self)
            if run.interrupt.requested:
                return
            if run.keeper is not None:
                run.keeper.steps_done(self, run.callbacks)

    def _calls(self, run: _Run) -> Iterator[tuple[Array, Mapping[Node, Array]]]:
        """The index matrices of what is left of the epoch, with the data that they are into."""
        first = self.done % self.steps_per_epoch
        if isinstance(run.data, Stream):
            yield from run.data.minibatches(self.seed, self.epoch, self.batch_size, first, run.pace)
        else:
            for index in minibatches(self._order(self.epoch), self.batch_size, first, run.pace):
                yield index, run.data

    def _steps(self, index: Array, run: _Run) -> None:
        """One call of the engine, and the account of what it did. Raises DivergenceError."""
        scalars = self.step.schedule(self.first_step + self.done, len(index))
        with run.pace.measured(len(index)):
            outputs = run.engine.run(
                self.step, self.variables, run.data, index=index, scalars=scalars, interrupt=run.interrupt
            )
        done = len(outputs)
        for row, mass in zip(outputs, self._masses(index, run.data), strict=False):
            if len(self.history) < self.epoch:
                self._finish_epoch(run)
            self.loss_sum += float(row[0]) * mass
            self.done += 1
        if done < len(index) and not run.interrupt.requested:
            raise divergence(
                self.step, bindings(self.step, self.variables, run.data, index[done], scalars[done]), self.done
            )

    def _masses(self, index: Array, data: Mapping[Node, Array]) -> list[float]:
        """What each minibatch counts for in the loss of an epoch: its examples, or the sum of their weights."""
        if self.weights is None:
            return [index.shape[1]] * len(index)
        return [float(data[self.weights][rows].sum(dtype="float64")) for rows in index]

    def _finish_epoch(self, run: _Run) -> None:
        scores = {name: float(x) for name, x in run.validation(self).items()} if run.validation else {}
        self.history.append({"loss": self.loss_sum / run.mass, **scores})
        self.loss_sum = 0.0
        self.stopped = any_wants_to_stop(run.callbacks, self)
        if run.keeper is not None:
            run.keeper.epoch_done(self, run.callbacks)


class Pace:
    """How many steps the engine runs in one call: a fixed number, or as many as take about CALL_SECONDS."""

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed, self.steps = fixed, fixed or FIRST_STEPS

    @contextmanager
    def measured(self, steps: int) -> Generator[None]:
        """Takes the time of a call of so many steps."""
        began = time.perf_counter()
        yield
        if self.fixed is None:
            fitting = int(CALL_SECONDS * steps / max(time.perf_counter() - began, 1e-9))
            self.steps = min(max(fitting, 1), 8 * self.steps, MOST_STEPS)


@dataclass(frozen=True)
class _Run:
    """What a run of training works with, beside its state; `mass` is what all examples weigh together."""

    data: Mapping[Node, Array]
    mass: float
    engine: Engine
    interrupt: Interrupt
    validation: Validation | None
    callbacks: Sequence[Callback]
    pace: Pace
    keeper: Keeper | None


def _total(data: Mapping[Node, Array], leaf: Node) -> float:
    return data.total(leaf) if isinstance(data, Stream) else math.fsum(data[leaf].tolist())


def _announce(training: Training, callbacks: Sequence[Callback]) -> None:
    for callback in callbacks:
        callback.interrupted(training)


def fit(
    cost: Node,
    parameters: Mapping[Node, Array],
    data: Mapping[Any, ArrayLike] | Stream,
    *,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int = 32,
    seed: int = 0,
    batch: str = "m",
    clip: Clip | None = None,
    decayed: Sequence[Node] | None = None,
    gradients: Mapping[Node, Node] | None = None,
    scheduled: Mapping[Node, Schedule] | None = None,
    shuffle: bool = True,
    weights: Node | None = None,
    validation: Validation | Mapping[Any, ArrayLike] | None = None,
    early_stopping: EarlyStopping | None = None,
    callbacks: Sequence[Callback] = (),
    engine: Engine | None = None,
    checkpoint: RunDirectory | str | os.PathLike[str] | None = None,
) -> Training:
    """Lower `cost` from the initial values of `parameters` by minibatches of `data` (arrays by node or name, or, where
    they do not fit into memory, a `train.stream.Stream`).

    `gradients` and `scheduled` are as in `training_step`; `weights` is the leaf with the weights of the examples where
    the cost is a mean by weight. `validation` scores the model after each epoch; given as data, it is the cost on them,
    "validation loss". With `early_stopping` the best weights are in place at the end. `checkpoint` is a folder (see
    `train.directory`): a program that was ended, by Ctrl-C, SIGTERM, kill -9 or a power loss, goes on from there when
    it is called again, and ends in the same bits as if nothing had happened.

    Raises TrainingError BG401 for hyper-parameters out of range, DataError BG201, BG206, BG207 and CalculusError BG302
    for data that does not serve, FileError BG504, BG505 and BG551 for a folder that does not, all before the first
    step; DivergenceError BG451 at the first value that is not finite; SaveError BG551; KeyboardInterrupt between two
    steps. To go on after these without a folder, use `begin` and `Training.run`.
    """
    training = begin(
        cost, parameters, data, optimizer=optimizer, batch_size=batch_size, seed=seed, batch=batch, clip=clip,
        decayed=decayed, gradients=gradients, scheduled=scheduled, shuffle=shuffle, weights=weights,
    )  # fmt: skip
    held_out = HeldOut({"validation loss": cost}, validation) if isinstance(validation, Mapping) else validation
    watching = [early_stopping, *callbacks] if early_stopping else callbacks
    with opened(checkpoint) as keeper:
        training.run(data, epochs=epochs, validation=held_out, callbacks=watching, engine=engine, keeper=keeper)
    if early_stopping:
        early_stopping.take_best(training)
    return training


def begin(
    cost: Node,
    parameters: Mapping[Node, Array],
    data: Mapping[Any, ArrayLike] | Stream,
    *,
    optimizer: Optimizer,
    batch_size: int = 32,
    seed: int = 0,
    batch: str = "m",
    clip: Clip | None = None,
    decayed: Sequence[Node] | None = None,
    gradients: Mapping[Node, Node] | None = None,
    scheduled: Mapping[Node, Schedule] | None = None,
    shuffle: bool = True,
    weights: Node | None = None,
) -> Training:
    """Training before its first step; see `fit`. A minibatch larger than the data is the data."""
    whole("seed", seed, least=0)
    whole("batch_size", batch_size)
    step = training_step(
        cost, list(parameters), optimizer, batch=batch, clip=clip, decayed=decayed, gradients=gradients,
        scheduled=scheduled,
    )  # fmt: skip
    _, n = given(step, data)
    return Training(step, step.arrays(parameters), n, min(batch_size, n), seed, shuffle, weights)
