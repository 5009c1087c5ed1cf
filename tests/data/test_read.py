"""Files in, tables out; every polluted file is refused at its place, none becomes a silently wrong table."""

from __future__ import annotations

import csv
import gzip
import io
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backgraph.data import read, read_table
from backgraph.data.source import check_text, open_source
from backgraph.errors import DataError, FileError, UsageError
from tests.data.polluted import BAD_GZIP, BAD_TEXT, GOOD, assert_table, check, refusal


@pytest.mark.parametrize("name", BAD_TEXT)
def test_bad_text_is_refused_at_its_place(tmp_path: Path, name: str) -> None:
    content, code, where, part = BAD_TEXT[name]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    error = refusal(path)
    check(error, code, where, part)
    assert len(str(error)) - len(str(path)) <= 240
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", [name for name, row in BAD_TEXT.items() if row[1] in {"BG203", "BG205", "BG209"}])
def test_the_same_inside_gzip(tmp_path: Path, name: str) -> None:
    content, code, where, part = BAD_TEXT[name]
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(content, 1))
    check(refusal(path), code, where.replace(".csv", ".csv.gz"), part)


@pytest.mark.parametrize("name", BAD_GZIP)
def test_bad_gzip_is_refused(tmp_path: Path, name: str) -> None:
    content, code = BAD_GZIP[name]
    path = tmp_path / "t.csv.gz"
    path.write_bytes(content)
    assert refusal(path).code == code


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("wide", [False, True], ids=["by DuckDB", "row by row"])
def test_good_text_is_read(tmp_path: Path, name: str, wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "WIDE", 0 if wide else 4_000)
    monkeypatch.setattr(read, "SMALL", 0)
    content, expected = GOOD[name]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert_table(read_table(path), expected)


@pytest.mark.parametrize("name", [name for name, row in BAD_TEXT.items() if ":" in row[2] and row[1] == "BG203"])
def test_row_by_row_refuses_the_same(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "mixed line ends":
        pytest.skip("row by row, each line may end as it likes")
    monkeypatch.setattr(read, "WIDE", 0)
    test_bad_text_is_refused_at_its_place(tmp_path, name)


def test_options(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a;b\n3,14;01\n-2,5;02\n")
    table = read_table(path, separator=";", decimal=",", text=["b"])
    assert_table(table, {"a": [3.14, -2.5], "b": ["01", "02"]})
    path.write_bytes(b"a;b\n3.14;1\n2,5;2\n")
    check(refusal(path, separator=";", decimal=","), "BG203", ".csv:2:1", "--decimal .")


def test_tsv_has_tabs(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes(b"a\tb\n1\tx,y\n")
    assert_table(read_table(path), {"a": [1], "b": ["x,y"]})


@pytest.mark.parametrize("options", [{"separator": ",,"}, {"separator": ""}, {"decimal": ","}, {"decimal": "x"}])
def test_bad_options_are_type_errors(tmp_path: Path, options: dict[str, str]) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a\n1\n")
    assert isinstance(refusal(path, **options), UsageError)


def test_an_absent_text_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"colour,b\nred,2\n")
    with pytest.raises(DataError, match=r"BG202.*did you mean colour\?"):
        read_table(path, text=["color"])


@pytest.mark.parametrize(
    "name", ["a[1].csv", "a*.csv", "a?b.csv", "-rf.csv", "a'b.csv", 'a"b.csv', "a\nb.csv", "x=1.csv"]
)
def test_names_of_files_are_literal(tmp_path: Path, name: str) -> None:
    (tmp_path / "a1.csv").write_bytes(b"other\n1\n")
    (tmp_path / "ab.csv").write_bytes(b"other\n1\n")
    (tmp_path / name).write_bytes(b"a\n1\n")
    assert_table(read_table(tmp_path / name), {"a": [1]})


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "year=2020"
    folder.mkdir()
    (folder / "t.csv").write_bytes(b"a\n1\n")
    assert read_table(folder / "t.csv").names == ("a",)


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "wine.csv").write_bytes(b"a\n1\n")
    with pytest.raises(OSError, match=r"BG501.*did you mean wine\.csv\?"):
        read_table(tmp_path / "wien.csv")
    assert "does not exist either" in str(refusal(tmp_path / "no" / "wine.csv"))


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/", "a\0b", "x" * 5000])
def test_what_is_no_file_is_refused(path: str) -> None:
    error = refusal(Path(path))
    assert isinstance(error, FileError)
    assert error.code == "BG501"


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")
    check(refusal(tmp_path / "t.csv"), "BG501", ".csv", "a pipe")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a\n1\n")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    check(refusal(path), "BG501", ".csv", "Permission denied")


def test_100_000_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    names = ",".join(f"c{index}" for index in range(100_000))
    path.write_text(f"{names}\n" + ",".join(["1.5"] * 100_000) + "\n")
    table = read_table(path)
    assert (len(table.names), table.n_rows, table.column("c99999")[0]) == (100_000, 1, 1.5)


FEWER = settings(max_examples=settings.default.max_examples // 4)
"""Starting DuckDB takes as long as a thousand examples of other tests."""

CELLS = st.text(st.sampled_from("ab1.2,;\"\n' é"), max_size=5) | st.floats(allow_nan=False, allow_infinity=False).map(
    repr
)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.sampled_from(",;\t"))
@FEWER
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], sep: str
) -> None:
    """The csv module writes, we read: the same cells, as text."""
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    text = io.StringIO()
    csv.writer(text, delimiter=sep, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("x", "y"), *rows])
    path.write_text(text.getvalue(), newline="")
    table = read_table(path, separator=sep, text=["x", "y"])
    assert list(zip(table.column("x"), table.column("y"), strict=True)) == rows


