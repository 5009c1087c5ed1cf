"""What `backgraph train` does where an option is not given."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.cli import train as train_module
from backgraph.cli.method import MethodOptions
from backgraph.cli.presets import PRESETS, Preset
from backgraph.cli.train import Options
from backgraph.models import defaults
from backgraph.models.rates import batch_for, decay_for, epochs_for, rate_for, smoothing_for
from backgraph.models.trainer import Trainer
from backgraph.optim import Adam, AdamW
from backgraph.optim.schedules import FlatCosine
from backgraph.train import loop
from backgraph.train.engine import NumpyEngine
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def reference_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "default_engine", NumpyEngine)


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[Trainer]:
    """Those that the command has made."""
    seen: list[Trainer] = []

    def made(*given: Any) -> Trainer:
        seen.append(Trainer(*given))
        return seen[-1]

    monkeypatch.setattr(train_module, "Trainer", made)
    return seen


def test_every_value_of_a_preset_is_an_option_that_may_be_missing() -> None:
    options = {each.name: each.default for kind in (Options, MethodOptions) for each in fields(kind)}
    assert {each.name for each in fields(Preset)} - {"tuned"} <= options.keys()
    assert all(options[each.name] is None for each in fields(Preset) if each.name != "tuned")


def test_a_table_is_trained_as_the_estimators_train_it(
    flowers: Path, tmp_path: Path, run: Run, trainers: list[Trainer]
) -> None:
    assert run("train", flowers, "--target", "species", "--out", tmp_path / "m").code == 0
    (trainer,) = trainers
    mlp, method, rows = trainer.mlp, trainer.learner.method, trainer.n_train
    assert (mlp.hidden, mlp.activation) == (defaults.HIDDEN, defaults.ACTIVATION)
    smoothing = smoothing_for(rows, np.bincount(trainer.training_part.y))
    assert (method.batch_size, mlp.dropout, mlp.label_smoothing) == (batch_for(rows), 0.0, smoothing)
    optimizer = method.optimizer
    assert isinstance(optimizer, AdamW)
    assert (optimizer.rho2, optimizer.decoupled_decay) == (defaults.RHO2, decay_for(rows))
    steps = epochs_for(trainer.steps_per_epoch) * trainer.steps_per_epoch
    assert optimizer.learning_rate == FlatCosine(rate_for(mlp.widths[0]), steps)
    assert method.stopping is not None
    assert method.stopping.patience == defaults.PATIENCE


def test_the_digits_are_trained_as_in_a_textbook(tmp_path: Path, run: Run, trainers: list[Trainer]) -> None:
    assert run("train", "--epochs", 1, "--out", tmp_path / "m").code == 0
    (trainer,) = trainers
    method = trainer.learner.method
    assert (trainer.mlp.hidden, trainer.mlp.activation, trainer.mlp.dropout) == ((64,), "relu", 0.0)
    assert (method.optimizer, method.batch_size, method.stopping) == (Adam(), 32, None)
    assert trainer.mlp.label_smoothing == 0


@pytest.mark.parametrize("preset", PRESETS)
def test_options_that_are_given_win(
    preset: str, flowers: Path, tmp_path: Path, run: Run, trainers: list[Trainer]
) -> None:
    given: dict[str, Any] = {
        "hidden": "5", "activation": "tanh", "optimizer": "sgd", "learning-rate": "0.25", "schedule": "constant",
        "epochs": 3, "batch-size": 7, "dropout": "0.2", "label-smoothing": 0.03,
    }  # fmt: skip
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    where = ("--target", "species", "--preset", preset, "--no-early-stopping", "--out", tmp_path / "m")
    assert run("train", flowers, *where, *options).code == 0
    (trainer,) = trainers
    mlp, method = trainer.mlp, trainer.learner.method
    assert (mlp.hidden, mlp.activation, mlp.dropout, mlp.label_smoothing) == ((5,), "tanh", 0.2, 0.03)
    assert (method.optimizer.learning_rate, method.batch_size, method.stopping) == (0.25, 7, None)
    assert trainer.training.epoch == 3


def test_nothing_to_validate_on_ends_nothing_early(
    flowers: Path, tmp_path: Path, run: Run, trainers: list[Trainer]
) -> None:
    arguments = ("--target", "species", "--validation", 0, "--epochs", 2, "--out", tmp_path / "m")
    assert run("train", flowers, *arguments).code == 0
    assert trainers[0].learner.method.stopping is None


def test_a_rate_that_falls_fixes_the_number_of_epochs(flowers: Path, tmp_path: Path, run: Run) -> None:
    common = ("train", flowers, "--target", "species", "--out", tmp_path / "m")
    assert run(*common, "--epochs", 2).code == 0
    outcome = run(*common, "--epochs", 4, "--resume")
    assert outcome.code == 2
    assert "epochs was 2, is 4" in outcome.error
    assert run(*common, "--epochs", 2, "--resume").code == 0


def test_numbers_have_no_label_smoothing(tmp_path: Path, run: Run, trainers: list[Trainer]) -> None:
    random = np.random.default_rng(0)
    rows = "\n".join(f"{a},{3 * a}" for a in random.normal(size=60))
    (tmp_path / "t.csv").write_text(f"a,y\n{rows}\n", "utf-8")
    assert run("train", tmp_path / "t.csv", "--target", "y", "--epochs", 2, "--out", tmp_path / "m").code == 0
    assert trainers[0].mlp.label_smoothing == 0


def test_an_unknown_preset_is_refused_with_the_nearest_name(flowers: Path, tmp_path: Path, run: Run) -> None:
    outcome = run("train", flowers, "--target", "species", "--preset", "tables", "--out", tmp_path / "m")
    assert outcome.code == 2
    assert "BG401" in outcome.error
    assert "did you mean table?" in outcome.error
