"""Runs from the command line: resumed to the same bits, refused, locked, killed, interrupted, out of room."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from backgraph.cli import run as run_module
from backgraph.cli import train as train_module
from backgraph.compiler import call as calls
from backgraph.compiler import function
from backgraph.errors import SaveError
from backgraph.models.fitted import load
from backgraph.train import loop, native
from backgraph.train.directory import RunDirectory
from backgraph.train.engine import NumpyEngine, default_engine
from backgraph.train.loop import Training
from tests.cli.conftest import Run

TRAIN = ("--target", "species", "--preset", "plain", "--batch-size", 8)


@pytest.fixture(autouse=True)
def reference_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within this process nothing is compiled: these tests are about the folder."""
    monkeypatch.setattr(loop, "default_engine", NumpyEngine)


def files(folder: Path) -> dict[str, bytes]:
    """What must be the same however often a run was ended: all but the lock, the remarks of run.json, and the report.

    The report says where the run is and how long it took.
    """
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in {"lock", "report.html"}]
    found = {path.name: path.read_bytes() for path in paths}
    text = json.loads(found.pop("run.json"))
    found["run.json"] = json.dumps({key: text[key] for key in ("options", "run", "graph")}).encode()
    return found


def last(found: dict[str, bytes]) -> dict[str, bytes]:
    """Without the checkpoint before the last, which depends on when it was saved."""
    steps = sorted(name for name in found if name[0].isdigit())
    return {name: content for name, content in found.items() if name not in steps[:-1]}


def test_a_run_goes_on_to_the_same_files(flowers: Path, tmp_path: Path, run: Run) -> None:
    run("train", flowers, *TRAIN, "--epochs", 6, "--out", tmp_path / "whole")
    for epochs in (2, 2, 6):
        outcome = run("train", flowers, *TRAIN, "--epochs", epochs, "--out", tmp_path / "cut", "--resume")
        assert (outcome.code, outcome.error) == (0, "")
    assert last(files(tmp_path / "cut")) == last(files(tmp_path / "whole"))


def test_what_is_in_the_folder(flowers: Path, tmp_path: Path, run: Run) -> None:
    run("train", flowers, *TRAIN, "--epochs", 3, "--out", tmp_path / "m")
    text = json.loads((tmp_path / "m" / "run.json").read_text("utf-8"))
    assert (text["data"], text["epochs"], text["options"]["batch_size"]) == (str(flowers), 3, 8)
    with (tmp_path / "m" / "metrics.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header[:2] == ["epoch", "loss"]
    assert "validation accuracy" in header
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (("--hidden", "5"), "hidden was 64, is 5"),
        (("--seed", "8"), "seed was 0, is 8"),
        (("--learning-rate", "0.5"), "learning_rate was None, is 0.5"),
        (("--activation", "tanh"), "activation was relu, is tanh"),
    ],
)
def test_other_options_are_refused(
    flowers: Path, tmp_path: Path, run: Run, changes: tuple[str, str], named: str
) -> None:
    run("train", flowers, *TRAIN, "--epochs", 1, "--out", tmp_path / "m")
    before = files(tmp_path / "m")
    outcome = run("train", flowers, *TRAIN, *changes, "--epochs", 2, "--out", tmp_path / "m", "--resume")
    assert outcome.code == 2
    (line,) = outcome.error.splitlines()
    assert "BG505" in line
    assert named in line
    assert files(tmp_path / "m") == before


@pytest.mark.parametrize("row", [1, 17, 58])
def test_other_data_are_refused(flowers: Path, tmp_path: Path, run: Run, row: int) -> None:
    """One value, wherever it is: in the part to train on or in the part to validate on."""
    run("train", flowers, *TRAIN, "--epochs", 1, "--out", tmp_path / "m")
    lines = flowers.read_text("utf-8").splitlines()
    lines[row] = lines[row].replace(",", "1,", 1)
    flowers.write_text("\n".join(lines) + "\n", "utf-8")
    outcome = run("train", flowers, *TRAIN, "--epochs", 2, "--out", tmp_path / "m", "--resume")
    assert outcome.code == 2
    assert "has other values" in outcome.error


def test_resume_where_nothing_is_begins(flowers: Path, tmp_path: Path, run: Run) -> None:
    """So that one command, repeated until it succeeds, does the whole job."""
    assert run("train", flowers, *TRAIN, "--epochs", 1, "--out", tmp_path / "m", "--resume").code == 0


