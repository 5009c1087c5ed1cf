"""A table is the same whatever it is stored in: CSV, Parquet, or a data frame of any library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.data import Preparation, Table, read_table, table_from
from backgraph.data.table import kind_of
from backgraph.errors import DataError

pandas = pytest.importorskip("pandas")


def stored_csv(frame: Any, folder: Path) -> Table:
    frame.to_csv(folder / "t.csv", index=False)
    return read_table(folder / "t.csv")


def stored_long_csv(frame: Any, folder: Path) -> Table:
    """So long that DuckDB reads it."""
    many = pandas.concat([frame] * 40_000, ignore_index=True)
    many.to_csv(folder / "t.csv", index=False)
    table = read_table(folder / "t.csv")
    return table.rows(np.arange(len(frame)))


def stored_parquet(frame: Any, folder: Path) -> Table:
    pytest.importorskip("pyarrow")
    frame.to_parquet(folder / "t.parquet", index=False)
    return read_table(folder / "t.parquet")


def as_polars(frame: Any, folder: Path) -> Table:
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    return table_from(polars.from_pandas(frame))


WAYS: list[Callable[[Any, Path], Table]] = [stored_csv, stored_long_csv, stored_parquet, as_polars]

FRAME = pandas.DataFrame(
    {
        "size": [1.5, None, 3.25, -1.0],
        "ok": [True, False, True, False],
        "maybe": pandas.array([True, None, False, None], dtype="boolean"),
        "name": ["x", "y", None, "z"],
        "when": pandas.to_datetime(["2020-01-02", None, "2021-03-04", "2020-01-02"]),
    }
)


@pytest.mark.parametrize("way", WAYS)
def test_the_same_columns(way: Callable[[Any, Path], Table], tmp_path: Path) -> None:
    expected, found = table_from(FRAME), way(FRAME, tmp_path)
    assert found.names == expected.names
    for name in expected.names:
        assert kind_of(found.column(name)) == kind_of(expected.column(name)), name
        assert np.array_equal(
            found.column(name), expected.column(name), equal_nan=kind_of(found.column(name)) != "text"
        )


@pytest.mark.parametrize("way", WAYS)
def test_the_same_features(way: Callable[[Any, Path], Table], tmp_path: Path) -> None:
    table = table_from(FRAME)
    preparation = Preparation.fit(table)
    assert preparation.matrix(way(FRAME, tmp_path)).tobytes() == preparation.matrix(table).tobytes()


def test_categories_of_numbers_are_levels_in_parquet_too(tmp_path: Path) -> None:
    columns = {
        "whole": pandas.Categorical([7, 8, 7, None]),
        "fraction": pandas.Categorical([0.5, 2.0, 0.5, 2.0]),
        "word": pandas.Categorical(["a", "b", "a", None]),
        "ok": pandas.Categorical([True, False, True, None]),
        "when": pandas.Categorical(pandas.to_datetime(["2020-01-02", "2021-03-04", "2020-01-02", None])),
        "number": [7, 8, 7, 9],
    }
    frame = pandas.DataFrame(columns)
    found = stored_parquet(frame, tmp_path)
    for name in columns:
        assert found.column(name).tolist() == table_from(frame).column(name).tolist(), name
    assert found.column("fraction").tolist() == ["0.5", "2", "0.5", "2"]


@pytest.mark.parametrize(
    ("column", "part"),
    [
        (pandas.to_timedelta([1, 2], unit="h"), r"holds durations.*total_seconds"),
        (pandas.period_range("2020-01", periods=2, freq="M"), r"holds periods.*to_timestamp"),
    ],
)
@pytest.mark.parametrize("way", [lambda frame, _: table_from(frame), stored_parquet])
def test_what_is_stored_as_a_number_of_some_unit_is_refused(
    column: Any, part: str, way: Callable[[Any, Path], Table], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=rf"BG210.*'a': {part}"):
        way(pandas.DataFrame({"a": column}), tmp_path)


def test_the_numbers_of_rows_that_were_left_are_no_column(tmp_path: Path) -> None:
    some = FRAME.set_axis([7, 3, 9, 2])
    pytest.importorskip("pyarrow")
    some.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").names == table_from(some).names == tuple(FRAME.columns)
    some.rename_axis("key").to_parquet(tmp_path / "named.parquet")
    assert "key" in read_table(tmp_path / "named.parquet").names


NO_REMARKS = (b"{", b"[" * 100_000, b"[]", b'{"columns": [{"name": "a"}]}', b'{"columns": 3}', b"\xff")


@pytest.mark.parametrize("remark", NO_REMARKS, ids=range(len(NO_REMARKS)))
def test_remarks_that_are_not_those_of_pandas_change_nothing(tmp_path: Path, remark: bytes) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"a": [1, 2]}).replace_schema_metadata({b"pandas": remark})
    parquet.write_table(table, tmp_path / "t.parquet", store_schema=False)
    assert read_table(tmp_path / "t.parquet").column("a").tolist() == [1, 2]


@pytest.mark.parametrize(
    "cells", [["true", "False", "TRUE"], ["True", "", "false"], [" true", "NA", "FALSE "], ["?", "true", "none"]]
)
def test_truth_values_in_any_case(tmp_path: Path, cells: list[str]) -> None:
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *(f"{cell},1" for cell in cells)]) + "\n", "utf-8")
    known = {"true": True, "false": False}
    assert read_table(tmp_path / "t.csv").target("a").tolist() == [known.get(cell.strip().lower()) for cell in cells]


@pytest.mark.parametrize("other", ["maybe", "2020-01-01"])
def test_truth_values_among_others_are_text(tmp_path: Path, other: str) -> None:
    (tmp_path / "t.csv").write_text(f"a\nTrue\nfalse\n{other}\n", "utf-8")
    assert read_table(tmp_path / "t.csv").column("a").tolist() == ["True", "false", other]


@pytest.mark.parametrize("rows", [3, 300_000])
def test_rows_are_told_by_their_lines(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a", *map(str, range(rows))]) + "\n", "utf-8")
    assert read_table(path).cells("a").row(rows - 1) == f"{path}:{rows + 1}: column 'a'"


def test_rows_of_several_lines_are_told_by_the_first(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n"x\ny",1\n\nz,2\n', "utf-8")
    table = read_table(path)
    assert [table.cells("b").row(row) for row in range(2)] == [f"{path}: column 'b', row {row}" for row in (1, 2)]


def test_rows_of_parquet_are_counted_from_1(tmp_path: Path) -> None:
    assert stored_parquet(FRAME, tmp_path).cells("ok").row(0).endswith("t.parquet: column 'ok', row 1")
