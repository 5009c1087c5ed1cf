"""Model files and checkpoints as whole files: those of earlier versions load for ever, damaged and hostile ones never.

`kept/` holds files as version 1 wrote them, with what the model predicted then. They are never written anew: a change
that they do not survive is a new format, with a migration. They were made by `python -m tests.models.test_model_file`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph import input, mean, parameter
from backgraph.data.table import Table
from backgraph.errors import BackgraphError, FileError
from backgraph.models.fitted import load
from backgraph.models.trainer import Recipe, Trainer
from backgraph.optim import SGD, Adam
from backgraph.train.checkpoint import load_checkpoint, taken
from backgraph.train.directory import RunDirectory
from backgraph.train.files import load_tensors, pack, unpack
from backgraph.train.identity import identity
from backgraph.train.loop import begin
from tests.docs.markdown import ROOT
from tests.train.test_files import refused

KEPT = Path(__file__).parent / "kept"
CHECKPOINT = KEPT / "checkpoint-1.safetensors"


def table(rows: int = 40) -> Table:
    """Numbers with gaps, few levels, many levels, a class and a quantity."""
    i = np.arange(rows, dtype="float64")
    number = np.where(i % 11 == 3, np.nan, (i % 7) - i / 9)
    few = np.array(["red", "green", ""] * rows, object)[:rows]
    many = np.array([f"level {k * k % 13}" for k in range(rows)], object)
    word = np.array(["low" if k % 20 < 10 else "high" for k in range(rows)], object)
    return Table({"number": number, "few": few, "many": many, "word": word, "amount": 3 * (i % 20) + 0.5})


def trainer(target: str, columns: list[str]) -> Trainer:
    recipe = Recipe((3,), Adam(learning_rate=0.01), activation="tanh", seed=1)
    return Trainer(table().select([*columns, target]), target, recipe)


CASES: dict[str, tuple[str, list[str]]] = {
    "classes": ("word", ["number", "few", "many"]),
    "amounts": ("amount", ["number", "few", "many"]),
    "small": ("word", ["number"]),
}


def make() -> None:
    """Write what is kept; see the docstring."""
    import tempfile

    for name, (target, columns) in CASES.items():
        made = trainer(target, columns)
        made.run(3)
        made.fitted.save(KEPT / f"{name}-1.safetensors", {"epochs": 3})
        said = made.fitted.predict(table()).tolist()
        (KEPT / f"{name}-1.json").write_text(json.dumps(said) + "\n", "utf-8")
    with tempfile.TemporaryDirectory() as folder, RunDirectory(folder) as keeper:
        trainer(*CASES["small"]).run(2, keeper=keeper)
        CHECKPOINT.write_bytes(keeper.checkpoints()[-1].read_bytes())


@pytest.mark.parametrize("name", CASES)
def test_a_model_of_version_1_loads_for_ever(name: str) -> None:
    fitted = load(KEPT / f"{name}-1.safetensors")
    said, kept = fitted.predict(table()).tolist(), json.loads((KEPT / f"{name}-1.json").read_text("utf-8"))
    assert said == kept if fitted.classes else np.allclose(said, kept, rtol=1e-5, atol=1e-5)


def test_a_checkpoint_of_version_1_loads_for_ever() -> None:
    checkpoint = load_checkpoint(CHECKPOINT)
    made = trainer(*CASES["small"])
    checkpoint.restore(made.training, [], "kept")
    assert (made.training.epoch, len(made.training.history)) == (2, 2)


def test_the_graph_in_the_file_is_what_predicts(tmp_path: Path) -> None:
    """Doubled in the text, the prediction doubles, whatever the sizes beside it say."""
    made = trainer(*CASES["amounts"])
    made.fitted.save(tmp_path / "m")
    tensors, metadata = load_tensors(tmp_path / "m")
    *lines, _scores, says = metadata["graph"].splitlines()
    last = says.rpartition(" = ")[2]
    doubled = [*lines, f"n{len(lines) - 1} = add({last}, {last})", _scores, f'output "says" = n{len(lines) - 1}']
    (tmp_path / "m").write_bytes(pack(tensors, metadata | {"graph": "\n".join(doubled)}))
    outcome: Any = made.outcome
    scale, centre = outcome.restore(np.ones((1, 1)))[0, 0], outcome.restore(np.zeros((1, 1)))[0, 0]
    once, twice = made.fitted.predict(table()), load(tmp_path / "m").predict(table())
    assert scale != centre
    np.testing.assert_allclose(twice - centre, 2 * (once - centre), rtol=1e-6)


def small_checkpoint() -> bytes:
    """That of a line through the origin."""
    x, w = input("x", ("m",)), parameter("w")
    data = {x: np.arange(3.0)}
    training = begin(mean(w * x), {w: np.asarray(1.0)}, data, optimizer=SGD())
    checkpoint = taken(training, [], identity(training, data, {}), "0.1.0")
    return pack(checkpoint.tensors, checkpoint.metadata)


MODEL = KEPT / "small-1.safetensors"
SMALL = {"model": MODEL.read_bytes() if MODEL.exists() else b"", "checkpoint": small_checkpoint()}


@pytest.mark.parametrize("name", SMALL)
def test_every_truncation_and_a_flipped_bit_anywhere_are_refused(name: str) -> None:
    content = SMALL[name]
    assert len(content) < 4096
    assert all(refused(content[:length]) for length in range(len(content)))
    for position, byte in enumerate(content):
        assert refused(content[:position] + bytes([byte ^ 1 << position % 8]) + content[position + 1 :]), position


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_every_change_of_one_byte_is_refused(name: str) -> None:
    content = bytearray(SMALL[name])
    for position, old in enumerate(content):
        for byte in range(256):
            content[position] = byte
            assert byte == old or refused(bytes(content)), (position, byte)
        content[position] = old


def with_digest(content: bytes) -> bytes:
    """`content` with the digest put right: what somebody who means harm would do."""
    start = content.find(b'sha256\\": \\"') + len(b'sha256\\": \\"')
    plain = content[:start] + b"0" * 64 + content[start + 64 :]
    return content[:start] + hashlib.sha256(plain).hexdigest().encode() + content[start + 64 :]


@given(st.sampled_from(sorted(SMALL)), st.data())
def test_a_model_with_a_right_digest_and_anything_in_it_loads_or_is_refused(name: str, data: Any) -> None:
    """Changes that the digest does not find, since it was made after them."""
    content = SMALL[name]
    position = data.draw(st.integers(8, len(content) - 1))
    new = data.draw(st.binary(min_size=1, max_size=4))
    changed = with_digest(content[:position] + new + content[position + len(new) :])
    read_all(changed)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(SMALL)), st.data())
def test_other_metadata_are_a_model_or_refused(name: str, data: Any) -> None:
    tensors, metadata = unpack(SMALL[name], "here")
    for _ in range(data.draw(st.integers(1, 3))):
        place = metadata
        key = data.draw(st.sampled_from(sorted(place)))
        while isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
            place = place[key]
            key = data.draw(st.sampled_from(sorted(place)))
        place[key] = data.draw(JSON)
    read_all(pack(tensors, metadata))


@pytest.mark.parametrize("labels", [[], [3], [1, 1, 2], [1, "2", True]], ids=str)
def test_other_classes_are_refused(labels: list[Any], tmp_path: Path) -> None:
    tensors, metadata = unpack(SMALL["model"], "here")
    metadata["classes"]["labels"] = labels
    (tmp_path / "m").write_bytes(pack(tensors, metadata))
    with pytest.raises(BackgraphError, match="BG502"):
        load(tmp_path / "m")


def read_all(content: bytes) -> None:
    """Load as a model, and predict; load as a checkpoint, and restore: whatever is wrong is one of our errors."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        path.write_bytes(content)
        for use in (lambda: load(path).predict(table()), lambda: _restored(path)):
            try:
                use()
            except BackgraphError as error:
                assert "\n" not in str(error)  # noqa: PT017  (a file that loads is right as well)


