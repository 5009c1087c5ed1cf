"""Bad data files and costs on the command line: exit code 2, one line of at most 240 characters, nothing written.

In `make test-all` all of them run once more in one process, which takes at most 512 MiB in all, each within 5 s.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.data.polluted import BAD_GZIP, BAD_TEXT
from tests.data.test_parquet import BAD_PARQUET

HEAVY = {"a line of 33 MiB", "a header of 33 MiB", "10^6 columns", "50 million rows in a few KiB"}
"""Large files, for the slow test alone."""
ROWS = "a,b,y\n" + "".join(f"{i},{i * i % 7},{'pq'[i % 2]}\n" for i in range(20))


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


OTHER_FILES: dict[str, bytes] = {
    "a NumPy array": npy(np.zeros((3, 3))),
    "a NumPy array of pickles": npy(np.array([{}], dtype=object)),
    "a zip archive": b"PK\x03\x04" + bytes(60),
    "an old spreadsheet": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60),
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(60),
    "a program": b"\x7fELF" + bytes(60),
    "Arrow": b"ARROW1\0\0" + bytes(60),
    "bzip2": b"BZh91AY&SY" + bytes(60),
    "xz": b"\xfd7zXZ\0" + bytes(60),
    "zstandard": b"\x28\xb5\x2f\xfd" + bytes(60),
    "a pickle of protocol 2": b"\x80\x02}q\0.",
    "a safetensors file": (64).to_bytes(8, "little") + b"{" + b" " * 63,
    "HTML": b"<!DOCTYPE html>\n<html><body>404, not found, sorry</body></html>\n",
    "JSON": b'[{"a": 1, "y": 2}, {"a": 3, "y": 4}]\n',
    "JSON lines": b'{"a": 1, "y": 2}\n{"a": 3, "y": 4}\n',
    "YAML": b"a: 1\ny: 2\n",
    "SQL": b"select * from t;\n",
    "random bytes": bytes(np.random.Generator(np.random.Philox(3)).integers(0, 256, 500, "uint8")),
    "one byte": b"\xff",
    "a newline": b"\n",
    "spaces": b"   \n  \n",
    "quotes": b'""""""""""\n',
}

TARGETS: dict[str, str] = {
    "a label missing in the middle": ROWS.replace("10,2,p", "10,2,"),
    "a label that is a blank": ROWS.replace("10,2,p", "10,2,?").replace("p", "1").replace("q", "2"),
    "a label that is text among numbers": ROWS.replace("p", "1").replace("q", "2").replace("10,2,1", "10,2,one"),
    "infinity among targets": ROWS.replace("p", "0.5").replace("q", "2").replace("10,2,0.5", "10,2,inf"),
    "one row of a class of two rows": "a,b,y\n1,2,p\n",
    "numbers with units": ROWS.replace("p", "1 kg").replace("q", "2").replace("11,", "11 kg,"),
    "percent signs in a column": ROWS.replace("\n3,", "\n3%,"),
    "money in a column": ROWS.replace("\n3,", "\n$3,"),
    "a target of dates": "a,y\n1,2020-01-01\n2,2020-01-02\n3,2020-01-03\n",
    "a target of dates for regression": "a,y\n1,2020-01-01\n2,2020-01-02\n3,2020-01-03\n",
}

COSTS: dict[str, str] = {
    "nothing": "",
    "a blank": "  ",
    "half a product": "sum(X @",
    "a bracket too many": "sum(x))",
    "a bracket too few": "sum(x",
    "an unknown function": "summ(x)",
    "a statement": "import os",
    "an attribute": "x.__class__",
    "a call of eval": "eval('1')",
    "a lambda": "(lambda: 0)()",
    "a comprehension": "sum([x for x in y])",
    "a string": "'x'",
    "a walrus": "(x := 1)",
    "an f-string": "f'{x}'",
    "await": "await x",
    "a matrix, not a number": "X @ W",
    "a decorator": "@x",
    "a backslash": "sum(x) \\",
    "a number too large": "sum(x) * 1e999",
    "a division by nothing": "sum(x) / ",
    "two equals signs": "J == sum(x",
    "a starred call": "sum(*x)",
    "a keyword nobody knows": "sum(x, axes=0)",
    "an axis that is not there": "sum(sum(sum(sum(x, axis=7))))",
    "control characters": "sum(x)\x00",
}

EXPLAINED = ["--wrt", "x"]
QUERY = b"DuckDB writes: "
"""Begins the content of a Parquet file that is written when it is needed."""


