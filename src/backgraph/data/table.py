"""A table in memory: named columns of one length.

Vocabulary. A *numeric* column is float64 with NaN where a cell is missing; a *text* column holds `str` objects exactly
as they were written, the empty text where a cell is missing; a *date* column holds times, datetime64 in microseconds,
NaT where a cell is missing. There is nothing else: what is none of them is refused where it enters (`read`, `frames`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from backgraph.errors import DataError, nearest

Column: TypeAlias = npt.NDArray[Any]
"""One column: float64 (rows,), object (rows,) of str, or datetime64[us] (rows,)."""

NUMBERS, TEXT, DATES = "numbers", "text", "dates"
"""The kinds of columns."""
TIME = np.dtype("datetime64[us]")
"""The type of a date column; years −290,000 to 290,000."""


def is_text(values: Column) -> bool:
    """Whether `values` (rows,) is a text column."""
    return values.dtype == np.dtype(object)


def kind_of(values: Column) -> str:
    """NUMBERS, TEXT or DATES."""
    return TEXT if is_text(values) else DATES if values.dtype.kind == "M" else NUMBERS


def missing_in(values: Column) -> Column:
    """Where `values` (rows,) are missing: bool (rows,)."""
    if is_text(values):
        return np.asarray(values == "", dtype=bool)
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


class Table:
    """Named columns of equal length, none of which can be written to.

    `columns` maps names to arrays (rows,), float64, str objects or times; `source` is where the table came from, for
    messages; `named` says whether the names are the data's own, so that columns are found by them, or were made up for
    an array, so that columns are found by their place. Raises DataError BG201 without rows or columns, BG207 when
    lengths differ.
    """

    def __init__(self, columns: Mapping[str, Column], source: str = "table", *, named: bool = True) -> None:
        self.source, self.named = source, named
        self._columns = {name: _frozen(values) for name, values in columns.items()}
        if not self._columns:
            raise DataError("BG201", source, "has no columns", expected="at least one")
        self._check_lengths()

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

    def select(self, names: Sequence[str]) -> Table:
        """The table of the columns `names`, in that order; DataError BG202 for one that is not here."""
        return Table({name: self.column(name) for name in names}, self.source, named=self.named)

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
        return Table(columns, self.source, named=self.named)


SHOWN_NAMES, SHOWN_LENGTH = 4, 16


def _shown(names: Sequence[str]) -> str:
    shown = [name if len(name) <= SHOWN_LENGTH else f"{name[: SHOWN_LENGTH - 1]}…" for name in names[:SHOWN_NAMES]]
    return ", ".join(shown) + (", …" if len(names) > SHOWN_NAMES else "")


def _frozen(values: Column) -> Column:
    """A read-only view, so that a table handed out twice is the same table."""
    view = values.view()
    view.flags.writeable = False
    return view
