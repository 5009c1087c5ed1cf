"""Running commands within the process: exit code, standard output, standard error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from backgraph.cli.main import main


class Outcome(NamedTuple):
    code: int
    out: str
    error: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """Sixty rows: two numbers, a colour, a species that follows from the first number, and a height."""
    sizes = ("small", "large")
    rows = [
        f"{(i % 20) / 2},{i % 7},{'red' if i % 3 else 'blue'},{sizes[i % 20 >= 10]},{i % 20 * 1.5 + 0.25}"
        for i in range(60)
    ]
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(["length,width,colour,species,height", *rows]) + "\n", "utf-8")
    return path
