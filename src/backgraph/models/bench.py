"""How fast this machine trains: a network with relu and cross-entropy, in the native loop, on given or made-up data.

A *problem* is everything that decides the result: data, the rows of every step, starting weights, learning rate, λ.
Whoever has the same file can do the same steps with another system and compare weights.
"""

from __future__ import annotations

import io
import statistics
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np

from backgraph.compiler.call import number_of_threads
from backgraph.compiler.peak import fma_peak
from backgraph.compiler.target import Target
from backgraph.errors import DataError, DivergenceError, FileError
from backgraph.language.dims import shape_text
from backgraph.language.op import Array
from backgraph.models.mlp import MLP
from backgraph.optim import OPTIMIZERS
from backgraph.optim.schedules import rate_at
from backgraph.train.disk import save_atomically
from backgraph.train.native import NativeEngine, NativeLoop
from backgraph.train.step import training_step

EXAMPLES = 4096
TURNS = 7
SECONDS_PER_TURN = 0.2


@dataclass(frozen=True)
class Problem:
    """X (n × d), y (n class numbers), index (steps × m rows of X), weights W1 (d × h), W2 (h × k) and so on."""

    X: Array
    y: Array
    index: Array
    weights: list[Array]

    @property
    def widths(self) -> tuple[int, ...]:
        """d, h, …, k."""
        return (self.weights[0].shape[0], *(W.shape[1] for W in self.weights))

    @property
    def flop(self) -> int:
        """Of the products of a step: two in the first layer, three in the others, 2·m·a·b operations each."""
        m = self.index.shape[1]
        return sum((4 if n == 0 else 6) * m * a * b for n, (a, b) in enumerate(W.shape for W in self.weights))


@dataclass(frozen=True)
class Method:
    """How a problem is trained."""

    optimizer: str = "sgd"
    learning_rate: float | None = None
    decay: float = 1e-4
    threads: int | None = None
    target: Target | None = None


def random_problem(m: int, widths: tuple[int, ...], dtype: str, steps: int) -> Problem:
    """Normal inputs, uniform labels, weights of variance 1/(rows of W); always the same."""
    r = np.random.default_rng(0)
    X, y = r.normal(size=(EXAMPLES, widths[0])).astype(dtype), r.integers(0, widths[-1], EXAMPLES)
    weights = [(r.normal(size=(a, b)) * a**-0.5).astype(dtype) for a, b in pairwise(widths)]
    return Problem(X, y, r.integers(0, EXAMPLES, (steps, m)), weights)


def read_problem(data: Path, weights: Path, dtype: str) -> Problem:
    """The problem in two .npz files: X, y and index in `data`, W1, W2, … in `weights`; no pickles are read.

    Raises FileError BG501 (cannot be read), BG502 (not an .npz, or an array is missing), DataError BG207 (shapes do not
    fit), BG206 (labels that are no classes, rows outside the data).
    """
    given, start = _arrays(data), _arrays(weights)
    X, y, index = (_array(given, name, data) for name in ("X", "y", "index"))
    _array(start, "W1", weights)
    Ws = [start[name] for name in _consecutive(start)]
    _check_shapes(X, y, index, data)
    _check_chain(X.shape[1], Ws, weights)
    _check_whole(data, "y", y, Ws[-1].shape[1])
    _check_whole(data, "index", index, len(X))
    for where, name, array in ((data, "X", X), *((weights, f"W{n}", W) for n, W in enumerate(Ws, 1))):
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise DataError("BG207", f"{where} {name}", "not all finite numbers", got=array.dtype.name)
    plain = [np.ascontiguousarray(W, dtype) for W in Ws]
    return Problem(np.ascontiguousarray(X, dtype), y.astype("int64"), np.ascontiguousarray(index, "int64"), plain)


def _arrays(path: Path) -> dict[str, Array]:
    try:
        archive = np.load(path, allow_pickle=False)
        several = isinstance(archive, np.lib.npyio.NpzFile)
        arrays: dict[str, Array] = {name: archive[name] for name in archive.files} if several else {}
    except OSError as error:
        raise FileError("BG501", str(path), "cannot be read", got=error.strerror or str(error)) from None
    except (ValueError, BadZipFile, zlib.error, EOFError, KeyError, MemoryError) as error:
        raise FileError("BG502", str(path), "is no .npz file of plain arrays", got=str(error)) from None
    if not several:
        raise FileError("BG502", str(path), "is one array", expected="an .npz file of several")
    archive.close()
    return arrays


def _array(arrays: Mapping[str, Array], name: str, where: Path) -> Array:
    if name not in arrays:
        got = ", ".join(arrays) or "no arrays"
        raise FileError("BG502", str(where), f"has no array {name}", got=got, hint="np.savez(file, X=…, y=…, index=…)")
    return arrays[name]


def _consecutive(arrays: Mapping[str, Array]) -> list[str]:
    """W1, W2, … as far as they go."""
    names: list[str] = []
    while f"W{len(names) + 1}" in arrays:
        names.append(f"W{len(names) + 1}")
    return names


