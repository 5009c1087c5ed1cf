"""What a table's columns were taken for, and what is done with each: for people to check before they trust a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backgraph.data.cells import looks_like
from backgraph.data.prepare import Preparation, as_text
from backgraph.data.table import DATES, NUMBERS, TEXT, TRUTHS, Column, Table, kind_of, missing_in

SHOWN_LEVELS = 3
DROPPED = "dropped"
FEWEST_NUMBERED = 30
"""Of fewer rows nothing is said of columns that look like the number of the row."""


@dataclass(frozen=True)
class ColumnSummary:
    """A column of the training rows: what it holds, how many cells are missing, its range or levels, what is done.

    `remark` is a warning, or nothing.
    """

    column: str
    holds: str
    missing: int
    values: str
    treatment: str
    remark: str = ""

    @property
    def done(self) -> str:
        """What is done, and the remark."""
        return f"{self.treatment}; {self.remark}" if self.remark else self.treatment


def summary(table: Table, preparation: Preparation) -> list[ColumnSummary]:
    """A line for each column that `preparation` has seen; `table` are the rows that it was learnt from."""
    transforms = {each.column: each for each in preparation.transforms}
    found: list[ColumnSummary] = []
    for name in preparation.seen:
        values, transform = table.column(name), transforms.get(name)
        missing = missing_in(values)
        kind, known = kind_of(values), values[~missing]
        shown = _range(known) if kind in (NUMBERS, DATES) else _levels(as_text(known))
        done, remark = (transform.summary, _remark(values, known)) if transform else (DROPPED, "")
        if kind == TRUTHS and transform:
            done = f"True is 1, False is 0; {done}"
        found.append(ColumnSummary(name, kind, int(missing.sum()), shown, done, remark))
    return found


def _remark(values: Column, known: Column) -> str:
    """A warning of text that looks like something else, and of what a network can only learn by heart."""
    if kind_of(values) == TEXT:
        return looks_like(set(known.tolist()))
    if kind_of(values) != NUMBERS or len(values) < FEWEST_NUMBERED or len(known) < len(values):
        return ""
    # Numbers that count the rows, as identifiers do.
    different = np.unique(values)
    counts = len(different) == len(values) and (different == np.floor(different)).all()
    dense = counts and different[-1] - different[0] < 2 * len(values)
    return "another in every row: is it an identifier? then drop it" if dense else ""


def _range(known: Column) -> str:
    if not len(known):
        return "all missing"
    ends = [known.min(), known.max()]
    shown = [f"{end:.6g}" if kind_of(known) == NUMBERS else str(np.datetime_as_string(end, "D")) for end in ends]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} … {shown[1]}"


def _levels(known: Column) -> str:
    levels = sorted(set(known.tolist()))
    if not levels:
        return "all missing"
    first = ", ".join(level[:20] for level in levels[:SHOWN_LEVELS])
    return f"{len(levels)}: {first}" + (", …" if len(levels) > SHOWN_LEVELS else "")


def summary_rows(columns: Sequence[ColumnSummary]) -> list[tuple[str, ...]]:
    """The summary as rows of cells, titles first; control characters are shown as ?."""
    rows = [("column", "holds", "missing", "values", "what is done")]
    rows += [(each.column, each.holds, f"{each.missing:,}", each.values, each.done) for each in columns]
    return [tuple("".join(c if c.isprintable() else "?" for c in cell) for cell in row) for row in rows]


def summary_lines(columns: Sequence[ColumnSummary]) -> list[str]:
    """The summary as text: a line of titles, then a line for each column."""
    cells = summary_rows(columns)
    widths = [min(max(len(row[column]) for row in cells), 40) for column in range(4)]
    return [
        "  ".join([*(cell[:width].ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
        for row in cells
    ]
