"""Trained networks in ONNX: raw columns in, the answers of `predict` out, also for cells that training never saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.cli.main import main
from backgraph.data.statistics import epoch_seconds
from backgraph.data.table import Table
from backgraph.data.transforms import TRANSFORMS
from backgraph.errors import UsageError
from backgraph.export.onnx_columns import COLUMNS
from backgraph.export.onnx_model import model_to_onnx
from backgraph.models.fitted import Fitted
from backgraph.models.trainer import Recipe, Trainer
from backgraph.optim import Adam

ROWS = 400
FEATURELESS = {"embedding", "left out"}


def words(values: Any) -> Any:
    return np.array([str(value) for value in values], object)


def table(seed: int, rows: int = ROWS) -> Table:
    """Numbers, some missing and far out; few levels and many; times. Another seed brings levels nobody knows."""
    r = np.random.default_rng(seed)
    number = r.normal(size=rows) * 10.0 ** r.integers(-2, 3, rows)
    number[r.random(rows) < 0.1] = np.nan
    few = words(r.choice(["red", "green", "blue", ""] + ["violet"] * (seed != 0), rows))
    many = words(r.integers(0, 30 + 10 * seed, rows))
    day = np.datetime64("2020-02-28T23:59:59.5", "us") + r.integers(0, 900, rows) * np.timedelta64(1, "D")
    day[r.random(rows) < 0.05] = np.datetime64("NaT")
    same = np.full(rows, 3.25)
    score = np.where(np.isnan(number), 0, np.tanh(number)) + (few == "red") + 0.1 * (many == "7")
    columns = {"number": number, "few": few, "many": many, "day": day, "same": same}
    return Table({**columns, "score": score, "class": words(np.where(score > 0.5, "yes", "no"))})


def fitted(target: str, columns: tuple[str, ...] = ("number", "few", "many", "day", "same")) -> Fitted:
    trainer = Trainer(table(0).select([*columns, target]), target, Recipe((8,), Adam(learning_rate=0.01)))
    trainer.run(3)
    return trainer.fitted


def session(model: Any) -> Any:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime runs the models")
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return runtime.InferenceSession(content, providers=["CPUExecutionProvider"])


def answers(model: Any, rows: Table) -> dict[str, Any]:
    running = session(model)
    given = {each.name: rows.column(each.name) for each in running.get_inputs()}
    given = {name: epoch_seconds(values) if values.dtype.kind == "M" else values for name, values in given.items()}
    return dict(zip([each.name for each in running.get_outputs()], running.run(None, given), strict=True))


def test_every_transform_is_written() -> None:
    assert set(TRANSFORMS) - FEATURELESS == set(COLUMNS)


@pytest.mark.oracle
def test_a_classifier_on_rows_it_never_saw() -> None:
    pytest.importorskip("onnx")
    model, rows = fitted("class"), table(1)
    found = answers(model_to_onnx(model), rows)
    expected = model.predict_proba(rows)
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-5, atol=1e-6)
    clear = abs(expected[:, 0] - expected[:, 1]) > 1e-5
    assert (found["label"][clear] == model.predict(rows)[clear]).all()
    assert clear.sum() > 0.9 * ROWS


@pytest.mark.oracle
def test_a_regression_on_rows_it_never_saw() -> None:
    pytest.importorskip("onnx")
    model, rows = fitted("score"), table(1)
    found = answers(model_to_onnx(model), rows)
    np.testing.assert_allclose(found["prediction"], model.predict(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.oracle
def test_labels_that_are_numbers_stay_numbers() -> None:
    pytest.importorskip("onnx")
    rows = table(0)
    values = {"number": rows.column("number"), "class": np.floor(np.abs(rows.column("score"))) % 3}
    trainer = Trainer(Table(values), "class", Recipe((4,), Adam()))
    found = answers(model_to_onnx(trainer.fitted), rows)
    assert found["label"].dtype == np.int64
    assert set(found["label"]) <= {0, 1, 2}


@pytest.mark.oracle
def test_a_model_of_codes_alone_and_of_one_row() -> None:
    pytest.importorskip("onnx")
    model = fitted("class", ("many",))
    one = table(1, rows=1)
    found = answers(model_to_onnx(model), one)
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(one), rtol=1e-5)


@pytest.mark.oracle
def test_only_standard_operations_and_nothing_else_inside() -> None:
    pytest.importorskip("onnx")
    model = model_to_onnx(fitted("class"))
    assert {node.domain for node in model.graph.node} == {""}
    assert json.loads({each.key: each.value for each in model.metadata_props}["columns"])
    assert not model.functions


@pytest.mark.oracle
def test_a_column_called_like_an_output_is_refused() -> None:
    pytest.importorskip("onnx")
    rows = table(0)
    model = Trainer(
        Table({"label": rows.column("number"), "class": rows.column("class")}), "class", Recipe((4,), Adam())
    ).fitted
    with pytest.raises(UsageError, match=r"BG601.*called like an output; got label"):
        model_to_onnx(model)


@pytest.mark.oracle
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    fitted("class").save(tmp_path / "model.safetensors")
    out = tmp_path / "model.onnx"
    assert main(["export", str(tmp_path), "-o", str(out)]) == 0
    assert "columns number, few" in capsys.readouterr().out
    assert set(answers(out.read_bytes(), table(1))) == {"label", "probabilities"}
    assert main(["export", str(tmp_path), "-o", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["export", str(tmp_path), "-o", str(out), "--overwrite"]) == 0
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "model.h5")]) == 2
    assert "a file ending in .onnx" in capsys.readouterr().err
