"""From a table to a trained network and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.data.table import Table
from backgraph.errors import BackgraphError, FileError, UsageError
from backgraph.language.ops.elementwise import square
from backgraph.models.fitted import Fitted, load
from backgraph.models.trainer import Recipe, Trainer, task_of
from backgraph.optim import SGD, Adam
from backgraph.train.files import save_tensors


def column(*values: Any) -> Any:
    return np.array(values, object if isinstance(values[0], str) else "float64")


def table(rows: int = 60) -> Table:
    i = np.arange(rows, dtype="float64")
    words = np.array(["low" if k % 20 < 10 else "high" for k in range(rows)], object)
    return Table({"a": i % 20, "b": i % 7, "word": words, "number": 3 * (i % 20) + 0.5})


def trained(target: str = "word", epochs: int = 40, **changes: Any) -> Trainer:
    recipe: dict[str, Any] = {"hidden": (8,), "optimizer": Adam(learning_rate=0.02), **changes}
    trainer = Trainer(table().select(["a", "b", target]), target, Recipe(**recipe))
    trainer.run(epochs)
    return trainer


def test_classes_are_learned() -> None:
    trainer = trained()
    assert trainer.scores(trainer.training_part)["accuracy"] == 1.0
    assert trainer.training.history[-1]["validation accuracy"] > 0.9


def test_numbers_are_learned_in_their_own_units() -> None:
    trainer = trained("number", epochs=80)
    assert trainer.scores(trainer.validation_part)["R²"] > 0.97
    fitted = trainer.fitted
    assert fitted.score(table())["RMSE"] < 2.5


def test_preparation_sees_the_training_rows_alone() -> None:
    rows = table()
    outlier = np.array(rows.column("a"))
    trainer = Trainer(rows, "word", Recipe((4,), SGD()))
    outlier[trainer.validation_part.rows] = 1e6
    spoiled = Table({**{name: rows.column(name) for name in rows.names}, "a": outlier})
    assert Trainer(spoiled, "word", Recipe((4,), SGD())).preparation == trainer.preparation


def test_validation_may_be_left_out() -> None:
    trainer = trained(epochs=2, validation=0.0)
    assert len(trainer.training_part.rows) == 60
    assert list(trainer.training.history[-1]) == ["loss"]


@pytest.mark.parametrize("target", ["word", "number"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_model_predicts_the_same_bits(target: str, dtype: str, tmp_path: Path) -> None:
    fitted = trained(target, epochs=3, dtype=dtype).fitted
    fitted.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert np.array_equal(fitted.predict(table()), again.predict(table()))
    assert (again.mlp, again.preparation, again.outcome) == (fitted.mlp, fitted.preparation, fitted.outcome)


def test_activations_of_each_layer_are_kept(tmp_path: Path) -> None:
    trained(epochs=1, hidden=(4, 3), activation=("tanh", "relu")).fitted.save(tmp_path / "m")
    assert load(tmp_path / "m").mlp.activation == ("tanh", "relu")


def test_a_function_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="BG601"):
        trained(epochs=1, activation=square).fitted.save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "metadata",
    [None, {}, {"kind": "other"}, {"kind": "mlp"}, {"kind": "mlp", "network": {"inputs": 1}}, [1], "text"],
    ids=str,
)
def test_a_file_of_another_kind_is_refused(metadata: Any, tmp_path: Path) -> None:
    save_tensors(tmp_path / "m", {"W1": np.zeros((2, 2))}, metadata)
    with pytest.raises(FileError, match="BG502"):
        load(tmp_path / "m")


def test_probabilities_of_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="BG601"):
        trained("number", epochs=1).fitted.predict_proba(table())


def test_what_can_be_scored() -> None:
    fitted: Fitted = trained(epochs=1).fitted
    assert fitted.can_be_scored_on(table())
    assert not fitted.can_be_scored_on(table().drop(["word"]))
    assert not fitted.can_be_scored_on(Table({"word": column(1.0, 2.0)}))
    assert not fitted.can_be_scored_on(Table({"word": column("low", "")}))


TASKS = [
    (column("x", "y"), "classification"),
    (column(0.0, 1.0, 1.0), "classification"),
    (column(0.0, 0.5), "regression"),
    (np.arange(30.0), "classification"),
    (np.arange(31.0), "regression"),
]


@pytest.mark.parametrize(("values", "task"), TASKS)
def test_the_task_is_read_off_the_target(values: Any, task: str) -> None:
    assert task_of(values) == task


@pytest.mark.parametrize(
    ("code", "target", "changes"),
    [
        ("BG202", "wrod", {}),
        ("BG206", "word", {"task": "regression"}),
        ("BG206", "number", {"task": "classification"}),
        ("BG401", "word", {"task": "sorting"}),
        ("BG401", "word", {"validation": 1.0}),
        ("BG401", "word", {"batch_size": 0}),
    ],
)
def test_what_cannot_be_trained_is_refused(code: str, target: str, changes: Any) -> None:
    with pytest.raises(BackgraphError, match=code):
        Trainer(table(), target, Recipe((4,), SGD(), **changes))
