"""From a table to what a network is given: the design matrix, and the codes of embedded columns.

Vocabulary. A *preparation* is a list of transforms (`transforms`), one for each column that is not dropped, learnt from
the training rows only and saved as JSON. `matrix(table)` are the numbers, `codes(table)` the rows of embedding tables:

    X = preparation.matrix(table)       float64 rows × len(features)
    C = preparation.codes(table)        int64 rows × len(embeddings)

`choose` is the rule by which a column gets its transform; `categorical`, `numeric` and `drop` overrule it. Columns are
found by name, in any order; those of an array, which has no names, by place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, final

import numpy as np

from backgraph.data.cells import number, truth
from backgraph.data.statistics import Codes, Matrix, ranked
from backgraph.data.table import (
    DATES,
    NUMBERS,
    TEXT,
    TIME,
    TRUTHS,
    Cells,
    Column,
    Table,
    is_text,
    kind_of,
    missing_in,
    row_of,
)
from backgraph.data.transforms import (
    FEWEST_ROWS,
    MAXIMUM_ONE_HOT,
    TRANSFORMS,
    Date,
    Embedding,
    Json,
    LeftOut,
    OneHot,
    Robust,
    Transform,
)
from backgraph.errors import DataError, FileError, UsageError, nearest, shown

SHOWN = 3
"""Columns that are named of those missing."""
LARGEST_WHOLE = 2**53
"""Up to here float64 holds every whole number, so that 7.0 is spelled 7."""


@dataclass(frozen=True)
class Choices:
    """What is said about columns instead of being inferred: names of columns, each in one of the three at most.

    `categorical` columns have levels, also if they hold numbers; `numeric` ones are numbers, also if they were read as
    text; `drop` are left out.
    """

    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def check(self, table: Table) -> None:
        """DataError BG202 for a name that `table` has not; UsageError BG601 for one that is said twice."""
        named: dict[str, str] = {}
        for choice in ("categorical", "numeric", "drop"):
            for name in getattr(self, choice):
                table.column(name)
                if named.setdefault(name, choice) != choice:
                    raise UsageError("BG601", choice, "names a column that another option names", got=name)


def as_text(values: Column) -> Column:
    """`values` (rows,) as levels: text as it is; 7.0 as "7", other numbers as Python prints them, dates in ISO 8601."""
    if is_text(values):
        return values
    if kind_of(values) == TRUTHS:
        return np.array(["False", "True", ""], dtype=object)[values]
    if kind_of(values) == DATES:
        return np.array(
            ["" if text == "NaT" else text for text in np.datetime_as_string(values).tolist()], dtype=object
        )
    return np.array([spelled(value) for value in values.tolist()], dtype=object)


def spelled(value: float) -> str:
    """A number as a level: "7" for 7.0, the empty text for NaN."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < LARGEST_WHOLE else repr(value)


def as_numbers(values: Column, where: str | Cells) -> Column:
    """`values` (rows,) as float64, truth values as 1 and 0.

    Raises DataError BG203 at the first text that is neither a number nor a truth value nor empty.
    """
    if kind_of(values) == NUMBERS:
        return values
    if kind_of(values) == TRUTHS:
        return np.where(missing_in(values), np.nan, values.astype(np.float64))
    read = [np.nan if not cell else _number(cell) for cell in as_text(values).tolist()]
    for row, value in enumerate(read):
        if value is None:
            raise DataError("BG203", row_of(where, row), "is not a number", got=values[row], expected="numbers")
    return np.array(read, dtype=np.float64)


def _number(cell: str) -> float | None:
    return truth(cell) if (value := number(cell)) is None else value


def choose(values: Column, weights: Matrix | None = None) -> type[Transform]:
    """The transform for a training column: by what it holds."""
    if not is_text(values):
        return Date if kind_of(values) == DATES else Robust
    if len(ranked(values, weights)) <= MAXIMUM_ONE_HOT:
        return OneHot
    return Embedding if ranked(values, weights, FEWEST_ROWS) else LeftOut


