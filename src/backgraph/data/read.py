"""Reads a table from a file: CSV (also gzip) and Parquet, by DuckDB, strictly.

Nothing is guessed that could make a table silently wrong: the separator is the comma (a tab for .tsv) until another is
given, the text is UTF-8, every row is as long as the header, and a column is text only by the rule of `cells`. The
bytes are looked through first (`source`), DuckDB parses, at best with types that the first rows show (`typed`), else as
text, and when it refuses, `records` says where and why.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from backgraph.data import parquet
from backgraph.data.cells import (
    DATE,
    MISSING,
    NUMBER,
    READINGS,
    SHOWN_PLACES,
    SPELLED_TRUTHS,
    Count,
    bad_cell,
    date,
    is_missing,
)
from backgraph.data.records import Dialect, explain, header, places, read_rows
from backgraph.data.source import Source, check_text, open_source
from backgraph.data.table import DATES, LINE, NUMBERS, TEXT, Column, Numbering, Table
from backgraph.data.typed import NOTHING, OPTIONS, options, read_typed
from backgraph.errors import DataError, UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WIDE = 4_000
"""From so many columns on, rows are read one by one: DuckDB keeps 32 KiB of buffers per column."""
SMALL = 1 << 20
"""Plain files of so many bytes are read one row after the other, too: to start DuckDB takes as long."""
TOGETHER = 200
"""Columns looked at in one query."""
DECIMALS = (".", ",")


def read_table(
    path: str | os.PathLike[str], *, separator: str | None = None, decimal: str = ".", text: Collection[str] = ()
) -> Table:
    """The table in the file at `path`: .parquet or .pq, else CSV with a line of column names; .gz is unpacked.

    `separator` is one character, by default a comma (a tab for .tsv); `decimal` is "." or ","; `text` names columns to
    keep as text whatever they hold (in Parquet, columns have their types). Numeric columns are float64 with NaN where a
    cell is empty or NA.

    Raises DataError (BG201–BG210) naming file:line:column, FileError BG501, UsageError BG601.
    """
    source = open_source(path)
    if source.is_parquet:
        table = parquet.read_columns(source)
    else:
        table = _read_csv(source, _dialect(source, separator, decimal, text))
    for name in text:
        table.column(name)
    return table


def _dialect(source: Source, separator: str | None, decimal: str, text: Collection[str]) -> Dialect:
    if decimal not in DECIMALS:
        raise UsageError("BG601", "decimal", "is not a decimal sign", got=decimal, expected="'.' or ','")
    suffixes = [suffix.lower() for suffix in PurePath(source.name).suffixes]
    chosen = ("\t" if ".tsv" in suffixes else ",") if separator is None else separator
    if len(chosen.encode()) != 1 or chosen in {'"', "\n", "\r", "\0"}:
        expected = "one character, and no quote"
        raise UsageError("BG601", "separator", "cannot separate columns", got=chosen, expected=expected)
    if separator is None and chosen == decimal:
        hint = "--separator ';', or --separator , where numbers are in quotes"
        raise UsageError("BG601", "separator", "is not given, and the comma is the decimal sign", hint=hint)
    return Dialect(chosen, decimal, frozenset(text))


def _read_csv(source: Source, dialect: Dialect) -> Table:
    scan = check_text(source)
    names = header(source, dialect.separator)
    if len(names) >= WIDE or (scan.is_plain and scan.size <= SMALL):
        return read_rows(source, names, dialect)
    with parquet.connect() as connection:
        columns = read_typed(connection, source, names, dialect, scan)
        if columns is None:
            _load(connection, source, dialect, len(names))
            kinds = _kinds(connection, source, names, dialect)
            columns = dict(_columns(connection, names, kinds, dialect))
    rows = len(next(iter(columns.values())))
    # Where there are as many lines as rows, and one of names, no row has several and none is blank.
    numbering = Numbering(LINE, range(2, rows + 2)) if scan.lines == rows + 1 else Numbering("row", range(1, rows + 1))
    return Table(columns, source.name, numbering=numbering)


def _load(connection: DuckDBPyConnection, source: Source, dialect: Dialect, width: int) -> None:
    """Makes the DuckDB table `cells`, columns c0, c1, … of text, as written."""
    import duckdb

    query = f"create table cells as select * from read_csv(?, {OPTIONS}, nullstr=?)"
    types = {f"c{index}": "VARCHAR" for index in range(width)}
    try:
        connection.execute(query, [*options(source, dialect, types), list(NOTHING)])
    except duckdb.Error as error:
        reason = " ".join(str(error).split("\n", 2)[:2])
        fallback = DataError("BG203", source.name, "is not a table", got=reason, expected="rows as long as the header")
        raise explain(source, dialect.separator, width) or fallback from None


def _blocks(columns: Sequence[int]) -> Iterator[Sequence[int]]:
    return (columns[start : start + TOGETHER] for start in range(0, len(columns), TOGETHER))


def _is_missing(cell: str) -> str:
    spellings = ", ".join(f"'{spelling}'" for spelling in MISSING)
    return f"lower(trim({cell}, ' \t')) in ({spellings})"


def _number(cell: str, decimal: str) -> str:
    """SQL for the number that the text `cell` spells, NULL if none; as `cells.number`."""
    written = cell if decimal == "." else f"translate({cell}, '.,', ',.')"
    value = f"try_cast({written} as double)"
    return f"case when regexp_full_match({written}, '{NUMBER}') and isfinite({value}) then {value} end"


def _kinds(connection: DuckDBPyConnection, source: Source, names: Sequence[str], dialect: Dialect) -> list[Count]:
    """How each column reads; DataError BG203 at the first bad cell of one of numbers or dates."""
    kinds: list[Count] = []
    for block in _blocks(range(len(names))):
        counts = _one_row(connection, ", ".join(_counts(f"c{index}", dialect) for index in block))
        for numbers, swapped, missing, rows in zip(*[iter(counts)] * 4, strict=True):
            kinds.append(Count(numbers, swapped, 0, 0, rows - missing - numbers - swapped))
    kinds = [_with_others(connection, index, kind) for index, kind in enumerate(kinds)]
    for index, kind in enumerate(kinds):
        if kind.is_bad and names[index] not in dialect.text:
            bad = _bad_dates(connection, index) if kind.kind == DATES else _bad_numbers(connection, index, dialect)
            found = places(source, dialect.separator, index, bad[:SHOWN_PLACES])
            raise bad_cell((source.name, names[index]), kind.kind, found, len(bad), dialect.signs)
    return kinds


def _counts(cell: str, dialect: Dialect) -> str:
    value, swapped = _number(cell, dialect.decimal), _number(cell, dialect.other_decimal)
    missing = _is_missing(cell)
    only_swapped = f"count(*) filter (({swapped}) is not null and ({value}) is null)"
    return f"count({value}), {only_swapped}, count(*) filter ({missing}), count(*)"


def _with_others(connection: DuckDBPyConnection, index: int, kind: Count) -> Count:
    """`kind` with the dates and truth values among its others counted."""
    if not kind.others:
        return kind
    looks = connection.execute(
        f"select c{index}, count(*) from cells where regexp_full_match(c{index}, '{DATE}') group by 1"
    )
    dates = sum(times for cell, times in looks.fetchall() if date(cell) is not None)
    spelled = ", ".join(f"'{spelling}'" for spelling in SPELLED_TRUTHS)
    counted = _one_row(connection, f"count(*) filter (lower(trim(c{index}, ' \t')) in ({spelled}))")
    truths = int(counted[0]) if counted else 0
    return replace(kind, dates=dates, truths=truths, others=kind.others - dates - truths)


def _one_row(connection: DuckDBPyConnection, what: str) -> tuple[Any, ...]:
    row = connection.execute(f"select {what} from cells").fetchone()
    return () if row is None else row


def _bad_numbers(connection: DuckDBPyConnection, index: int, dialect: Dialect) -> list[int]:
    bad = f"({_number(f'c{index}', dialect.decimal)}) is null and not {_is_missing(f'c{index}')}"
    return [row for (row,) in connection.execute(f"select rowid from cells where {bad} order by rowid").fetchall()]


def _bad_dates(connection: DuckDBPyConnection, index: int) -> list[int]:
    cells = connection.execute(f"select c{index} from cells order by rowid").fetchall()
    return [row for row, (cell,) in enumerate(cells) if not is_missing(cell) and date(cell) is None]


def _columns(
    connection: DuckDBPyConnection, names: Sequence[str], kinds: Sequence[Count], dialect: Dialect
) -> Iterator[tuple[str, Column]]:
    kept = [TEXT if name in dialect.text else kind.kind for name, kind in zip(names, kinds, strict=True)]
    for block in _blocks(range(len(names))):
        wanted = [f"{_number(f'c{i}', dialect.decimal)} as c{i}" if kept[i] == NUMBERS else f"c{i}" for i in block]
        fetched = connection.execute(f"select {', '.join(wanted)} from cells order by rowid").fetchnumpy()
        for index in block:
            yield names[index], filled(fetched[f"c{index}"], kept[index])


def filled(values: Any, kind: str) -> Column:
    """What DuckDB fetched as a column of `kind`: NULL becomes the empty text, or NaN."""
    if kind == NUMBERS:
        return np.ma.filled(values.astype(np.float64), np.nan)
    cells = np.ma.filled(values.astype(object), "") if np.ma.isMaskedArray(values) else values
    return READINGS[kind](cells.tolist()) if kind in READINGS else cells
