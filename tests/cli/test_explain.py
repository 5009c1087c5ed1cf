"""`backgraph explain`: numbers from files, and formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.cli.arrays import read_arrays
from backgraph.cli.main import main
from backgraph.errors import FileError

COST = "mean((X@w - t)**2)"


def test_numbers_from_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "data.csv"
    file.write_text("X1,X2,t\n0.5,1,2\n0.25,-1,3\n1,2,4\n")
    assert main(["explain", COST, "--wrt", "w", "--data", str(file), "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert values["forward"]["X"] == [[0.5, 1], [0.25, -1], [1, 2]]
    assert values["forward"]["t"] == [2, 3, 4]
    assert values["checks"]["w"]["status"] == "right"


def test_numbers_from_npz(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "data.npz"
    np.savez(file, w=np.array([0.125, 2.0]))
    assert main(["explain", COST, "--wrt", "w", "--data", str(file)]) == 0
    out = capsys.readouterr().out
    assert "w = [ 0.125  2 ]" in out
    assert "checked: " in out


@pytest.mark.parametrize(
    "content", ["X,X\n1,2\n", "X\nabc\n", "", "X,Y\n1\n"], ids=["twice", "no number", "empty", "too short"]
)
def test_files_that_hold_no_numbers(content: str, tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text(content)
    with pytest.raises(FileError, match="no numbers can be read"):
        read_arrays(file)
    broken = tmp_path / "data.npz"
    broken.write_text(content)
    with pytest.raises(FileError, match="no numbers can be read"):
        read_arrays(broken)


def test_columns_of_vectors_and_matrices(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("X.1,X.2,y,w1\n1,2,3,4\n5,6,7,8\n")
    arrays: dict[str, Any] = read_arrays(file)
    assert {name: array.shape for name, array in arrays.items()} == {"X": (2, 2), "y": (2,), "w1": (2,)}


def test_a_source_of_numpy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", COST, "--wrt", "w", "--format", "numpy"]) == 0
    names: dict[str, Any] = {}
    exec(capsys.readouterr().out, names)
    X, w, t = np.ones((2, 3)), np.ones(3), np.zeros(2)
    cost, gradients = names["cost_and_gradients"](X=X, w=w, t=t)
    assert cost == 9
    np.testing.assert_allclose(gradients["w"], [6, 6, 6])
