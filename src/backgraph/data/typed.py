"""Reads a CSV file at the speed of DuckDB's own parser, where that can be seen to give the same table.

The first rows say what each column looks like; DuckDB reads the file once with those types. The answer stands only if
every promise of `cells` is seen to hold: no column that was taken for text is numeric by the whole file, and no number
was read that `cells.NUMBER` would not read. DuckDB also reads 1_000, inf, nan and numbers with control characters
around them: of those, files are suspected by their bytes (`Scan.odd`), or the value tells. Otherwise the result is None
and `read` looks at every cell as text, slower, and finds the place of what is wrong.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from backgraph.data.cells import READINGS, counted
from backgraph.data.records import Dialect, records
from backgraph.data.source import MAXIMUM_LINE, Scan, Source
from backgraph.data.table import NUMBERS, TEXT, Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLED_CELLS = 20_000
SAMPLED_ROWS = 200
NULLS = (
    "", "NA", "na", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none", "NONE", "?", "#N/A",
    "#n/a",
)  # fmt: skip
"""The usual ones of `cells.MISSING`; another spelling makes DuckDB refuse, and `read` reads again."""
NOTHING = ("\x01",)
"""`nullstr` must be something: a control character that no table contains."""
OPTIONS = """auto_detect=false, header=true, delim=?, quote='"', escape='"', strict_mode=true, null_padding=false,
    hive_partitioning=false, compression=?, max_line_size=?, columns=?"""
"""Without auto_detect nothing is guessed."""


def options(source: Source, dialect: Dialect, columns: Mapping[str, str]) -> list[Any]:
    """What OPTIONS ask for, after the path."""
    compression = "gzip" if source.is_gzip else "none"
    return [source.pattern, dialect.separator, compression, MAXIMUM_LINE, columns]


def read_typed(
    connection: DuckDBPyConnection, source: Source, names: Sequence[str], dialect: Dialect, scan: Scan
) -> dict[str, Column] | None:
    """The columns of `source`; None where it takes a look at every cell."""
    if dialect.decimal != "." or scan.odd:
        return None
    kinds = _guessed(source, names, dialect)
    fetched = _fetched(connection, source, dialect, kinds)
    if fetched is None or (scan.quoted and len(fetched[0]) + 1 != scan.lines):
        # With a line end inside quotes, DuckDB would read the cell "7\n" as 7.
        return None
    columns: dict[str, Column] = {}
    for name, kind, values in zip(names, kinds, fetched, strict=True):
        column = _column(values, kind, keep=name in dialect.text)
        if column is None:
            return None
        columns[name] = column
    return columns


def _guessed(source: Source, names: Sequence[str], dialect: Dialect) -> list[str]:
    """The kind of each column by the first rows."""
    rows = max(min(SAMPLED_CELLS // len(names), SAMPLED_ROWS), 5)
    found = [record.cells for record in itertools.islice(records(source, dialect.separator), 1, rows + 1)]
    columns = itertools.zip_longest(*found, fillvalue="")
    return [
        TEXT if name in dialect.text else counted(Counter(cells), ".").kind
        for name, cells in zip(names, columns, strict=False)
    ]


def _fetched(
    connection: DuckDBPyConnection, source: Source, dialect: Dialect, kinds: Sequence[str]
) -> list[Any] | None:
    """The columns as DuckDB gives them; None where it refuses them."""
    read = partial(_read, connection, source, dialect)
    types = {f"c{index}": "DOUBLE" if kind == NUMBERS else "VARCHAR" for index, kind in enumerate(kinds)}
    everything = read(types, list(types), NOTHING)
    if everything is not None:
        return [everything[name] for name in types]
    # Of a row that is too long, DuckDB drops what is in NULLS, and from text it would take their spelling: so numbers
    # are read with NULLS, and all else, with the lengths of all rows, without.
    numbers = [name for name in types if types[name] == "DOUBLE"]
    others = [name for name in types if name not in set(numbers)] or ["c0"]
    rest = read(dict.fromkeys(types, "VARCHAR"), others, NOTHING)
    known = read(types, numbers, NULLS) if numbers and rest is not None else None
    if rest is None or known is None or len(rest[others[0]]) != len(known[numbers[0]]):
        # Where there is one column, an empty line is a missing cell with NULLS, and no row without.
        return None
    return [(rest | known)[name] for name in types]


def _read(connection: DuckDBPyConnection, source: Source, dialect: Dialect, *what: Any) -> dict[str, Any] | None:
    """The wanted columns, given the types of all of them and the spellings of NULL; None where DuckDB refuses."""
    import duckdb

    types, wanted, nulls = what
    query = f"select {', '.join(wanted)} from read_csv(?, {OPTIONS}, nullstr=?)"
    try:
        return connection.execute(query, [*options(source, dialect, types), list(nulls)]).fetchnumpy()
    except duckdb.Error:
        return None


def _column(values: Any, kind: str, *, keep: bool) -> Column | None:
    """What was fetched as a column of `kind`; None if it may be of another one. `keep` says that text was asked for."""
    if kind == NUMBERS:
        return _numbers(values)
    cells = np.ma.filled(np.ma.asarray(values, dtype=object), "")
    if keep:
        return cells
    found = counted(Counter(cells.tolist()), ".")
    if found.kind != kind or found.is_bad:
        return None
    return READINGS[kind](cells.tolist()) if kind in READINGS else cells


def _numbers(values: Any) -> Column | None:
    masked = np.ma.asarray(values, dtype=np.float64)
    known = masked.filled(0.0)
    return masked.filled(np.nan) if np.isfinite(known).all() else None
