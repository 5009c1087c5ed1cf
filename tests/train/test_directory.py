"""A run directory: what it holds, that a run goes on from it to the same bits, and what it refuses."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.errors import BackgraphError, DivergenceError, FileError
from backgraph.models.mlp import MLP
from backgraph.optim import SGD, Adam, Cosine, Momentum
from backgraph.optim.clipping import ClipByValue
from backgraph.train import directory
from backgraph.train.callbacks import Callback
from backgraph.train.checkpoint import load_checkpoint
from backgraph.train.curves import Curves
from backgraph.train.directory import RunDirectory
from backgraph.train.engine import NumpyEngine
from backgraph.train.files import load_tensors, save_tensors
from backgraph.train.lock import Lock
from backgraph.train.loop import Training, begin, fit
from backgraph.train.stopping import EarlyStopping
from tests.train.test_loop import CLASSES, ROWS, bits


def trained(folder: Path | RunDirectory | None, epochs: int = 3, **changes: Any) -> Training:
    """A run on fifty rows; every call builds a graph of its own, as a new process would."""
    mlp = MLP(4, changes.pop("hidden", (5,)), 3, dtype="float64", activation=changes.pop("activation", "relu"))
    arguments = {"optimizer": Adam(), "batch_size": 8, "seed": 3, "engine": NumpyEngine()} | changes
    rows = arguments.pop("rows", ROWS)
    classes = arguments.pop("classes", CLASSES)
    return fit(mlp.network.cost, mlp.initial(1), mlp.data(rows, classes), epochs=epochs, checkpoint=folder, **arguments)


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a run directory but the lock, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


class Stop(Callback):
    """A signal after so many steps."""

    def __init__(self, after: int, number: int = signal.SIGINT) -> None:
        self.after, self.number = after, number

    def steps_done(self, training: Training) -> None:
        if training.done >= self.after:
            os.kill(os.getpid(), self.number)


def interrupted(folder: Path, after: int, number: int = signal.SIGINT, **changes: Any) -> None:
    mlp = MLP(4, (5,), 3, dtype="float64")
    training = begin(
        mlp.network.cost,
        mlp.initial(1),
        mlp.data(ROWS, CLASSES),
        **{"optimizer": Adam(), "batch_size": 8, "seed": 3} | changes,
    )
    with RunDirectory(folder) as keeper, pytest.raises((KeyboardInterrupt, SystemExit)):
        training.run(
            mlp.data(ROWS, CLASSES), epochs=3, callbacks=[Stop(after, number)], engine=NumpyEngine(),
            steps_per_call=1, keeper=keeper,
        )  # fmt: skip
    assert training.done == after


def test_what_is_in_it(tmp_path: Path) -> None:
    trained(tmp_path / "run")
    assert list(files(tmp_path / "run")) == [
        "checkpoints/000000000000.safetensors", "checkpoints/000000000021.safetensors", "metrics.csv",
        "metrics.jsonl", "run.json",
    ]  # fmt: skip
    run = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert run["run"]["seed"] == "3"
    assert run["run"]["data X"].startswith("50×4 float64 sha256:")
    assert run["graph"][0] == "graph 1"


def test_a_folder_changes_no_bit(tmp_path: Path) -> None:
    assert bits(trained(tmp_path / "run")) == bits(trained(None))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [1, 6, 7, 8, 20, 21])
def test_a_signal_leaves_a_checkpoint_and_the_run_goes_on(tmp_path: Path, after: int, number: int) -> None:
    trained(tmp_path / "whole")
    interrupted(tmp_path / "cut", after, number)
    assert load_checkpoint(tmp_path / "cut" / "checkpoints" / f"{after:012}.safetensors").metadata["done"] == after
    assert bits(trained(tmp_path / "cut")) == bits(trained(None))
    last = "checkpoints/000000000021.safetensors"
    whole, cut = files(tmp_path / "whole"), files(tmp_path / "cut")
    assert [whole[name] for name in (last, "metrics.csv", "metrics.jsonl", "run.json")] == [
        cut[name] for name in (last, "metrics.csv", "metrics.jsonl", "run.json")
    ]


def test_more_epochs_go_on(tmp_path: Path) -> None:
    for epochs in (1, 2, 2, 4):
        training = trained(tmp_path / "run", epochs)
    assert bits(training) == bits(trained(None, 4))
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 5


def test_another_thread_count_and_the_same_bits(tmp_path: Path) -> None:
    from backgraph.train.native import NativeEngine

    arguments: dict[str, Any] = {"optimizer": Momentum(learning_rate=Cosine(0.1, steps=30))}
    whole = trained(None, 4, engine=NativeEngine(threads=1), **arguments)
    for epochs, threads in ((1, 2), (2, 1), (4, 3)):
        cut = trained(tmp_path / "run", epochs, engine=NativeEngine(threads=threads), **arguments)
    assert bits(cut) == bits(whole)


def test_early_stopping_remembers(tmp_path: Path) -> None:
    """The best weights and the patience survive; a run that has stopped stays stopped."""
    X, t, w = bg.input("X", ("m", 4)), bg.input("t", ("m",)), bg.parameter("w", (4,))
    target = ROWS @ np.array([1.0, -2.0, 0.5, 0.0])

    def run(folder: Path | None, epochs: int) -> Training:
        return fit(
            bg.squared_error(X @ w, t), {w: np.zeros(4)}, {X: ROWS, t: target}, optimizer=SGD(learning_rate=0.4),
            epochs=epochs, batch_size=1, validation={X: ROWS[::-1], t: target[::-1] + 1}, engine=NumpyEngine(),
            early_stopping=EarlyStopping(patience=3), checkpoint=folder,
        )  # fmt: skip

    whole = run(None, 50)
    assert 3 < whole.epoch < 50
    for epochs in (2, 4, 50, 50):
        cut = run(tmp_path / "run", epochs)
    assert bits(cut) == bits(whole)


class Memory(Callback):
    """Keeps values of every kind."""

    def __init__(self) -> None:
        self.kept: Mapping[str, Any] = {}

    def state(self) -> Mapping[str, Any]:
        return {
            "array": np.array([np.nan, -0.0]), "scalar": np.array(3), "empty": np.zeros((0, 2), "float32"),
            "number": -0.0, "strange": [np.inf, -np.inf, float("nan"), None], "table": {"float": "nan", "": [1, "é"]},
            "numpy": np.float32(0.1), "true": True,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        self.kept = state


def test_callbacks_get_back_what_they_kept(tmp_path: Path) -> None:
    trained(tmp_path / "run", 1, callbacks=[Memory(), Memory(), Callback()])
    first, second = Memory(), Memory()
    trained(tmp_path / "run", 2, callbacks=[Callback(), first, Callback(), second])
    for memory in (first, second):
        expected = memory.state()
        assert sorted(memory.kept) == sorted(expected)
        for name, value in expected.items():
            same = memory.kept[name]
            if isinstance(value, np.ndarray):
                assert (same.dtype, same.shape, same.tobytes()) == (value.dtype, value.shape, value.tobytes())
            else:
                assert repr(same) == repr(value.item() if isinstance(value, np.generic) else value)


def test_a_callback_with_a_state_is_missed(tmp_path: Path) -> None:
    trained(tmp_path / "run", 1, callbacks=[Memory()])
    with pytest.raises(FileError, match=r"BG505.*had the callback Memory"):
        trained(tmp_path / "run", 2)


def test_a_state_that_cannot_be_kept_is_refused_before_training(tmp_path: Path) -> None:
    class Odd(Callback):
        def state(self) -> Mapping[str, Any]:
            return {"object": object()}

    with pytest.raises(BackgraphError, match=r"BG601.*state of Odd"):
        trained(tmp_path / "run", callbacks=[Odd()])


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "seed": ({"seed": 4}, "seed was 3, is 4"),
    "batch size": ({"batch_size": 9}, "batch_size was 8, is 9"),
    "optimizer": ({"optimizer": Adam(learning_rate=0.5)}, r"optimizer was Adam\(learning_rate=0.001"),
    "schedule": ({"optimizer": Adam(learning_rate=lambda t: 0.1)}, "optimizer was Adam"),
    "activation": ({"activation": "tanh"}, r"cost graph, 'n6 = relu\(n5\)' was, 'n6 = tanh\(n5\)' is"),
    "width": ({"hidden": (6,)}, "cost graph"),
    "clipping": ({"clip": ClipByValue(1.0)}, "step graph"),
    "values": ({"rows": ROWS + 1}, "data X has other values"),
    "labels": ({"classes": CLASSES * 0}, "data y has other values"),
    "fewer rows": ({"rows": ROWS[:49], "classes": CLASSES[:49]}, r"examples was 50, is 49; data X was 50×4 float64"),
    "everything": ({"seed": 9, "batch_size": 7, "rows": ROWS + 1, "classes": CLASSES * 0}, r"; 1 more"),
}


def test_other_settings_of_a_callback_and_another_function_as_schedule_are_refused(tmp_path: Path) -> None:
    """A function has no text to compare; what it gives has."""

    def run(patience: int, power: float) -> None:
        trained(
            tmp_path / "run", 1, optimizer=SGD(learning_rate=lambda t: 0.1 / (1 + t) ** power),
            validation=lambda training: {"score": 1.0}, callbacks=[EarlyStopping("score", patience)],
        )  # fmt: skip

    run(3, 0.5)
    with pytest.raises(
        FileError, match=r"schedule of scalars has other values; callback EarlyStopping was \(monitor=score, patience=3"
    ):
        run(4, 0.6)
    run(3, 0.5)


def test_a_schedule_that_ends_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    rates = [0.1] * 21
    for epochs in (1, 3):
        trained(tmp_path / "run", epochs, optimizer=SGD(learning_rate=lambda t: rates[t]))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    trained(folder, 1)
    return folder


@pytest.mark.parametrize("name", CHANGES)
def test_another_run_is_refused_with_the_differences(begun: Path, name: str) -> None:
    changes, pattern = CHANGES[name]
    before = files(begun)
    with pytest.raises(FileError, match=f"BG505.*{pattern}") as caught:
        trained(begun, 2, **changes)
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) - len(str(begun)) < 240
    assert files(begun) == before


def test_options_belong_to_the_run(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", options={"file": "a.csv", "noise": 0.5}) as keeper:
        trained(keeper, 1)
    changed = RunDirectory(tmp_path / "run", options={"file": "b.csv"})
    with (
        changed,
        pytest.raises(FileError, match=r"file was a\.csv, is b\.csv; noise was 0\.5, is absent"),
    ):
        trained(changed, 1)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for epochs in (1, 2):
        trained(tmp_path / "run", epochs)
    last = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
    last.write_bytes(last.read_bytes()[:-1])
    assert bits(trained(tmp_path / "run", 3)) == bits(trained(None, 3))
    assert "taking the one before" in caplog.text


def test_damage_to_both_is_said_and_nothing_is_overwritten(tmp_path: Path) -> None:
    trained(tmp_path / "run", 1)
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        path.write_bytes(b"\x80\x04")
    before = files(tmp_path / "run")
    with pytest.raises(FileError, match=r"BG502.*a pickle"):
        trained(tmp_path / "run", 2)
    assert files(tmp_path / "run") == before


def test_another_kind_of_tensor_file_is_no_checkpoint(tmp_path: Path) -> None:
    trained(tmp_path / "run", 1)
    (path,) = [p for p in (tmp_path / "run" / "checkpoints").iterdir() if "7" in p.name]
    tensors, metadata = load_tensors(path)
    for changed in ({"kind": "mlp"}, {"identity": {"seed": 3}}, {"history": None}, {"callbacks": {}}):
        save_tensors(path, tensors, metadata | changed)
        with pytest.raises(FileError, match=r"BG502.*not a checkpoint"):
            load_checkpoint(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"done": "many"}, {"loss_sum": None}, {"history": [3]}, {"history": [{"loss": {"a": 1, "b": 2}}]},
        {"callbacks": [{}]}, {"callbacks": [{"name": "x", "number": [], "arrays": [], "state": {}}]},
    ],
)  # fmt: skip
def test_a_checkpoint_that_lies_changes_nothing(tmp_path: Path, changed: dict[str, Any]) -> None:
    trained(tmp_path / "run", 1)
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        tensors, metadata = load_tensors(path)
        save_tensors(path, tensors, metadata | changed)
    before = files(tmp_path / "run")
    with pytest.raises(FileError, match=r"BG502|BG505"):
        trained(tmp_path / "run", 2)
    assert files(tmp_path / "run") == before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_that_do_not_fit_are_not_spread(tmp_path: Path, dtype: str) -> None:
    """NumPy would copy a single number, or other bits, into a whole matrix."""
    trained(tmp_path / "run", 1)
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        tensors, metadata = load_tensors(path)
        shape = tensors["variable 0 W1"].shape if dtype == "float32" else ()
        save_tensors(path, tensors | {"variable 0 W1": np.ones(shape, dtype)}, metadata)
    with pytest.raises(FileError, match=r"BG502.*no checkpoint of this training"):
        trained(tmp_path / "run", 2)


def test_a_newer_version_may_rewrite_the_step(tmp_path: Path) -> None:
    """The cost is the user's and must be the same; how a version computes it is its own."""
    trained(tmp_path / "run", 1)
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        tensors, metadata = load_tensors(path)
        other = metadata["identity"] | {"step": "graph 1\n"}
        save_tensors(path, tensors, metadata | {"identity": other, "backgraph": "0.0.9"})
    assert bits(trained(tmp_path / "run", 2)) == bits(trained(None, 2))


