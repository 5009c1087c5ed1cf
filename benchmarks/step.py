"""Time of one training step against the peers: `python -m benchmarks.step [--threads 2] [--peers "jax scan"]`.

Contestants run in processes of their own, pinned to as many processors as they may have threads, and alternate A B A B;
what counts is the median of the ratios of neighbours. All must first reach the same loss and weights after 20 steps; a
peer that does not is left out of that row, which the page tells, as long as most peers do.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np

from backgraph.compiler.peak import fma_peak
from benchmarks.contestants import Problem, able
from benchmarks.picture import step_times
from benchmarks.sections import write_section


@dataclass(frozen=True)
class Shape:
    """A training job: rows of a minibatch, widths of the layers, optimizer."""

    m: int
    widths: tuple[int, ...]
    optimizer: str = "sgd"

    def __str__(self) -> str:
        return f"{self.m}: {'-'.join(map(str, self.widths))} {self.optimizer}"


SHAPES = (
    Shape(32, (20, 64, 2)),
    Shape(32, (64, 64, 10)),
    Shape(128, (64, 256, 10)),
    Shape(32, (784, 128, 10)),
    Shape(128, (784, 256, 10)),
    Shape(256, (784, 512, 10)),
    Shape(512, (1024, 1024, 100)),
    Shape(64, (2048, 4096, 1000)),
    Shape(1024, (4096, 4096, 1000)),
    *(Shape(256, (columns, 256, 256, 256, 10), "adamw") for columns in (10, 54, 500)),
    Shape(128, (784, 512, 256, 128, 10)),
    Shape(64, (256,) * 9 + (10,)),
    Shape(32, (20, 64, 64, 2)),
    Shape(16, (10, 16, 2)),
)
USERS = "Shapes of users"
GROUPS = {
    "One hidden layer": range(1, 10),
    USERS: range(10, 16),
    "Smallest, for the picture": range(16, 17),
}
"""Which rows stand in which table, each with its own mean."""


def work(shape: Shape) -> int:
    """Floating-point operations of the products of a step; no gradient of the inputs is needed."""
    products = [2 * shape.m * d * h for d, h in pairwise(shape.widths)]
    return 2 * products[0] + 3 * sum(products[1:])


def limits(threads: int, isa: str | None) -> dict[str, str]:
    """Environment that keeps the peers to these threads, and to AVX2 where that is forced."""
    xla = [f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"]
    count = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    if isa is None:
        return {"XLA_FLAGS": xla[0], **count}
    forced = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
    return {"XLA_FLAGS": " ".join([*xla, "--xla_cpu_max_isa=AVX2"]), "OPENBLAS_CORETYPE": "Haswell", **forced, **count}


def quartiles(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile; of one number, that number."""
    low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
    return float(low), float(middle), float(high)


class Contestant:
    """A process that does steps on request, and is stopped otherwise.

    Threads of the peers spin for a while after their work is done, and would take a processor from the next contestant.
    """

    def __init__(self, name: str, problem: Problem, module: str = "benchmarks.contestants") -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **limits(problem.threads, problem.isa)},
        )  # fmt: skip
        self.weights = np.load(self.ask(json.dumps(asdict(problem))))

    def ask(self, line: str) -> Any:
        """Send a line, read the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended with {self.process.wait()}")
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


@dataclass(frozen=True)
class Measured:
    """Of each contestant, microseconds a step in each turn and MiB at most; of each that was left out, why."""

    times: dict[str, list[float]]
    memory: dict[str, int | None]
    left_out: dict[str, str]


def measure(problem: Problem, names: Sequence[str], turns: int, steps: int) -> Measured:
    """The contestants that reach the same weights, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        contestants = [Contestant(name, replace(problem, folder=folder)) for name in names]
        left_out = disagreeing(contestants, problem)
        for each in [each for each in contestants if each.name in left_out]:
            contestants.remove(each)
            each.close()
        for each in contestants:
            each.ask(str(steps))
        times: dict[str, list[float]] = {each.name: [] for each in contestants}
        for _ in range(turns):
            for each in contestants:
                times[each.name].append(float(each.ask(str(steps))) / steps * 1e6)
        memory = {each.name: each.ask("") for each in contestants}
        for each in contestants:
            each.close()
    return Measured(times, memory, left_out)


def disagreeing(contestants: Sequence[Contestant], problem: Problem) -> dict[str, str]:
    """The peers that do not do what the first contestant does, and what they do.

    Raises SystemExit where that is not the smaller part of them: then it may be the first who is wrong.
    """
    first, *peers = contestants
    found = {each.name: difference(first, each, problem) for each in peers}
    wrong = {name: text for name, text in found.items() if text is not None}
    if wrong and 2 * len(wrong) >= len(peers):
        raise SystemExit(f"{len(wrong)} of {len(peers)} peers do not agree with {first.name}: {told(wrong)}")
    return wrong


def told(left_out: Mapping[str, str]) -> str:
    """Each with its reason."""
    return "; ".join(f"{name} ({why})" for name, why in left_out.items())


