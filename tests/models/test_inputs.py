"""The beginning of a network for tables: numbers beside embedded columns, in the evaluator and in native code."""

from __future__ import annotations

import numpy as np
import pytest

from backgraph.data import Preparation, Table
from backgraph.errors import DataError
from backgraph.evaluate import evaluate
from backgraph.language.ops.leaf import labels, parameter
from backgraph.language.ops.loss import cross_entropy
from backgraph.models.inputs import initial_tables, table_inputs
from backgraph.optim import Adam
from backgraph.train.engine import NumpyEngine
from backgraph.train.loop import fit


def test_what_the_first_layer_sees() -> None:
    inputs = table_inputs(2, [(3, 4), (2, 1)], "float64")
    E1, E2 = np.arange(12.0).reshape(3, 4), np.array([[0.0], [7.0]])
    X, codes = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2, 0], [0, 1]])
    seen = evaluate(inputs.joined, inputs.data(X, codes) | dict(zip(inputs.tables, (E1, E2), strict=True)))
    assert seen.tolist() == [[1, 2, *E1[2], 0], [3, 4, *E1[0], 7]]
    assert inputs.width == seen.shape[1]


def test_without_embeddings_it_is_X() -> None:
    inputs = table_inputs(5)
    assert (inputs.joined is inputs.X, inputs.codes, inputs.tables) == (True, (), ())


def test_initial_tables_begin_with_zeros_for_unknown_levels() -> None:
    inputs = table_inputs(1, [(5, 3), (9, 2)], "float64")
    tables = initial_tables(inputs, seed=7)
    for table in inputs.tables:
        assert not tables[table][0].any()
        assert tables[table][1:].all()
        assert (np.abs(tables[table]) < 1).all()
    assert initial_tables(inputs, seed=7)[inputs.tables[0]].tobytes() == tables[inputs.tables[0]].tobytes()


def learned(engine: NumpyEngine | None, shift: int = 0) -> tuple[float, np.ndarray]:
    """A column of 20 levels decides the class; the numbers say nothing."""
    level = np.arange(400) * 7 % 20
    table = Table({"c": np.array([f"l{n}" for n in level], dtype=object), "x": np.ones(400)})
    preparation = Preparation.fit(table)
    inputs = table_inputs(1, [(each.codes, each.size) for each in preparation.embeddings])
    W, y = parameter("W", (inputs.width, 2), "float32"), labels("y")
    data = inputs.data(preparation.matrix(table), preparation.codes(table) + shift) | {y: level % 3 // 2}
    start = initial_tables(inputs, 0) | {W: np.full((inputs.width, 2), 0.1, "float32")}
    J = cross_entropy(inputs.joined @ W, y)
    training = fit(J, start, data, optimizer=Adam(learning_rate=0.05), epochs=20, batch_size=50, engine=engine)
    return training.history[-1]["loss"], training.parameters[inputs.tables[0]]


def test_an_embedding_learns_and_unknown_levels_stay_at_zero() -> None:
    loss, table = learned(None)
    assert loss < 0.05
    assert not table[0].any()
    assert loss == pytest.approx(learned(NumpyEngine())[0], rel=1e-3)


def test_codes_out_of_range_are_refused_before_the_first_step() -> None:
    with pytest.raises(DataError, match=r"BG206.*c1"):
        learned(None, shift=1)