def _restored(path: Path) -> None:
    made = trainer(*CASES["small"])
    load_checkpoint(path).restore(made.training, [], "kept")


HOOKED = """
    import difflib, os, sys
    import numpy
    from backgraph.errors import BackgraphError
    from backgraph.language.graphtext import _hints
    from backgraph.language.op import CARDS
    from backgraph.models.fitted import load
    from backgraph.train.checkpoint import load_checkpoint

    folder, loaded = sys.argv[1], 0
    load(f"{folder}/good")
    for card in CARDS.values():
        if isinstance(card, type):
            _hints(card)  # reads annotations in our own source, once
    names = sorted(os.listdir(folder))

    def hook(event, arguments):
        harmless = event in {"object.__getattr__", "object.__setattr__", "sys._getframe", "builtins.id"}
        if not (harmless or (event == "open" and arguments[1] in {"r", "rb"})):
            os.write(2, f"{event} {arguments}".encode())
            os._exit(99)

    sys.addaudithook(hook)
    for name in names:
        for use in (load, load_checkpoint):
            try:
                use(f"{folder}/{name}")
                loaded += 1
            except BackgraphError:
                pass
    print(len(names), loaded)
"""
"""After a first model has been loaded, nothing is imported, compiled, run, or opened but to be read."""


def hostile_files(folder: Path, number: int) -> None:
    """Changed files, with a right digest and without, and graphs that ask for what a model should not have."""
    random = np.random.default_rng(0)
    content = SMALL["model"]
    tensors, metadata = unpack(content, "here")
    for n in range(number // 2):
        changed = bytearray(content)
        for position in random.integers(8, len(content), 3):
            changed[position] = random.integers(256)
        (folder / f"mutant {n}").write_bytes(with_digest(bytes(changed)) if n % 2 else bytes(changed))
    words = ["__import__", "os.system", "eval", "exp", "variable", "matmul", "__class__", "../../etc/passwd", "take"]
    lines = metadata["graph"].splitlines()
    for n in range(number - number // 2):
        graph = list(lines)
        for place in random.integers(1, len(lines), 2):
            graph[place] = str(graph[place]).replace(
                *[str(word) for word in random.choice([*words, "n1", "(", "64"], 2)]
            )
        graph.insert(int(random.integers(1, len(graph))), f'n9 = {random.choice(words)}(n0) {{"x": "__import__(1)"}}')
        given = metadata | {"graph": "\n".join(graph), str(random.choice(sorted(metadata))): str(random.choice(words))}
        (folder / f"graph {n}").write_bytes(pack(tensors, given))


def test_a_thousand_hostile_files_execute_nothing(tmp_path: Path) -> None:
    hostile_files(tmp_path, 1000)
    (tmp_path / "good").write_bytes(SMALL["model"])
    command = [sys.executable, "-c", textwrap.dedent(HOOKED), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ | {"X": ""})
    assert run.returncode == 0, run.stderr
    files, loaded = map(int, run.stdout.split())
    assert files == 1001
    assert 1 <= loaded < 500


@pytest.mark.parametrize("name", ["m.pt", "m.h5", "m.pkl", "m.npz"])
def test_files_of_others_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    heads = {"m.pt": b"PK\x03\x04", "m.h5": b"\x89HDF\r\n\x1a\n", "m.pkl": b"\x80\x05", "m.npz": b"PK\x03\x04"}
    (tmp_path / name).write_bytes(heads[name] + bytes(100))
    for use in (load, load_checkpoint):
        with pytest.raises(FileError, match="BG502") as caught:
            use(tmp_path / name)
        assert caught.value.exit_code == 2
        assert len(str(caught.value).splitlines()) == 1


if __name__ == "__main__":
    make()
