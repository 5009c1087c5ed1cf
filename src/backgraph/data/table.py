"""A table in memory: named columns of one length.

Vocabulary. A *numeric* column is float64 with NaN where a cell is missing; a *text* column holds `str` objects exactly
as they were written, the empty text where a cell is missing; a *date* column holds times, datetime64 in microseconds,
NaT where a cell is missing; a column of *truth values* is int8: 1, 0, and −1 where a cell is missing. There is nothing
else: what is none of them is refused where it enters (`read`, `frames`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from backgraph.errors import DataError, nearest

Column: TypeAlias = npt.NDArray[Any]
"""One column: float64 (rows,), object (rows,) of str, datetime64[us] (rows,), or int8 (rows,)."""

NUMBERS, TEXT, DATES, TRUTHS = "numbers", "text", "dates", "truth values"
"""The kinds of columns."""
TIME = np.dtype("datetime64[us]")
"""The type of a date column; years −290,000 to 290,000."""
TRUTH = np.dtype("int8")
"""The type of a column of truth values."""
UNKNOWN = -1
"""A truth value that is missing."""


def is_text(values: Column) -> bool:
    """Whether `values` (rows,) is a text column."""
    return values.dtype == np.dtype(object)


def kind_of(values: Column) -> str:
    """NUMBERS, TEXT, DATES or TRUTHS."""
    return TRUTHS if values.dtype == TRUTH else {"O": TEXT, "M": DATES}.get(values.dtype.kind, NUMBERS)


def missing_in(values: Column) -> Column:
    """Where `values` (rows,) are missing: bool (rows,)."""
    kind = kind_of(values)
    if kind == TEXT:
        return np.asarray(values == "", dtype=bool)
    if kind == TRUTHS:
        return values == UNKNOWN
    return np.isnat(values) if kind == DATES else np.isnan(values)


def truths_from(values: Sequence[bool | None]) -> Column:
    """True, False and None, for what is missing, as a column of truth values."""
    return np.array([UNKNOWN if value is None else bool(value) for value in values], dtype=TRUTH)


REFUSED: Mapping[str, tuple[str, str]] = {
    "timedelta": ("holds durations", "make them numbers: .dt.total_seconds()"),
    "period": ("holds periods", "make them times: .dt.to_timestamp()"),
}
"""Kinds of columns, as pandas calls them, that are stored as whole numbers of a unit which is not to be guessed."""


def refused(where: str, kind: str) -> DataError:
    """BG210 for a column of a kind of REFUSED."""
    what, hint = REFUSED[kind]
    return DataError("BG210", where, what, expected="numbers, text or dates", hint=hint)


@dataclass(frozen=True)
class Numbering:
    """How messages tell the rows of a table: `word` says what `numbers` (rows) count, lines of a file or rows."""

    word: str
    numbers: Sequence[int] | npt.NDArray[np.int64]

    def of(self, indices: npt.NDArray[np.int64]) -> Numbering:
        """That of the rows at `indices`."""
        if isinstance(self.numbers, range):
            return Numbering(self.word, self.numbers.start + indices)
        return Numbering(self.word, np.asarray(self.numbers, dtype=np.int64)[indices])


@dataclass(frozen=True)
class Cells:
    """Where a column stands, for messages: as text `data.csv: column 'age'`; `row` tells one of its cells."""

    source: str
    column: str
    numbering: Numbering

    def __str__(self) -> str:
        return f"{self.source}: column {self.column!r}"

    def row(self, index: int) -> str:
        """The cell in row `index` of the table: `data.csv:7: column 'age'`, or `X: column 'age', row 5`."""
        number = self.numbering.numbers[index]
        line = self.numbering.word == LINE
        return f"{self.source}:{number}: column {self.column!r}" if line else f"{self}, row {number}"


LINE = "line"
"""The word of a numbering whose numbers are lines of the file."""


def row_of(where: str | Cells, row: int) -> str:
    """Row `row` of what stands at `where`."""
    return where.row(row) if isinstance(where, Cells) else f"{where}, row {row}"


class Table:
    """Named columns of equal length, none of which can be written to.

    `columns` maps names to arrays (rows,), float64, str objects, times or truth values; `source` is where the table
    came from, for messages; `named` says whether the names are the data's own, so that columns are found by them, or
    were made up for an array, so that columns are found by their place; `numbering` is that of the rows in messages, by
    default from 0, as in Python. Raises DataError BG201 without rows or columns, BG207 when lengths differ.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        source: str = "table",
        *,
        named: bool = True,
        numbering: Numbering | None = None,
    ) -> None:
        self.source, self.named = source, named
        self._columns = {name: _frozen(values) for name, values in columns.items()}
        if not self._columns:
            raise DataError("BG201", source, "has no columns", expected="at least one")
        self._check_lengths()
        self.numbering = Numbering("row", range(self.n_rows)) if numbering is None else numbering

    def _check_lengths(self) -> None:
        first, *others = self._columns.items()
        for name, values in others:
            if len(values) != len(first[1]):
                what = f"columns {first[0]!r} and {name!r} differ in length"
                raise DataError("BG207", self.source, what, got=len(values), expected=f"{len(first[1])} rows")
        if not len(first[1]):
            raise DataError("BG201", self.source, "has no rows", expected="at least one")

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(self._columns)

    @property
    def n_rows(self) -> int:
        """The number of rows, at least 1."""
        return len(next(iter(self._columns.values())))

    def __len__(self) -> int:
        return self.n_rows

    def __repr__(self) -> str:
        return f"<Table {self.source}: {self.n_rows} rows, {len(self.names)} columns>"

    def column(self, name: str) -> Column:
        """The column `name`, (rows,), read-only. DataError BG202 names the closest column when there is none."""
        if name not in self._columns:
            known = f"one of {len(self.names)} columns: {_shown(self.names)}"
            hint = nearest(name, list(self.names))
            raise DataError("BG202", self.source, "has no such column", got=name, expected=known, hint=hint)
        return self._columns[name]

    def target(self, name: str) -> npt.NDArray[Any]:
        """The column `name` as what is to be predicted: truth values are True, False and, where one is missing, None.

        Raises DataError BG202 when there is no such column.
        """
        values = self.column(name)
        if kind_of(values) != TRUTHS:
            return values
        truths = np.array([False, True, None], dtype=object)[values]
        return truths if missing_in(values).any() else truths.astype(bool)

    def cells(self, name: str) -> Cells:
        """Where the column `name` stands, for messages."""
        return Cells(self.source, name, self.numbering)

    def select(self, names: Sequence[str]) -> Table:
        """The table of the columns `names`, in that order; DataError BG202 for one that is not here."""
        columns = {name: self.column(name) for name in names}
        return Table(columns, self.source, named=self.named, numbering=self.numbering)

    def drop(self, names: Sequence[str]) -> Table:
        """The table without the columns `names`; DataError BG202 for one that is not here."""
        for name in names:
            self.column(name)
        gone = set(names)
        return self.select([name for name in self.names if name not in gone])

    def rows(self, indices: npt.ArrayLike) -> Table:
        """The rows at `indices` (integers, may repeat), in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        columns = {name: values[chosen] for name, values in self._columns.items()}
        return Table(columns, self.source, named=self.named, numbering=self.numbering.of(chosen))


SHOWN_NAMES, SHOWN_LENGTH = 4, 16


def _shown(names: Sequence[str]) -> str:
    shown = [name if len(name) <= SHOWN_LENGTH else f"{name[: SHOWN_LENGTH - 1]}…" for name in names[:SHOWN_NAMES]]
    return ", ".join(shown) + (", …" if len(names) > SHOWN_NAMES else "")


def _frozen(values: Column) -> Column:
    """A read-only view, so that a table handed out twice is the same table."""
    view = values.view()
    view.flags.writeable = False
    return view