@final
@dataclass(frozen=True)
class Preparation:
    """The transforms of a table's columns; `seen` are all columns of the training table, in order.

    A column of `seen` without a transform was dropped.
    """

    transforms: tuple[Transform, ...]
    seen: tuple[str, ...] = ()

    @classmethod
    def fit(cls, table: Table, weights: Matrix | None = None, choices: Choices | None = None) -> Preparation:
        """Learns from all rows and columns of `table`: the training rows, without the target.

        `weights` (rows,), ≥ 0, say how often each row counts. Raises DataError BG201 when nothing is left to learn
        from, BG202 and BG203 and UsageError BG601 for `choices` that do not fit the table.
        """
        chosen = choices or Choices()
        chosen.check(table)
        kept = [name for name in table.names if name not in set(chosen.drop)]
        if not kept:
            raise DataError("BG201", table.source, "has no column left to learn from", hint="drop fewer columns")
        return cls(tuple(_fitted(table, name, weights, chosen) for name in kept), table.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        return tuple(transform.column for transform in self.transforms)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns whose cells are levels, to be read as text."""
        return tuple(transform.column for transform in self.transforms if transform.takes == TEXT)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns of the design matrix; at least one."""
        return tuple(name for transform in self.transforms for name in transform.features) or ("nothing",)

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The embedded columns, in the order of `codes`; `codes` and `size` of each are the shape of its table."""
        return tuple(transform for transform in self.transforms if isinstance(transform, Embedding))

    def matrix(self, table: Table) -> Matrix:
        """The design matrix of `table`: float64 (rows, features), finite; a column of zeros where there is no feature.

        Other columns of `table` are not looked at. Raises DataError BG202 for a column that is missing, BG203 for text
        where the training rows had numbers, or numbers where they had text, BG207 for an array of another width.
        """
        table = self.matched(table)
        parts = [transform.apply(_cells(transform, table)) for transform in self.transforms if transform.features]
        return np.concatenate(parts, axis=1) if parts else np.zeros((table.n_rows, 1))

    def codes(self, table: Table) -> Codes:
        """The codes of the embedded columns of `table`: int64 (rows, embeddings). Raises what `matrix` does."""
        table = self.matched(table)
        codes = [embedding.encode(_cells(embedding, table)) for embedding in self.embeddings]
        return np.stack(codes, axis=1) if codes else np.zeros((table.n_rows, 0), dtype=np.int64)

    def matched(self, table: Table) -> Table:
        """`table` with the names of the training columns: itself, or an array's columns by their place.

        Raises DataError BG202 for columns that are missing, BG207 for an array of another width.
        """
        if table.named or not self.seen:
            self._check_columns(table)
            return table
        if len(table.names) != len(self.seen):
            got, expected = f"{len(table.names)} columns", f"{len(self.seen)}, as in training"
            raise DataError("BG207", table.source, "does not fit the model", got=got, expected=expected)
        columns = dict(zip(self.seen, (table.column(name) for name in table.names), strict=True))
        return Table(columns, table.source, numbering=table.numbering)

    def _check_columns(self, table: Table) -> None:
        """BG202 names what is missing, and a column that has no use and may be the first of them by another name."""
        missing = [name for name in self.columns if name not in table.names]
        if missing:
            what = f"lacks {len(missing)} of the {len(self.columns)} columns that the model learnt from"
            hint = nearest(missing[0], [name for name in table.names if name not in self.seen])
            raise DataError("BG202", table.source, what, expected=", ".join(map(shown, missing[:SHOWN])), hint=hint)

    def unknown(self, table: Table) -> dict[str, list[str]]:
        """The cells of `table`, by column of text, whose level has neither a feature nor a vector of its own."""
        table = self.matched(table)
        found: dict[str, list[str]] = {}
        for transform in self.transforms:
            if isinstance(transform, OneHot | Embedding):
                levels, cells = set(transform.levels), cast("list[str]", _cells(transform, table).tolist())
                found[transform.column] = [cell for cell in cells if cell and cell not in levels]
        return {column: cells for column, cells in found.items() if cells}

    def unused(self, table: Table) -> tuple[str, ...]:
        """The columns of `table` that the training table had not, so that nothing is done with them."""
        return tuple(name for name in table.names if name not in self.seen) if table.named else ()

    def to_json(self) -> Json:
        """Plain JSON that `from_json` reads back to an equal preparation."""
        return {"transforms": [transform.to_json() for transform in self.transforms], "seen": list(self.seen)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preparation:
        """The preparation that `to_json` wrote. Raises FileError BG502 when it is damaged or of an unknown kind."""
        entries, seen = data.get("transforms"), data.get("seen")
        if not isinstance(entries, list) or not entries or not isinstance(seen, list):
            raise FileError("BG502", "preparation", "is damaged", got=entries, expected="lists of transforms and names")
        transforms = tuple(_transform_from(entry) for entry in cast("list[Json]", entries))
        return cls(transforms, tuple(str(name) for name in cast("list[object]", seen)))


def _fitted(table: Table, name: str, weights: Matrix | None, choices: Choices) -> Transform:
    values = table.column(name)
    if name in choices.categorical:
        values = as_text(values)
    if name in choices.numeric or kind_of(values) == TRUTHS:
        values = as_numbers(values, table.cells(name))
    return choose(values, weights).fit(name, values, weights)


def _transform_from(entry: Json) -> Transform:
    if entry.get("kind") not in TRANSFORMS:
        expected = " or ".join(TRANSFORMS)
        raise FileError("BG502", "preparation", "has an unknown transform", got=entry.get("kind"), expected=expected)
    return TRANSFORMS[entry["kind"]].from_json(entry)


def _cells(transform: Transform, table: Table) -> Column:
    """The column of `transform`, as the kind that it takes. DataError BG202, BG203."""
    values = table.column(transform.column)
    kind = kind_of(values)
    if kind == transform.takes:
        return values
    if missing_in(values).all():
        return _MISSING[transform.takes](len(values))
    if transform.takes == TEXT and (kind == TRUTHS or _spell_numbers(transform)):
        return as_text(values)
    where = table.cells(transform.column)
    if transform.takes == NUMBERS and kind in (TEXT, TRUTHS):
        return as_numbers(values, where)
    hint = f"read it with text=[{transform.column!r}]" if transform.takes == TEXT else None
    raise DataError("BG203", str(where), f"has {kind}", expected=f"{transform.takes}, as in training", hint=hint)


_MISSING = {
    NUMBERS: lambda rows: np.full(rows, np.nan),
    TEXT: lambda rows: np.full(rows, "", dtype=object),
    DATES: lambda rows: np.full(rows, np.datetime64("NaT"), dtype=TIME),
}
"""A column of each kind in which every cell is missing."""


def _spell_numbers(transform: Transform) -> bool:
    """Whether the levels are numbers as `spelled` writes them: such a column may come as numbers, too."""
    levels = [level for level in getattr(transform, "levels", ()) if level]
    return bool(levels) and all((value := number(level)) is not None and spelled(value) == level for level in levels)
