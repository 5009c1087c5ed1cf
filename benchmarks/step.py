"""Time of one training step against the peers: `python -m benchmarks.step [--threads 2] [--peers "jax scan"]`.

Contestants run in processes of their own, pinned to as many processors as they may have threads, and alternate A B A B;
what counts is the median of the ratios of neighbours. All must first reach the same weights after 20 steps.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from backgraph.compiler.peak import fma_peak
from benchmarks.contestants import Problem
from benchmarks.picture import step_times
from benchmarks.sections import sections

SHAPES = (
    (32, 20, 64, 2),
    (32, 64, 64, 10),
    (128, 64, 256, 10),
    (32, 784, 128, 10),
    (128, 784, 256, 10),
    (256, 784, 512, 10),
    (512, 1024, 1024, 100),
    (64, 2048, 4096, 1000),
    (1024, 4096, 4096, 1000),
)
"""m, d, h, k."""


def work(shape: tuple[int, int, int, int]) -> int:
    """Floating-point operations of the products of a step."""
    m, d, h, k = shape
    return 4 * m * d * h + 6 * m * h * k


class Contestant:
    """A process that does steps on request."""

    def __init__(self, name: str, problem: Problem) -> None:
        self.name = name
        limits = {"XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if problem.threads > 1 else 'false'}"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contestants", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **limits},
        )  # fmt: skip
        self.weights = np.load(self.ask(json.dumps(asdict(problem))))

    def ask(self, line: str) -> Any:
        """Send a line, read the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended with {self.process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(
    shape: tuple[int, int, int, int], names: list[str], threads: int, turns: int, isa: str | None
) -> dict[str, float]:
    """Median microseconds a step for each, and the median ratio of each peer to the first."""
    with tempfile.TemporaryDirectory() as folder:
        problem = Problem(*shape, threads=threads, folder=folder, isa=isa)
        contestants = [Contestant(name, problem) for name in names]
        agree(contestants)
        steps = max(2, min(4000, int(6e9 / (work(shape) + 5e5))))
        for each in contestants:
            each.ask(str(steps))
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(turns):
            for each in contestants:
                times[each.name].append(float(each.ask(str(steps))) / steps * 1e6)
        for each in contestants:
            each.close()
    first = times[names[0]]
    ratios = {f"{n} ratio": statistics.median(b / a for a, b in zip(first, times[n], strict=True)) for n in names[1:]}
    return {name: statistics.median(t) for name, t in times.items()} | ratios


def agree(contestants: list[Contestant]) -> None:
    """All must have the same weights after 20 steps."""
    first = contestants[0].weights
    for each in contestants[1:]:
        for key in first.files:
            np.testing.assert_allclose(each.weights[key], first[key], rtol=1e-3, atol=1e-4, err_msg=each.name)


PAGE = """# Benchmarks

One training step, float32, {threads} threads; written by `make bench`, never by hand. One hidden layer of h units,
relu, cross-entropy, weight decay, SGD; minibatches of m rows of d numbers, k classes. Contestants run in processes of
their own and alternate; the ratio is the median of the ratios of neighbours, time of the best peer over ours: above 1
we are faster. GFLOP/s are ours, of the products alone, and their part of the peak of the same processors: a loop of
fused multiply-adds that stays in registers, measured beside each row. All contestants first reached the same weights
after 20 steps.

{table}

![Time of a training step against its work](images/steps.svg)
"""


class _Lines:
    """Lines that are printed as they come, and kept."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def add(self, line: str) -> None:
        self.all.append(line)
        print(line, flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--isa")
    parser.add_argument(
        "--peers", default="jax scan", help="comma-separated: jax scan, jax jit, torch eager, torch compile"
    )
    parser.add_argument("--rows", default="1,2,3,4,5,6,7,8,9", help="which of the nine shapes")
    parser.add_argument("--write", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    names = ["backgraph", *(name.strip() for name in options.peers.split(","))]
    lines = _Lines()
    lines.add("| m,d,h,k | " + " | ".join(f"{n}, µs" for n in names) + " | ratio | GFLOP/s | of peak |")
    lines.add("|---" * (len(names) + 4) + "|")
    logs: list[float] = []
    peaks: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in names}
    shapes = [SHAPES[int(row) - 1] for row in options.rows.split(",")]
    for shape in shapes:
        peaks.append(fma_peak("float32", options.threads))
        row = measure(shape, names, options.threads, options.turns, options.isa)
        ratio = min(row[f"{n} ratio"] for n in names[1:])
        logs.append(math.log(ratio))
        reached = work(shape) / row["backgraph"] / 1e3
        cells = [f"{row[n]:.1f}" for n in names] + [f"{ratio:.2f}", f"{reached:.0f}", f"{reached / peaks[-1]:.0%}"]
        for name in names:
            times[name].append(row[name])
        lines.add(f"| {','.join(map(str, shape))} | " + " | ".join(cells) + " |")
    lines.add(f"\nGeometric mean of the ratio of the best peer to backgraph: {math.exp(statistics.mean(logs)):.2f}")
    if options.write is not None:
        page = PAGE.format(table="\n".join(lines.all), threads=options.threads)
        options.write.write_text("\n".join(part for part in (page, sections(options.write)) if part), "utf-8")
        picture = options.write.parent / "images" / "steps.svg"
        picture.parent.mkdir(exist_ok=True)
        svg = step_times([work(shape) for shape in shapes], times, statistics.median(peaks), options.threads)
        picture.write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
