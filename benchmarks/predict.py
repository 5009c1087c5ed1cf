"""Time of a prediction against the peers: `python -m benchmarks.predict [--write docs/benchmarks.md]`.

A net of 784-256-10 without biases gives the probabilities of 10,000 rows, or of one, from a NumPy array to a NumPy
array. Contestants run in processes of their own, pinned to as many processors as they may have threads; those whose
turn it is not are stopped. What counts is the median of the ratios of neighbours. All must give the same probabilities.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.contestants import Problem
from benchmarks.predictors import MODULES
from benchmarks.sections import write_section
from benchmarks.step import Contestant, quartiles

OURS = "backgraph"
WIDTHS = (784, 256, 10)
PROBLEMS = tuple(
    Problem(rows, WIDTHS, threads, "", dtype=dtype)
    for dtype in ("float32", "float64") for rows in (10_000, 1) for threads in (2, 1)
)  # fmt: skip
SECONDS = 0.3
"""About how long a turn takes."""
SAME = {"float32": 1e-4, "float64": 1e-10}
"""How far two probabilities may be apart."""


def measure(problem: Problem, names: Sequence[str], turns: int) -> dict[str, list[float]]:
    """Microseconds a prediction in each turn, for each contestant."""
    with tempfile.TemporaryDirectory() as folder:
        contestants = [Contestant(name, replace(problem, folder=folder), "benchmarks.predictors") for name in names]
        agree(contestants, SAME[problem.dtype])
        times = {each.name: max(3, int(SECONDS / float(each.ask("3")) * 3)) for each in contestants}
        for each in contestants:
            each.ask(str(times[each.name]))
        found: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(turns):
            for each in contestants:
                asked = times[each.name]
                found[each.name].append(float(each.ask(str(asked))) / asked * 1e6)
        for each in contestants:
            each.close()
    return found


def agree(contestants: Sequence[Contestant], apart: float) -> None:
    """Raises SystemExit where one gives other probabilities than the first."""
    first = next(iter(contestants[0].weights.values()))
    for each in contestants[1:]:
        farthest = float(np.abs(next(iter(each.weights.values())) - first).max())
        if not farthest <= apart:
            raise SystemExit(f"{each.name}: probabilities are off by {farthest:.1e}")


def table(rows: Sequence[tuple[Problem, Mapping[str, list[float]]]], names: Sequence[str]) -> str:
    """Microseconds of each contestant, and the ratio of the best peer to ours."""
    peers = [name for name in names if name != OURS]
    lines = ["| rows, dtype, threads | " + " | ".join(f"{name}, µs" for name in names) + " | ratio (quartiles) |"]
    lines += ["|---" * (len(names) + 2) + "|"]
    for problem, found in rows:
        medians = {name: statistics.median(found[name]) for name in names}
        best = min(peers, key=lambda name: medians[name])
        low, middle, high = quartiles([a / b for a, b in zip(found[best], found[OURS], strict=True)])
        cells = [f"{medians[name]:.1f}" for name in names]
        title = f"{problem.m:,}, {problem.dtype}, {problem.threads}"
        lines.append("| " + " | ".join([title, *cells, f"{middle:.2f} ({low:.2f}–{high:.2f})"]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--peers", default=",".join(MODULES), help="by name")
    parser.add_argument("--rows", type=json.loads, default=list(range(1, len(PROBLEMS) + 1)), help="such as [1,3]")
    parser.add_argument("--write", type=Path, help="the page whose section is to be written")
    options = parser.parse_args()
    peers = [name for name in options.peers.split(",") if find_spec(MODULES[name]) is not None]
    names = [OURS, *peers]
    rows = [(PROBLEMS[row - 1], measure(PROBLEMS[row - 1], names, options.turns)) for row in options.rows]
    text = f"{(__doc__ or '').split(chr(10) * 2, 1)[1].strip()}\n\n{table(rows, names)}\n"
    print(text)
    if options.write:
        write_section(options.write, "Prediction", text)


if __name__ == "__main__":
    main()
