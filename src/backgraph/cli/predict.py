"""`backgraph predict`: what a trained network says about the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.numbers import Flag, counted, score_text
from backgraph.cli.output import MODEL, table_text, writable_file
from backgraph.cli.screen import note, say, write
from backgraph.data.read import read_table
from backgraph.data.table import Table
from backgraph.errors import DataError, shown
from backgraph.models.fitted import Fitted, load
from backgraph.train.disk import save_text

SHOWN_UNUSED = 3
"""Columns that are named of those not used."""
SHOWN_LEVELS = 3
"""Levels that are named of those the model does not know."""


def predict(
    model: Path,
    data: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    probabilities: Flag = False,
    separator: str | None = None,
    decimal: str = ".",
    overwrite: Flag = False,
) -> None:
    """Predict the rows of a table with a trained network.

    If the table has the column that the network predicts, the scores are printed as well.

    Args:
        model: the folder that `backgraph train` wrote, or the file in it.
        data: CSV (also .gz) or Parquet file with the columns that the network was trained on.
        out: CSV file to write; standard output without it.
        probabilities: add a column with the probability of each class.
        separator: between the columns of a CSV file; a comma, or a tab for .tsv.
        decimal: the decimal sign in a CSV file.
        overwrite: replace the file `out` if it is there.
    """
    if out is not None:
        writable_file(out, overwrite)
    fitted = load(model / MODEL if model.is_dir() else model)
    table = read_table(data, separator=separator, decimal=decimal, text=fitted.preparation.text_columns)
    content = table_text(*_predictions(fitted, table, probabilities))
    if out is None:
        write(content)
    else:
        save_text(out, content)
    _say_unused(fitted, table)
    say_unknown(fitted, table)
    _say_scores(fitted, table, out)


def _predictions(
    fitted: Fitted, table: Table, probabilities: bool
) -> tuple[list[str], Iterator[Sequence[str | float]]]:
    labels = fitted.predict(table).tolist()
    if not probabilities:
        return [fitted.target], ([_cell(label)] for label in labels)
    p = fitted.predict_proba(table).tolist()
    classes = [] if fitted.classes is None else [f"p({label})" for label in fitted.classes.labels]
    return [fitted.target, *classes], ([_cell(label), *row] for label, row in zip(labels, p, strict=True))


def _cell(label: object) -> str | float:
    return label if isinstance(label, float) else str(label)


def _say_unused(fitted: Fitted, table: Table) -> None:
    unused = [shown(name) for name in fitted.preparation.unused(table) if name != fitted.target]
    if unused:
        more = "" if len(unused) <= SHOWN_UNUSED else f", … ({len(unused)} in all)"
        note(f"backgraph: columns that the model does not know are not used: {', '.join(unused[:SHOWN_UNUSED])}{more}")


def say_unknown(fitted: Fitted, table: Table) -> None:
    """A line on standard error for each column with levels that the model does not know, to which it is blind."""
    for column, cells in fitted.preparation.unknown(fitted.inputs(table)).items():
        levels = list(dict.fromkeys(cells))
        more = "" if len(levels) <= SHOWN_LEVELS else ", …"
        examples = ", ".join(repr(shown(level)) for level in levels[:SHOWN_LEVELS])
        rows = counted(len(cells), "row")
        note(f"backgraph: {shown(column)}: {rows} with levels that the model did not learn: {examples}{more}")


def _say_scores(fitted: Fitted, table: Table, out: Path | None) -> None:
    """The scores, where there is something to compare with; what keeps from it is said, and is no failure."""
    if fitted.target not in table.names:
        return
    if not fitted.can_be_scored_on(table):
        note(f"backgraph: not scored: column {shown(fitted.target)} is not in every row what it was in training")
        return
    try:
        found = fitted.score(table)
    except DataError as error:
        note(f"backgraph: not scored: {error.where}: {error.what}; got {error.got}")
        return
    scores = ", ".join(f"{name} {score_text(score)}" for name, score in found.items())
    (note if out is None else say)(f"{scores} on {counted(table.n_rows, 'row')}")
