"""A trained network with all that it takes to use it: parameters, preparation of columns, and what it predicts.

One file holds it: safetensors with JSON, checked by SHA-256; loading executes nothing. What the network computes is
in it as a graph (`models.prediction`), so that later versions need not build it as this one does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from backgraph.data.labels import Classes, Targets
from backgraph.data.prepare import Preparation
from backgraph.data.table import NUMBERS, TEXT, TRUTHS, Table, kind_of, missing_in
from backgraph.errors import BackgraphError, FileError, UsageError
from backgraph.language.dims import symbol
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.models.losses import CLASSIFICATION, REGRESSION, TASKS
from backgraph.models.mlp import MLP
from backgraph.models.prediction import Prediction
from backgraph.train.files import load_tensors, save_tensors
from backgraph.train.metrics import scores

KIND = "mlp"
METRICS: Mapping[str, tuple[str, ...]] = {CLASSIFICATION: ("accuracy",), REGRESSION: ("RMSE", "R²")}
"""What is told of a task unless something else is asked for."""
KINDS: Mapping[type, str] = {str: TEXT, bool: TRUTHS, int: NUMBERS}
"""The kind of column that labels of a type are in."""


@dataclass(frozen=True)
class Fitted:
    """A trained MLP for tables: `target` is the column it predicts, `outcome` its classes or its scale.

    `prediction` is the graph that came with a file; without one it is the network's.
    """

    mlp: MLP
    parameters: Mapping[Node, Array]
    preparation: Preparation
    outcome: Classes | Targets
    target: str
    prediction: Prediction | None = None

    @property
    def classes(self) -> Classes | None:
        """The classes in the order of the outputs; None for regression."""
        return self.outcome if isinstance(self.outcome, Classes) else None

    def predict(self, table: Table) -> Array:
        """Labels (rows), or numbers in the target's own units (rows)."""
        raw = self._graph.decided(*self._forward(table))
        if isinstance(self.outcome, Classes):
            return self.outcome.of(raw)
        return self.outcome.restore(raw[:, None])[:, 0]

    def predict_proba(self, table: Table) -> Array:
        """Probabilities of the classes, rows × classes. Raises UsageError BG601 for regression."""
        if self.classes is None:
            raise UsageError("BG601", "probabilities", "the model predicts numbers", hint="leave out --probabilities")
        return self._forward(table)[1]

    def score(self, table: Table, metrics: Sequence[str] | None = None) -> dict[str, float]:
        """Metrics (METRICS of the task) on a table that has the target. Raises DataError BG202, BG206."""
        truth, says = self.judged(table)
        return scores(METRICS[self.mlp.task] if metrics is None else metrics, self.mlp.task, truth, says)

    def judged(self, table: Table) -> tuple[Array, Array]:
        """What `train.metrics` compares: class numbers (rows) and probabilities (rows × classes), or numbers."""
        where = table.cells(self.target)
        values = table.target(self.target)
        says = self._forward(table)[1]
        if isinstance(self.outcome, Classes):
            return self.outcome.indices(values, where), says
        self.outcome.apply(values, where)  # refuses what is no number
        return np.asarray(values, "float64")[:, None], self.outcome.restore(says)

    @property
    def _graph(self) -> Prediction:
        return self.prediction or Prediction.of(self.mlp)

    def _forward(self, table: Table) -> tuple[Array, Array]:
        """Scores and what the network says, from the design matrix and the codes of embedded columns."""
        prepared, table = self.preparation, self.inputs(table)
        X, codes = prepared.matrix(table), prepared.codes(table) if prepared.embeddings else None
        if self.prediction is None:  # programs of networks are shared
            return self.mlp.forward(self.parameters, X, codes)
        return self.prediction.forward({str(node.op): array for node, array in self.parameters.items()}, X, codes)

    def can_be_scored_on(self, table: Table) -> bool:
        """Whether `table` has the target, of the kind that it was in training, and in every row."""
        if self.target not in table.names:
            return False
        values = table.column(self.target)
        kind = KINDS[type(self.outcome.labels[0])] if isinstance(self.outcome, Classes) else NUMBERS
        return kind_of(values) == kind and not missing_in(values).any()

    def inputs(self, table: Table) -> Table:
        """`table` without the target."""
        if self.target not in table.names or not table.named or len(table.names) == 1:
            return table
        return table.drop([self.target])

    def save(self, path: str | os.PathLike[str], training: Mapping[str, Any] | None = None) -> None:
        """Write it to `path`, atomically; `training` is kept as a remark. Raises SaveError BG551, UsageError BG601."""
        network = asdict(self.mlp)
        for name, used in (("activation", self.mlp.activations), ("loss", (self.mlp.loss,))):
            if any(callable(each) for each in used):
                raise UsageError("BG601", name, "a function cannot be saved", hint="use one that has a name")
        metadata = {
            "kind": KIND, "task": self.mlp.task, "graph": self._graph.text, "network": network,
            "target": self.target, "preparation": self.preparation.to_json(),
            "classes" if self.classes else "targets": self.outcome.to_json(), "training": dict(training or {}),
        }  # fmt: skip
        save_tensors(path, {str(node.op): array for node, array in self.parameters.items()}, metadata)


def load(path: str | os.PathLike[str]) -> Fitted:
    """The model at `path`. Raises FileError BG501, BG502 and BG503."""
    tensors, metadata = load_tensors(path)
    try:
        if metadata["kind"] != KIND:
            raise FileError("BG502", os.fspath(path), "not a model", got=metadata["kind"], expected=KIND)
        mlp = MLP(**{name: _tuples(value) for name, value in metadata["network"].items()})
        preparation = Preparation.from_json(metadata["preparation"])
        prediction = _prediction(metadata, preparation)
        parameters = {node: _tensor(node, tensors) for node in prediction.parameters}
        outcome = (
            Classes.from_json(metadata["classes"]) if "classes" in metadata else Targets.from_json(metadata["targets"])
        )
        _check_width(prediction, outcome)
        return Fitted(mlp, parameters, preparation, outcome, str(metadata["target"]), prediction)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = error.what if isinstance(error, BackgraphError) else str(error)
        raise FileError("BG502", os.fspath(path), "is no model that this version knows", got=reason) from None


def _prediction(metadata: Mapping[str, Any], preparation: Preparation) -> Prediction:
    """The graph, which must fit what the columns become."""
    if metadata["task"] not in TASKS:
        raise ValueError(f"task {metadata['task']!r}")
    prediction = Prediction.read(metadata["graph"], metadata["task"])
    codes = tuple(leaf.shape for leaf in prediction.inputs[1:])
    expected = (symbol("m"), len(preparation.features)), ((symbol("m"),),) * len(preparation.embeddings)
    if (prediction.inputs[0].shape, codes) != expected:
        raise ValueError("the graph does not fit the columns")
    return prediction


def _check_width(prediction: Prediction, outcome: Classes | Targets) -> None:
    """There is a column for each class or target."""
    shape = prediction.says.shape
    if not isinstance(shape, tuple) or shape[-1:] != (len(outcome),):
        raise ValueError("the graph does not fit the classes or targets")


def _tuples(value: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(_tuples(part) for part in cast("list[Any]", value)) if isinstance(value, list) else value


def _tensor(node: Node, tensors: Mapping[str, Array]) -> Array:
    array = tensors[str(node.op)]
    if array.shape != node.shape or array.dtype.name != node.dtype:
        raise ValueError(f"{node.op} is {array.shape} {array.dtype.name}")
    return array
