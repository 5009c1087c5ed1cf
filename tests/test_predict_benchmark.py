"""The benchmark of predictions: its contestants agree, and its table says who was faster."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks.contestants import Problem
from benchmarks.predict import OURS, PROBLEMS, SAME, table
from benchmarks.predictors import CONTESTANTS, MODULES


def test_ratios_are_those_of_the_best_peer() -> None:
    found = {OURS: [10.0, 20.0, 10.0], "ONNX Runtime": [15.0, 30.0, 15.0], "NumPy": [40.0, 40.0, 40.0]}
    *_, row = table([(PROBLEMS[0], found)], list(found)).splitlines()
    assert row == "| 10,000, float32, 2 | 10.0 | 15.0 | 40.0 | 1.50 (1.50–1.50) |"


def test_every_peer_names_its_library() -> None:
    assert CONTESTANTS.keys() - MODULES.keys() == {OURS}


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", SAME)
@pytest.mark.parametrize("rows", [1, 37])
@pytest.mark.parametrize("name", MODULES)
def test_contestants_give_the_same_probabilities(name: str, rows: int, dtype: str, tmp_path: Path) -> None:
    if find_spec(MODULES[name]) is None:
        pytest.skip(f"{name} is not installed")
    if name == "jax jit" and dtype == "float64":
        pytest.skip("64 bits in JAX are set for a whole process")
    problem = replace(Problem(rows, (20, 16, 3), 1, "", dtype=dtype), folder=str(tmp_path))
    (ours,), (theirs,) = CONTESTANTS[OURS](problem)(2), CONTESTANTS[name](problem)(2)
    assert ours.shape == theirs.shape == (rows, 3)
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=SAME[dtype])
