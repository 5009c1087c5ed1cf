"""Mistakes that people make with `backgraph train`: each is answered before training, with what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

MISTAKES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "the target dropped": (("--drop", "species"), "BG601", "to predict, which is not learnt from; got species"),
    "the target as levels": (("--categorical", "species"), "BG601", "--task classification"),
    "the weights as numbers": (("--weights", "width", "--numeric", "width"), "BG601", "of the weights"),
    "text as a quantity": (("--task", "regression"), "BG206", "is not numbers; got small"),
    "text as numbers": (("--numeric", "colour"), "BG203", "row 0: is not a number; got blue"),
    "a metric of numbers stops": (("--early-stopping", "--monitor", "MAE"), "BG401", "unknown for classification"),
    "nothing to monitor": (
        ("--early-stopping", "--monitor", "AUC", "--validation", "0"), "BG401", "hold some rows out",
    ),
    "weights of classes of numbers": (("--target", "height", "--class-weight", "balanced"), "BG401", "is for classes"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_before_training(flowers: Path, tmp_path: Path, run: Run, name: str) -> None:
    options, code, part = MISTAKES[name]
    target = () if "--target" in options else ("--target", "species")
    outcome = run("train", flowers, *target, *options, "--out", tmp_path / "m")
    assert (outcome.code, outcome.out) == (2, "")
    (line,) = outcome.error.splitlines()
    assert code in line
    assert part in line
    assert not (tmp_path / "m").exists()


def test_what_stops_training_is_told(flowers: Path, tmp_path: Path, run: Run) -> None:
    options = ("--epochs", 3, "--early-stopping", "--monitor", "AUC", "--validation", "0.3")
    outcome = run("train", flowers, "--target", "species", *options, "--out", tmp_path / "m")
    assert outcome.code == 0
    assert ", AUC 0." in outcome.out.splitlines()[-2]


def test_a_column_that_counts_rows_is_remarked(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "orders.csv"
    rows = [f"{i + 500},{i % 7},{'ab'[i % 2]}" for i in range(100)]
    path.write_text("\n".join(["order,size,kind", *rows]) + "\n", "utf-8")
    outcome = run("train", path, "--target", "kind", "--epochs", 1, "--out", tmp_path / "m")
    (order,) = [line for line in outcome.out.splitlines() if line.startswith("  order ")]
    (size,) = [line for line in outcome.out.splitlines() if line.startswith("  size ")]
    assert order.endswith("another in every row: is it an identifier? then drop it")
    assert "identifier" not in size
    assert "1 epoch, loss" in outcome.out


def test_scores_of_any_size_are_told_in_four_digits(tmp_path: Path, run: Run) -> None:
    for number, scale in enumerate((1e-9, 1e12)):
        path, folder = tmp_path / f"{number}.csv", tmp_path / f"m{number}"
        path.write_text(
            "\n".join(["x,y", *(f"{i % 50},{(i % 50 + 0.5) * scale!r}" for i in range(100))]) + "\n", "utf-8"
        )
        run("train", path, "--target", "y", "--epochs", 1, "--out", folder)
        outcome = run("predict", folder, path, "--out", tmp_path / f"p{number}")
        rmse = outcome.out.split("RMSE ")[1].split(",")[0]
        assert "e" in rmse
        assert 0.1 * scale < float(rmse) < 100 * scale


ARGUMENTS: dict[str, tuple[tuple[str, ...], str]] = {
    "nowhere to go": (
        ("train", "t.csv", "--target", "y"),
        "--out: is missing. add --out …; see backgraph train --help",
    ),
    "no value": (("train", "t.csv", "--out", "m", "--epochs"), "--epochs: has no value. see backgraph train --help"),
    "no data": (("predict", "m"), "DATA: is missing. see backgraph predict --help"),
    "too much": (("train", "t.csv", "y", "--out", "m"), "one too many; got y. see backgraph train --help"),
    "an option mistyped": (("train", "--epohcs", "3", "--out", "m"), "Did you mean --epochs?"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_that_are_missing_or_too_many(run: Run, name: str) -> None:
    arguments, part = ARGUMENTS[name]
    outcome = run(*arguments)
    assert outcome.code == 2
    (line,) = outcome.error.splitlines()
    assert "BG601" in line
    assert part in line


def test_predictions_with_a_label_nobody_knows_are_made_and_not_scored(flowers: Path, tmp_path: Path, run: Run) -> None:
    run("train", flowers, "--target", "species", "--epochs", 1, "--out", tmp_path / "m")
    rows = flowers.read_text("utf-8").splitlines()
    for label, said in (("huge", "is no class; got huge"), ("", "is not in every row what it was in training")):
        changed = [rows[0], ",".join([*rows[1].split(",")[:3], label, rows[1].split(",")[4]]), *rows[2:]]
        (tmp_path / "new.csv").write_text("\n".join(changed) + "\n", "utf-8")
        outcome = run("predict", tmp_path / "m", tmp_path / "new.csv", "--out", tmp_path / f"p{label}")
        assert (outcome.code, outcome.out) == (0, "")
        assert said in outcome.error
        assert len((tmp_path / f"p{label}").read_text("utf-8").splitlines()) == 61