def _check_shapes(X: Array, y: Array, index: Array, data: Path) -> None:
    for name, array, rank in (("X", X, 2), ("y", y, 1), ("index", index, 2)):
        if array.ndim != rank or not array.size:
            expected = {"X": "examples×inputs", "y": "one label for each row of X", "index": "steps×rows"}[name]
            raise DataError(
                "BG207", f"{data} {name}", "has no such shape", got=shape_text(array.shape), expected=expected
            )
    if len(y) != len(X):
        raise DataError("BG207", f"{data} y", "not as many labels as rows of X", got=len(y), expected=str(len(X)))


def _check_chain(rows: int, Ws: list[Array], weights: Path) -> None:
    """Each matrix has a row for every column of the one before."""
    for number, W in enumerate(Ws, start=1):
        if W.ndim != 2 or not W.size or W.shape[0] != rows:
            got, expected = shape_text(W.shape), f"{rows}×columns"
            raise DataError(
                "BG207", f"{weights} W{number}", "does not follow what stands before", got=got, expected=expected
            )
        rows = W.shape[1]


def _check_whole(data: Path, name: str, array: Array, end: int) -> None:
    """Integers from 0 to `end` − 1."""
    if array.dtype.kind not in "iu":
        raise DataError("BG206", f"{data} {name}", "not integers", got=array.dtype.name, expected="int64")
    if array.min() < 0 or array.max() >= end:
        got = array.min() if array.min() < 0 else array.max()
        raise DataError("BG206", f"{data} {name}", "outside its range", got=int(got), expected=f"0…{end - 1}")


def save_weights(path: Path, weights: list[Array]) -> None:
    """W1, W2, … as an .npz file, whole or not at all. Raises SaveError BG551."""
    named: dict[str, Any] = {f"W{n}": W for n, W in enumerate(weights, start=1)}
    memory = io.BytesIO()
    np.savez(memory, **named)

    def write(file: BinaryIO) -> None:
        file.write(memory.getvalue())

    save_atomically(path, write)


class Bench:
    """A problem compiled; `trained` are the weights after its steps."""

    def __init__(self, problem: Problem, method: Method) -> None:
        self.problem, self.method = problem, method
        widths, dtype = problem.widths, problem.X.dtype.name
        model = MLP(widths[0], widths[1:-1], widths[-1], biases=False, decay=method.decay, dtype=dtype)
        network = model.network
        kind = OPTIMIZERS[method.optimizer]
        self.optimizer = kind() if method.learning_rate is None else kind(learning_rate=method.learning_rate)
        self.step = training_step(network.cost, network.weights, self.optimizer)
        self.data = model.data(problem.X, problem.y)
        self.start = dict(zip(network.weights, problem.weights, strict=True))
        began = time.perf_counter()
        self.engine = NativeEngine(method.threads, method.target)
        self.loop: NativeLoop = self.engine.loop(self.step, self.data)
        self.compile_seconds = time.perf_counter() - began

    @property
    def threads(self) -> int:
        """How many threads this problem is worth."""
        return number_of_threads(self.loop.compiled, {"m": self.problem.index.shape[1]}, self.method.threads)

    def train(self, index: Array) -> tuple[Array, list[Array], float]:
        """Losses, weights and seconds of the steps of `index`, from the start."""
        variables, scalars = self.step.arrays(self.start), self.step.schedule(0, len(index))
        began = time.perf_counter()
        outputs, _ = self.loop(variables, self.data, index, scalars, threads=self.method.threads)
        return outputs[:, 0], variables[: len(self.problem.weights)], time.perf_counter() - began

    def microseconds(self) -> float:
        """A step, median of some turns; every turn starts from the same weights."""
        index = self.problem.index
        once = self.train(index)[2] / len(index)
        turns = min(TURNS, max(1, int(TURNS * SECONDS_PER_TURN / (once * len(index)))))
        return statistics.median(self.train(index)[2] for _ in range(turns)) / len(index) * 1e6

    def losses(self) -> Array:
        """The cost before every step. Raises DivergenceError BG451."""
        losses, weights, _ = self.train(self.problem.index)
        if not all(np.isfinite(array).all() for array in (losses, *weights)):
            bad = np.flatnonzero(~np.isfinite(losses))
            step = int(bad[0]) if bad.size else len(losses)
            raise DivergenceError("BG451", f"step {step}", "the cost is no longer finite", hint="lower --learning-rate")
        return losses

    def report(self) -> dict[str, Any]:
        """What `backgraph bench` prints."""
        losses = self.losses()
        time_per_step, threads = self.microseconds(), self.threads
        peak = fma_peak(self.problem.X.dtype.name, threads, self.method.target)
        return {
            "us_per_step": round(time_per_step, 3),
            "gflops": round(self.problem.flop / time_per_step / 1e3, 3),
            "fma_peak_gflops": round(peak, 1),
            "threads": threads,
            "compile_seconds": round(self.compile_seconds, 3),
            "arena_bytes": self.loop.arena_bytes,
            "loss_first": float(losses[0]),
            "loss_last": float(losses[-1]),
            "shape": [self.problem.index.shape[1], *self.problem.widths],
            "steps": len(losses),
            "learning_rate": rate_at(self.optimizer.learning_rate, 0),
        }


def settled(problem: Callable[[int], Problem], method: Method) -> Bench:
    """A bench with as many steps as take about a turn, found by trying a few."""
    bench = Bench(problem(8), method)
    bench.train(bench.problem.index)
    seconds = bench.train(bench.problem.index)[2] / 8
    bench.problem = problem(max(8, min(4096, int(SECONDS_PER_TURN / seconds))))
    return bench
