"""`backgraph train` on a file that is read in parts: every option works there, or says in one line that it does not."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from backgraph.cli.method import MethodOptions
from backgraph.cli.train import Options
from backgraph.models import streamed
from backgraph.models.fitted import load
from backgraph.train import loop
from backgraph.train.engine import NumpyEngine
from tests.cli.conftest import Run

duckdb = pytest.importorskip("duckdb")

TOGETHER: dict[str, tuple[str, ...]] = {
    "sizes": (
        "hidden=8,4",
        "epochs=2",
        "seed=3",
        "batch-size=64",
        "activation=tanh,relu",
        "dtype=float64",
        "no-biases",
    ),
    "optimiser": ("optimizer=adamw", "learning-rate=0.01", "weight-decay=0.01", "schedule=cosine", "warm-up=0.1"),
    "columns": ("categorical=b", "drop=d", "numeric=n", "task=classification", "validation=0.3", "drop-unlabelled"),
    "weights": ("weights=w", "class-weight=balanced", "metrics=AUC,log loss", "clip-norm=1", "no-shuffle"),
    "stopping": ("early-stopping", "monitor=accuracy", "patience=1", "min-delta=0.01", "clip-value=0.5"),
    "softened": ("preset=plain", "dropout=0.1", "label-smoothing=0.1", "threads=1", "overwrite", "resume", "json"),
    "huber": ("target=z", "loss=huber", "delta=0.5"),
    "quantile": ("target=z", "loss=quantile", "quantile=0.9"),
    "judged": ("validation-data=FILE",),
}
"""Options that are tried in one run; FILE is the file itself."""
OF_CSV = {"separator", "decimal"}
GIVEN = {"out", "memory"}


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    query = """select hash(i)%1000/500-1 as a, hash(i+7)%5 as b, 'l'||(hash(i+5)%30) as d, (hash(i+1)%9)::varchar as n,
        hash(i+11)%4+1 as w, 3*a+b as z, case when a > 0 then 'yes' else 'no' end as y from range(3000) r(i)"""
    duckdb.sql(f"copy ({query}) to '{tmp_path / 't.parquet'}' (format parquet, row_group_size 2048)")
    return tmp_path / "t.parquet"


@pytest.fixture(autouse=True)
def by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "default_engine", NumpyEngine)


def test_every_option_is_tried() -> None:
    tried = {
        option.partition("=")[0].removeprefix("no-").replace("-", "_") for each in TOGETHER.values() for option in each
    }
    known = {each.name for kind in (Options, MethodOptions) for each in fields(kind)}
    assert tried == known - OF_CSV - GIVEN


@pytest.mark.parametrize("name", TOGETHER)
def test_options_work_on_a_file_read_in_parts(
    numbers: Path, tmp_path: Path, run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[streamed.StreamTrainer] = []

    class Seen(streamed.StreamTrainer):
        def _look(self, held_out: object) -> None:
            seen.append(self)
            super()._look(held_out)  # type: ignore[arg-type]

    monkeypatch.setattr(streamed, "StreamTrainer", Seen)
    options = [part for each in TOGETHER[name] for part in f"--{each}".replace("FILE", str(numbers)).split("=", 1)]
    both = {"--overwrite", "--resume"} <= set(options)
    options = [option for option in options if not (both and option == "--overwrite")]
    target = [] if "--target" in options else ["--target", "y"]
    short = [] if "--epochs" in options else ["--epochs", "1"]
    outcome = run("train", numbers, *target, *short, "--memory", "64KiB", *options, "--out", tmp_path / "m")
    assert (outcome.code, outcome.error) == (0, "")
    assert len(seen) == 1
    assert load(tmp_path / "m" / "model.safetensors").target in {"y", "z"}


def test_what_is_meant_for_csv_is_refused_for_parquet(numbers: Path, tmp_path: Path, run: Run) -> None:
    for option, value in (("--separator", ";"), ("--decimal", ",")):
        outcome = run("train", numbers, "--target", "y", "--memory", "64KiB", option, value, "--out", tmp_path / "m")
        assert outcome.code == 2
        (line,) = outcome.error.splitlines()
        assert "BG601" in line


def test_validation_data_are_judged_and_nothing_is_held_out(numbers: Path, tmp_path: Path, run: Run) -> None:
    arguments = ("--memory", "64KiB", "--epochs", 1, "--validation-data", numbers, "--out", tmp_path / "m")
    outcome = run("train", numbers, "--target", "y", *arguments)
    assert "3,000 rows to train on, 3,000 to validate on" in outcome.out


def test_row_weights_reach_the_model(numbers: Path, tmp_path: Path, run: Run) -> None:
    losses: list[float] = []
    for extra in ((), ("--weights", "w")):
        arguments = ("--memory", "64KiB", "--epochs", 1, "--drop", "w" if not extra else "", "--json", *extra)
        outcome = run("train", numbers, "--target", "y", *arguments, "--out", tmp_path / f"m{len(losses)}")
        losses.append(json.loads(outcome.out)["loss"])
    assert losses[0] != losses[1]
