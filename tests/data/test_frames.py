"""Every kind of array and data frame becomes the same table; what cannot is refused with what to type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.data import table_from
from backgraph.errors import BackgraphError, DataError, UsageError

SQUARE = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def wide(array: np.ndarray) -> np.ndarray:
    """`array` in the middle of a larger one, every second column."""
    outer = np.full((array.shape[0], 2 * array.shape[1] + 1), np.nan)
    outer[:, 1::2] = array
    return outer[:, 1::2]


SAME: dict[str, Callable[[np.ndarray], Any]] = {
    "float64": lambda array: array,
    "float32": lambda array: array.astype(np.float32),
    "float16": lambda array: array.astype(np.float16),
    "long double": lambda array: array.astype(np.longdouble),
    "int8": lambda array: array.astype(np.int8),
    "uint64": lambda array: array.astype(np.uint64),
    "bool": lambda array: array.astype(bool),
    "big-endian": lambda array: array.astype(">f8"),
    "Fortran order": np.asfortranarray,
    "strided": wide,
    "reversed": lambda array: array[::-1].copy()[::-1],
    "objects": lambda array: array.astype(object),
    "decimals": np.vectorize(Decimal, otypes=[object]),
    "list of rows": list,
    "mapping": lambda array: {"x0": array[:, 0], "x1": array[:, 1].tolist()},
    "masked": np.ma.masked_array,
    "matrix of records": lambda array: np.array([tuple(row) for row in array], dtype=[("x0", "f8"), ("x1", "f4")]),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_same_bits_from_every_kind(kind: str) -> None:
    table = table_from(SAME[kind](SQUARE))
    assert table.names == ("x0", "x1")
    assert np.stack([table.column("x0"), table.column("x1")], axis=1).tobytes() == SQUARE.tobytes()


def test_a_read_only_memory_map(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", SQUARE)
    assert table_from(np.load(tmp_path / "x.npy", mmap_mode="r")).column("x0").tolist() == [1, 0, 1]


def test_missing_values() -> None:
    table = table_from({"a": np.array([1, None], dtype=object), "b": np.array(["x", None], dtype=object)})
    assert np.isnan(table.column("a")[1])
    assert table.column("b").tolist() == ["x", ""]
    masked = table_from({"a": np.ma.masked_array([1, 2], mask=[False, True])})
    assert np.isnan(masked.column("a")[1])


BAD: dict[str, tuple[Any, str, str]] = {
    "complex": (SQUARE.astype(complex), "BG210", "complex128"),
    "complex objects": (np.array([[1j]], dtype=object), "BG203", "not a number"),
    "NumPy complex objects": (np.array([[np.complex128(1)]], dtype=object), "BG203", "not a number"),
    "durations": (np.array([[3]], dtype="m8[D]"), "BG210", "make them numbers: .dt.total_seconds()"),
    "dates among numbers": ({"a": np.array([dt.date(2020, 1, 1), 3], dtype=object)}, "BG203", "row 1"),
    "bytes": (np.array([[b"ab"]]), "BG210", "S2"),
    "one dimension": (SQUARE[0], "BG207", "X.reshape(-1, 1)"),
    "three dimensions": (SQUARE[None], "BG207", "3 dimensions"),
    "no dimension": (np.array(3.0), "BG207", "0 dimensions"),
    "no rows": (SQUARE[:0], "BG201", "no rows"),
    "no columns": (SQUARE[:, :0], "BG201", "no columns"),
    "empty mapping": ({}, "BG201", "no columns"),
    "lengths": ({"a": [1.0], "b": [1.0, 2.0]}, "BG207", "differ in length"),
    "equal names": ({"1": [1.0], 1: [2.0]}, "BG205", "got 1"),
    "matrix in a mapping": ({"a": SQUARE}, "BG207", "shape (3, 2)"),
    "ragged": ([[1.0, 2.0], [3.0]], "BG207", "different lengths"),
    "mixed objects": (np.array([["a"], [1]], dtype=object), "BG203", "row 1"),
    "odd objects": (np.array([[1], [{}]], dtype=object), "BG203", "row 1"),
    "huge integer": (np.array([[10**400]], dtype=object), "BG203", "not a number"),
    "infinite": (np.array([[1.0], [np.inf]]), "BG203", "row 1"),
    "number": (3, "BG601", "got int"),
    "text": ("abc", "BG601", "got str"),
    "none": (None, "BG601", "got NoneType"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_refused(name: str) -> None:
    data, code, part = BAD[name]
    with pytest.raises(BackgraphError) as caught:
        table_from(data)
    assert (caught.value.code, part in str(caught.value)) == (code, True), str(caught.value)
    assert "\n" not in str(caught.value)


def test_sparse_is_a_type_error() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for data in (sparse.csr_matrix(SQUARE), sparse.coo_array(SQUARE)):
        with pytest.raises(TypeError, match=r"BG601.*X\.toarray\(\)"):
            table_from(data)


COLUMNS: dict[str, list[Any]] = {"age": [1, None, 3], "name": ["x", None, "z"], "ok": [True, False, True]}


def pandas_frame() -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({**COLUMNS, "age": pandas.array([1, None, 3], dtype="Int64")})


def arrow_frame() -> Any:
    return pytest.importorskip("pyarrow").table(COLUMNS)


def polars_frame() -> Any:
    return pytest.importorskip("polars").DataFrame(COLUMNS)


def lazy_frame() -> Any:
    return polars_frame().lazy()


def duckdb_frame() -> Any:
    frame = arrow_frame()
    connection = pytest.importorskip("duckdb").connect()
    return connection.from_arrow(frame)


FRAMES = [pandas_frame, arrow_frame, polars_frame, lazy_frame, duckdb_frame]


@pytest.mark.parametrize("make", FRAMES)
def test_every_data_frame_gives_the_same_table(make: Callable[[], Any]) -> None:
    table = table_from(make())
    assert table.names == ("age", "name", "ok")
    assert np.array_equal(table.column("age"), [1, np.nan, 3], equal_nan=True)
    assert table.column("name").tolist() == ["x", "", "z"]
    assert table.target("ok").tolist() == [True, False, True]


def test_pandas_categories_and_numbered_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {0: pandas.Categorical(["u", None]), 1: pandas.Series([1.5, None]), 2: pandas.Categorical([7, None])}
    )
    table = table_from(frame)
    assert table.names == ("0", "1", "2")
    assert table.column("0").tolist() == ["u", ""]
    assert table.column("2").tolist() == ["7", ""]


def test_pandas_columns_of_one_name() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="BG205"):
        table_from(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_nested_columns_are_refused() -> None:
    polars = pytest.importorskip("polars")
    with pytest.raises(DataError, match=r"BG210.*'a'.*List"):
        table_from(polars.DataFrame({"a": [[1, 2]]}))


DATES: dict[str, Callable[[Any], Any]] = {
    "NumPy, days": lambda _: {"a": np.array(["2020-01-01", "NaT"], dtype="M8[D]")},
    "NumPy, nanoseconds": lambda _: {"a": np.array(["2020-01-01T00:00:00", "NaT"], dtype="M8[ns]")},
    "objects": lambda _: {"a": np.array([dt.date(2020, 1, 1), None], dtype=object)},
    "objects with a zone": lambda _: {
        "a": np.array([dt.datetime(2020, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))), None], dtype=object)
    },
    "pandas": lambda need: need("pandas").DataFrame({"a": need("pandas").to_datetime(["2020-01-01", None])}),
    "pandas with a zone": lambda need: need("pandas").DataFrame(
        {"a": need("pandas").to_datetime(["2020-01-01T02:00+02:00", None])}
    ),
    "polars dates": lambda need: need("polars").DataFrame({"a": [dt.date(2020, 1, 1), None]}),
    "polars times": lambda need: need("polars").DataFrame({"a": [dt.datetime(2020, 1, 1), None]}),
    "pyarrow": lambda need: need("pyarrow").table({"a": [dt.date(2020, 1, 1), None]}),
}


@pytest.mark.parametrize("kind", DATES)
def test_dates_of_every_kind_are_the_same_microseconds(kind: str) -> None:
    column = table_from(DATES[kind](pytest.importorskip)).column("a")
    assert column.dtype == np.dtype("datetime64[us]")
    assert column.astype(str).tolist() == ["2020-01-01T00:00:00.000000", "NaT"]


def test_an_array_has_no_names_of_its_own() -> None:
    assert not table_from(SQUARE).named
    assert not table_from(list(SQUARE)).named
    assert table_from({"a": SQUARE[:, 0]}).named


def test_a_table_is_itself() -> None:
    table = table_from(SQUARE)
    assert table_from(table) is table


def test_the_argument_is_named() -> None:
    with pytest.raises(UsageError, match="values: is not a table"):
        table_from(3, source="values")
