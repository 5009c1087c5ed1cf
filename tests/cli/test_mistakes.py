"""Mistakes that people make with `backgraph train`: each is answered before training, with what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

MISTAKES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "the target dropped": (("--drop", "species"), "BG601", "to predict, which is not learnt from; got species"),
    "the target as levels": (("--categorical", "species"), "BG601", "--task classification"),
    "the weights as numbers": (("--weights", "width", "--numeric", "width"), "BG601", "of the weights"),
    "text as a quantity": (("--task", "regression"), "BG206", "--task classification"),
    "text as numbers": (("--numeric", "colour"), "BG203", "flowers.csv:2: column 'colour': is not a number; got blue"),
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


def table(path: Path, head: str, rows: list[str]) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", "utf-8")
    return path


def test_labels_that_do_not_repeat_are_refused_unless_asked_for(tmp_path: Path, run: Run) -> None:
    path = table(tmp_path / "t.csv", "x,name", [f"{i},n{i}" for i in range(40)])
    outcome = run("train", path, "--target", "name", "--epochs", 1, "--out", tmp_path / "m")
    assert outcome.code == 2
    assert "most labels are those of a single row; got 40 labels in 40 rows" in outcome.error
    options = ("--task", "classification", "--no-early-stopping")
    assert run("train", path, "--target", "name", "--epochs", 1, *options, "--out", tmp_path / "m").code == 0


def test_a_target_that_is_always_the_same_is_told(tmp_path: Path, run: Run) -> None:
    for target, value in (("y", "yes"), ("z", "1.5")):
        path = table(tmp_path / f"{target}.csv", f"x,{target}", [f"{i},{value}" for i in range(40)])
        outcome = run("train", path, "--target", target, "--epochs", 1, "--out", tmp_path / target)
        assert (outcome.code, outcome.error) == (0, "")
        assert f"{target} is the same in all rows: there is nothing to learn\n" in outcome.out


UNLABELLED = [f"{i},{'' if i % 10 == 3 else 'ab'[i % 2]},{'' if i % 10 == 3 else i / 7}" for i in range(40)]


@pytest.mark.parametrize("target", ["kind", "size"])
def test_rows_without_a_target_are_refused_or_left_out(tmp_path: Path, run: Run, target: str) -> None:
    path = table(tmp_path / "t.csv", "x,kind,size", UNLABELLED)
    arguments = ("train", path, "--target", target, "--epochs", 1, "--drop", {"kind": "size", "size": "kind"}[target])
    outcome = run(*arguments, "--out", tmp_path / "m")
    assert outcome.code == 2
    assert f"{path}:5: column '{target}': is missing (4 such rows seen)" in outcome.error
    outcome = run(*arguments, "--drop-unlabelled", "--out", tmp_path / "m")
    assert outcome.code == 0, outcome.error
    assert "29 rows to train on, 7 to validate on; 4 without a label left out\n" in outcome.out


def test_no_row_has_a_target(tmp_path: Path, run: Run) -> None:
    path = table(tmp_path / "t.csv", "x,y", [f"{i}," for i in range(40)])
    outcome = run("train", path, "--target", "y", "--drop-unlabelled", "--out", tmp_path / "m")
    assert (outcome.code, "has no value in any row" in outcome.error) == (2, True)


def test_levels_that_the_model_does_not_know_are_told(flowers: Path, tmp_path: Path, run: Run) -> None:
    run("train", flowers, "--target", "species", "--epochs", 1, "--out", tmp_path / "m")
    new = tmp_path / "new.csv"
    new.write_text(flowers.read_text("utf-8").replace("blue", "blue "), "utf-8")
    for command, *more in (("predict", "--out", tmp_path / "p.csv"), ("evaluate",)):
        assert run(command, tmp_path / "m", flowers, *more).error == ""
        (tmp_path / "p.csv").unlink(missing_ok=True)
        outcome = run(command, tmp_path / "m", new, *more)
        assert outcome.code == 0
        assert outcome.error == "backgraph: colour: 20 rows with levels that the model did not learn: 'blue '\n"


def test_a_column_that_is_gone_is_not_said_to_be_the_target(tmp_path: Path, run: Run) -> None:
    rows = [f"{i % 7},{i % 5},{'ny'[i % 2]}" for i in range(40)]
    path = table(tmp_path / "t.csv", "charges,size,churn", rows)
    run("train", path, "--target", "churn", "--epochs", 1, "--out", tmp_path / "m")
    new = table(tmp_path / "new.csv", "size,churn", [row.split(",", 1)[1] for row in rows])
    outcome = run("predict", tmp_path / "m", new)
    assert outcome.code == 2
    assert outcome.error.endswith("lacks 1 of the 2 columns that the model learnt from; expected charges\n")


def test_truth_values_come_back_as_they_were_read(tmp_path: Path, run: Run) -> None:
    rows = [f"{i % 20},{str(i % 3 == 0).upper()},{'true' if i % 20 > 9 else 'FALSE'}" for i in range(60)]
    path = table(tmp_path / "t.csv", "x,odd,late", rows)
    options = ("--class-weight", "True=2", "--epochs", 40)
    outcome = run("train", path, "--target", "late", *options, "--out", tmp_path / "m")
    assert (outcome.code, outcome.error) == (0, "")
    assert "  odd     truth values  0        2: False, True  True is 1, False is 0; " in outcome.out
    said = run("predict", tmp_path / "m", path)
    assert set(said.out.split()[1:]) == {"True", "False"}
    assert said.error.startswith("accuracy ")
    assert said.error.split()[1] > "0.9"
    duckdb = pytest.importorskip("duckdb")
    duckdb.sql(f"copy (select x, odd, late from read_csv('{path}')) to '{tmp_path}/t.parquet'")
    assert run("predict", tmp_path / "m", tmp_path / "t.parquet") == said
    assert run("evaluate", tmp_path / "m", tmp_path / "t.parquet") == run("evaluate", tmp_path / "m", path)
