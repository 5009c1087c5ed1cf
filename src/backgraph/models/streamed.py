"""From a Parquet file that does not fit into memory to a trained network.

The file is read twice from end to end. The first time each row is looked at, the rows to validate on are put aside,
and a sample of the others is taken; the preparation and the scale of the target are learnt from the sample, the classes
from all rows. The second time all rows to train on are prepared and written to nameless files in a folder, in the form
in which the network takes them; each epoch reads those, in the order of `train.stream`. What is said of columns, and of
the training part, is said of the sample.

Which rows are held out and which are in the sample depends on the seed and the number of the row alone: a row is held
out where its random word is below a bound, so that the share is met but for chance, and classes are not balanced.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from backgraph.data.labels import Classes, Targets
from backgraph.data.parquet import numbering
from backgraph.data.prepare import Preparation
from backgraph.data.rows import ParquetRows, words_of_rows
from backgraph.data.source import open_source
from backgraph.data.split import SPLIT
from backgraph.data.summary import summary
from backgraph.data.table import Cells, Column, Numbering, Table
from backgraph.errors import DataError, SaveError, TrainingError, UsageError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.models.learner import Examples, Learner
from backgraph.models.losses import CLASSIFICATION
from backgraph.models.trainer import Part, Recipe, Trainer, check_repeated, columns_of, known_task, outcome, task_of
from backgraph.train.stream import Stored, Stream

MOST_HELD_OUT = 50_000
MOST_SAMPLED = 500_000
MOST_LABELS = 100_000
TIMES = 3
"""What training in memory takes, as a multiple of the table: beside it the prepared rows, and copies on the way."""
SAMPLE = 2**64 - 2
"""The second word of the key of the sample, beside that of the split."""
WORDS = 2**64


def is_larger(path: str | os.PathLike[str], memory: int) -> bool:
    """Whether a table and what is prepared of it take more than `memory` bytes.

    Raises UsageError BG601 for a CSV file of which that is so: it can only be read whole.
    """
    source = open_source(path)
    if source.is_parquet:
        file = ParquetRows(path, memory)
        return TIMES * file.n_rows * file.row_bytes > memory
    if TIMES * source.size > memory:
        hint = "convert it: duckdb -c \"copy 'FILE' to 'FILE.parquet'\""
        raise UsageError("BG601", "--memory", "only Parquet is read in parts", got=source.name, hint=hint)
    return False


@dataclass(frozen=True)
class Budget:
    """What may be in memory, in bytes, and how it is shared: a range of rows read, a sample, a chunk of an epoch."""

    total: int

    @property
    def reading(self) -> int:
        """For a range of rows of the file."""
        return self.total // 4

    @property
    def sample(self) -> int:
        """For the sample, and for the rows to validate on, as tables."""
        return self.total // 8

    @property
    def chunk(self) -> int:
        """For the rows that an epoch has read."""
        return self.total // 4


@dataclass
class Kept:
    """Rows put aside, one range of rows after another, and their numbers in the file."""

    parts: list[Table] = field(default_factory=list[Table])
    numbers: list[Array] = field(default_factory=list[Array])

    def add(self, table: Table, chosen: Array, numbers: Array) -> None:
        """The rows of `table` where `chosen` (bool); `numbers` are those of all its rows."""
        if chosen.any():
            rows = np.flatnonzero(chosen)
            self.parts.append(table.rows(rows))
            self.numbers.append(numbers[rows])

    def table(self, names: Sequence[str]) -> Table | None:
        """All of them; None where there are none."""
        if not self.parts:
            return None
        columns = {name: np.concatenate([part.column(name) for part in self.parts]) for name in names}
        return Table(columns, self.parts[0].source, numbering=Numbering("row", 1 + self.rows))

    @property
    def rows(self) -> Array:
        """Their numbers in the file."""
        return np.concatenate([np.zeros(0, "int64"), *self.numbers])


class StreamTrainer(Trainer):
    """A Parquet file made ready for training, with at most about `memory` bytes of it in memory at a time.

    `folder` is where the prepared rows lie while this object lives: 4 bytes for each feature in float32. The training
    part of the result is the sample; balanced classes are so by all rows. Raises what `Trainer` does; SaveError BG551
    where the folder is full.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        target: str,
        recipe: Recipe,
        memory: int,
        folder: str | os.PathLike[str] | None = None,
        *,
        held_out: Table | None = None,
    ) -> None:
        if not 0 <= recipe.validation < 1:
            raise TrainingError("BG401", "fraction", "cannot be held out", got=recipe.validation, expected="0 … 1")
        self.recipe, self.target, self.budget = recipe, target, Budget(memory)
        self.file = ParquetRows(path, self.budget.reading)
        self.folder = _existing(Path(tempfile.gettempdir() if folder is None else folder))
        nameless = Table(dict.fromkeys(self.file.names, np.zeros(1)), self.file.source.name)
        nameless.column(target)
        self.columns = columns_of(nameless, target, recipe.weights, recipe.choices)
        self._look(None if held_out is None else self._labelled(held_out))
        self.mlp = self._network()
        self.stream = self._written()
        self.learner = self._learner()

    def _look(self, judge: Table | None) -> None:
        """The first pass: what is held out, the sample, classes, preparation."""
        where = Cells(self.file.source.name, self.target, numbering(0, self.file.n_rows))
        self.share = 0.0 if judge is not None else self.recipe.validation
        held_out, sample, labels = Kept(), Kept(), _Labels(where)
        self.n_train = 0
        for numbers, table in self._tables():
            out, sampled = self._chosen(numbers)
            held_out.add(table, out, numbers)
            sample.add(table, sampled, numbers)
            labels.add(table.target(self.target), ~out, self._weights(table, np.arange(table.n_rows)))
            self.n_train += int((~out).sum())
        self.unlabelled = self.file.n_rows - self.n_train - len(held_out.rows)
        seen, aside = sample.table(self.file.names), held_out.table(self.file.names)
        if seen is None:
            raise DataError("BG201", self.file.source.name, "too few rows to learn from", got=self.file.n_rows)
        self._learn_columns(seen, labels, where)
        self.training_part = self._put(seen, sample.rows)
        aside, rows = (aside, held_out.rows) if judge is None else (judge, np.arange(judge.n_rows))
        self.validation_part = self._put(seen if aside is None else aside, rows)

    def _put(self, table: Table, rows: Array) -> Part:
        """The first rows of `table`, which have the numbers `rows`."""
        return self._weighed(replace(self._part(table, np.arange(len(rows))), rows=rows))

    def _learn_columns(self, seen: Table, labels: _Labels, where: Cells) -> None:
        """The task, the classes or the scale, and the preparation."""
        truth, everything = seen.target(self.target), np.arange(seen.n_rows)
        self.task = labels.task(self.recipe.task, seen.column(self.target))
        known = labels.classes() if self.task == CLASSIFICATION else None
        if self.recipe.task == "auto" and known is not None and self.recipe.weights is None:
            check_repeated(labels.masses(known)[1], str(where))
        self.outcome = known or outcome(self.task, truth, everything, where, self.recipe)
        self.factors = self._factors(*labels.masses(self.outcome))
        columns = seen.select(self.columns)
        self.preparation = Preparation.fit(columns, self._weights(seen, everything), self.recipe.choices)
        self.summary = summary(columns, self.preparation)

    def _tables(self) -> Iterator[tuple[Array, Table]]:
        """Numbers of rows (from 0), ascending, and those rows: one range after another, of rows that have a target."""
        for first, table in self.file.tables():
            rows = self._labelled_rows(table)
            if len(rows):
                yield first + rows, table if len(rows) == table.n_rows else table.rows(rows)

    def _chosen(self, numbers: Array) -> tuple[Array, Array]:
        """Which of the rows with these numbers are held out, and which are in the sample: bool (rows), (rows)."""
        n, seed = self.file.n_rows, self.recipe.seed
        first, end = int(numbers[0]), int(numbers[-1]) + 1
        most = min(MOST_HELD_OUT, self.budget.sample // self.file.row_bytes)
        wanted = min(MOST_SAMPLED, self.budget.sample // self.file.row_bytes)
        out = _below(words_of_rows(first, end, (seed, SPLIT)), min(self.share, most / n))[numbers - first]
        sampled = _below(words_of_rows(first, end, (seed, SAMPLE)), wanted / n)[numbers - first]
        return out, sampled & ~out

    def _written(self) -> Stream:
        """The second pass: the rows to train on, prepared."""
        network, inputs = self.mlp.network, self.mlp.network.inputs
        weighted = [] if network.weighted is None else [network.weighted]
        leaves = [inputs.X, *inputs.codes, network.y, *weighted]
        spools = {leaf: Spool(self.folder, leaf, self.n_train) for leaf in leaves}
        for arrays in self._prepared():
            for leaf, spool in spools.items():
                spool.write(arrays[leaf])
        for spool in spools.values():
            spool.file.close()
        one = self.training_part.examples.rows(np.arange(1))
        fixed = {leaf: array for leaf, array in self.mlp.data(one.X, one.y, one.codes).items() if leaf not in spools}
        return Stream({leaf: spool.stored for leaf, spool in spools.items()}, fixed, chunk_bytes=self.budget.chunk)

    def _prepared(self) -> Iterator[dict[Node, Array]]:
        for numbers, table in self._tables():
            out, _ = self._chosen(numbers)
            if not out.all():
                rows = self._by_class(self._part(table, np.flatnonzero(~out)).examples)
                yield self.mlp.data(rows.X, rows.y, rows.codes, rows.weights)

    def _learner(self) -> Learner:
        plain = super()._learner()
        return StreamLearner(plain.mlp, plain.start, plain.examples, plain.held_out, plain.method, stream=self.stream)


@dataclass
class StreamLearner(Learner):
    """A network in training on a stream; its `examples` are a sample."""

    stream: Stream | None = None

    def take(self, examples: Examples) -> None:
        """See Learner."""
        self.examples, self.data = examples, cast("Any", self.stream)


class Spool:
    """A nameless file of rows, in the form in which `leaf` takes them; it goes when nothing refers to it any more."""

    def __init__(self, folder: Path, leaf: Node, rows: int) -> None:
        shape = (rows, *cast("tuple[int, ...]", leaf.shape)[1:])  # pyright: ignore[reportArgumentType]
        try:
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".backgraph-", suffix=".rows")
            self.file: BinaryIO = os.fdopen(descriptor, "wb")
            self.stored = Stored(Path(name), shape, np.dtype(leaf.dtype))
            Path(name).unlink()
        except OSError as error:
            raise _not_written(folder, error) from None
        self.folder = folder

    def write(self, rows: Array) -> None:
        """Adds `rows`. SaveError BG551."""
        try:
            self.file.write(memoryview(cast("Any", np.ascontiguousarray(rows, self.stored.dtype))).cast("B"))
        except OSError as error:
            raise _not_written(self.folder, error) from None


def _existing(folder: Path) -> Path:
    """`folder`, or the nearest folder above it that is there: nothing is made before training can begin."""
    return next((each for each in (folder, *folder.absolute().parents) if each.exists()), folder)


def _not_written(folder: Path, error: OSError) -> SaveError:
    what, hint = "the prepared rows cannot be written", "name a folder on a disk with room: TMPDIR=…"
    return SaveError("BG551", str(folder), what, got=error.strerror or str(error), hint=hint)


@dataclass
class _Labels:
    """The different values of the target, seen a range of rows at a time; None when they are too many for classes.

    Each has the weight of the rows to train on that have it; 0 where all of them are held out.
    """

    where: Cells
    values: dict[Any, float] | None = field(default_factory=dict[Any, float])

    def add(self, values: Array, train: Array, weights: Array | None) -> None:
        """Looks at some rows."""
        if self.values is None:
            return
        different, index = np.unique(values, return_inverse=True)
        masses = np.bincount(index, train if weights is None else train * weights)
        for value, mass in zip(different.tolist(), masses.tolist(), strict=True):
            self.values[value] = self.values.get(value, 0.0) + mass
        if len(self.values) > MOST_LABELS:
            self.values = None

    def task(self, wanted: str, sample: Column) -> str:
        """That of `task_of`, of all rows."""
        if wanted != "auto" or self.values is None:
            return task_of(sample) if wanted == "auto" else known_task(wanted)
        return task_of(np.array(list(self.values), sample.dtype))

    def classes(self) -> Classes:
        """The classes of all rows."""
        if self.values is None:
            raise DataError("BG206", str(self.where), "has too many classes", expected=f"at most {MOST_LABELS}")
        return Classes.fit(list(self.values), self.where)

    def masses(self, known: Classes | Targets) -> tuple[Array, Array]:
        """Class numbers, and what the rows to train on weigh that have them."""
        values = self.values or {}
        numbers = known.indices(list(values), self.where) if isinstance(known, Classes) else np.zeros(0, "int64")
        return numbers, np.array(list(values.values()))[: len(numbers)]


def _below(words: Array, share: float) -> Array:
    """Where the random words (rows) are among the lowest `share` of all: bool (rows)."""
    return words < np.uint64(min(int(share * WORDS), WORDS - 1)) if share < 1 else np.ones(len(words), bool)
