"""The benchmark of a step: its arithmetic, its page, and that contestants do the same mathematics. Nothing is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contestants import CONTESTANTS, Problem, able
from benchmarks.sections import write_section
from benchmarks.step import SHAPES, Shape, Table, agree, quartiles, work


def test_the_work_of_one_hidden_layer_is_that_of_the_design() -> None:
    """4mdh + 6mhk: two products for the first weights, three for all others."""
    m, d, h, k = 7, 5, 3, 2
    assert work(Shape(m, (d, h, k))) == 4 * m * d * h + 6 * m * h * k


def test_a_row_gives_the_ratio_to_the_best_peer(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(["backgraph", "near", "far", "unable"])
    table.row(SHAPES[0], {"backgraph": [1.0, 2.0, 4.0], "near": [2.0, 4.0, 8.0], "far": [9.0, 9.0, 9.0]}, 100.0)
    table.end()
    printed = capsys.readouterr().out
    assert "| 2.0 | 4.0 | 9.0 | — | 2.00 (2.00–2.00) |" in printed
    assert "Geometric mean of the ratio of the best peer to backgraph: 2.00" in printed
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


@pytest.mark.oracle
@pytest.mark.parametrize(
    "problem",
    [
        Problem(16, (5, 8, 3), 1, ""),
        Problem(16, (5, 8, 7, 3), 1, "", "adamw"),
        Problem(16, (5, 8, 2), 1, "", dtype="float64"),
    ],
    ids=str,
)
def test_contestants_reach_the_same_weights(problem: Problem) -> None:
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64

    class Ended:
        """What `agree` looks at."""

        def __init__(self, name: str) -> None:
            self.name = name
            weights = [array.copy() for array in CONTESTANTS[name](problem)(20)]
            self.weights = Weights({f"arr_{n}": array for n, array in enumerate(weights)})

    class Weights(dict):  # type: ignore[type-arg]
        """As what np.load gives."""

        @property
        def files(self) -> list[str]:
            return list(self)

    names = [n for n in ("backgraph", "jax scan", "jax jit", "scikit-learn") if able(n, problem)]
    try:
        agree([Ended(name) for name in names])  # type: ignore[misc]
    finally:
        jax.config.update("jax_enable_x64", before)
