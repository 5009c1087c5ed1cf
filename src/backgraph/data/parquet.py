"""Reads Parquet by DuckDB; what a file claims in its metadata is checked before a page of it is read.

A thousand bytes of Parquet can claim 10^12 rows, so the size as float64 is worked out from the metadata first. Columns
must be numbers, truth values, dates, times or text; nested and binary columns are refused. Parquet has neither
categories nor durations; pandas writes beside its columns what they were, so that a data frame and the file made of it
are the same table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from backgraph.data.prepare import as_text
from backgraph.data.records import MAXIMUM_COLUMNS
from backgraph.data.source import EXPANSION, FREE_BYTES, Source, too_large
from backgraph.data.table import DATES, NUMBERS, REFUSED, TEXT, TIME, TRUTHS, UNKNOWN, Column, Numbering, Table, refused
from backgraph.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NUMERIC = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\))")
TYPES: dict[str, re.Pattern[str]] = {
    NUMBERS: NUMERIC,
    TEXT: re.compile(r"(VARCHAR|ENUM\(.*\)|UUID)"),
    DATES: re.compile(r"(DATE|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE)"),
    TRUTHS: re.compile(r"BOOLEAN"),
}
"""The DuckDB types that become a column of each kind."""
READ = {
    NUMBERS: "cast({} as double)",
    TEXT: "cast({} as varchar)",
    DATES: "epoch_us({})",
    TRUTHS: "cast({} as tinyint)",
}
"""What is read of each; times become microseconds in UTC, for which DuckDB needs no extension."""
CATEGORIES = "categorical"
"""What pandas calls a column of categories."""
INDEX = "__index_level_"
"""How the columns begin in which pandas keeps an index without a name."""


@dataclass(frozen=True)
class Field:
    """A column of the file: its name, its DuckDB type, and what pandas says of it, if anything."""

    name: str
    type: str
    remark: str = ""

    @property
    def stored(self) -> str | None:
        """The kind of column by the type alone; None for a type that is refused."""
        return next((kind for kind, types in TYPES.items() if types.fullmatch(self.type)), None)

    @property
    def kind(self) -> str | None:
        """The kind of column it becomes; None for a type that is refused."""
        return TEXT if self.stored is not None and self.remark == CATEGORIES else self.stored

    @property
    def sql(self) -> str:
        """What is read."""
        return READ[self.stored or TEXT].format('"' + self.name.replace('"', '""') + '"')


def connect() -> DuckDBPyConnection:
    """A DuckDB of its own, in memory, that fetches no extensions and prints nothing; close it after use."""
    import duckdb

    settings: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    try:
        # Files here are local: the eight threads it would start for the network take 64 MiB of address space each.
        connection = duckdb.connect(":memory:", config={**settings, "async_threads": 1})
    except duckdb.Error:  # a version that has no such setting
        connection = duckdb.connect(":memory:", config=settings)
    # After two seconds it would draw a progress bar on standard error, terminal or not.
    connection.execute("set enable_progress_bar = false")
    return connection


def read_columns(source: Source) -> Table:
    """The table in the Parquet file `source`.

    Raises DataError BG201 without rows, BG204 when it is damaged, BG205, BG203 for an infinite value, BG208 when it
    claims too much, BG210 for a nested or binary column.
    """
    import duckdb

    try:
        with connect() as connection:
            rows, _ = check_size(connection, source)
            columns = dict(_fetch(connection, source, fields_of(connection, source)))
            return Table(columns, source.name, numbering=numbering(0, rows))
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        raise DataError("BG204", source.name, "is damaged Parquet", got=reason, expected="readable pages") from None


def numbering(first: int, end: int) -> Numbering:
    """How rows `first` (from 0) to `end` - 1 of a file are told: from 1."""
    return Numbering("row", range(first + 1, end + 1))


def check_size(connection: DuckDBPyConnection, source: Source) -> tuple[int, int]:
    """How many rows and columns the file claims. Raises DataError BG201 and BG208."""
    row = connection.execute("select num_rows from parquet_file_metadata(?)", [source.pattern]).fetchone()
    schema = "select name from parquet_schema(?) where num_children is null or num_children = 0"
    names = [name for (name,) in connection.execute(schema, [source.pattern]).fetchall()]
    rows = 0 if row is None else int(row[0])
    if not rows or not names:
        raise DataError("BG201", source.name, "has no rows", expected="at least one row and one column")
    if len(names) > MAXIMUM_COLUMNS:
        raise DataError("BG208", source.name, "too many columns", got=len(names), expected=f"at most {MAXIMUM_COLUMNS}")
    if 8 * rows * len(names) > max(FREE_BYTES, EXPANSION * source.size):
        raise too_large(source, 8 * rows * len(names))
    return rows, len(names)


def fields_of(connection: DuckDBPyConnection, source: Source) -> list[Field]:
    """The columns. Raises DataError BG205 and BG210."""
    query = "describe select * from read_parquet(?, hive_partitioning=false)"
    described = connection.execute(query, [source.pattern]).fetchall()
    remarks = _remarks(connection, source)
    found = [Field(str(row[0]), str(row[1]), remarks.get(str(row[0]), "")) for row in described]
    # Numbers of rows that were left when a data frame was made are no column of it, as in the frame itself.
    fields = [field for field in found if field.remark != INDEX]
    for field in fields:
        where = f"{source.name}: column {field.name!r}"
        if field.remark in REFUSED:
            raise refused(where, field.remark)
        if field.kind is None:
            expected = "numbers, text or dates"
            raise DataError("BG210", where, "is no flat column", got=field.type, expected=expected)
    _check_duplicates(connection, source)
    return fields


def _remarks(connection: DuckDBPyConnection, source: Source) -> Mapping[str, str]:
    """By the name of the column what pandas wrote of it beside the table: CATEGORIES, INDEX, or a kind of REFUSED."""
    query = "select value from parquet_kv_metadata(?) where key = 'pandas'::blob"
    row = connection.execute(query, [source.pattern]).fetchone()
    try:
        listed = json.loads(row[0])["columns"] if row else []
        return {str(each["field_name"]): _remark(each) for each in cast("list[Any]", listed)}
    except (ValueError, TypeError, KeyError, RecursionError):
        # The columns themselves are whole; what another program says of them is not in the form that pandas has.
        return {}


def _remark(column: Mapping[str, Any]) -> str:
    if column["name"] is None and str(column["field_name"]).startswith(INDEX):
        return INDEX
    if column["pandas_type"] == CATEGORIES:
        return CATEGORIES
    return next((kind for kind in REFUSED if str(column["numpy_type"]).startswith(kind)), "")


def _check_duplicates(connection: DuckDBPyConnection, source: Source) -> None:
    # DuckDB renames the second of two equal names, so the schema itself is asked.
    twice = "select name from parquet_schema(?) group by name having count(*) > 1"
    row = connection.execute(twice, [source.pattern]).fetchone()
    if row is not None:
        raise DataError("BG205", source.name, "two columns share a name", got=row[0])


def _fetch(connection: DuckDBPyConnection, source: Source, fields: list[Field]) -> Iterator[tuple[str, Column]]:
    for field in fields:
        query = f"select {field.sql} as c from read_parquet(?, hive_partitioning=false)"
        values = connection.execute(query, [source.pattern]).fetchnumpy()["c"]
        yield field.name, checked(source, field, values)


def checked(source: Source, field: Field, values: Any, first: int = 0) -> Column:
    """What DuckDB fetched of `field`, from row `first` on, as a column. DataError BG203 for an infinite number."""
    column = _checked(source, field, values, first)
    return as_text(column) if field.kind == TEXT else column


def _checked(source: Source, field: Field, values: Any, first: int) -> Column:
    """As it is stored."""
    if field.stored == TEXT:
        return np.ma.filled(np.ma.asarray(values, dtype=object), "")
    if field.stored == TRUTHS:
        return np.ma.filled(np.ma.asarray(values, dtype=np.int8), UNKNOWN)
    if field.stored == DATES:
        times = np.ma.asarray(values, dtype=np.int64)
        return np.where(np.ma.getmaskarray(times), np.datetime64("NaT"), times.filled(0).view(TIME))
    column = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    infinite = np.flatnonzero(np.isinf(column))
    if len(infinite):
        where = f"{source.name}: row {first + infinite[0] + 1}, column {field.name!r}"
        raise DataError("BG203", where, "is infinite", got=float(column[infinite[0]]), expected="a finite number")
    return column
