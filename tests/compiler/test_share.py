"""Products that threads share by columns: chosen where few rows meet a wide matrix, and the same bits either way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import backgraph as bg
from backgraph.compiler import call as calls
from backgraph.compiler import share
from backgraph.compiler.function import compile
from backgraph.compiler.phases import shared_axis
from backgraph.compiler.pipeline import Compiled
from backgraph.train.native import NativeLoop
from tests.compiler.programs import example
from tests.compiler.test_random_graphs import with_gradients
from tests.random_graphs import Graph, graphs


def by_columns(compiled: Compiled) -> int:
    """How many nests share out another axis than their first."""
    nests = [nest for phase in compiled.phases for nest in phase.nests]
    return sum(shared_axis(nest) is not nest.axes[0] for nest in nests if nest.axes)


@pytest.mark.parametrize(("rows", "expected"), [(32, 1), (64, 1), (250, 0), (4096, 0)])
def test_the_size_of_the_minibatch_decides(rows: int, expected: int) -> None:
    """784 × 500 weights: with m rows, (500 − 2m)/4 of 784 rows of them need not move."""
    X, W = bg.input("X", ("m", 784), "float32"), bg.parameter("W", (784, 500), "float32")
    f = compile([X, W], bg.relu(X @ W), threads=2)
    arrays = np.ones((rows, 784), "f4"), np.ones((784, 500), "f4")
    f(*arrays)
    (program,) = f.programs.values()
    assert by_columns(program.compiled) == expected


def test_a_loop_is_made_for_the_rows_it_first_sees_and_right_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "WORTH", 1)
    step, arrays, data = example("sgd", "float32")
    few, many = (NativeLoop(step, data, rows=rows) for rows in (2, 10_000))
    assert by_columns(few.compiled) > by_columns(many.compiled)
    index = np.random.default_rng(0).integers(0, len(next(iter(data.values()))), (3, 40))
    results = []
    for loop in (few, many):
        variables = [array.copy() for array in arrays]
        loop(variables, data, index, step.schedule(0, 3), threads=2)
        results.append([array.tobytes() for array in variables])
    assert results[0] == results[1]


@given(graphs())
@settings(
    max_examples=max(8, settings().max_examples // 8),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_the_same_bits_by_rows_and_by_columns(graph: Graph) -> None:
    outputs, values = with_gradients(graph)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "WORK_PER_THREAD", 1)
        found = []
        for worth in (np.inf, -np.inf):
            patch.setattr(share, "WORTH", worth)
            f = compile(list(values), outputs, threads=3)
            found.append([np.asarray(array).tobytes() for array in f(*values.values())])
    assert found[0] == found[1]
