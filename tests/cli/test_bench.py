"""`backgraph bench`: figures, and exact steps from given weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Run

Arrays = dict[str, Any]
FIELDS = (
    "us_per_step", "gflops", "fma_peak_gflops", "threads", "compile_seconds", "arena_bytes", "loss_first", "loss_last"
)  # fmt: skip
RATE, DECAY = 0.25, 1e-3


@pytest.fixture
def problem() -> tuple[Arrays, Arrays]:
    r = np.random.default_rng(2)
    data = {"X": r.normal(size=(40, 6)), "y": r.integers(0, 3, 40), "index": r.integers(0, 40, (9, 8))}
    return data, {"W1": r.normal(size=(6, 7)), "W2": r.normal(size=(7, 5)), "W3": r.normal(size=(5, 3))}


def by_hand(data: Arrays, weights: Arrays) -> tuple[list[Any], list[float]]:
    Ws, losses = [W.copy() for W in weights.values()], []
    for rows in data["index"]:
        H = [data["X"][rows]]
        for W in Ws[:-1]:
            H.append(np.maximum(H[-1] @ W, 0))
        U = H[-1] @ Ws[-1]
        P = np.exp(U) / np.exp(U).sum(axis=1, keepdims=True)
        hot = np.eye(P.shape[1])[data["y"][rows]]
        losses.append(-np.log((P * hot).sum(axis=1)).mean() + DECAY * sum((W**2).sum() for W in Ws))
        G = (P - hot) / len(rows)
        gradients = []
        for W, below in zip(Ws[::-1], H[::-1], strict=True):
            gradients.append(below.T @ G)
            G = (G @ W.T) * (below > 0)
        Ws = [W - RATE * (g + 2 * DECAY * W) for W, g in zip(Ws, gradients[::-1], strict=True)]
    return Ws, losses


def saved(folder: Path, data: Arrays, weights: Arrays) -> list[object]:
    np.savez(folder / "data.npz", **data)
    np.savez(folder / "weights.npz", **weights)
    return ["bench", "--data", folder / "data.npz", "--weights", folder / "weights.npz"]


def test_the_steps_of_a_file_are_those_written_by_hand(
    problem: tuple[Arrays, Arrays], tmp_path: Path, run: Run
) -> None:
    options = [
        "--learning-rate",
        RATE,
        "--decay",
        DECAY,
        "--dtype",
        "float64",
        "--save",
        tmp_path / "out.npz",
        "--json",
    ]
    outcome = run(*saved(tmp_path, *problem), *options)
    assert (outcome.code, outcome.error) == (0, "")
    result = json.loads(outcome.out)
    Ws, losses = by_hand(*problem)
    with np.load(tmp_path / "out.npz") as found:
        assert found.files == ["W1", "W2", "W3"]
        for name, W in zip(found.files, Ws, strict=True):
            np.testing.assert_allclose(found[name], W, rtol=1e-12)
    assert result["loss_first"] == pytest.approx(losses[0], rel=1e-13)
    assert result["loss_last"] == pytest.approx(losses[-1], rel=1e-13)
    assert (result["shape"], result["steps"]) == ([8, 6, 7, 5, 3], 9)


def test_figures_of_this_machine(run: Run) -> None:
    outcome = run("bench", "--shape", "8,4,6,2", "--threads", 1, "--hidden", "6,5", "--json")
    assert (outcome.code, outcome.error) == (0, "")
    result = json.loads(outcome.out)
    assert set(FIELDS) <= result.keys()
    assert result["threads"] == 1
    assert result["shape"] == [8, 4, 6, 5, 2]
    assert 0 < result["gflops"] < result["fma_peak_gflops"]
    assert "us_per_step" in run("bench", "--shape", "8,4,6,2", "--optimizer", "adam", "--threads", 2).out


Spoil = Callable[[Arrays, Arrays], object]

SPOILED: list[tuple[str, str, Spoil]] = [
    ("no labels", "BG502", lambda data, weights: data.pop("y")),
    ("no weights", "BG502", lambda data, weights: weights.pop("W1")),
    ("objects", "BG502", lambda data, weights: data.update(X=np.array([[None]]))),
    ("a vector of inputs", "BG207", lambda data, weights: data.update(X=data["X"][0])),
    ("too few labels", "BG207", lambda data, weights: data.update(y=data["y"][1:])),
    ("a label too many", "BG206", lambda data, weights: data.update(y=data["y"] + 1)),
    ("a negative label", "BG206", lambda data, weights: data.update(y=data["y"] - 1)),
    ("labels with fractions", "BG206", lambda data, weights: data.update(y=data["y"] + 0.5)),
    ("a row outside", "BG206", lambda data, weights: data.update(index=data["index"] + 39)),
    ("no steps", "BG207", lambda data, weights: data.update(index=data["index"][:0])),
    ("weights that do not follow", "BG207", lambda data, weights: weights.update(W2=weights["W2"].T)),
    ("text", "BG207", lambda data, weights: weights.update(W2=weights["W2"].astype(str))),
    ("NaN", "BG207", lambda data, weights: data["X"].fill(np.nan)),
]


@pytest.mark.parametrize(("code", "spoil"), [row[1:] for row in SPOILED], ids=[row[0] for row in SPOILED])
def test_bad_files_are_refused(
    code: str, spoil: Spoil, problem: tuple[Arrays, Arrays], tmp_path: Path, run: Run
) -> None:
    spoil(*problem)
    outcome = run(*saved(tmp_path, *problem))
    assert (outcome.code, outcome.out) == (2, "")
    assert code in outcome.error
    assert outcome.error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--data", "nothing.npz", "--weights", "nothing.npz"], "BG501"),
        (["--data", "text.npz", "--weights", "text.npz"], "BG502"),
        (["--data", "one.npy", "--weights", "one.npy"], "BG502"),
        (["--data", "nothing.npz"], "--weights"),
        (["--weights", "nothing.npz"], "--data"),
        (["--save", "nowhere/out.npz"], "BG551"),
        (["--shape", "1,2,3"], "BG601"),
        (["--shape", "1,2,3,0"], "BG601"),
        (["--hidden", "many"], "BG401"),
        (["--threads", "0"], "BG401"),
        (["--dtype", "float16"], "BG401"),
        (["--optimizer", "sdg"], "did you mean sgd"),
        (["--learning-rate", "nan"], "BG401"),
        (["--isa", "mmx"], "BG601"),
    ],
)
def test_bad_options_are_refused(
    options: list[str], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.npz").write_text("no archive")
    np.save(tmp_path / "one.npy", np.zeros(3))
    outcome = run("bench", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert code in outcome.error


@pytest.mark.parametrize(
    "options", [["--shape", "8,6,7,3"], ["--hidden", "7,6"], ["--shape", "9,6,7,3", "--hidden", "7,5"]]
)
def test_sizes_that_contradict_the_files_are_refused(
    options: list[str], problem: tuple[Arrays, Arrays], tmp_path: Path, run: Run
) -> None:
    command = saved(tmp_path, *problem)
    refused = run(*command, *options)
    assert (refused.code, refused.out) == (2, "")
    assert "the files differ" in refused.error
    assert "expected 8,6,7,5,3. leave it out" in refused.error
    assert run(*command, "--shape", "8,6,7,3", "--hidden", "7,5").code == 0


def test_divergence_is_told(problem: tuple[Arrays, Arrays], tmp_path: Path, run: Run) -> None:
    outcome = run(*saved(tmp_path, *problem), "--learning-rate", "1e30")
    assert outcome.code == 4
    assert "BG451" in outcome.error
