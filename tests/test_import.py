"""`import backgraph` is quick. `python -m benchmarks.import_time` prints the figure; the promise is 0.25 s."""

from __future__ import annotations

import statistics
import subprocess
import sys

import pytest

PROMISE = 0.25
ALLOWANCE = 3
"""Other tests run at the same time."""
PROGRAM = "import time; t = time.perf_counter(); import backgraph; print(time.perf_counter() - t)"


@pytest.mark.slow
def test_import_is_quick() -> None:
    def seconds() -> float:
        return float(subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True).stdout)

    assert statistics.median(seconds() for _ in range(5)) < PROMISE * ALLOWANCE
