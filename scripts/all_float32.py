"""All 2³² float32 inputs of every elementary function of one argument, against float64: a release check.

    python scripts/all_float32.py [--functions exp,tanh] [--stride 1]

Prints the greatest error in units in the last place and how many results are not the nearest float32; exit code 1 if
any is off by more than 1. The float64 functions it compares with are our own; tests compare those with long double.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from backgraph.compiler.functions import NAMES
from tests.compiler.on_arrays import functions_on_arrays

CHUNK = 2**20
PROMISE = 1.0


def distance(got: NDArray[Any], exact: NDArray[Any]) -> tuple[float, int]:
    """The greatest error in units in the last place, and how many results are not the nearest float32."""
    nearest = exact.astype(np.float32)
    other = got.view(np.uint32) != nearest.view(np.uint32)
    other &= ~(np.isnan(got) & np.isnan(nearest))
    if not other.any():
        return 0.5, 0
    got, exact, nearest = got[other].astype(np.float64), exact[other], nearest[other]
    wrong = np.isfinite(got) != np.isfinite(nearest)
    wrong |= (got == 0) & (nearest == 0)
    error = np.where(wrong, np.inf, abs(got - exact) / np.spacing(abs(nearest)))
    return float(error.max()), int(other.sum())


def check(name: str, stride: int) -> float:
    """The greatest error over every `stride`-th block of 2²⁰ inputs."""
    call = functions_on_arrays(names=(name,))
    worst, misrounded, total = 0.5, 0, 0
    for start in range(0, 2**32, CHUNK * stride):
        x = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32).view(np.float32)
        error, count = distance(call(name, x), call(name, x.astype(np.float64)))
        worst, misrounded, total = max(worst, error), misrounded + count, total + CHUNK
    print(f"{name:9} {total:11,} inputs  error {worst:.7f}  not the nearest {misrounded:,}", flush=True)
    return worst


def main() -> int:
    """Exit code 0 if every function keeps the promise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--functions", default=",".join(NAMES))
    parser.add_argument("--stride", type=int, default=1)
    arguments = parser.parse_args()
    with np.errstate(all="ignore"):
        return int(max(check(name, arguments.stride) for name in arguments.functions.split(",")) > PROMISE)


if __name__ == "__main__":
    sys.exit(main())
