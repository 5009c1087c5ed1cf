"""From a table to a trained network: what `backgraph train` does, without the printing.

The rows are split, the columns prepared on the training part alone, the network sized to them, and trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backgraph.data.labels import Classes, Targets
from backgraph.data.prepare import Preparation
from backgraph.data.split import split
from backgraph.data.table import Column, Table, is_text
from backgraph.errors import DataError, TrainingError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.models.activations import Activation
from backgraph.models.fitted import Fitted, regression_scores
from backgraph.models.mlp import MLP, TASKS
from backgraph.optim.optimizer import Optimizer
from backgraph.train.callbacks import Callback
from backgraph.train.engine import Engine
from backgraph.train.loop import Training, begin

MOST_CLASSES = 30
"""Whole numbers with more different values than this are taken for quantities, not for classes."""


@dataclass(frozen=True)
class Recipe:
    """How to train: sizes and activations of the network, λ, the optimiser, and the rest."""

    hidden: tuple[int, ...]
    optimizer: Optimizer
    activation: Activation | tuple[Activation, ...] = "relu"
    biases: bool = True
    decay: float = 0.0
    dtype: str = "float32"
    batch_size: int = 32
    seed: int = 0
    validation: float = 0.2
    task: str = "auto"


@dataclass(frozen=True)
class Part:
    """Some rows of the table: the design matrix, and what the network is to say about each row."""

    rows: Array
    X: Array
    y: Array


class Trainer:
    """A table made ready for training; `run` trains, `fitted` is the result so far.

    Raises DataError BG2xx and TrainingError BG401 for tables, labels and numbers that do not serve, before any step.
    """

    def __init__(self, table: Table, target: str, recipe: Recipe) -> None:
        self.recipe, self.target = recipe, target
        values = table.column(target)
        if len(table.names) < 2:
            raise DataError("BG201", table.source, "has no column but the target", got=target)
        self.task = task_of(values) if recipe.task == "auto" else _known(recipe.task)
        where = f"{table.source}: column {target!r}"
        labels = Classes.fit(values, where).indices(values, where) if self.task == "classification" else None
        train, held_out = split(table.n_rows, recipe.validation, recipe.seed, labels)
        self.outcome = _outcome(self.task, values, train, where)
        columns = table.drop([target])
        self.preparation = Preparation.fit(columns.rows(train))
        self.training_part = self._part(columns, values, train, where)
        self.validation_part = self._part(columns, values, held_out, where)
        outputs = len(self.outcome) if isinstance(self.outcome, Classes) else 1
        self.mlp = MLP(
            len(self.preparation.features), recipe.hidden, outputs, self.task, recipe.activation, recipe.biases,
            recipe.decay, recipe.dtype,
        )  # fmt: skip
        self.training = self._begin()

    @property
    def parameters(self) -> dict[Node, Array]:
        """The network's parameters as they are now."""
        return self.training.parameters

    @property
    def fitted(self) -> Fitted:
        """The model as it is now."""
        return Fitted(self.mlp, self.parameters, self.preparation, self.outcome, self.target)

    def run(self, epochs: int, callbacks: Sequence[Callback] = (), engine: Engine | None = None) -> Training:
        """Train until `epochs` epochs are done. Raises DivergenceError BG451, KeyboardInterrupt."""
        data = self.mlp.data(self.training_part.X, self.training_part.y)
        validation = self._validation if len(self.validation_part.rows) else None
        return self.training.run(data, epochs=epochs, validation=validation, callbacks=callbacks, engine=engine)

    def scores(self, part: Part) -> dict[str, float]:
        """Accuracy, or RMSE and R² in the target's own units, on a part of the table."""
        guess = self.mlp.predict(self.parameters, part.X)
        if isinstance(self.outcome, Classes):
            return {"accuracy": float((guess == part.y).mean())}
        restore = self.outcome.restore
        return regression_scores(restore(part.y)[:, 0], restore(guess[:, None])[:, 0])

    def _validation(self, _training: Training) -> dict[str, float]:
        return {f"validation {name}": score for name, score in self.scores(self.validation_part).items()}

    def _part(self, columns: Table, values: Column, rows: Array, where: str) -> Part:
        if not len(rows):
            return Part(rows, np.zeros((0, len(self.preparation.features))), np.zeros(0))
        X = self.preparation.matrix(columns.rows(rows))
        known = self.outcome
        y = known.indices(values[rows], where) if isinstance(known, Classes) else known.apply(values[rows], where)
        return Part(rows, X, y)

    def _begin(self) -> Training:
        network, recipe = self.mlp.network, self.recipe
        data = self.mlp.data(self.training_part.X, self.training_part.y)
        return begin(
            network.cost, self.mlp.initial(recipe.seed), data, optimizer=recipe.optimizer, seed=recipe.seed,
            batch_size=recipe.batch_size, decayed=network.weights,
        )  # fmt: skip


def task_of(values: Column) -> str:
    """Classification for text and for few different whole numbers, else regression."""
    if is_text(values):
        return "classification"
    known = values[~np.isnan(values)]
    whole = bool(np.equal(np.floor(known), known).all())
    return "classification" if whole and len(np.unique(known)) <= MOST_CLASSES else "regression"


def _known(task: str) -> str:
    if task not in TASKS:
        raise TrainingError("BG401", "task", "unknown", got=task, expected=f"auto, {' or '.join(TASKS)}")
    return task


def _outcome(task: str, values: Column, rows: Array, where: str) -> Classes | Targets:
    if task == "regression":
        Targets.fit(
            values, where
        )  # every row is looked at, so that the first bad one is named as it stands in the file
        return Targets.fit(values[rows], where)
    return Classes.fit(values[rows], where)
