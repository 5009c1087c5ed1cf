"""Training from disk: every row once in every epoch, in an order that follows from its key, to the bits of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph.errors import BackgraphError
from backgraph.language.ops.leaf import input as data_input
from backgraph.language.ops.leaf import labels, parameter
from backgraph.language.ops.loss import cross_entropy
from backgraph.optim import Adam
from backgraph.train.callbacks import Callback
from backgraph.train.engine import NumpyEngine
from backgraph.train.loop import Training, begin, fit
from backgraph.train.stream import Stored, Stream

ROWS = 1_003
X, W, y = data_input("X", ("m", 3), "float32"), parameter("W", (3, 2), "float32"), labels("y")
J = cross_entropy(X @ W, y)
START = {W: np.zeros((3, 2), "float32")}
NUMBERS = np.random.Generator(np.random.Philox(7)).normal(size=(ROWS, 3)).astype("float32")
CLASSES = (NUMBERS[:, 0] > 0).astype("int64")


def stream(folder: Path, **sizes: int) -> Stream:
    np.save(folder / "X.npy", NUMBERS)
    np.save(folder / "y.npy", CLASSES)
    maps = {X: np.load(folder / "X.npy", mmap_mode="r"), y: np.load(folder / "y.npy", mmap_mode="r")}
    return Stream(maps, **sizes)  # type: ignore[arg-type]


class InOrder(Training):
    """In memory, in the order of a stream."""

    source: Stream

    def _order(self, epoch: int) -> Any:
        return self.source.order(self.seed, epoch, self.batch_size)


@given(
    sizes=st.tuples(st.integers(1, 700), st.integers(1, 40), st.integers(1, 3_000)), batch=st.integers(1, 50),
    key=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 99)),
)  # fmt: skip
def test_every_row_once_in_every_epoch(
    tmp_path_factory: pytest.TempPathFactory, sizes: tuple[int, int, int], batch: int, key: tuple[int, int]
) -> None:
    rows, block, chunk = sizes
    path = tmp_path_factory.getbasetemp() / "rows"
    if not path.exists():
        np.arange(700).tofile(path)
    source = Stream({y: Stored(path, (rows,), np.dtype("int64"))}, block_rows=block, chunk_bytes=chunk)
    order = source.order(*key, batch)
    assert sorted(order) == list(range(rows))
    seen = [chunk[y][index].tolist() for index, chunk in source.minibatches(*key, batch, 0, Pace())]
    assert [row for call in seen for minibatch in call for row in minibatch] == order.tolist()
    steps = -(-rows // batch)
    begin_at = steps // 2
    rest = [chunk[y][index].tolist() for index, chunk in source.minibatches(*key, batch, begin_at, Pace())]
    assert [row for call in rest for minibatch in call for row in minibatch] == order[begin_at * batch :].tolist()


class Pace:
    steps = 3


def test_the_bits_of_memory(tmp_path: Path) -> None:
    source = stream(tmp_path, block_rows=16, chunk_bytes=5_000)
    on_disk = fit(J, START, source, optimizer=Adam(), epochs=3, batch_size=32, seed=5)
    memory = begin(J, START, {X: NUMBERS, y: CLASSES}, optimizer=Adam(), batch_size=32, seed=5)
    again = InOrder(memory.step, memory.variables, memory.examples, memory.batch_size, memory.seed)
    again.source = source
    again.run({X: NUMBERS, y: CLASSES}, epochs=3)
    assert on_disk.history == again.history
    assert on_disk.parameters[W].tobytes() == again.parameters[W].tobytes()


@pytest.mark.parametrize("engine", [None, NumpyEngine()], ids=["native", "NumPy"])
def test_stopping_in_the_middle_of_an_epoch_changes_no_bit(tmp_path: Path, engine: Any) -> None:
    source = stream(tmp_path, block_rows=16, chunk_bytes=5_000)
    whole = fit(J, START, source, optimizer=Adam(), epochs=2, batch_size=32, engine=engine)
    part = begin(J, START, source, optimizer=Adam(), batch_size=32)

    class Stop(Callback):
        def steps_done(self, training: Training) -> None:
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            part.run(source, epochs=2, callbacks=[Stop()], engine=engine, steps_per_call=7)
    assert part.done % part.steps_per_epoch > 0
    part.run(source, epochs=2, engine=engine)
    assert part.parameters[W].tobytes() == whole.parameters[W].tobytes()
    assert part.history == whole.history


def test_a_run_goes_on_from_its_folder_and_knows_its_data(tmp_path: Path) -> None:
    source = stream(tmp_path, block_rows=16, chunk_bytes=5_000)
    settings: dict[str, Any] = {"optimizer": Adam(), "batch_size": 32}
    whole = fit(J, START, source, epochs=3, **settings)
    fit(J, START, source, epochs=1, checkpoint=tmp_path / "run", **settings)
    again = fit(
        J, START, stream(tmp_path, block_rows=16, chunk_bytes=5_000), epochs=3, checkpoint=tmp_path / "run", **settings
    )
    assert again.parameters[W].tobytes() == whole.parameters[W].tobytes()
    with (tmp_path / "X.npy").open("r+b") as file:
        file.seek(400)
        file.write(b"\0\0")
    with pytest.raises(BackgraphError, match=r"BG505.*data X has other values"):
        fit(J, START, source, epochs=3, checkpoint=tmp_path / "run", **settings)


def test_blocks_come_in_another_order_in_each_epoch(tmp_path: Path) -> None:
    source = stream(tmp_path, block_rows=16, chunk_bytes=5_000)
    orders = [source.order(0, epoch, 32).tolist() for epoch in range(3)]
    assert len({tuple(order) for order in orders}) == 3
    assert source.order(0, 1, 32).tolist() == orders[1]


def test_a_part_of_a_memory_map(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(50))
    rows = np.empty(3, "int64")
    Stored.of(np.load(tmp_path / "a.npy", mmap_mode="r")[10:20]).read(2, rows)
    assert rows.tolist() == [12, 13, 14]


def test_a_file_that_shrinks(tmp_path: Path) -> None:
    source = stream(tmp_path)
    with (tmp_path / "X.npy").open("r+b") as file:
        file.truncate(4_000)
    with pytest.raises(BackgraphError, match=r"BG501.*ends before"):
        fit(J, START, source, optimizer=Adam(), epochs=1)


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ({}, "BG201"),
        ({X: np.zeros((0, 3), "float32"), y: np.zeros(0, "int64")}, "BG201"),
        ({X: NUMBERS[:5], y: CLASSES}, "BG207"),
        ({X: NUMBERS}, "BG302"),
        ({X: NUMBERS.astype("float64"), y: CLASSES}, "BG302"),
        ({X: NUMBERS[:, :2], y: CLASSES}, "BG302"),
        ({X: NUMBERS, y: CLASSES + 1}, "BG206"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, stored: dict[Any, Any], code: str) -> None:
    files = {}
    for leaf, array in stored.items():
        path = tmp_path / str(leaf.op)
        path.write_bytes(np.ascontiguousarray(array).tobytes() or b"-")
        files[leaf] = Stored(path, array.shape, array.dtype)
    with pytest.raises(BackgraphError, match=code):
        fit(J, START, Stream(files), optimizer=Adam(), epochs=1)


@pytest.mark.parametrize(
    ("name", "array", "hint"),
    [
        ("X", NUMBERS.astype("float64"), 'X as X.astype("float32")'),
        ("y", CLASSES.astype("float64"), 'y as y.astype("int64")'),
        ("y", CLASSES + 0.5, None),
        ("y", np.full(ROWS, np.nan), None),
        ("X", NUMBERS[:, :2].astype("float64"), None),
    ],
)
def test_the_conversion_is_advised_where_it_loses_nothing(name: str, array: Any, hint: str | None) -> None:
    data = {"X": NUMBERS, "y": CLASSES} | {name: array}
    with pytest.raises(BackgraphError, match="BG302") as caught:
        fit(J, START, data, optimizer=Adam(), epochs=1)
    assert caught.value.hint == hint


def test_an_array_in_memory_is_no_memory_map() -> None:
    with pytest.raises(BackgraphError, match="BG601"):
        Stream({X: NUMBERS})  # type: ignore[dict-item]
