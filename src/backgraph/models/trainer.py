"""From a table to a trained network: what `backgraph train` does, without the printing.

The rows are split, the columns prepared on the training part alone, the network sized to them, and trained. Rows may
weigh differently: by a column of the table, by their class, or both (the product).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backgraph.data.labels import Classes, Targets
from backgraph.data.prepare import Choices, Preparation, as_numbers
from backgraph.data.split import split
from backgraph.data.summary import summary
from backgraph.data.table import DATES, NUMBERS, TEXT, TRUTHS, Cells, Column, Numbering, Table, kind_of, missing_in
from backgraph.errors import DataError, TrainingError, UsageError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.models.activations import Activation
from backgraph.models.class_weights import ClassWeights, class_factors
from backgraph.models.fitted import METRICS, Fitted
from backgraph.models.learner import Examples, Learner, Method
from backgraph.models.losses import CLASSIFICATION, REGRESSION, UNSCALED, LossName
from backgraph.models.mlp import MLP
from backgraph.models.rates import Span, batch_for, dropout_for, epochs_for, smoothing_for
from backgraph.optim.clipping import Clip
from backgraph.optim.limits import whole
from backgraph.optim.optimizer import Optimizer
from backgraph.train.callbacks import Callback, Keeper
from backgraph.train.engine import Engine
from backgraph.train.loop import Training
from backgraph.train.metrics import scores
from backgraph.train.stopping import EarlyStopping

TASKS = (CLASSIFICATION, REGRESSION)
MOST_CLASSES = 30
"""Whole numbers with more different values than this are taken for quantities, not for classes."""
FEWEST_JUDGED = 20
"""Of fewer rows nothing is said of labels that do not repeat."""


@dataclass(frozen=True)
class Recipe:
    """How to train: sizes and activations of the network, its loss, λ, the optimiser, and the rest.

    The optimiser may be a function of how long training is. `epochs`, `batch_size`, `dropout` and `label_smoothing` of
    None are decided by the number of rows (`models.rates`). `weights` names the column with the weights of the rows;
    `metrics` of None are those of METRICS; `choices` overrule what is inferred of the columns. Rows without a target
    are refused, or left out where `drop_unlabelled`.
    """

    hidden: tuple[int, ...]
    optimizer: Optimizer | Callable[[Span], Optimizer]
    activation: Activation | tuple[Activation, ...] = "relu"
    biases: bool = True
    decay: float = 0.0
    dtype: str = "float32"
    batch_size: int | None = 32
    seed: int = 0
    validation: float = 0.2
    task: str = "auto"
    loss: LossName | None = None
    dropout: float | tuple[float, ...] | None = 0.0
    label_smoothing: float | None = 0.0
    delta: float = 1.0
    quantile: float = 0.5
    clip: Clip | None = None
    shuffle: bool = True
    weights: str | None = None
    class_weight: ClassWeights = None
    metrics: tuple[str, ...] | None = None
    stopping: EarlyStopping | None = None
    choices: Choices | None = None
    epochs: int | None = None
    drop_unlabelled: bool = False


@dataclass(frozen=True)
class Part:
    """Some rows of a table (their places in it), what the network is given of them, and how messages number them."""

    rows: Array
    examples: Examples
    numbering: Numbering

    @property
    def X(self) -> Array:  # noqa: N802  (the design matrix)
        """The design matrix."""
        return self.examples.X

    @property
    def y(self) -> Array:
        """What the network is to say."""
        return self.examples.y


class Trainer:
    """A table made ready for training; `run` trains, `fitted` is the result so far.

    `unlabelled` rows had no target and are left out.

    `held_out` is a table to validate on; without it a share of the rows is held out. Raises DataError BG2xx and
    TrainingError BG401 for tables, labels and numbers that do not serve, before any step.
    """

    def __init__(self, table: Table, target: str, recipe: Recipe, held_out: Table | None = None) -> None:
        self.recipe, self.target = recipe, target
        self.columns = columns_of(table, target, recipe.weights, recipe.choices)
        everything, table = table.n_rows, self._labelled(table)
        self.unlabelled = everything - table.n_rows
        held_out = None if held_out is None else self._labelled(held_out)
        values, where = table.target(target), table.cells(target)
        self.task = task_of(table.column(target)) if recipe.task == "auto" else known_task(recipe.task)
        labels = Classes.fit(values, where).indices(values, where) if self.task == CLASSIFICATION else None
        if recipe.task == "auto" and labels is not None:
            check_repeated(np.bincount(labels), str(where))
        share = 0.0 if held_out is not None else recipe.validation
        train, rest = split(table.n_rows, share, recipe.seed, labels)
        self.n_train = len(train)
        self.outcome = outcome(self.task, values, train, where, recipe)
        rows = table.select(self.columns).rows(train)
        self.preparation = Preparation.fit(rows, self._weights(table, train), recipe.choices)
        self.summary = summary(rows, self.preparation)
        self.training_part = self._weighed(self._part(table, train))
        self.factors = self._factors(self.training_part.y, self.training_part.examples.weights)
        other = table if held_out is None else held_out
        rest = rest if held_out is None else np.arange(held_out.n_rows)
        self.validation_part = self._weighed(self._part(other, rest))
        self.mlp = self._network()
        self.learner = self._learner()

    @property
    def batch_size(self) -> int:
        """Rows of a minibatch."""
        wanted = self.recipe.batch_size
        return batch_for(self.n_train) if wanted is None else min(whole("batch_size", wanted), self.n_train)

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches in an epoch; the last may be smaller."""
        return -(-self.n_train // self.batch_size)

    @property
    def epochs(self) -> int:
        """How often every row is to be seen at most."""
        return epochs_for(self.steps_per_epoch) if self.recipe.epochs is None else self.recipe.epochs

    @property
    def training(self) -> Training:
        """The state of training."""
        return self.learner.training

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is told of the validation part, and of the result; what stops training is among them."""
        told = METRICS[self.task] if self.recipe.metrics is None else self.recipe.metrics
        stopping = self.recipe.stopping
        watched = "loss" if stopping is None else stopping.monitor.removeprefix("validation ")
        return told if watched in ("loss", *told) else (*told, watched)

    @property
    def parameters(self) -> dict[Node, Array]:
        """The network's parameters: of the best epoch where there is early stopping, else as they are now."""
        return self.learner.parameters

    @property
    def fitted(self) -> Fitted:
        """The model as it is now."""
        return Fitted(self.mlp, self.parameters, self.preparation, self.outcome, self.target)

    def run(
        self,
        epochs: int,
        callbacks: Sequence[Callback] = (),
        engine: Engine | None = None,
        keeper: Keeper | None = None,
    ) -> Training:
        """Train until `epochs` epochs are done. Raises DivergenceError BG451, KeyboardInterrupt."""
        return self.learner.run(epochs, callbacks, engine, keeper)

    def scores(self, part: Part) -> dict[str, float]:
        """The metrics on a part of the table, of numbers in the target's own units."""
        says = self.mlp.predict_proba(self.parameters, part.X, part.examples.codes)
        truth = part.y
        if isinstance(self.outcome, Targets):
            truth, says = (self.outcome.restore(each) for each in (truth, says))
        return scores(self.metrics, self.mlp.task, truth, says, part.examples.weights)

    def _labelled(self, table: Table) -> Table:
        """`table`, or its rows that have a target. Raises DataError BG206, BG201 where there are none."""
        rows = self._labelled_rows(table)
        if not len(rows):
            raise DataError("BG201", str(table.cells(self.target)), "has no value in any row")
        return table if len(rows) == table.n_rows else table.rows(rows)

    def _labelled_rows(self, table: Table) -> Array:
        """The places of the rows that have a target. DataError BG206 at one that has none, unless such are left out."""
        missing = missing_in(table.column(self.target))
        without = np.flatnonzero(missing)
        if len(without) and not self.recipe.drop_unlabelled:
            where = table.cells(self.target).row(without[0])
            what = "is missing" + (f" ({len(without):,} such rows seen)" if len(without) > 1 else "")
            hint = "to leave such rows out: --drop-unlabelled"
            raise DataError("BG206", where, what, expected="a value in every row", hint=hint)
        return np.flatnonzero(~missing)

    def _weights(self, table: Table, rows: Array) -> Array | None:
        """Weights of rows by the column that has them; None without one."""
        name = self.recipe.weights
        if name is None:
            return None
        chosen = table.select([name]).rows(rows)
        return _checked_weights(chosen.column(name), chosen.cells(name))

    def _part(self, table: Table, rows: Array) -> Part:
        numbering = table.numbering.of(rows)
        if not len(rows):
            return Part(rows, Examples(np.zeros((0, len(self.preparation.features))), np.zeros(0)), numbering)
        columns, where = table.select(self.columns).rows(rows), Cells(table.source, self.target, numbering)
        values, known = table.target(self.target)[rows], self.outcome
        y = known.indices(values, where) if isinstance(known, Classes) else known.apply(values, where)
        prepared = self.preparation
        codes = prepared.codes(columns) if prepared.embeddings else None
        return Part(rows, Examples(prepared.matrix(columns), y, codes, self._weights(table, rows)), numbering)

    def _weighed(self, part: Part) -> Part:
        """The part itself. DataError BG206 where none of its rows has a weight."""
        weights = part.examples.weights
        if weights is not None and not weights.any():
            raise DataError(
                "BG206", f"column {self.recipe.weights!r}", "has no weight above 0", got=f"{len(part.rows)} rows"
            )
        return part

    def _factors(self, y: Array, weights: Array | None) -> Array | None:
        """The weights of classes (k) where they have any: for training alone, not for scores."""
        chosen = self.recipe.class_weight
        if isinstance(self.outcome, Classes):
            return class_factors(chosen, self.outcome.labels, np.bincount(y, weights, len(self.outcome)))
        if chosen is not None:
            raise TrainingError("BG401", "class_weight", "is for classes", got=f"task {self.task}", hint="leave it out")
        return None

    def _by_class(self, known: Examples) -> Examples:
        """The examples with the weights of their classes."""
        if self.factors is None:
            return known
        factors = self.factors[known.y]
        return replace(known, weights=factors if known.weights is None else known.weights * factors)

    def _network(self) -> MLP:
        recipe = self.recipe
        outputs = len(self.outcome) if isinstance(self.outcome, Classes) else 1
        return MLP(
            len(self.preparation.features), recipe.hidden, outputs, self.task, recipe.activation, recipe.biases,
            recipe.decay, recipe.dtype, loss=recipe.loss,
            dropout=dropout_for(self.n_train) if recipe.dropout is None else recipe.dropout,
            label_smoothing=self._smoothing(), delta=recipe.delta, quantile=recipe.quantile,
            embeddings=tuple((each.codes, each.size) for each in self.preparation.embeddings),
            weighted=recipe.weights is not None or self.factors is not None,
        )  # fmt: skip

    def _smoothing(self) -> float:
        if self.recipe.label_smoothing is not None:
            return self.recipe.label_smoothing
        if not isinstance(self.outcome, Classes):
            return 0.0
        examples = self.training_part.examples
        masses = np.bincount(examples.y, examples.weights, len(self.outcome))
        return smoothing_for(self.n_train, masses if self.factors is None else masses * self.factors)

    def _optimizer(self) -> Optimizer:
        wanted, per_epoch = self.recipe.optimizer, self.steps_per_epoch
        if isinstance(wanted, Optimizer):
            return wanted
        return wanted(Span(self.n_train, per_epoch, max(1, self.epochs * per_epoch), self.mlp.widths[0]))

    def _learner(self) -> Learner:
        recipe = self.recipe
        method = Method(
            self._optimizer(), self.batch_size, recipe.seed, recipe.shuffle, recipe.clip, self.metrics, recipe.stopping
        )
        start, examples = self.mlp.initial(recipe.seed), self._by_class(self.training_part.examples)
        return Learner(self.mlp, start, examples, self.validation_part.examples, method)


def check_repeated(counts: Array, where: str) -> None:
    """DataError BG206 where most of the classes, of which there are `counts` (k) rows, have a single row."""
    rows, single = int(counts.sum()), int((counts == 1).sum())
    if rows >= FEWEST_JUDGED and 2 * single > rows:
        what, hint = "most labels are those of a single row", "is it the right column? if so: --task classification"
        got = f"{np.count_nonzero(counts):,} labels in {rows:,} rows"
        raise DataError("BG206", where, what, got=got, expected="labels that repeat", hint=hint)


def task_of(values: Column) -> str:
    """Classification for text, truth values and few different whole numbers, else regression."""
    if kind_of(values) in (TEXT, TRUTHS):
        return CLASSIFICATION
    if kind_of(values) == DATES:
        # Where the target is then read, the error says so with its place.
        return REGRESSION
    known = values[~np.isnan(values)]
    whole = bool(np.equal(np.floor(known), known).all())
    return CLASSIFICATION if whole and len(np.unique(known)) <= MOST_CLASSES else REGRESSION


def known_task(task: str) -> str:
    """`task`, if there is one of that name. TrainingError BG401."""
    if task not in TASKS:
        raise TrainingError("BG401", "task", "unknown", got=task, expected=f"auto, {' or '.join(TASKS)}")
    return task


def columns_of(table: Table, target: str, weights: str | None, choices: Choices | None) -> list[str]:
    """The columns to learn from.

    Raises DataError BG201 when there are none, BG202 for weights that are not there, BG203 for `choices` of text that
    is no number, each as it stands in the file, UsageError BG601 for choices of the target or of the weights.
    """
    if weights is not None:
        table.column(weights)
    columns = [name for name in table.names if name not in (target, weights)]
    if not columns:
        raise DataError("BG201", table.source, "has no column but the target", got=target)
    for option, names in () if choices is None else vars(choices).items():
        for name in names:
            if name in (target, weights):
                what = (
                    f"names the column {'to predict' if name == target else 'of the weights'}, which is not learnt from"
                )
                hint = "--task classification" if option == "categorical" and name == target else "leave it out"
                raise UsageError("BG601", f"--{option}", what, got=name, hint=hint)
            if option == "numeric" and name in columns:
                as_numbers(table.column(name), table.cells(name))
    return columns


def _checked_weights(weights: Column, where: Cells) -> Array:
    """Finite numbers, not negative. Raises DataError BG206."""
    if kind_of(weights) != NUMBERS:
        raise DataError("BG206", str(where), "has weights that are no numbers", got=weights[0])
    numbers = np.asarray(weights, "float64")
    bad = np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))
    if len(bad):
        got, expected = float(numbers[bad[0]]), "a finite number ≥ 0"
        raise DataError("BG206", where.row(bad[0]), "is no weight", got=got, expected=expected)
    return numbers


def outcome(task: str, values: Array, rows: Array, where: Cells, recipe: Recipe) -> Classes | Targets:
    """The classes or the scale of some rows of the target. Raises DataError BG206 at the first row that has neither."""
    if task == CLASSIFICATION:
        return Classes.fit(values[rows], where)
    Targets.fit(values, where)  # every row is looked at, so that the first bad one is named as it stands in the file
    if recipe.loss not in UNSCALED:
        return Targets.fit(values[rows], where)
    if values.min() < 0:
        got = float(values.min())
        raise DataError("BG206", str(where), "has counts below 0", got=got, expected=f"0 or more for {recipe.loss}")
    return Targets((0.0,), (1.0,))
