"""Options of training beside the sizes, and `backgraph evaluate`: each does what its help says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.cli.method import MethodOptions, class_weights_from
from backgraph.models.fitted import load
from tests.cli.conftest import Outcome

Run = Callable[..., Outcome]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """120 rows: a and b are numbers, `kind` is yes where a > 6, `w` are weights, `height` is a number."""
    path = tmp_path / "t.csv"
    random = np.random.default_rng(0)
    a, b, w = random.uniform(0, 10, 120).round(2), random.uniform(0, 10, 120).round(2), random.integers(0, 3, 120)
    kinds = np.where(a + random.normal(size=120) > 6, "yes", "no")
    lines = [f"{x},{y},{kind},{k},{3 * x - y + 5:.2f}" for x, y, kind, k in zip(a, b, kinds, w, strict=True)]
    path.write_text("a,b,kind,w,height\n" + "\n".join(lines) + "\n", "utf-8")
    return path


def trained(run: Run, table: Path, out: Path, *options: Any, target: str = "kind") -> dict[str, Any]:
    other = "height" if target == "kind" else "kind"
    given = {"--epochs": 3, "--hidden": 8}
    common = [part for name, value in given.items() if name not in options for part in (name, value)]
    where = ("--target", target, "--drop", other, "--out", out, "--json", "--overwrite")
    outcome = run("train", table, *where, *common, *options)
    assert outcome.code == 0, outcome.error
    return json.loads(outcome.out)


CLASSES: dict[str, tuple[Any, ...]] = {
    "dropout": ("--dropout", "0.3"),
    "label_smoothing": ("--label-smoothing", 0.2),
    "schedule": ("--schedule", "cosine"),
    "warm_up": ("--warm-up", 0.5),
    "clip_norm": ("--clip-norm", 0.01),
    "clip_value": ("--clip-value", 0.001),
    "shuffle": ("--no-shuffle",),
    "weights": ("--weights", "w"),
    "class_weight": ("--class-weight", "yes=9"),
    "metrics": ("--metrics", "AUC,log loss"),
    "early_stopping": ("--early-stopping", "--epochs", 2),
    "monitor": ("--early-stopping", "--monitor", "accuracy", "--epochs", 2),
    "patience": ("--early-stopping", "--patience", 1, "--epochs", 400, "--learning-rate", 0.1),
    "min_delta": ("--early-stopping", "--min-delta", 9.0, "--patience", 2, "--epochs", 9),
    "validation_data": (),
}
NUMBERS: dict[str, tuple[Any, ...]] = {
    "loss": ("--loss", "absolute_error"),
    "delta": ("--loss", "huber", "--delta", 0.1),
    "quantile": ("--loss", "quantile", "--quantile", 0.9),
}


def test_every_option_is_tested() -> None:
    assert {each.name for each in fields(MethodOptions)} == CLASSES.keys() | NUMBERS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CLASSES, *NUMBERS])
def test_every_option_changes_the_result(name: str, table: Path, tmp_path: Path, run: Run) -> None:
    options = CLASSES.get(name, NUMBERS.get(name))
    if name == "validation_data":
        options = ("--validation-data", table)
    target = "kind" if name in CLASSES else "height"
    plain, changed = (
        trained(run, table, tmp_path / "p", target=target),
        trained(run, table, tmp_path / "c", *options, target=target),
    )  # type: ignore[misc]
    drop = ("seconds", "model")
    assert {k: v for k, v in plain.items() if k not in drop} != {k: v for k, v in changed.items() if k not in drop}


def test_early_stopping_keeps_the_best_epoch(table: Path, tmp_path: Path, run: Run) -> None:
    result = trained(run, table, tmp_path / "m", *CLASSES["patience"])
    assert result["epochs"] == result["best_epoch"] + 1 < 400
    evaluated = json.loads(run("evaluate", tmp_path / "m", table, "--json").out)
    assert evaluated["rows"] == 120


def test_a_file_to_validate_on(table: Path, tmp_path: Path, run: Run) -> None:
    result = trained(run, table, tmp_path / "m", "--validation-data", table, "--metrics", "accuracy,AUC")
    assert result["training"] == result["validation"]
    assert set(result["validation"]) == {"accuracy", "AUC"}


def test_dropout_of_each_layer(table: Path, tmp_path: Path, run: Run) -> None:
    trained(run, table, tmp_path / "m", "--hidden", "8,4", "--dropout", "0.1,0.2")
    assert load(tmp_path / "m" / "model.safetensors").mlp.dropout == (0.1, 0.2)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--loss", "squared_error"), "BG401"),
        (("--schedule", "cosin"), "BG401"),
        (("--dropout", "1"), "BG401"),
        (("--dropout", "a"), "BG401"),
        (("--clip-norm", 1, "--clip-value", 1), "BG601"),
        (("--class-weight", "maybe=2"), "BG401"),
        (("--class-weight", "yes"), "BG601"),
        (("--weights", "kind"), "BG206"),
        (("--weights", "v"), "BG202"),
        (("--metrics", "RMSE"), "BG401"),
        (("--preset", "plain", "--monitor", "loss"), "BG601"),
        (("--early-stopping", "--monitor", "RMSE"), "BG401"),
        (("--early-stopping", "--patience", 0), "BG401"),
        (("--warm-up", 1.5, "--schedule", "cosine"), "BG401"),
        (("--validation-data", "nowhere.csv"), "BG501"),
    ],
    ids=str,
)
def test_what_does_not_serve_is_refused(options: Any, code: str, table: Path, tmp_path: Path, run: Run) -> None:
    outcome = run("train", table, "--target", "kind", "--epochs", 1, "--out", tmp_path / "m", *options)
    assert (outcome.code, code in outcome.error) == (2, True), outcome.error
    assert outcome.error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("balanced", "balanced"),
        ("yes=5, no=1", {"yes": 5.0, "no": 1.0}),
        ("1=2,a=b=3", {"1": 2.0, "a=b": 3.0}),
    ],
)
def test_weights_of_classes_are_read(text: Any, expected: Any) -> None:
    assert class_weights_from(text) == expected


def test_classes_are_evaluated(table: Path, tmp_path: Path, run: Run) -> None:
    trained(run, table, tmp_path / "m", "--epochs", 40, "--learning-rate", 0.05)
    outcome = run("evaluate", tmp_path / "m", table)
    assert outcome.code == 0
    assert outcome.out.startswith("120 rows\n  accuracy")
    found = json.loads(run("evaluate", tmp_path / "m", table, "--json").out)
    matrix = np.array(found["confusion"]["table"])
    assert found["confusion"]["labels"] == ["no", "yes"]
    assert matrix.sum() == 120
    assert found["metrics"]["accuracy"] == np.trace(matrix) / 120 > 0.8
    assert set(found["metrics"]) == {"accuracy", "balanced accuracy", "log loss", "AUC", "F1"}
    weighted = json.loads(run("evaluate", tmp_path / "m", table, "--json", "--weights", "w", "--metrics", "AUC").out)
    assert list(weighted["metrics"]) == ["AUC"]
    assert np.array(weighted["confusion"]["table"]).sum() != 120


def test_numbers_are_evaluated(table: Path, tmp_path: Path, run: Run) -> None:
    trained(run, table, tmp_path / "m", "--epochs", 60, "--learning-rate", 0.02, target="height")
    found = json.loads(run("evaluate", tmp_path / "m" / "model.safetensors", table, "--json").out)
    assert found["metrics"]["R²"] > 0.8
    assert "confusion" not in found


def test_a_table_without_the_target_is_refused(table: Path, tmp_path: Path, run: Run) -> None:
    trained(run, table, tmp_path / "m")
    (tmp_path / "new.csv").write_text("a;b\n1,5;2,5\n", "utf-8")
    outcome = run("evaluate", tmp_path / "m", tmp_path / "new.csv", "--separator", ";", "--decimal", ",")
    assert outcome.code == 2
    assert "BG202" in outcome.error
