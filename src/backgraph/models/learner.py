"""Training a network on arrays: minibatches, validation after each epoch, early stopping; for tables and estimators.

examples   what the network is trained on; held_out: what it is validated on, if anything
history    a row for each epoch: "loss" (the cost as it was minimised, dropout and decay included), "validation loss"
           (the mean loss alone, without dropout, decay and smoothing) and "validation" metrics
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from backgraph.errors import TrainingError, nearest
from backgraph.evaluate import evaluate
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import input as data_input
from backgraph.language.ops.leaf import labels
from backgraph.models.losses import CLASSIFICATION
from backgraph.models.mlp import MLP, losses
from backgraph.optim.clipping import Clip
from backgraph.optim.limits import whole
from backgraph.optim.optimizer import Optimizer
from backgraph.train.callbacks import Callback, Keeper
from backgraph.train.engine import Engine
from backgraph.train.loop import Training
from backgraph.train.metrics import function_of, mean, scores, viewed
from backgraph.train.step import Step, training_step
from backgraph.train.stopping import EarlyStopping
from backgraph.train.stream import given

KEPT = 8
"""Graphs of steps that are kept."""


@dataclass(frozen=True)
class Examples:
    """X: rows × inputs; y: class numbers (rows) or targets (rows × outputs); codes and weights where there are any."""

    X: Array
    y: Array
    codes: Array | None = None
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def rows(self, chosen: Array) -> Examples:
        """Some of them."""
        codes, weights = (None if each is None else each[chosen] for each in (self.codes, self.weights))
        return Examples(self.X[chosen], self.y[chosen], codes, weights)


@dataclass(frozen=True)
class Method:
    """How a network is trained: optimiser, minibatches, order, clipping, and what is watched."""

    optimizer: Optimizer
    batch_size: int = 32
    seed: int = 0
    shuffle: bool = True
    clip: Clip | None = None
    metrics: tuple[str, ...] = ()
    stopping: EarlyStopping | None = None


@dataclass
class Learner:
    """A network in training. Raises what `train.loop.begin` does, and TrainingError BG401 for unknown metrics."""

    mlp: MLP
    start: Mapping[Node, Array]
    examples: Examples
    held_out: Examples | None
    method: Method
    training: Training = field(init=False)

    def __post_init__(self) -> None:
        for name in self.method.metrics:
            function_of(name, viewed(self.mlp.task, self.mlp.outputs))
        self._check_monitor()
        self.take(self.examples)
        method, step = self.method, step_of(self.mlp, self.method)
        whole("seed", method.seed, least=0)
        _, n = given(step, self.data)
        batch_size = min(whole("batch_size", method.batch_size), n)
        weighted = self.mlp.network.weighted
        self.training = Training(
            step, step.arrays(self.start), n, batch_size, method.seed, method.shuffle, weighted
        )  # fmt: skip

    def _check_monitor(self) -> None:
        """What stops training must be known after each epoch. TrainingError BG401."""
        stopping = self.method.stopping
        judged = self.held_out is not None and len(self.held_out)
        known = ["loss", *(f"validation {name}" for name in ("loss", *self.method.metrics) if judged)]
        if stopping is not None and stopping.monitor not in known:
            hint = nearest(stopping.monitor, known) if judged else "hold some rows out, or monitor the loss"
            expected = ", ".join(known)
            raise TrainingError("BG401", "monitor", "unknown", got=stopping.monitor, expected=expected, hint=hint)

    def take(self, examples: Examples) -> None:
        """Other examples, as many, in place of those before."""
        self.examples = examples
        self.data = self.mlp.data(examples.X, examples.y, codes=examples.codes, weights=examples.weights)

    @property
    def callbacks(self) -> list[Callback]:
        """Those that belong to the method: early stopping."""
        return [] if self.method.stopping is None else [self.method.stopping]

    @property
    def parameters(self) -> dict[Node, Array]:
        """Those of the best epoch where there is early stopping, else the last; copies."""
        stopping, training = self.method.stopping, self.training
        arrays = stopping.best if stopping is not None and stopping.best else training.variables
        return {node: array.copy() for node, array in zip(training.step.parameters, arrays, strict=False)}

    def run(
        self,
        epochs: int,
        callbacks: Sequence[Callback] = (),
        engine: Engine | None = None,
        keeper: Keeper | None = None,
    ) -> Training:
        """Train until `epochs` epochs are done in all. Raises DivergenceError BG451, KeyboardInterrupt."""
        validation = self.validation if self.held_out is not None and len(self.held_out) else None
        return self.training.run(
            self.data, epochs=epochs, validation=validation, callbacks=[*self.callbacks, *callbacks], engine=engine,
            keeper=keeper,
        )  # fmt: skip

    def validation(self, training: Training) -> dict[str, float]:
        """Scores on the held-out examples as the network is now, such as "validation loss", "validation AUC"."""
        assert self.held_out is not None
        found = judged(self.mlp, training.parameters, self.held_out, self.method.metrics)
        return {f"validation {name}": score for name, score in found.items()}


def step_of(mlp: MLP, method: Method) -> Step:
    """One step of training. Networks and optimisers that differ in nothing but the learning rate share its graph."""
    unrated = replace(method.optimizer, learning_rate=1.0)
    step = _step(mlp, unrated, method.clip)
    return replace(step, optimizer=method.optimizer, scheduled=mlp.scheduled(method.seed))


@lru_cache(maxsize=KEPT)
def _step(mlp: MLP, optimizer: Optimizer, clip: Clip | None) -> Step:
    network = mlp.network
    scheduled = mlp.scheduled(0)
    return training_step(
        network.cost, network.parameters, optimizer, clip=clip, decayed=network.weights, scheduled=scheduled
    )


def judged(mlp: MLP, parameters: Mapping[Node, Array], examples: Examples, metrics: Sequence[str]) -> dict[str, float]:
    """The mean loss, "loss", and `metrics` on some examples."""
    U, says = mlp.forward(parameters, examples.X, examples.codes)
    y = mlp.targets(examples.y)
    weights = np.ones(len(examples)) if examples.weights is None else examples.weights
    loss = mean(loss_of_rows(mlp, U, y), np.asarray(weights, "float64"))
    return {"loss": loss, **scores(metrics, mlp.task, y, says, weights)}


def loss_of_rows(mlp: MLP, U: Array, y: Array) -> Array:
    """What each row costs (rows), float64, without decay and smoothing. U: rows × outputs; y: `MLP.targets`."""
    of_U, of_y, each = _losses(mlp)
    return evaluate(each, {of_U: U, of_y: y}).astype("float64").reshape(len(U), -1).mean(axis=1)


@lru_cache(maxsize=KEPT)
def _losses(mlp: MLP) -> tuple[Node, Node, Node]:
    U = data_input("U", ("m", mlp.outputs), mlp.dtype)
    y = labels("y") if mlp.task == CLASSIFICATION else data_input("y", ("m", mlp.outputs), mlp.dtype)
    return U, y, losses(mlp, U, y, smoothing=0.0)