def difference(first: Contestant, other: Contestant, problem: Problem) -> str | None:
    """All must have the same loss after 20 steps, and weights that went the same way: a kink of relu may part them."""
    start, ours, theirs = problem.arrays()[2:], list(first.weights.values()), list(other.weights.values())
    losses = [fit(problem, weights) for weights in (ours, theirs)]
    if not math.isclose(*losses, rel_tol=SAME_LOSS):
        return f"the loss after 20 steps is {losses[1]:.6g}, not {losses[0]:.6g}"
    for number, (w, v, old) in enumerate(zip(ours, theirs, start, strict=True), 1):
        apart = float(np.linalg.norm(v - w) / np.linalg.norm(w - old))
        if not apart <= SAME_WAY:
            return f"after 20 steps W{number} is off by {apart:.1e} of the way it went"
    return None


def fit(problem: Problem, weights: Sequence[Any], rows: int = 256) -> float:
    """The mean cross-entropy of the first rows, worked out in float64."""
    X, y, *_ = problem.arrays()
    hidden = X[:rows].astype("float64")
    for w in weights[:-1]:
        hidden = np.maximum(hidden @ w, 0)
    u = hidden @ weights[-1]
    u -= u.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(u).sum(axis=1)) - u[np.arange(rows), y[:rows]]))


PEAKS = 10
"""How often the peak is measured before each row; what else the machine does can only lower it."""
SAME_LOSS = 1e-4
SAME_WAY = 0.02
"""How far two may be apart, as part of the way from the start. Equal mathematics gives 1e-6 to 3e-5 in float32; where
rounding decides on which side of 0 a sum before a relu falls, the steps after it make 1e-3 to 1e-2 of that. In float64
contestants agree to 1e-9, which the tests of this program check."""
HEADING = "A training step"
TEXT = """{dtype}, {threads} threads{forced}. Layers without biases, relu, cross-entropy; SGD with weight decay, or
AdamW. A row is `m: widths`, m rows a minibatch. Contestants run in processes of their own and alternate, those whose
turn it is not are stopped (SIGSTOP); the ratio is
the time of the best peer over ours, the median over turns of the ratios of neighbours, with its quartiles: above 1 we
are faster. GFLOP/s are ours, of the products alone, and their part of the peak of the same processors: a loop of fused
multiply-adds that stays in registers, the best of {peaks} tries before each row. MiB is the most memory that the
process of each contestant ever had, its libraries included. — is a peer that cannot do the same mathematics, or was
left out because it did not, which is told below the table. Written by `python -m benchmarks.step`.

All contestants first reached the same loss after 20 steps, to 1e-4, and weights that are apart by less than 2 % of the
way they went; equal mathematics gives 1e-6 to 3e-5, but a sum before a relu may fall on either side of 0 by rounding.
With AdamW, the corrections 1 − ρᵗ are worked out in float64 for all. In float32, as `1 - 0.999**t` in a jitted step,
they err by about 1e-5; after 20 steps of 256: 10-256-256-256-10, 54 % of the second layer's weights in JAX were then
off by more than 1e-4 of the largest from the same steps in float64, with exact corrections none. Ours were off by at
most 1e-5 of the largest. These last numbers are of one trial, with one thread, and not measured anew each time.

{table}
"""
BRIEF = """{dtype}, {threads} threads{forced}; otherwise as in the section before. AVX2 is forced in ours by the target,
in JAX by `--xla_cpu_max_isa`, in PyTorch by ATen, oneDNN and MKL, in scikit-learn by OpenBLAS; PyTensor compiles with
Numba or C for the processor that it finds, and cannot be forced.

{table}
"""
PICTURE = "\n![Time of a training step against its work](images/steps.svg)\n"


def heading(options: argparse.Namespace) -> str:
    """Of the section for these options: other threads, type or instructions have sections of their own."""
    if (options.threads, options.dtype, options.isa) == (2, "float32", None):
        return HEADING
    return f"{HEADING}: {options.dtype}, threads {options.threads}" + (f", {options.isa}" if options.isa else "")


@dataclass
class Peak:
    """The most GFLOP/s of fused multiply-adds that these threads have reached so far."""

    dtype: str
    threads: int
    best: float = 0.0

    def measure(self) -> None:
        """Try again: a machine that others use shows its peak now and then."""
        self.best = max(self.best, *(fma_peak(self.dtype, self.threads) for _ in range(PEAKS)))

    def share(self, line: str, reached: float) -> str:
        """`line` with the part of the peak that `reached` GFLOP/s are."""
        return f"{line} {reached:.0f} | {reached / self.best:.0%} |" if reached else line


