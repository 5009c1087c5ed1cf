"""A trained network for tables as one ONNX model: raw columns in, labels or numbers out.

    inputs    a column each, by its name: see `export.onnx_columns`
    outputs   "label" and "probabilities" (rows × classes) of a classifier; "prediction" of a regression

The preparation is part of the model, so whoever runs it needs neither backgraph nor the training data.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from backgraph.data.labels import Classes, Targets
from backgraph.errors import UsageError
from backgraph.export.onnx_columns import COLUMNS, DOUBLE, DTYPES, code
from backgraph.export.onnx_graph import save_model, write_nodes
from backgraph.export.onnx_writer import TEXT, Name, Writer
from backgraph.language.dims import Shape, symbol
from backgraph.models.fitted import Fitted
from backgraph.models.prediction import Prediction

ROWS = symbol("m")
OUTPUTS = ("label", "probabilities", "prediction")


def model_to_onnx(fitted: Fitted, path: str | os.PathLike[str] | None = None) -> Any:
    """The ONNX model of a trained network, written to `path` if there is one.

    Raises UsageError BG602 without the extra, BG601 for a column that is called like an output, SaveError BG551.
    """
    writer = Writer()
    columns = _columns(writer, fitted)
    prediction = fitted.prediction or Prediction.of(fitted.mlp)
    X, *codes = prediction.inputs
    names = {X: writer.cast(_design_matrix(writer, fitted, columns), X.dtype)}
    embedded = zip(codes, fitted.preparation.embeddings, strict=True)
    names |= {leaf: code(writer, embedding, columns[embedding.column]) for leaf, embedding in embedded}
    names |= {leaf: writer.constant(np.asarray(array)) for leaf, array in fitted.parameters.items()}
    write_nodes(writer, {"scores": prediction.scores, "says": prediction.says}, names)
    _write_outcome(writer, fitted.outcome, names[prediction.scores], names[prediction.says], prediction.says.dtype)
    model = writer.model("backgraph", {"target": fitted.target, "columns": json.dumps(list(columns))})
    if path is not None:
        save_model(path, model)
    return model


def _columns(writer: Writer, fitted: Fitted) -> dict[str, Name]:
    """An input for each column that is looked at."""
    looked_at = [each for each in fitted.preparation.transforms if each.kind in COLUMNS]
    columns: dict[str, Name] = {}
    for transform in [*looked_at, *fitted.preparation.embeddings]:
        if transform.column in OUTPUTS:
            raise UsageError("BG601", "export", "a column is called like an output", got=transform.column)
        columns[transform.column] = writer.input(transform.column, DTYPES[transform.takes], (ROWS,))
    return columns


def _design_matrix(writer: Writer, fitted: Fitted, columns: dict[str, Name]) -> Name:
    parts = [
        COLUMNS[each.kind](writer, each, columns[each.column])
        for each in fitted.preparation.transforms
        if each.kind in COLUMNS
    ]
    if parts:
        return writer.op("Concat", *parts, axis=1)
    # No feature but codes: a column of zeros, as in `Preparation.matrix`.
    return writer.cast(writer.op("ConstantOfShape", writer.shape((ROWS, 1))), DOUBLE)


def _write_outcome(writer: Writer, outcome: Classes | Targets, scores: Name, says: Name, dtype: str) -> None:
    if isinstance(outcome, Targets):
        restored = writer.op("Mul", writer.cast(says, DOUBLE), writer.constant(np.array(outcome.scale)))
        prediction = writer.op("Add", restored, writer.constant(np.array(outcome.mean)))
        single = len(outcome.mean) == 1
        value = writer.op("Squeeze", prediction, writer.integers(1)) if single else prediction
        shape: Shape = (ROWS,) if single else (ROWS, len(outcome.mean))
        writer.output(value, "prediction", DOUBLE, shape)
        return
    best = writer.op("ArgMax", scores, axis=1, keepdims=0)
    labels = outcome.array()
    text = labels.dtype.kind == "O"
    table = writer.texts([str(label) for label in labels]) if text else writer.constant(labels)
    kind = TEXT if text else "bool" if labels.dtype.kind == "b" else "int64"
    writer.output(writer.op("Gather", table, best), "label", kind, (ROWS,))
    writer.output(says, "probabilities", dtype, (ROWS, len(outcome)))
