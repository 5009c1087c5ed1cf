"""The records of a CSV file one by one, with their lines: for the header, for explanations, for wide and small tables.

A *record* is a row with its quoted newlines, so record 7 may begin at line 12; messages give lines. DuckDB reads tall
tables (`read`); this module, slower, reads what is needed to explain a refusal, and tables of so many columns that
DuckDB would keep gigabytes of column buffers for a few rows.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from backgraph.data.cells import (
    READINGS,
    SHOWN_PLACES,
    Place,
    bad_cell,
    counted,
    date,
    is_missing,
    number,
)
from backgraph.data.source import MAXIMUM_LINE, Source
from backgraph.data.table import DATES, LINE, TEXT, Column, Numbering, Table
from backgraph.errors import DataError

MAXIMUM_COLUMNS = 500_000
MAXIMUM_WIDE_CELLS = 1 << 25
SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Dialect:
    """How a file is written: between columns `separator`, in numbers `decimal`, and the columns that are `text`."""

    separator: str
    decimal: str
    text: frozenset[str]

    @property
    def signs(self) -> tuple[str, str]:
        """The decimal sign and the separator."""
        return self.decimal, self.separator

    @property
    def other_decimal(self) -> str:
        """The decimal sign that this file should not have."""
        return "," if self.decimal == "." else "."


@dataclass(frozen=True)
class Record:
    """One row as written; `line` is the line it begins at, from 1."""

    line: int
    cells: list[str]


def records(source: Source, separator: str) -> Iterator[Record]:
    """The records that are not blank. DataError BG203 at the line where an ill-quoted record begins."""
    # The limit is csv's only global setting; it is raised, never lowered, and lines are bounded by source.check_text.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MAXIMUM_LINE))
    with source.open() as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, delimiter=separator, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise _ill_quoted(source, line, str(error)) from None
            if cells is None:
                return
            if cells:
                yield Record(line, cells)


def _ill_quoted(source: Source, line: int, reason: str) -> DataError:
    what = "a quote is never closed" if "end of data" in reason else "text follows a closing quote"
    hint = 'a quote inside a quoted cell is written twice: ""'
    return DataError("BG203", f"{source.name}:{line}", what, expected="quotes in pairs", hint=hint)


def header(source: Source, separator: str) -> list[str]:
    """The column names of `source`. DataError BG201 without rows, BG205 for duplicates, BG208, BG209."""
    found = list(itertools.islice(records(source, separator), 2))
    if len(found) < 2:
        what = "has column names but no rows" if found else "is blank"
        raise DataError("BG201", source.name, what, expected="at least one row")
    names = [name.strip() for name in found[0].cells]
    for check in (_check_count, _check_separator, _check_names, _check_duplicates):
        check(source, found[0].line, names)
    return names


def _check_count(source: Source, line: int, names: Sequence[str]) -> None:
    if len(names) > MAXIMUM_COLUMNS:
        raise DataError(
            "BG208", f"{source.name}:{line}", "too many columns", got=len(names), expected=f"at most {MAXIMUM_COLUMNS}"
        )


def _check_separator(source: Source, line: int, names: Sequence[str]) -> None:
    other = max(SEPARATORS, key=names[0].count)
    if len(names) == 1 and other in names[0]:
        hint = f"--separator {other!r}"
        what = f"one column, whose name contains {other!r}"
        raise DataError("BG209", f"{source.name}:{line}", what, got=names[0], expected="column names", hint=hint)


def _check_names(source: Source, line: int, names: Sequence[str]) -> None:
    if "" in names:
        where = f"{source.name}:{line}:{names.index('') + 1}"
        hint = "name the column, or remove it (in pandas: index=False)"
        raise DataError("BG209", where, "a column has no name", expected="a name for each column", hint=hint)
    counted = list(names) == [str(index) for index in range(len(names))]
    if not counted and all(number(name) is not None for name in names):
        what = "the first line holds numbers, not names"
        hint = "add a line of column names"
        raise DataError("BG209", f"{source.name}:{line}", what, got=names[0], expected="column names", hint=hint)


def _check_duplicates(source: Source, line: int, names: Sequence[str]) -> None:
    if len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    for column, name in enumerate(names, 1):
        if first.setdefault(name, column) != column:
            where, expected = f"{source.name}:{line}:{column}", f"not as in {first[name]}"
            hint = "blanks around a name are no part of it"
            raise DataError("BG205", where, "two columns share a name", got=name, expected=expected, hint=hint)


def wrong_length(source: Source, record: Record, expected: int) -> DataError:
    """BG203 for a record that is too long or too short."""
    what = f"the row is too {'long' if len(record.cells) > expected else 'short'}"
    got = f"{len(record.cells)} cells"
    hint = "cells that contain the separator need quotes; for decimal commas: --separator ';' --decimal ,"
    return DataError(
        "BG203",
        f"{source.name}:{record.line}",
        what,
        got=got,
        expected=f"{expected}, as in the header",
        hint=hint if len(record.cells) > expected else None,
    )


def checked_records(source: Source, separator: str, width: int) -> Iterator[Record]:
    """The records after the header; DataError BG203 at the first whose length is not `width`."""
    for record in itertools.islice(records(source, separator), 1, None):
        if len(record.cells) != width:
            raise wrong_length(source, record, width)
        yield record


def explain(source: Source, separator: str, width: int) -> DataError | None:
    """What is wrong with a file that DuckDB refused, with its line; None when nothing is found."""
    try:
        for record in checked_records(source, separator, width):
            if sum(map(len, record.cells)) > MAXIMUM_LINE:
                return DataError("BG208", f"{source.name}:{record.line}", "the row is longer than 32 MiB")
    except DataError as error:
        return error
    return _mixed_line_ends(source)


def _mixed_line_ends(source: Source) -> DataError | None:
    with source.open() as file:
        first = file.readline().endswith(b"\r\n")
        for line, text in enumerate(file, 2):
            if text.endswith(b"\n") and text.endswith(b"\r\n") != first:
                what = "lines end differently here than above"
                hint = f"dos2unix {source.path.name}"
                return DataError("BG203", f"{source.name}:{line}", what, expected="one kind of line end", hint=hint)
    return None


def places(source: Source, separator: str, column: int, rows: Sequence[int]) -> list[Place]:
    """Where the cells of `column` (from 0) at `rows` (from 0, ascending) stand in the file."""
    wanted = set(rows)
    after_header = itertools.islice(records(source, separator), 1, rows[-1] + 2)
    found = [record for row, record in enumerate(after_header) if row in wanted]
    return [Place(record.line, column + 1, record.cells[column]) for record in found]


def read_rows(source: Source, names: Sequence[str], dialect: Dialect) -> Table:
    """The table of a file that is wide or small. DataError BG203, BG208 above 2^25 cells."""
    rows: list[Record] = []
    for record in checked_records(source, dialect.separator, len(names)):
        rows.append(record)
        if len(rows) * len(names) > MAXIMUM_WIDE_CELLS:
            got = f"{len(names)} columns and more than {len(rows) - 1} rows"
            raise DataError("BG208", source.name, "so wide a table is too long", got=got, expected="at most 2^25 cells")
    turned = zip(*(record.cells for record in rows), strict=True)
    columns = {
        name: _column(source, (index, name), list(cells), rows, dialect)
        for index, (name, cells) in enumerate(zip(names, turned, strict=True))
    }
    return Table(columns, source.name, numbering=Numbering(LINE, [record.line for record in rows]))


def _column(
    source: Source, column: tuple[int, str], cells: list[str], rows: Sequence[Record], dialect: Dialect
) -> Column:
    index, name = column
    if name in dialect.text:
        return np.array(cells, dtype=object)
    different = Counter(cells)
    counts = counted(different, dialect.decimal)
    if counts.kind == TEXT:
        return np.array(cells, dtype=object)
    if not counts.is_bad:
        read = READINGS.get(counts.kind)
        return _numbers(cells, different, dialect.decimal) if read is None else read(cells)
    reads = date if counts.kind == DATES else partial(number, decimal=dialect.decimal)
    bad = [row for row, cell in enumerate(cells) if not is_missing(cell) and reads(cell) is None]
    found = [Place(rows[row].line, index + 1, cells[row]) for row in bad[:SHOWN_PLACES]]
    raise bad_cell((source.name, name), counts.kind, found, len(bad), dialect.signs)


def _numbers(cells: Sequence[str], different: Iterable[str], decimal: str) -> Column:
    of = {cell: np.nan if is_missing(cell) else number(cell, decimal) for cell in different}
    return np.array([of[cell] for cell in cells], dtype=np.float64)
