"""Training on a Parquet file that is never in memory whole: the same model as in memory where the order is the same."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.data import read_table
from backgraph.data.rows import ParquetRows, words_of_rows
from backgraph.data.table import missing_in
from backgraph.errors import BackgraphError
from backgraph.models.streamed import StreamTrainer
from backgraph.models.trainer import Recipe
from backgraph.optim import Adam
from backgraph.train.shuffle import random_words
from tests.train.test_stream import InOrder

duckdb = pytest.importorskip("duckdb")

COLUMNS = """
    hash(i)%1000/500-1 as a, case when hash(i+7)%9=0 then null else hash(i+7)%100 end as b,
    ['red','blue','green',null][1+(hash(i+3)%4)::int] as c, 'l'||(hash(i+5)%30) as d,
    date '2020-01-01' + (hash(i+9)%900)::int as e, hash(i+11)%4 as w
"""


def parquet(path: Path, rows: int, target: str, group: int = 2_048) -> Path:
    query = f"select *, {target} as y from (select {COLUMNS} from range({rows}) r(i))"
    duckdb.sql(f"copy ({query}) to '{path}' (format parquet, row_group_size {group})")
    return path


CLASSES = "case when a > 0 and c is not null then 'yes' else 'no' end"


def trainer(path: Path, memory: int = 1 << 20, **changes: Any) -> StreamTrainer:
    recipe: dict[str, Any] = {"hidden": (8,), "optimizer": Adam(learning_rate=0.01), "batch_size": 64, **changes}
    return StreamTrainer(path, "y", Recipe(**recipe), memory, folder=path.parent)


@pytest.mark.slow
@pytest.mark.parametrize("target", [CLASSES, "(a > 0)::int", "3 * a + coalesce(b, 50) / 50"])
def test_it_learns(tmp_path: Path, target: str) -> None:
    streamed = trainer(parquet(tmp_path / "t.parquet", 20_000, target))
    streamed.run(4)
    (score,) = [value for name, value in streamed.scores(streamed.validation_part).items() if name != "RMSE"]
    assert score > 0.97
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.parquet"]


WEIGHTS: dict[str, dict[str, Any]] = {
    "none": {},
    "rows": {"weights": "w"},
    "classes": {"class_weight": {"yes": 3.0}},
    "both": {"weights": "w", "class_weight": "balanced"},
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_bits_of_memory(tmp_path: Path, name: str) -> None:
    """What was learnt and prepared from the file, trained on in memory in the order of the stream."""
    path = parquet(tmp_path / "t.parquet", 9_000, CLASSES)
    streamed = trainer(path, **WEIGHTS[name])
    table = read_table(path)
    out, _ = streamed._chosen(np.arange(table.n_rows))
    rows = np.flatnonzero(~out)
    assert len(rows) == streamed.n_train == streamed.training.examples
    prepared = streamed._by_class(streamed._part(table, rows).examples)
    data = streamed.mlp.data(prepared.X, prepared.y, prepared.codes, prepared.weights)
    plain = streamed.learner.training
    again = InOrder(plain.step, [array.copy() for array in plain.variables], len(rows), 64, 0, weights=plain.weights)
    again.source = streamed.stream
    again.run(data, epochs=2)
    streamed.run(2)
    assert [row["loss"] for row in streamed.training.history] == [row["loss"] for row in again.history]
    for mine, theirs in zip(streamed.training.variables, again.variables, strict=True):
        assert mine.tobytes() == theirs.tobytes()


def test_balanced_classes_are_so_by_all_rows(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", 9_000, CLASSES)
    streamed = trainer(path, weights="w", class_weight="balanced")
    table = read_table(path)
    known = streamed._part(table, np.flatnonzero(~streamed._chosen(np.arange(table.n_rows))[0])).examples
    weighed = streamed._by_class(known)
    assert known.weights is not None
    assert weighed.weights is not None
    assert streamed.factors is not None
    mass = [weighed.weights[known.y == k].sum() for k in range(2)]
    assert mass[0] == pytest.approx(mass[1])
    assert sum(mass) == pytest.approx(known.weights.sum())


def test_rows_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", 9_000, CLASSES)
    streamed = trainer(path)
    table = read_table(path)
    for part in (streamed.training_part, streamed.validation_part):
        assert len(part.rows) == len(part.examples) > 0
        assert streamed._part(table, part.rows).X.tobytes() == part.X.tobytes()


def test_ranges_of_rows_are_the_table(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", 9_000, CLASSES)
    whole = read_table(path)
    ranges = list(ParquetRows(path, memory=1 << 20).tables())
    assert len(ranges) > 3
    for name in whole.names:
        joined = np.concatenate([table.column(name) for _, table in ranges])
        assert np.array_equal(joined, whole.column(name), equal_nan=joined.dtype.kind != "O")


@pytest.mark.parametrize("first", [0, 1, 5, 64, 1_001])
def test_the_words_of_rows_do_not_depend_on_the_range(first: int) -> None:
    assert words_of_rows(first, first + 9, (3, 4)).tolist() == random_words(first + 9, (3, 4))[first:].tolist()


def test_held_out_rows_depend_on_the_seed_alone(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", 9_000, CLASSES)
    first = trainer(path)
    assert len(first.validation_part.rows) / 9_000 < 0.07  # the budget bounds it
    assert 0.17 < len(trainer(path, memory=1 << 24).validation_part.rows) / 9_000 < 0.23
    assert trainer(path).validation_part.X.tobytes() == first.validation_part.X.tobytes()
    assert trainer(path, seed=1).validation_part.X.tobytes() != first.validation_part.X.tobytes()


BAD: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a missing label": ("case when i = 4000 then null else 'x' end", {}, "BG206", "row 4001: is missing"),
    "a missing number": ("case when i = 4000 then null else i + 0.5 end", {}, "BG206", "row 4001: is missing"),
    "an infinite number": ("case when i = 4000 then 'inf'::double else i / 7 end", {}, "BG203", "row 4001"),
    "fractions as classes": ("i + 0.5", {"task": "classification"}, "BG206", "is no label"),
    "text as numbers": ("'x' || i", {"task": "regression"}, "BG206", "is not numbers"),
    "another task": ("'x'", {"task": "clustering"}, "BG401", "unknown"),
    "an unknown class": ("'x'", {"class_weight": {"z": 2.0}}, "BG401", "not a class"),
    "weights of classes of numbers": ("i + 0.5", {"class_weight": "balanced"}, "BG401", "is for classes"),
    "a weight below 0": ("'x'", {"weights": "a"}, "BG206", "row 4001: is no weight"),
    "weights that are text": ("'x'", {"weights": "y"}, "BG206", "no numbers"),
    "no weights": ("'x'", {"weights": "none"}, "BG206", "no weight above 0"),
    "weights that are not there": ("'x'", {"weights": "ww"}, "BG202", "ww"),
    "everything held out": ("'x'", {"validation": 1.0}, "BG401", "cannot be held out"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused(tmp_path: Path, name: str) -> None:
    target, changes, code, part = BAD[name]
    path = tmp_path / "t.parquet"
    query = f"select case when i = 4000 then -1 else i end as a, 0 as none, {target} as y from range(5000) r(i)"
    duckdb.sql(f"copy ({query}) to '{path}' (format parquet, row_group_size 2048)")
    with pytest.raises(BackgraphError) as caught:
        trainer(path, **changes)
    assert (caught.value.code, part in str(caught.value)) == (code, True), str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["t.parquet"]


def test_a_damaged_page(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", 9_000, CLASSES)
    content = bytearray(path.read_bytes())
    content[4_000:9_000] = b"\xff" * 5_000
    path.write_bytes(content)
    with pytest.raises(BackgraphError, match="BG20"):
        trainer(path)


def test_a_folder_that_is_none_and_one_that_is_not_there_yet(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", 100, CLASSES)
    with pytest.raises(BackgraphError, match="BG551"):
        StreamTrainer(path, "y", Recipe((4,), Adam()), 1 << 20, path)
    StreamTrainer(path, "y", Recipe((4,), Adam()), 1 << 20, tmp_path / "no" / "such")
    assert [each.name for each in tmp_path.iterdir()] == ["t.parquet"]


PROGRAM = """
    import sys
    from backgraph.models.streamed import StreamTrainer
    from backgraph.models.trainer import Recipe
    from backgraph.optim import Adam
    from tests.memory import peak_mebibytes
    trainer = StreamTrainer(sys.argv[1], "y", Recipe((32,), Adam(), batch_size=256), int(sys.argv[2]), sys.argv[3])
    trainer.run(1)
    print(peak_mebibytes(), trainer.scores(trainer.validation_part)["accuracy"])