def test_a_run_that_was_killed_before_its_first_checkpoint_goes_on(flowers: Path, tmp_path: Path, run: Run) -> None:
    with RunDirectory(tmp_path / "m"):
        pass
    assert run("train", flowers, *TRAIN, "--epochs", 1, "--out", tmp_path / "m").code == 2
    assert run("train", flowers, *TRAIN, "--epochs", 1, "--out", tmp_path / "m", "--resume").code == 0


def test_a_folder_of_something_else_is_not_resumed(flowers: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "precious").write_text("x")
    outcome = run("train", flowers, *TRAIN, "--out", tmp_path / "m", "--resume")
    assert (outcome.code, "holds no run to resume" in outcome.error) == (2, True)
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["precious"]


def test_overwrite_begins_anew(flowers: Path, tmp_path: Path, run: Run) -> None:
    for seed in (1, 2):
        arguments = ("--target", "species", "--seed", seed, "--epochs", 4 // seed, "--out", tmp_path / "m")
        assert run("train", flowers, *arguments, "--overwrite").code == 0
    run("train", flowers, *arguments[:-1], tmp_path / "fresh")
    assert files(tmp_path / "m") == files(tmp_path / "fresh")


def test_resume_and_overwrite_exclude_each_other(flowers: Path, tmp_path: Path, run: Run) -> None:
    outcome = run("train", flowers, *TRAIN, "--out", tmp_path / "m", "--resume", "--overwrite")
    assert (outcome.code, "BG601" in outcome.error) == (2, True)


def test_a_folder_in_use_is_refused_before_the_data_are_read(tmp_path: Path, run: Run) -> None:
    with RunDirectory(tmp_path / "m"):
        began = time.monotonic()
        outcome = run("train", "no-such-file.csv", "--target", "y", "--out", tmp_path / "m", "--resume")
    assert time.monotonic() - began < 5
    assert outcome.code == 2
    (line,) = outcome.error.splitlines()
    assert f"BG504] {tmp_path / 'm'}: in use by process {os.getpid()}" in line or len(line) == 240


def test_a_file_that_changes_ends_the_run_and_the_checkpoint_stays(
    flowers: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Changing(run_module.Signals):
        def epoch_done(self, training: Training) -> None:
            if training.epoch == 2:
                flowers.write_text(flowers.read_text("utf-8") + "0,0,red,small,0\n", "utf-8")

    content = flowers.read_bytes()
    monkeypatch.setattr(run_module, "Signals", Changing)
    outcome = run("train", flowers, *TRAIN, "--epochs", 9, "--out", tmp_path / "m")
    assert outcome.code == 2
    (line,) = outcome.error.splitlines()
    assert "BG211" in line
    monkeypatch.undo()
    flowers.write_bytes(content)
    assert run("train", flowers, *TRAIN, "--epochs", 9, "--out", tmp_path / "m", "--resume").code == 0
    run("train", flowers, *TRAIN, "--epochs", 9, "--out", tmp_path / "whole")
    assert last(files(tmp_path / "m")) == last(files(tmp_path / "whole"))


def test_divergence_keeps_the_last_checkpoint(flowers: Path, tmp_path: Path, run: Run) -> None:
    outcome = run(
        "train", flowers, *TRAIN, "--optimizer", "sgd", "--learning-rate", "1e30", "--dtype", "float64",
        "--out", tmp_path / "m",
    )  # fmt: skip
    assert outcome.code == 4
    (line,) = outcome.error.splitlines()
    assert "BG451] step " in line
    assert RunDirectory(tmp_path / "m").latest() is not None


def test_a_report_that_cannot_be_saved_comes_after_the_result(
    flowers: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, and both what is safe and what to do are said; the same command then writes what is missing."""

    def full(path: Path, text: str) -> None:
        raise SaveError("BG551", str(path), "could not be saved", got="No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "save_text", full)
        outcome = run("train", flowers, *TRAIN, "--epochs", 1, "--out", tmp_path / "m")
    assert outcome.code == 3
    assert outcome.out.splitlines()[-1] == f"saved {tmp_path / 'm' / 'model.safetensors'}"
    (line,) = outcome.error.splitlines()
    assert "report.html: could not be saved; the model is; got No space left" in line.replace(str(tmp_path), "")
    assert load(tmp_path / "m" / "model.safetensors").target == "species"
    assert run("train", flowers, *TRAIN, "--epochs", 1, "--out", tmp_path / "m", "--resume").code == 0
    assert (tmp_path / "m" / "report.html").exists()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_bit_and_may_change_on_resuming(
    flowers: Path, tmp_path: Path, run: Run, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the native engine; a thread is worth its while here from one point of a loop on."""
    monkeypatch.setattr(loop, "default_engine", default_engine)
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)
    monkeypatch.setattr(native, "_LOOPS", {})  # those of other tests know how long they take
    taken: set[int] = set()
    of_work = function.number_of_threads
    monkeypatch.setattr(native, "number_of_threads", lambda *given: taken.add(of_work(*given)) or of_work(*given))
    run("train", flowers, *TRAIN, "--epochs", 4, "--threads", 1, "--out", tmp_path / "whole")
    assert taken == {1}
    taken.clear()
    native._LOOPS.clear()  # pyright: ignore[reportPrivateUsage]
    for epochs, count in ((2, threads), (4, 3)):
        arguments = ("--epochs", epochs, "--threads", count, "--out", tmp_path / "cut", "--resume")
        assert run("train", flowers, *TRAIN, *arguments).code == 0
    assert taken == {threads, 3}
    assert last(files(tmp_path / "cut")) == last(files(tmp_path / "whole"))
    assert run("train", flowers, *TRAIN, "--threads", 0, "--out", tmp_path / "none").code == 2


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "backgraph", "train", *map(str, arguments)]


def begun(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    """A process that has saved its first checkpoint."""
    process = subprocess.Popen(arguments, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not (folder / "metrics.jsonl").exists() or not (folder / "metrics.jsonl").read_bytes():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    return process


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_is_acknowledged_and_obeyed(tmp_path: Path, number: int, code: int, word: str) -> None:
    arguments = command("--hidden", "256,256", "--epochs", 100_000, "--out", tmp_path / "m")
    process = begun(arguments, tmp_path / "m")
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == code
    lines = error.splitlines()
    assert lines[0] == "backgraph: stopping after this step; once more stops at once"
    assert lines[-1] == f"backgraph: {word}"
    assert load(tmp_path / "m" / "model.safetensors").mlp.hidden == (256, 256)
    (found, _) = RunDirectory(tmp_path / "m").latest() or (None, None)
    assert found is not None
    assert found.metadata["done"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("between", [0.0, 0.001, 0.02])
def test_ctrl_c_twice_ends_at_once_and_the_checkpoint_is_whole(tmp_path: Path, between: float) -> None:
    process = begun(command("--hidden", "256,256", "--epochs", 100_000, "--out", tmp_path / "m"), tmp_path / "m")
    process.send_signal(signal.SIGINT)
    time.sleep(between)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert RunDirectory(tmp_path / "m").latest() is not None


@pytest.mark.slow
def test_kill_9_of_the_command_and_the_same_model(flowers: Path, tmp_path: Path) -> None:
    """The process as users have it, killed while it starts, trains and saves."""
    arguments = [flowers, *TRAIN, "--epochs", 3000, "--resume", "--out"]
    assert subprocess.run(command(*arguments, tmp_path / "whole"), check=True, capture_output=True, timeout=120)
    kills = 0
    for seconds in (0.3, 0.8, 1.0, 1.2, 1.4, 1.6):
        process = subprocess.Popen(
            command(*arguments, tmp_path / "cut"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        time.sleep(seconds)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        process.communicate()
    assert kills > 0
    subprocess.run(command(*arguments, tmp_path / "cut"), check=True, capture_output=True, timeout=120)
    whole, cut = last(files(tmp_path / "whole")), last(files(tmp_path / "cut"))
    assert cut == whole


def test_no_room_is_said_before_training(flowers: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: the first checkpoint does not fit."""
    limited = """
        import os, resource, signal, sys
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        os.execv(sys.argv[1], sys.argv[1:])
    """
    arguments = command(flowers, *TRAIN, "--epochs", 100_000, "--hidden", 200, "--out", tmp_path / "m")
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(limited), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 2, finished.stderr
    (line,) = finished.stderr.splitlines()
    assert "BG551" in line
    assert "File too large" in line
    assert not [path for path in (tmp_path / "m").rglob("*") if ".temporary" in path.name]


@pytest.mark.slow
def test_room_that_runs_out_is_exit_code_3_and_the_last_checkpoint_stays(flowers: Path, tmp_path: Path) -> None:
    """The metrics grow beyond a limit that the checkpoint keeps to."""
    program = """
        import resource, signal, sys
        from backgraph.cli.main import main
        from backgraph.train import curves

        limit = 40_000
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        sys.exit(main(sys.argv[1:]))
    """
    arguments = [str(part) for part in (flowers, *TRAIN, "--hidden", 8, "--epochs", 100_000, "--out", tmp_path / "m")]
    command = [sys.executable, "-c", textwrap.dedent(program), "train", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 3, finished.stderr
    assert "BG551" in finished.stderr.splitlines()[-1]
    assert RunDirectory(tmp_path / "m").latest() is not None