class Table:
    """Rows that are printed as they come, and kept, with what the picture shows."""

    def __init__(self, names: Sequence[str], peak: Peak) -> None:
        self.names, self.peak, self.logs = names, peak, list[float]()
        self.kept: list[tuple[str, float]] = []
        self.left_out: list[str] = []
        self.memory = [f"| MiB | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        self.shown: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        self.add(
            "| m: widths | " + " | ".join(f"{n}, µs" for n in names) + " | ratio (quartiles) | GFLOP/s | of peak |"
        )
        self.add("|---" * (len(names) + 4) + "|")

    def add(self, line: str, reached: float = 0.0) -> None:
        """Print and keep a line, and the GFLOP/s that it is about, if any."""
        self.kept.append((line, reached))
        print(self.peak.share(line, reached), flush=True)

    @property
    def lines(self) -> list[str]:
        """All lines, with the peak as it is known now."""
        return [self.peak.share(*each) for each in self.kept]

    def row(self, shape: Shape, measured: Measured) -> None:
        """The rows of a shape: medians, the ratio of the best peer, what part of the peak that is; and the memory."""
        found = measured.times
        middle = {name: statistics.median(times) for name, times in found.items()}
        ratios = {n: quartiles([b / a for a, b in zip(found["backgraph"], found[n], strict=True)]) for n in found}
        low, ratio, high = min((r for n, r in ratios.items() if n != "backgraph"), key=lambda each: each[1])
        self.logs.append(math.log(ratio))
        for name, time in middle.items():
            self.shown[name].append((work(shape), time))
        reached = work(shape) / middle["backgraph"] / 1e3
        cells = [f"{middle[n]:.1f}" if n in middle else "—" for n in self.names]
        cells.append(f"{ratio:.2f} ({low:.2f}–{high:.2f})")
        self.add(f"| {shape} | " + " | ".join(cells) + " |", reached)
        memory = [f"{mebi}" if (mebi := measured.memory.get(name)) is not None else "—" for name in self.names]
        self.memory.append(f"| {shape} | " + " | ".join(memory) + " |")
        if measured.left_out:
            self.left_out.append(f"* {shape}: left out: {told(measured.left_out)}.")

    def end(self) -> None:
        """The mean of all rows, who was left out, and the memory."""
        mean = math.exp(statistics.mean(self.logs))
        self.add(f"\nGeometric mean of the ratio of the best peer to backgraph: {mean:.2f}\n")
        for line in [*self.left_out, ""] if self.left_out else []:
            self.add(line)
        for line in self.memory:
            self.add(line)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--isa", help="an instruction set to force, as avx2")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--peers", default=",".join(present()), help="comma-separated; those that are installed")
    parser.add_argument(
        "--rows", default=",".join(map(str, range(1, len(SHAPES) + 1))), help=f"which of the {len(SHAPES)} shapes"
    )
    parser.add_argument("--write", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    names = ["backgraph", *(name.strip() for name in options.peers.split(","))]
    peak = Peak(options.dtype, options.threads)
    rows = [int(row) for row in options.rows.split(",")]
    tables = {title: filled(options, names, chosen, peak) for title, chosen in chosen_groups(rows).items()}
    if options.write is not None:
        write(options, tables, peak)


def chosen_groups(rows: Sequence[int]) -> dict[str, list[int]]:
    """Of each table the rows asked for; without empty tables."""
    found = {title: [row for row in rows if row in group] for title, group in GROUPS.items()}
    return {title: chosen for title, chosen in found.items() if chosen}


def filled(options: argparse.Namespace, names: Sequence[str], rows: Sequence[int], peak: Peak) -> Table:
    """The table of these rows, measured."""
    table = Table(names, peak)
    for shape in (SHAPES[row - 1] for row in rows):
        problem = Problem(shape.m, shape.widths, options.threads, "", shape.optimizer, options.dtype, options.isa)
        steps = max(2, min(4000, int(6e9 / (work(shape) + 5e5))))
        able_ones = [name for name in names if able(name, problem)]
        peak.measure()
        table.row(shape, measure(problem, able_ones, options.turns, steps))
    table.end()
    return table


def present() -> list[str]:
    """The peers whose library is installed."""
    modules = {"jax scan": "jax", "jax jit": "jax", "torch eager": "torch", "torch compile": "torch"}
    modules |= {"PyTensor": "pytensor", "scikit-learn": "sklearn"}
    here = [name for name, module in modules.items() if find_spec(module) is not None]
    here = [name for name in here if name != "torch compile" or any(map(which, ("c++", "g++", "clang++")))]
    for name in modules.keys() - set(here):
        print(f"{name} is left out: its library, or a compiler that it needs, is not installed", file=sys.stderr)
    return here


def write(options: argparse.Namespace, tables: Mapping[str, Table], peak: Peak) -> None:
    """The section of the page, and the picture where it is the first section."""
    title, forced = heading(options), f", {options.isa} forced" if options.isa else ""
    table = "\n\n".join(f"### {name}\n\n" + "\n".join(each.lines) for name, each in tables.items())
    text = BRIEF if title != HEADING else TEXT
    text = text.format(table=table, threads=options.threads, dtype=options.dtype, forced=forced, peaks=PEAKS)
    write_section(options.write, title, text + (PICTURE if title == HEADING else ""))
    if title == HEADING and tables.keys() - {USERS}:
        picture = options.write.parent / "images" / "steps.svg"
        picture.parent.mkdir(exist_ok=True)
        shown = [each.shown for name, each in tables.items() if name != USERS]
        points = {name: sorted(point for each in shown for point in each[name]) for name in shown[0]}
        picture.write_text(step_times({n: p for n, p in points.items() if p}, peak.best, options.threads), "utf-8")


if __name__ == "__main__":
    main()