def cases() -> dict[str, tuple[str, bytes, list[str]]]:
    """For every bad input its file's name and content, and the arguments."""
    train = ["--target", "a", "--out", "OUT"]
    found: dict[str, tuple[str, bytes, list[str]]] = {}
    for name, (content, *_) in BAD_TEXT.items():
        found[f"CSV: {name}"] = ("t.csv", content, ["train", "t.csv", *train])
    for name, (content, _) in BAD_GZIP.items():
        found[f"gzip: {name}"] = ("t.csv.gz", content, ["train", "t.csv.gz", *train])
    for name, content in OTHER_FILES.items():
        for suffix in ("csv", "parquet"):
            found[f"{suffix}: {name}"] = (f"t.{suffix}", content, ["train", f"t.{suffix}", *train])
    for name, (query, *_) in BAD_PARQUET.items():
        found[f"Parquet: {name}"] = ("t.parquet", QUERY + query.encode(), ["train", "t.parquet", *train])
    for name, text in TARGETS.items():
        task = ["--task", "regression"] if "regression" in name else []
        found[f"target: {name}"] = ("t.csv", text.encode(), ["train", "t.csv", "--target", "y", "--out", "OUT", *task])
    for name, cost in COSTS.items():
        found[f"cost: {name}"] = ("t.csv", b"", ["explain", "--", cost] if cost.startswith("-") else ["explain", cost])
        found[f"cost: {name}"][2].extend(EXPLAINED)
    return found


CASES = cases()


def written(folder: Path, name: str, content: bytes) -> None:
    """The file of a case in `folder`; for Parquet that DuckDB is to write, the content is a query."""
    if content.startswith(QUERY):
        import duckdb

        duckdb.sql(content.removeprefix(QUERY).decode()).write_parquet(str(folder / name))
    else:
        (folder / name).write_bytes(content)


def complaint(code: int, error: str, before: set[Path], folder: Path) -> str:
    """What is wrong with the answer to a bad input; nothing when it is as it should be."""
    lines = error.splitlines()
    if code != 2 or len(lines) != 1 or not lines[0].startswith("backgraph: error[BG") or len(lines[0]) > 240:
        return f"{code}: {error[:300]!r}"
    changed = set(folder.rglob("*")) - before
    return f"wrote {changed}" if changed else ""


def test_there_are_200_with_those_of_test_bad_input() -> None:
    assert len(CASES) >= 165


def marked(case: str) -> object:
    """What tests/data reads as well is tried on the command line in `make test-all` only."""
    return pytest.param(case, marks=pytest.mark.slow) if case.startswith(("CSV: ", "gzip: ", "Parquet: ")) else case


@pytest.mark.parametrize("case", [marked(name) for name in CASES if name.split(": ")[1] not in HEAVY])
def test_bad_files(case: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, content, arguments = CASES[case]
    written(tmp_path, name, content)
    before = set(tmp_path.rglob("*"))
    outcome = run(*arguments)
    assert complaint(outcome.code, outcome.error, before, tmp_path) == ""


PROGRAM = """
    import contextlib, io, os, resource, sys, time
    from pathlib import Path
    from backgraph.cli.main import main
    from tests.cli.test_bad_files import CASES, complaint, written
    from tests.memory import peak_mebibytes
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    for number, (case, (name, content, arguments)) in enumerate(CASES.items()):
        folder = Path(sys.argv[1]) / str(number)
        folder.mkdir()
        written(folder, name, content)
        os.chdir(folder)
        before, began, error = set(folder.rglob("*")), time.monotonic(), io.StringIO()
        with contextlib.redirect_stderr(error):
            code = main(arguments)
        seconds = time.monotonic() - began
        wrong = complaint(code, error.getvalue(), before, folder) or ("slow" if seconds > 5 else "")
        if wrong:
            print(case, wrong)
        (folder / name).unlink()
    if peak_mebibytes() > 512:
        print(peak_mebibytes(), "MiB")
"""


@pytest.mark.slow
def test_all_of_them_in_512_mib_and_5_s_each(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (run.stdout, run.returncode) == ("", 0), run.stdout + run.stderr[-2000:]


def test_gzip_inside_gzip(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv.gz").write_bytes(gzip.compress(gzip.compress(ROWS.encode())))
    assert run("train", "t.csv.gz", "--target", "y", "--out", "OUT").code == 2