"""


def memory_of(path: Path, memory: int) -> tuple[int, float]:
    """The largest resident size in MiB, and the accuracy."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path), str(memory), str(path.parent)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    peak, accuracy = run.stdout.split()
    return int(peak), float(accuracy)


@pytest.mark.slow
def test_a_file_of_any_length_takes_the_same_memory(tmp_path: Path) -> None:
    short = memory_of(parquet(tmp_path / "short.parquet", 50_000, CLASSES), 32 << 20)
    long = memory_of(parquet(tmp_path / "long.parquet", 600_000, CLASSES, group=20_000), 32 << 20)
    # As float64 the columns of the long file are 30 MB, as a table with text in it 150 MB; the rest is the program.
    assert long[0] - short[0] < 64
    assert long[0] < 320
    assert long[1] > 0.99


@pytest.mark.nightly
def test_10_million_rows_train_in_1_gib(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", 10_000_000, CLASSES, group=122_880)
    peak, accuracy = memory_of(path, 512 << 20)
    assert peak < 1024
    assert accuracy > 0.99


@pytest.mark.parametrize("target", ["case when i % 7 = 3 then null else i % 3 = 0 end", "nullif(i / 7.0, 1)"])
def test_rows_without_a_target_are_left_out(tmp_path: Path, target: str) -> None:
    path = tmp_path / "t.parquet"
    query = f"select i as a, i % 5 as b, {target} as y from range(9000) r(i)"
    duckdb.sql(f"copy ({query}) to '{path}' (format parquet, row_group_size 2048)")
    with pytest.raises(BackgraphError, match=r"BG206.*is missing"):
        trainer(path)
    streamed, table = trainer(path, drop_unlabelled=True), read_table(path)
    missing = missing_in(table.column("y"))
    assert streamed.unlabelled == missing.sum() > 0
    assert streamed.n_train + len(streamed.validation_part.rows) == (~missing).sum()
    for part in (streamed.training_part, streamed.validation_part):
        assert not missing[part.rows].any()
        assert streamed._part(table, part.rows).X.tobytes() == part.X.tobytes()
        assert part.numbering.numbers[0] == part.rows[0] + 1
