"""ONNX Runtime on 10,000 rows, preparation included: as close as rounding allows, and of one mind where it is clear.

The bound is 1e-6 M in float32, with M the size of the terms: the same network with absolute values in place of every
product and sum, so that cancellation raises no false alarm.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from backgraph.data.table import Table
from backgraph.export.onnx_model import model_to_onnx
from backgraph.models.fitted import Fitted
from backgraph.models.trainer import Recipe, Trainer
from backgraph.optim import Adam
from backgraph.train.engine import NumpyEngine
from tests.export.test_onnx_model import answers, table

pytestmark = pytest.mark.oracle

ROWS = 10_000
BOUND = {"float32": 1e-6, "float64": 1e-13}
"""The first is a tenth of what is promised."""
STEEPEST = 1.13
"""No activation below has a slope above that of gelu and silu."""
NETWORKS: dict[str, dict[str, Any]] = {
    "deep": {"hidden": (64, 32), "activation": ("relu", "tanh")},
    "smooth": {"hidden": (32, 32, 32), "activation": ("gelu", "silu", "softplus")},
    "bent": {"hidden": (48, 16), "activation": ("elu", "leaky_relu")},
    "float64": {"hidden": (32,), "activation": "sigmoid", "dtype": "float64"},
}


def trained(target: str, network: dict[str, Any]) -> Fitted:
    rows = table(0, 2_000).drop(["class" if target == "score" else "score"])
    trainer = Trainer(rows, target, Recipe(optimizer=Adam(learning_rate=0.01), **network))
    trainer.run(2, engine=NumpyEngine())
    return trainer.fitted


@cache
def new_rows() -> Table:
    return table(3, ROWS)


def terms(model: Fitted, rows: Any) -> Any:
    """M of every last U: rows × outputs, float64."""
    parameters = {str(node.op): abs(np.asarray(array, "float64")) for node, array in model.parameters.items()}
    known = model.preparation
    codes = known.codes(rows)
    vectors = [parameters[f"E{n + 1}"][codes[:, n]] for n in range(len(known.embeddings))]
    M = np.concatenate([abs(known.matrix(rows)), *vectors], axis=1)
    for layer in range(1, len(model.mlp.hidden) + 2):
        M = STEEPEST * (M @ parameters[f"W{layer}"] + parameters[f"b{layer}"] + 1)
    return M


@pytest.mark.parametrize("name", NETWORKS)
def test_classes_of_10_000_rows(name: str) -> None:
    pytest.importorskip("onnx")
    model, rows = trained("class", NETWORKS[name]), new_rows()
    found = answers(model_to_onnx(model), rows)
    bound = 2 * BOUND[model.mlp.dtype] * terms(model, rows).max(axis=1)
    ours, theirs = (np.asarray(p, "float64") for p in (model.predict_proba(rows), found["probabilities"]))
    assert (abs(np.log(theirs) - np.log(ours)) <= bound[:, None]).all()
    margin = abs(np.log(ours[:, 0]) - np.log(ours[:, 1]))
    clear = margin > bound
    assert clear.mean() > 0.99
    assert (found["label"] == model.predict(rows))[clear].all()


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_of_10_000_rows(name: str) -> None:
    pytest.importorskip("onnx")
    model, rows = trained("score", NETWORKS[name]), new_rows()
    found = answers(model_to_onnx(model), rows)
    outcome: Any = model.outcome
    bound = BOUND[model.mlp.dtype] * (terms(model, rows)[:, 0] * outcome.scale[0] + abs(outcome.mean[0]))
    assert (abs(found["prediction"].reshape(-1) - model.predict(rows)) <= bound).all()
    assert np.ptp(model.predict(rows)) > 1


@pytest.mark.parametrize("name", NETWORKS)
def test_a_table_of_one_row_has_the_bits_of_the_row(name: str) -> None:
    """Read, prepared and predicted alone, and in the table."""
    model, rows = trained("class", NETWORKS[name]), table(3, 300)
    whole = model.predict_proba(rows)
    alone = [model.predict_proba(rows.rows(np.array([n]))) for n in range(300)]
    assert np.concatenate(alone).tobytes() == whole.tobytes()
