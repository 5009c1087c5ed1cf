"""`import backgraph` is quick. `python -m benchmarks.import_time` prints the figure; the promise is 0.25 s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import backgraph

PROMISE = 0.25
ALLOWANCE = 3
"""Other tests run at the same time."""
PROGRAM = "import time; t = time.process_time(); import backgraph; print(time.process_time() - t)"


@pytest.mark.slow
def test_import_is_quick() -> None:
    def seconds() -> float:
        return float(subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True).stdout)

    assert statistics.median(seconds() for _ in range(5)) < PROMISE * ALLOWANCE


LAZY = (
    "backgraph.show", "backgraph.train", "backgraph.models", "backgraph.optim", "backgraph.compiler", "backgraph.rules",
    "backgraph.language.text", "llvmlite",
)  # fmt: skip
"""What `import backgraph` leaves to the first use."""
LOADED = """
import sys, backgraph
print(*(name for name in sys.modules if name.startswith(("backgraph", "llvmlite"))))
"""


def test_only_what_builds_graphs_is_loaded() -> None:
    """Counted, as time depends on what else the machine does."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True, text=True)
    names = done.stdout.split()
    assert not [name for name in names if name.startswith(LAZY)]
    assert len(names) <= 60


def test_every_public_name_is_there_and_listed() -> None:
    assert set(backgraph.__all__) <= set(dir(backgraph))
    for name in backgraph.__all__:
        assert getattr(backgraph, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = backgraph.nothing  # type: ignore[attr-defined]


def test_the_version_is_that_of_the_package() -> None:
    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        assert backgraph.__version__ == tomllib.load(file)["project"]["version"]
