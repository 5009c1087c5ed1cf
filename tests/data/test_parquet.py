"""Parquet: by its metadata refused before it is read, by its types afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from backgraph.data import read_table
from tests.data.polluted import assert_table, check, refusal

duckdb = pytest.importorskip("duckdb")


def parquet(path: Path, query: str) -> Path:
    duckdb.sql(query).write_parquet(str(path))
    return path


def test_parquet(tmp_path: Path) -> None:
    query = 'select * from (values (1, \'x\', true, 1.5::decimal(4,2)), (null, null, false, 2.5)) as t(a, b, c, "d""e")'
    table = read_table(parquet(tmp_path / "t.parquet", query))
    assert_table(table, {"a": [1, None], "b": ["x", ""], "c": [True, False], 'd"e': [1.5, 2.5]})


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamp_s", "timestamp_ns", "timestamptz"])
def test_dates(tmp_path: Path, kind: str) -> None:
    zone = " 00:00:00+00" if kind == "timestamptz" else ""
    query = f"select * from (values ('2020-01-02{zone}'::{kind}), (null)) t(a)"
    assert_table(read_table(parquet(tmp_path / "t.parquet", query)), {"a": ["2020-01-02T00:00:00", None]})


BAD_PARQUET = {
    "nested": ("select [1, 2] as a", "BG210", "column 'a'"),
    "record": ("select {'x': 1} as a", "BG210", "no flat column"),
    "binary": ("select 'ab'::blob as a", "BG210", "BLOB"),
    "time of day": ("select time '12:00:00' as a", "BG210", "TIME"),
    "duration": ("select interval 3 days as a", "BG210", "INTERVAL"),
    "list among good columns": ("select 1 as a, ['x'] as b", "BG210", "column 'b'"),
    "map": ("select map {'k': 1} as a", "BG210", "MAP"),
    "minus infinity": ("select '-inf'::float as a", "BG203", "row 1"),
    "infinite": ("select * from (values (1.0), ('inf'::double)) t(a)", "BG203", "row 2"),
    "no rows": ("select 1 as a where false", "BG201", "no rows"),
    "50 million rows in a few KiB": ("select 1::tinyint as a from range(50000000)", "BG208", "100 times its size"),
}


@pytest.mark.parametrize("name", BAD_PARQUET)
def test_bad_parquet_is_refused(tmp_path: Path, name: str) -> None:
    query, code, part = BAD_PARQUET[name]
    check(refusal(parquet(tmp_path / "t.parquet", query)), code, "", part)


def test_parquet_with_two_columns_of_one_name(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    writer = pytest.importorskip("pyarrow.parquet")
    writer.write_table(arrow.table([[1], [2]], names=["a", "a"]), tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet").code == "BG205"


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"PAR1" + b"x" * 40 + b"PAR1", b"PAR1" + b"\xff" * 8 + b"PAR1", b"PAR1"]
)
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    assert refusal(path).code == "BG204"


def test_a_corrupt_page_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", "select hash(range)::varchar as a from range(3000)")
    content = bytearray(path.read_bytes())
    content[200:2000] = bytes(byte ^ 0xFF for byte in content[200:2000])
    path.write_bytes(content)
    assert refusal(path).code == "BG204"