def test_the_curves_have_no_row_twice(tmp_path: Path) -> None:
    trained(tmp_path / "run", 2, validation=lambda training: {'=score, "x"': float(training.done), "none": np.nan})
    with (tmp_path / "run" / "metrics.csv").open("a") as file:
        file.write("3,0.1")  # what a crash leaves
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "lo')
    trained(tmp_path / "run", 3, validation=lambda training: {'=score, "x"': float(training.done), "none": np.nan})
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["epoch", "loss", '\'=score, "x"', "none"]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert rows[1][2:] == ["14.0", "nan"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[0]["none"] is None


def test_rows_that_are_newer_than_the_checkpoint_are_not_there_twice(tmp_path: Path) -> None:
    """A run that was killed goes back to its checkpoint; the rows of the epochs since are written again."""
    trained(tmp_path / "whole", 4)
    for epochs in (1, 3):
        trained(tmp_path / "run", epochs)
    (tmp_path / "run" / "checkpoints" / "000000000021.safetensors").unlink()
    trained(tmp_path / "run", 4)
    for name in ("metrics.csv", "metrics.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_new_name_in_the_history_gets_a_column(tmp_path: Path) -> None:
    curves, history = Curves(tmp_path), [{"loss": 1.0}]
    curves.begin([])
    for row in ({"loss": 0.5, "late": 2.0}, {"late": 3.0}):
        curves.add(history)
        history.append(row)
    curves.add(history)
    assert (tmp_path / "metrics.csv").read_text() == "epoch,loss,late\n1,1.0,\n2,0.5,2.0\n3,,3.0\n"


def test_only_the_last_two_checkpoints_stay(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", epochs=1) as keeper:
        trained(keeper, 5)
    assert [path.name[:12] for path in keeper.checkpoints()] == ["000000000028", "000000000035"]


@pytest.mark.parametrize(
    ("seconds", "share", "middle"), [(0.0, 0.0, True), (1e9, 0.0, False), (0.0, 1e12, False)], ids=str
)
def test_saving_follows_the_clock_and_takes_a_small_share_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, share: float, middle: bool
) -> None:
    """Forty-eight rows are six steps of one call, the other two one of another."""
    saved: list[int] = []

    class Counting(RunDirectory):
        def save(self, training: Training, callbacks: Any = ()) -> Path:
            saved.append(training.done)
            return super().save(training, callbacks)

    monkeypatch.setattr(directory, "SHARE", share)
    with Counting(tmp_path / "run", seconds=seconds) as keeper:
        trained(keeper, 1)
    assert saved[0] == 0
    assert saved[-1] == 7
    assert (6 in saved) == middle


def test_divergence_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    x, w = bg.input("x", ("m",)), bg.parameter("w")
    cost, data = bg.sum(bg.log(w) * x), {"x": np.ones(4)}
    with RunDirectory(tmp_path / "run", epochs=1) as keeper, pytest.raises(DivergenceError, match=r"step \d+: "):
        fit(cost, {w: np.asarray(1.0)}, data, optimizer=SGD(learning_rate=0.3), batch_size=4, epochs=50,
            checkpoint=keeper, engine=NumpyEngine())  # fmt: skip
    checkpoint = load_checkpoint(keeper.checkpoints()[-1])
    assert np.isfinite(checkpoint.tensors["variable 0 w"])


@pytest.mark.parametrize("name", ["../beside", "with\nnewline", "-rf", "'; rm -rf ~", "é" * 50])
def test_names_are_literal(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    trained(tmp_path / "in" / name, 1)
    assert (tmp_path / "in" / name / "run.json").is_file()


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "file", "file/below", "/proc/run", "read-only/run"])
def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "read-only").mkdir(mode=0o555)
    if name.startswith("read-only") and os.access(tmp_path / "read-only", os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(FileError, match="BG551") as caught:
        trained(tmp_path / name)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_unfinished_files_of_a_crash_are_swept_up(tmp_path: Path) -> None:
    trained(tmp_path / "run", 1)
    for folder in (tmp_path / "run", tmp_path / "run" / "checkpoints"):
        (folder / ".backgraph-0123.temporary").write_bytes(b"half")
    trained(tmp_path / "run", 2)
    assert not [name for name in files(tmp_path / "run") if "temporary" in name]


def test_the_lock_is_for_one(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("12345678901234567890\n")  # the number of somebody who has gone
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.take()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    began = time.monotonic()
    with pytest.raises(FileError, match=rf"BG504.*in use by process {os.getpid()}"):
        second.take()
    assert time.monotonic() - began < 5
    first.release()
    second.take()
    second.release()


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run"), pytest.raises(FileError, match="BG504") as caught:
        trained(tmp_path / "run")
    assert caught.value.exit_code == 2
    trained(tmp_path / "run", 1)


def test_a_lock_without_a_number_is_refused_all_the_same(tmp_path: Path) -> None:
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.take()
    (tmp_path / "lock").write_bytes(b"\xff")
    with pytest.raises(FileError, match=r"BG504.*has not said its number"):
        second.take()
    first.release()


HOLD = """
    import os, sys, time
    from pathlib import Path
    from backgraph.train.lock import Lock

    lock = Lock(Path(sys.argv[1]))
    lock.take()
    print(os.getpid(), flush=True)
    time.sleep(100)
"""


def test_the_lock_of_a_killed_process_clears(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        number = holder.stdout.readline().strip()
        with pytest.raises(FileError, match=f"in use by process {number}"):
            Lock(tmp_path).take()
        holder.kill()
    again = Lock(tmp_path)
    again.take()
    again.release()


@pytest.mark.slow
def test_a_hundred_pairs_of_processes_want_one_lock(tmp_path: Path) -> None:
    """Of two that begin together one gets it; killed, it leaves nothing in the way. Forks of one process are quick."""
    program = """
        import os, signal, sys, time
        from pathlib import Path
        from backgraph.errors import FileError
        from backgraph.train.lock import Lock

        def contender(folder, start, answer):
            os.read(start, 1)
            began = time.monotonic()
            try:
                Lock(folder).take()
            except FileError as error:
                os.write(answer, b"refused" if error.code == "BG504" and time.monotonic() - began < 5 else b"wrong  ")
                os._exit(0)
            os.write(answer, b"got it ")
            time.sleep(100)

        for pair in range(100):
            start, go = os.pipe()
            answers, answer = os.pipe()
            numbers = []
            for _ in range(2):
                number = os.fork()
                if number == 0:
                    contender(Path(sys.argv[1]), start, answer)
                numbers.append(number)
            os.write(go, b"xx")
            said = sorted(os.read(answers, 7) for _ in range(2))
            assert said == [b"got it ", b"refused"], said
            for number in numbers:
                os.kill(number, signal.SIGKILL)
                os.waitpid(number, 0)
            for descriptor in (start, go, answers, answer):
                os.close(descriptor)
        print("done")
    """
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr
