"""The commands when all is well, and the exit codes of what is nobody's fault."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backgraph.cli import main as entry
from backgraph.cli.output import harmless, table_text
from backgraph.errors import CATALOGUE, SaveError
from backgraph.models.fitted import Fitted, load
from backgraph.train.loop import Training
from tests.cli.conftest import Run


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def test_digits_without_biases_print_the_book_s_gradients(tmp_path: Path, run: Run) -> None:
    outcome = run("train", "--epochs", 2, "--no-biases", "--weight-decay", 1e-4, "--out", tmp_path / "m")
    assert outcome.code == 0
    assert outcome.error == ""
    for line in ("∇W⁽²⁾ J = Hᵀ G + 2λ W⁽²⁾", "∇W⁽¹⁾ J = Xᵀ G' + 2λ W⁽¹⁾", "G = (softmax(U⁽²⁾) − onehot(y))/m"):
        assert line in outcome.out
    assert "validation accuracy" in outcome.out
    assert (tmp_path / "m" / "model.safetensors").is_file()


def test_same_seed_same_file(flowers: Path, tmp_path: Path, run: Run) -> None:
    for name in "ab":
        run("train", flowers, "--target", "species", "--epochs", 3, "--seed", 7, "--out", tmp_path / name)
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert a == b


def test_a_table_with_text_is_learned_and_predicted(flowers: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "m"
    trained = run("train", flowers, "--target", "species", "--epochs", 60, "--batch-size", 8, "--out", out, "--json")
    result = json.loads(trained.out)
    assert result["training"]["accuracy"] > 0.9
    predicted = run("predict", out, flowers, "--probabilities")
    header, *rows = rows_of(predicted.out)
    assert header == ["species", "p(large)", "p(small)"]
    assert len(rows) == 60
    for label, large, small in rows:
        assert float(large) + float(small) == pytest.approx(1, abs=1e-6)
        assert (label == "large") == (float(large) > float(small))
    assert predicted.error.startswith("accuracy ")


def test_numbers_are_predicted_in_their_own_units(flowers: Path, tmp_path: Path, run: Run) -> None:
    out, table = tmp_path / "m", tmp_path / "p.csv"
    arguments = ["--target", "height", "--task", "regression", "--epochs", 150, "--learning-rate", 0.01]
    trained = run("train", flowers, *arguments, "--out", out, "--dtype", "float64", "--json")
    assert json.loads(trained.out)["training"]["R²"] > 0.95
    predicted = run("predict", out, flowers, "--out", table)
    assert predicted.code == 0
    assert "RMSE" in predicted.out
    heights = [float(row[0]) for row in rows_of(table.read_text("utf-8"))[1:]]
    assert heights[19] == pytest.approx(28.75, abs=3)


def test_rows_without_the_target_are_predicted_without_scores(flowers: Path, tmp_path: Path, run: Run) -> None:
    run("train", flowers, "--target", "species", "--epochs", 1, "--out", tmp_path / "m")
    table = tmp_path / "new.csv"
    table.write_text("colour,width,length,height\ngreen,1,2,3\n,,,\n", "utf-8")
    predicted = run("predict", tmp_path / "m" / "model.safetensors", table)
    assert predicted.code == 0
    assert predicted.error == "backgraph: colour: 1 row with levels that the model did not learn: 'green'\n"
    assert len(rows_of(predicted.out)) == 3


def test_columns_are_told_and_may_be_overruled(tmp_path: Path, run: Run) -> None:
    table = tmp_path / "t.csv"
    rows = "".join(f"{i % 5},0{i % 3},x{i},{i % 2}\n" for i in range(60))
    table.write_text('size,month,"na,me",y\n' + rows, "utf-8")
    choices = ("--categorical", "month", "--numeric", "size", "--drop", '"na,me"')
    outcome = run("train", table, "--target", "y", "--epochs", 1, "--out", tmp_path / "m", *choices)
    assert outcome.code == 0
    assert re.search(r"month +text +0 +3: 00, 01, 02 +a feature for each of 3 levels", outcome.out)
    assert outcome.out.count("dropped") == 1
    table.write_text("month,size,more\n02,1,7\n", "utf-8")
    predicted = run("predict", tmp_path / "m", table)
    assert predicted.code == 0
    assert "not used: more" in predicted.error


def test_a_file_larger_than_the_memory_is_read_in_parts(tmp_path: Path, run: Run) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "t.parquet"
    query = (
        "select i % 7 as a, 'l' || i % 20 as c, case when i % 7 > 3 then 'yes' else 'no' end as y from range(9000) r(i)"
    )
    duckdb.sql(f"copy ({query}) to '{path}' (format parquet)")
    command = ("train", path, "--target", "y", "--epochs", 2, "--out", tmp_path / "m", "--memory", "1MiB")
    assert run(*command).code == 0
    assert "accuracy 1.0000 on 9,000 rows" in run("predict", tmp_path / "m", path, "--out", tmp_path / "p.csv").out
    assert sorted(each.name for each in tmp_path.iterdir()) == ["m", "p.csv", "t.parquet"]


def test_many_different_whole_numbers_are_quantities(tmp_path: Path, run: Run) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,y\n" + "".join(f"{i},{3 * i}\n" for i in range(50)), "utf-8")
    assert "regression" in run("train", table, "--target", "y", "--epochs", 1, "--out", tmp_path / "m").out


def test_an_existing_folder_is_kept_unless_overwritten(flowers: Path, tmp_path: Path, run: Run) -> None:
    command = ("train", flowers, "--target", "species", "--epochs", 0, "--out", tmp_path / "m")
    first, second, third = run(*command), run(*command), run(*command, "--overwrite")
    assert (first.code, second.code, third.code) == (0, 2, 0)


def test_a_cost_typed_in_is_explained(run: Run) -> None:
    cost = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"
    outcome = run("explain", cost, "--wrt", "W1,W2")
    assert outcome.code == 0
    assert "∇W⁽²⁾ J = Hᵀ G + 2λ W⁽²⁾" in outcome.out
    assert run("explain", cost, "--wrt", "W1,W2", "--lang", "zh", "--ascii").code == 0
    assert json.loads(run("explain", "sum(b*b)", "--wrt", "b", "--shape", "b:h", "--format", "json").out)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_error_code_has_a_page(code: str, run: Run) -> None:
    outcome = run("explain", code.lower())
    assert outcome.code == 0
    assert outcome.out.startswith(code + "\n")


def test_ctrl_c_saves_what_there_is(flowers: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Training, data: object, **options: object) -> Training:
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "run", interrupted)
    outcome = run("train", flowers, "--target", "species", "--out", tmp_path / "m")
    assert outcome.code == 130
    assert (tmp_path / "m" / "model.safetensors").is_file()
    assert outcome.error.splitlines()[-1] == "backgraph: interrupted"


def test_a_failed_save_has_its_own_code(
    flowers: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Fitted, path: object, training: object = None) -> None:
        raise SaveError("BG551", str(path), "could not be saved", got="No space left on device")

    monkeypatch.setattr(Fitted, "save", full)
    outcome = run("train", flowers, "--target", "species", "--epochs", 0, "--out", tmp_path / "m")
    assert outcome.code == 3
    assert "BG551" in outcome.error


def test_an_internal_error_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(entry, "application", broken)
    outcome = run("explain", "BG101")
    assert outcome.code == 70
    assert outcome.error.count("\n") == 1
    assert "ZeroDivisionError" in outcome.error


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-x", "@cmd", "\tx", "\r=1", "=cmd|' /C calc'!A0", "-1+2"])
def test_no_text_acts_as_a_formula(text: str) -> None:
    assert harmless(text) == "'" + text
    ((cell,),) = rows_of(table_text([text], []))[:1] if "\r" not in text else [["'"]]
    assert cell.startswith("'")


@pytest.mark.parametrize("text", ["-1.5", "+3", "1e-9", "plain", "a=b", ""])
def test_numbers_and_plain_text_stay(text: str) -> None:
    assert harmless(text) == text


def test_labels_that_are_formulas_are_written_as_text(tmp_path: Path, run: Run) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,y\n" + "".join(f"{i % 2},{'=cmd' if i % 2 else 'b'}\n" for i in range(40)), "utf-8")
    run("train", table, "--target", "y", "--epochs", 30, "--out", tmp_path / "m")
    outcome = run("predict", tmp_path / "m", table, "--probabilities")
    header, *rows = rows_of(outcome.out)
    assert header == ["y", "p(=cmd)", "p(b)"]
    assert {row[0] for row in rows} <= {"'=cmd", "b"}


def process(*arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "backgraph", *arguments]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]


def test_help_is_quick_and_lists_the_commands() -> None:
    began = time.perf_counter()
    shown, error = process("--help").communicate(timeout=30)
    assert time.perf_counter() - began < 10
    assert error == ""
    assert all(name in shown for name in ("train", "predict", "explain"))


def test_a_reader_who_leaves_does_not_stop_training(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "backgraph", "train", "--epochs", "1", "--out", str(tmp_path / "m")]
    finished = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert (tmp_path / "m" / "model.safetensors").is_file()


@pytest.mark.slow
def test_a_signal_stops_training_between_two_steps(tmp_path: Path) -> None:
    running = process("train", "--epochs", "1000000", "--out", str(tmp_path / "m"))
    assert running.stdout is not None
    while "∇W⁽¹⁾" not in running.stdout.readline():
        assert running.poll() is None
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=30)
    assert running.returncode == 130
    assert error.splitlines()[-1] == "backgraph: interrupted"
    assert load(tmp_path / "m" / "model.safetensors").mlp.hidden == (64,)


def test_a_closed_standard_output_is_quiet() -> None:
    command = f"{sys.executable} -m backgraph explain BG101 >&-"
    finished = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_an_ascii_terminal_is_no_obstacle(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    shown, error = process("train", "--epochs", "0", "--out", str(tmp_path / "m"), env=environment).communicate(
        timeout=60
    )
    assert error == ""
    assert "saved" in shown