@given(st.lists(CELLS | st.sampled_from(["", "NA"]), min_size=1, max_size=6), st.sampled_from(".,"))
@FEWER
def test_both_readers_agree(tmp_path_factory: pytest.TempPathFactory, cells: list[str], decimal: str) -> None:
    path = tmp_path_factory.getbasetemp() / "agree.csv"
    text = io.StringIO()
    csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [["x"], *[[c] for c in cells]]
    )
    path.write_text(text.getvalue(), newline="")
    outcomes: list[object] = []
    for wide in (4_000, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(read, "WIDE", wide)
            patch.setattr(read, "SMALL", 0)
            try:
                outcomes.append(
                    [repr(value) for value in read_table(path, separator=";", decimal=decimal).column("x").tolist()]
                )
            except DataError as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


POOL = st.sampled_from(
    ["1", "2.5", "NA", "", '""', "nan", "x", "2020-01-01", '"7\n"', " 8 ", "1_0", "inf", "?", "None", '"7\r"', "1e999"]
)
TAILS = st.sampled_from(["", "", "", ",", ",NA", ',""', ",1"])


@given(st.lists(st.tuples(POOL, POOL, TAILS), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
@FEWER
def test_the_fast_way_gives_the_table_of_the_slow_one(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], end: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "two_ways.csv"
    path.write_bytes(end.join(["x,y", *(f"{x},{y}{tail}" for x, y, tail in rows), ""]).encode())
    outcomes: list[object] = []
    for way in (read.read_typed, lambda *_: None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(read, "read_typed", way)
            patch.setattr(read, "SMALL", 0)
            try:
                table = read_table(path)
                outcomes.append([repr(value) for name in table.names for value in table.column(name).tolist()])
            except DataError as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


PLAIN = st.text(st.sampled_from("ab1.2e-_; \tNA"), max_size=6)


@given(st.lists(st.tuples(PLAIN, PLAIN, TAILS), min_size=1, max_size=6), st.sampled_from(["\n", ""]), st.booleans())
@FEWER
def test_a_small_file_is_the_same_table_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], end: str, blank: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "small.csv"
    lines = ["x_1_0,y", *([""] if blank else []), *(f"{x},{y}{tail}" for x, y, tail in rows)]
    path.write_text("\n".join(lines) + end, newline="")
    outcomes: list[object] = []
    for small in (0, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(read, "SMALL", small)
            try:
                table = read_table(path)
                outcomes.append([repr(value) for name in table.names for value in table.column(name).tolist()])
            except DataError as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_digits_in_names_are_not_odd(tmp_path: Path) -> None:
    """Names such as x_1_2 would make reading ten times as slow; in a cell, 1_2 is no number to us and one to DuckDB."""
    for content, odd in ((b"x_1_2,y\n3,4\n", False), (b"x,y\n1_2,4\n", True), (b"x,y\r1,2\r", True)):
        (tmp_path / "t.csv").write_bytes(content)
        assert check_text(open_source(tmp_path / "t.csv")).odd is odd


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@FEWER
def test_numbers_keep_their_bits(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    path = tmp_path_factory.getbasetemp() / "numbers.csv"
    path.write_text("x\n" + "".join(f"{number!r}\n" for number in numbers))
    assert read_table(path).column("x").tobytes() == np.array(numbers).tobytes()


def bomb(line: bytes, times: int) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        for _ in range(times):
            file.write(line * (1 << 18))
    return packed.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("line", [b"1,2\n", b"\0\0\0\0", b"aaaa", b'"a\n,'], ids=["rows", "NUL", "one line", "quotes"])
def test_bombs_are_refused_in_512_mib_and_5_s(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(bomb(line, 1024))
    program = """
        import resource, sys
        resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
        from backgraph.data import read_table
        from backgraph.errors import DataError
        try:
            read_table(sys.argv[1])
        except DataError as error:
            print(error.code)
    """
    start = time.monotonic()
    command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() in {"BG204", "BG208"}
    assert time.monotonic() - start < 5


def test_importing_the_layer_loads_numpy_only() -> None:
    program = "import sys, backgraph.data; print({'duckdb', 'narwhals', 'safetensors', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
