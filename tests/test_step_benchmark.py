"""The benchmark of a step: its arithmetic, its page, and that contestants do the same mathematics. Nothing is timed."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.contestants import CONTESTANTS, Problem, able, peak_mebibytes
from benchmarks.sections import write_section
from benchmarks.step import (
    GROUPS,
    SHAPES,
    Measured,
    Peak,
    Shape,
    Table,
    chosen_groups,
    disagreeing,
    fit,
    quartiles,
    work,
)


def test_the_work_of_one_hidden_layer_is_that_of_the_design() -> None:
    """4mdh + 6mhk: two products for the first weights, three for all others."""
    m, d, h, k = 7, 5, 3, 2
    assert work(Shape(m, (d, h, k))) == 4 * m * d * h + 6 * m * h * k


def test_a_row_gives_the_ratio_to_the_best_peer(capsys: pytest.CaptureFixture[str]) -> None:
    peak = Peak("float32", 1, best=100.0)
    table = Table(["backgraph", "near", "far", "unable"], peak)
    times = {"backgraph": [1.0, 2.0, 4.0], "near": [2.0, 4.0, 8.0], "far": [9.0, 9.0, 9.0]}
    table.row(SHAPES[0], Measured(times, {"backgraph": 7, "near": None}, {"unable": "the loss is nan"}))
    table.end()
    reached = work(SHAPES[0]) / 2.0 / 1e3
    assert table.lines[2].endswith(f" {reached:.0f} | {reached / 100:.0%} |")
    peak.best = 400.0  # what is written has the best peak that was seen, also after the row
    assert table.lines[2].endswith(f" {reached:.0f} | {reached / 400:.0%} |")
    printed = capsys.readouterr().out
    assert "| 2.0 | 4.0 | 9.0 | — | 2.00 (2.00–2.00) |" in printed
    assert "Geometric mean of the ratio of the best peer to backgraph: 2.00" in printed
    assert f"* {SHAPES[0]}: left out: unable (the loss is nan)." in printed
    assert f"| {SHAPES[0]} | 7 | — | — | — |" in printed
    assert table.shown["unable"] == []


def test_quartiles() -> None:
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)
    assert quartiles([3.0]) == (3.0, 3.0, 3.0)


def test_a_program_replaces_its_own_section_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nhead\n\n## One\n\nold\n\n## Two\n\nkept\n", "utf-8")
    write_section(page, "One", "new")
    write_section(page, "Three", "last")
    assert page.read_text("utf-8").split("\n## ") == [
        "# Title\n\nhead\n",
        "One\n\nnew\n",
        "Two\n\nkept\n",
        "Three\n\nlast\n",
    ]
    assert page.read_text("utf-8").partition("## ")[2].startswith("One")


def test_every_shape_stands_in_one_table() -> None:
    assert sorted(row for group in GROUPS.values() for row in group) == list(range(1, len(SHAPES) + 1))
    assert chosen_groups([2, 11, 12]) == {"One hidden layer": [2], "Shapes of users": [11, 12]}


def test_a_contestant_tells_the_memory_of_its_own_program() -> None:
    found = peak_mebibytes()
    assert found is None or found > 10


def ended(name: str, weights: list[Any]) -> Any:
    """What `disagreeing` looks at."""
    return SimpleNamespace(name=name, weights={f"arr_{n}": w for n, w in enumerate(weights)})


def test_contestants_that_went_another_way_are_left_out_unless_they_are_many() -> None:
    problem = Problem(16, (5, 8, 3), 1, "", dtype="float64")
    start = problem.arrays()[2:]
    reached = [w + 0.01 * np.sign(w) for w in start]
    near = [w + 1e-6 * (w - old) for w, old in zip(reached, start, strict=True)]
    scaled = [reached[0] * 1.5, reached[1] / 1.5]  # the same function of the inputs, as relu(1.5 u) = 1.5 relu(u)
    ours, same = ended("ours", reached), [ended(name, near) for name in "abc"]
    other, poisoned = ended("other", scaled), ended("poisoned", [w * np.nan for w in reached])
    assert disagreeing([ours], problem) == disagreeing([ours, *same], problem) == {}
    assert "after 20 steps W1 is off" in disagreeing([ours, *same, other], problem)["other"]
    assert "loss after 20 steps is nan" in disagreeing([ours, *same, other, poisoned], problem)["poisoned"]
    with pytest.raises(SystemExit, match=r"2 of 4 peers do not agree with ours: other \(.*\); poisoned \("):
        disagreeing([ours, *same[1:], other, poisoned], problem)
    with pytest.raises(SystemExit, match="1 of 1"):
        disagreeing([ours, other], problem)


def test_the_loss_of_nothing_learnt_is_that_of_guessing() -> None:
    assert fit(Problem(16, (5, 8, 3), 1, ""), [np.zeros((5, 8)), np.zeros((8, 3))]) == pytest.approx(np.log(3))


def test_corrections_of_adam_are_rounded_once() -> None:
    """In float32, 1 - 0.999**t loses half of its digits."""
    found = Problem(1, (1, 1), 1, "").corrections(1, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.19, 0.001999], [0.271, 0.002997001]], rtol=1e-7)


def test_both_readmes_show_the_picture_of_steps() -> None:
    root = Path(__file__).parents[1]
    for name in ("README.md", "README.zh-CN.md"):
        text = (root / name).read_text("utf-8")
        assert re.search(r"!\[.+\]\(docs/images/steps.svg\)", text), name
        assert "docs/benchmarks.md#a-training-step" in text, name


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in CONTESTANTS if name not in ("backgraph", "torch compile")])
@pytest.mark.parametrize(
    "problem",
    [
        Problem(16, (5, 8, 3), 1, "", dtype="float64"),
        Problem(16, (5, 8, 7, 3), 1, "", "adamw", dtype="float64"),
        Problem(16, (5, 8, 2), 1, ""),
        Problem(16, (5, 8, 7, 3), 1, "", "adamw"),
    ],
    ids=str,
)
def test_contestants_reach_the_same_weights(problem: Problem, name: str) -> None:
    """In float64 to 1e-9 of the largest, so that not even the decay can be wrong."""
    pytest.importorskip({"scikit-learn": "sklearn", "PyTensor": "pytensor"}.get(name, name.partition(" ")[0]))
    if not able(name, problem):
        pytest.skip("it cannot do the same mathematics")
    ours, theirs = CONTESTANTS["backgraph"](problem)(20), weights_of(name, problem)
    for w, other in zip(ours, theirs, strict=True):
        assert np.abs(w - other).max() <= {"float64": 1e-9, "float32": 1e-5}[problem.dtype] * np.abs(w).max()


def weights_of(name: str, problem: Problem) -> Any:
    """Its weights after 20 steps; what it sets for its whole process is set back."""
    if not name.startswith("jax"):
        return CONTESTANTS[name](problem)(20)
    jax: Any = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    try:
        return CONTESTANTS[name](problem)(20)
    finally:
        jax.config.update("jax_enable_x64", before)
