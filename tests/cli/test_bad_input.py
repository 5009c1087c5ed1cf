"""Bad input: exit code 2 (or 4), one line of at most 240 characters with its code, no traceback, no file written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run

Files = dict[str, bytes | str]
GOOD = "a,b,y\n" + "".join(f"{i},{i * i % 7},{'pq'[i % 2]}\n" for i in range(20))
NUMBERS = "a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(20))
TRAIN = ["train", "D", "--target", "y", "--out", "OUT"]

Row = tuple[str, str | bytes | None, list[str], int, str]
"""Name, content of the table D, arguments, exit code, a fragment of the message."""


def with_options(*options: str) -> list[str]:
    return [*TRAIN, *options]


ROWS: list[Row] = [
    ("no command", None, ["tarin"], 2, "BG601"),
    ("an unknown option", GOOD, with_options("--epohcs", "3"), 2, "BG601"),
    ("an option without its value", GOOD, [*TRAIN, "--seed"], 2, "BG601"),
    ("an option of the wrong type", GOOD, with_options("--seed", "one"), 2, "BG601"),
    ("an option that is not whole", GOOD, with_options("--seed", "1.5"), 2, "BG601"),
    ("no out", GOOD, ["train", "D", "--target", "y"], 2, "BG601"),
    ("no target", GOOD, ["train", "D", "--out", "OUT"], 2, "--target"),
    ("a target that is not there", GOOD, ["train", "D", "--target", "yy", "--out", "OUT"], 2, "BG202"),
    ("a target nobody is near to", GOOD, ["train", "D", "--target", "zzz", "--out", "OUT"], 2, "columns: a, b, y"),
    ("a column to drop that is not there", GOOD, with_options("--drop", "aa"), 2, "BG202"),
    ("the target dropped", GOOD, with_options("--drop", "y"), 2, "BG601"),
    ("every column dropped", GOOD, with_options("--drop", "a,b"), 2, "BG201"),
    ("a column of two kinds", GOOD, with_options("--categorical", "a", "--drop", "a"), 2, "BG601"),
    ("text as a numeric column", "a,b,y\nx,1,p\nz,2,q\n" * 9, with_options("--numeric", "a"), 2, "BG203"),
    ("memory in words", GOOD, with_options("--memory", "much"), 2, "BG401"),
    ("memory of nothing", GOOD, with_options("--memory", "0"), 2, "BG401"),
    ("CSV larger than the memory", GOOD, with_options("--memory", "100"), 2, "only Parquet"),
    ("no file", None, ["train", "nothing.csv", "--target", "y", "--out", "OUT"], 2, "BG501"),
    ("a folder for a file", None, ["train", ".", "--target", "y", "--out", "OUT"], 2, "BG501"),
    ("a file that starts with a dash", None, ["train", "--target", "y", "--out", "OUT", "--", "-rf"], 2, "BG501"),
    ("an empty file", "", TRAIN, 2, "BG201"),
    ("a header only", "a,b,y\n", TRAIN, 2, "BG201"),
    ("a single row", "a,b,y\n1,2,p\n", TRAIN, 2, "BG20"),
    ("a long row", GOOD + "1,2,3,4\n", TRAIN, 2, "BG203"),
    ("a short row", GOOD + "1,2\n", TRAIN, 2, "BG203"),
    ("an unclosed quote", GOOD + '"1,2,p\n', TRAIN, 2, "BG203"),
    ("a wrong separator", GOOD.replace(",", ";"), TRAIN, 2, "BG20"),
    ("a decimal comma", GOOD.replace(",", ";").replace("0;", "0,5;"), with_options("--separator", ";"), 2, "decimal"),
    ("UTF-16", GOOD.encode("utf-16"), TRAIN, 2, "BG204"),
    ("an invalid byte", GOOD.encode() + b"1,\xff,p\n", TRAIN, 2, "BG20"),
    ("a NUL", GOOD.encode() + b"1,\x00,p\n", TRAIN, 2, "BG20"),
    ("a truncated gzip", gzip.compress(GOOD.encode())[:-9], TRAIN, 2, "BG20"),
    ("columns of one name", GOOD.replace("a,b,y", "a,a,y"), TRAIN, 2, "BG205"),
    ("a missing label", GOOD + "1,2,\n", TRAIN, 2, "BG206"),
    ("a missing number as label", NUMBERS + "1,2,\n", TRAIN, 2, "BG206"),
    ("fractions as classes", NUMBERS + "1,2,0.5\n", with_options("--task", "classification"), 2, "BG206"),
    ("text as numbers", GOOD, with_options("--task", "regression"), 2, "BG206"),
    ("nothing but the target", "y\n0\n1\n0\n1\n", TRAIN, 2, "BG201"),
    ("a hidden layer of zero", GOOD, with_options("--hidden", "5,0"), 2, "BG401"),
    ("hidden layers in words", GOOD, with_options("--hidden", "many"), 2, "BG401"),
    ("epochs −1", GOOD, with_options("--epochs=-1"), 2, "BG401"),
    ("batch size 0", GOOD, with_options("--batch-size", "0"), 2, "BG401"),
    ("batch size −3", GOOD, with_options("--batch-size=-3"), 2, "BG401"),
    ("learning rate 0", GOOD, with_options("--learning-rate", "0"), 2, "BG401"),
    ("learning rate −1", GOOD, with_options("--learning-rate=-1"), 2, "BG401"),
    ("learning rate NaN", GOOD, with_options("--learning-rate", "nan"), 2, "BG401"),
    ("an infinite weight decay", GOOD, with_options("--weight-decay", "inf"), 2, "BG401"),
    ("a negative weight decay", GOOD, with_options("--weight-decay=-1"), 2, "BG401"),
    ("seed −1", GOOD, with_options("--seed=-1"), 2, "BG401"),
    ("seed 2^64", GOOD, with_options("--seed", str(2**64)), 2, "BG401"),
    ("validation on everything", GOOD, with_options("--validation", "1"), 2, "BG401"),
    ("validation on less than nothing", GOOD, with_options("--validation=-0.1"), 2, "BG401"),
    ("an unknown optimiser", GOOD, with_options("--optimizer", "adm"), 2, "did you mean adam"),
    ("an unknown activation", GOOD, with_options("--activation", "rleu"), 2, "did you mean relu"),
    ("too many activations", GOOD, with_options("--activation", "relu,tanh"), 2, "BG401"),
    ("an unknown task", GOOD, with_options("--task", "clustering"), 2, "BG401"),
    ("an unknown dtype", GOOD, with_options("--dtype", "float16"), 2, "BG401"),
    ("a learning rate of 10⁹", NUMBERS, with_options("--task", "regression", "--optimizer", "sgd",
     "--learning-rate", "1e9", "--epochs", "9"), 4, "BG451"),
    ("out is a file", GOOD, ["train", "D", "--target", "y", "--out", "D"], 2, "BG551"),
    ("out is below a file", GOOD, ["train", "D", "--target", "y", "--out", "D/x"], 2, "BG551"),
    ("out is not empty", GOOD, ["train", "D", "--target", "y", "--out", "FULL"], 2, "--overwrite"),
    ("no model", GOOD, ["predict", "nothing", "D"], 2, "BG501"),
    ("no model in the folder", GOOD, ["predict", "FULL", "D"], 2, "BG501"),
    ("a table as model", GOOD, ["predict", "D", "D"], 2, "BG502"),
    ("predictions over a file", GOOD, ["predict", "FULL", "D", "--out", "D"], 2, "BG551"),
    ("an unknown error code", None, ["explain", "BG999"], 2, "BG601"),
    ("explain without names", None, ["explain", "sum(x**2)"], 2, "--wrt"),
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | bytes | None], set[Path]]:
    """A folder with the table D, a folder FULL that holds something, and no OUT; returns what there is."""
    monkeypatch.chdir(tmp_path)

    def make(content: str | bytes | None) -> set[Path]:
        Path("FULL").mkdir()
        Path("FULL/notes.txt").write_text("mine", "utf-8")
        if content is not None:
            Path("D").write_bytes(content.encode() if isinstance(content, str) else content)
        return set(tmp_path.rglob("*"))

    return make


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_bad_input(row: Row, place: Callable[..., set[Path]], run: Run) -> None:
    _, content, arguments, code, fragment = row
    before = place(content)
    outcome = run(*arguments)
    assert outcome.code == code
    (line,) = outcome.error.splitlines()
    assert line.startswith("backgraph: error[BG")
    assert fragment in line
    assert len(line) <= 240
    new = set(Path.cwd().rglob("*")) - before
    assert {path.relative_to(Path.cwd()).parts[0] for path in new} <= ({"OUT"} if code == 4 else set())


def test_a_damaged_model_is_refused(place: Callable[..., set[Path]], run: Run) -> None:
    place(GOOD)
    assert run(*TRAIN).code == 0
    model = Path("OUT/model.safetensors")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    outcome = run("predict", "OUT", "D")
    assert outcome.code == 2
    assert "BG502" in outcome.error


def test_a_table_without_a_column_of_the_model_is_refused(place: Callable[..., set[Path]], run: Run) -> None:
    place(GOOD)
    assert run(*TRAIN).code == 0
    Path("other.csv").write_text("a,c\n1,2\n", "utf-8")
    outcome = run("predict", "OUT", "other.csv")
    assert outcome.code == 2
    assert "BG202" in outcome.error


def test_control_characters_do_not_reach_the_terminal(place: Callable[..., set[Path]], run: Run) -> None:
    place(GOOD)
    outcome = run("train", "D", "--target", "y\x1b[31m\nx", "--out", "OUT")
    assert outcome.code == 2
    assert "\x1b" not in outcome.error
    assert outcome.error.count("\n") == 1
