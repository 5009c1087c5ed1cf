"""A Parquet file of any size, a range of rows at a time.

`tables` goes through the file once, in its order; what is in memory is one range of rows, besides what DuckDB keeps of
a row group. DuckDB finds a range by the metadata, so that only its row groups are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backgraph.data import parquet
from backgraph.data.parquet import Field, checked
from backgraph.data.source import Source, open_source
from backgraph.data.table import TEXT, Table
from backgraph.errors import DataError
from backgraph.train.shuffle import KEY_LENGTH

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NUMBER_BYTES, TEXT_BYTES = 8, 80
"""About what a cell takes in memory."""
MOST_ROWS = 1 << 17
PHILOX_WORDS = 4
"""Words that one count of Philox gives."""


@dataclass(frozen=True)
class ParquetRows:
    """The file at `path`; `memory` bounds in bytes what a range of rows and DuckDB take, a half for each.

    Raises FileError BG501; DataError BG201, BG204, BG205, BG208, BG210.
    """

    path: str | os.PathLike[str]
    memory: int
    source: Source = field(init=False)
    fields: tuple[Field, ...] = field(init=False)
    n_rows: int = field(init=False)

    def __post_init__(self) -> None:
        import duckdb

        source = open_source(self.path)
        try:
            with self.connected() as connection:
                rows, _ = parquet.check_size(connection, source)
                fields = tuple(parquet.fields_of(connection, source))
        except duckdb.Error as error:
            raise _damaged(source, error) from None
        for name, value in (("source", source), ("fields", fields), ("n_rows", rows)):
            object.__setattr__(self, name, value)

    def connected(self) -> DuckDBPyConnection:
        """A DuckDB that keeps to half of `memory`, and to a thread."""
        connection = parquet.connect()
        connection.execute(f"set memory_limit = '{max(self.memory // 2, 64 << 20)}B'")
        connection.execute("set threads = 1")
        return connection

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(each.name for each in self.fields)

    @property
    def row_bytes(self) -> int:
        """About what a row takes in memory as a table."""
        return sum(TEXT_BYTES if each.kind == TEXT else NUMBER_BYTES for each in self.fields)

    def tables(self) -> Iterator[tuple[int, Table]]:
        """The number of its first row, from 0, and the table, of one range of rows after another.

        Raises DataError BG203 for an infinite number, BG204 for a damaged page, each when it comes to it.
        """
        import duckdb

        step = int(np.clip(self.memory // 4 // self.row_bytes, 1 << 10, MOST_ROWS))
        with self.connected() as connection:
            for first in range(0, self.n_rows, step):
                try:
                    values = self._range(connection, first, min(first + step, self.n_rows))
                except duckdb.Error as error:
                    raise _damaged(self.source, error) from None
                columns = {
                    each.name: checked(self.source, each, values[f"c{number}"], first)
                    for number, each in enumerate(self.fields)
                }
                numbering = parquet.numbering(first, min(first + step, self.n_rows))
                yield first, Table(columns, self.source.name, numbering=numbering)

    def _range(self, connection: DuckDBPyConnection, first: int, end: int) -> dict[str, Any]:
        wanted = ", ".join(f"{each.sql} as c{number}" for number, each in enumerate(self.fields))
        query = f"""select {wanted} from read_parquet(?, hive_partitioning=false, file_row_number=true)
            where file_row_number >= ? and file_row_number < ? order by file_row_number"""
        return connection.execute(query, [self.source.pattern, first, end]).fetchnumpy()


def _damaged(source: Source, error: Exception) -> DataError:
    reason = str(error).partition("\n")[0]
    return DataError("BG204", source.name, "is damaged Parquet", got=reason, expected="readable pages")


def words_of_rows(first: int, end: int, key: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    """Those of `shuffle.random_words(n, key)` that rows `first` to `end` - 1 have, whatever n is."""
    padded = np.array((*key, *[0] * (KEY_LENGTH - len(key))), dtype=np.uint64)
    start = first // PHILOX_WORDS
    words = np.random.Philox(counter=[start, 0, 0, 0], key=padded).random_raw(end - PHILOX_WORDS * start)
    return words[first - PHILOX_WORDS * start :]
