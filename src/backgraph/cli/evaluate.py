"""`backgraph evaluate`: how good a trained network is on a table that has the target."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backgraph.cli.numbers import Flag, counted, names, score_text
from backgraph.cli.output import MODEL
from backgraph.cli.predict import say_unknown
from backgraph.cli.screen import say
from backgraph.data.read import read_table
from backgraph.data.table import Table
from backgraph.errors import DataError, shown
from backgraph.models.fitted import Fitted, load
from backgraph.train.metrics import METRICS, confusion, scores

MOST_CLASSES = 20
"""Up to so many classes the confusion matrix is printed; JSON has it always."""
WIDEST_LABEL = 12


def evaluate(
    model: Path,
    data: Path,
    /,
    *,
    metrics: str = "",
    weights: str | None = None,
    separator: str | None = None,
    decimal: str = ".",
    json: Flag = False,
) -> None:
    """Score a trained network on a table that has the column it predicts.

    Args:
        model: the folder that `backgraph train` wrote, or the file in it.
        data: CSV (also .gz) or Parquet file with the columns that the network was trained on, and the target.
        metrics: some of accuracy, balanced accuracy, log loss, AUC, F1, RMSE, MSE, MAE, median absolute error and R²;
            all that there are for the task without it.
        weights: the column with the weights of the rows.
        separator: between the columns of a CSV file; a comma, or a tab for .tsv.
        decimal: the decimal sign in a CSV file.
        json: print the result as one line of JSON.
    """
    fitted = load(model / MODEL if model.is_dir() else model)
    table = read_table(data, separator=separator, decimal=decimal, text=_texts(fitted))
    result = _result(fitted, table, names(metrics), weights)
    say_unknown(fitted, table)
    if json:
        say(json_text.dumps(result, ensure_ascii=False))
        return
    for line in (*_score_lines(result), *_confusion_lines(result)):
        say(line)


def _texts(fitted: Fitted) -> list[str]:
    """Columns to be read as text: those with levels, and labels that are text though they may look like numbers."""
    of_text = fitted.classes is not None and isinstance(fitted.classes.labels[0], str)
    return [*fitted.preparation.text_columns, *([fitted.target] if of_text else [])]


def _result(fitted: Fitted, table: Table, chosen: Sequence[str], weights: str | None) -> dict[str, Any]:
    task = fitted.mlp.task
    told = chosen or [name for name, metric in METRICS.items() if task in metric.functions]
    truth, says = fitted.judged(table)
    w = None if weights is None else _weights(table, weights)
    found = scores(told, task, truth, says, w)
    finite = {name: None if np.isnan(score) else score for name, score in found.items()}
    result: dict[str, Any] = {"rows": table.n_rows, "task": task, "metrics": finite}
    if fitted.classes is not None:
        matrix = confusion(truth, says.argmax(axis=1), len(fitted.classes), w)
        result["confusion"] = {"labels": list(fitted.classes.labels), "table": matrix.tolist()}
    return result


def _weights(table: Table, name: str) -> Any:
    """The weights of rows. Raises DataError BG202 where the column is missing, BG206 for what is no weight."""
    column = table.column(name)
    if column.dtype.kind != "f" or not (np.isfinite(column) & (column >= 0)).all() or not column.any():
        raise DataError("BG206", f"{table.source}: column {name!r}", "is no column of weights", expected="numbers ≥ 0")
    return column


def _score_lines(result: dict[str, Any]) -> Iterator[str]:
    yield counted(result["rows"], "row")
    widest = max(len(name) for name in result["metrics"])
    for name, score in result["metrics"].items():
        yield f"  {name:{widest}}  {'undefined' if score is None else score_text(score)}"


def _confusion_lines(result: dict[str, Any]) -> Iterator[str]:
    """How often each class (row) was taken for each other (column)."""
    if "confusion" not in result or len(result["confusion"]["labels"]) > MOST_CLASSES:
        return
    labels = [shown(str(label))[:WIDEST_LABEL] for label in result["confusion"]["labels"]]
    rows = [[f"{count:,.6g}" for count in row] for row in result["confusion"]["table"]]
    width = max(len(cell) for row in (labels, *rows) for cell in row)
    yield ""
    yield "true label (rows) and what was predicted (columns)"
    yield "  " + " ".join(f"{cell:>{width}}" for cell in ("", *labels))
    for label, row in zip(labels, rows, strict=True):
        yield "  " + " ".join(f"{cell:>{width}}" for cell in (label, *row))
