"""`backgraph bench`: how fast this machine trains, and exact steps that another system can be checked with."""

from __future__ import annotations

import json as json_text
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from backgraph.cli.numbers import Flag, Whole, widths
from backgraph.cli.output import writable_file
from backgraph.cli.screen import say
from backgraph.errors import TrainingError, UsageError, nearest
from backgraph.language.node import FLOATS
from backgraph.optim import OPTIMIZERS
from backgraph.optim.limits import whole

if TYPE_CHECKING:
    from backgraph.models.bench import Problem

SHAPE = "128,784,256,10"
RATE_OF_SGD = 0.1


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `backgraph bench`; each line below a field is its help."""

    shape: str | None = None
    """Rows of a minibatch, inputs, hidden units, classes; 128,784,256,10, or those of the files."""
    hidden: str | None = None
    """Widths of several hidden layers, such as 512,256, in place of the one in --shape."""
    optimizer: str = "sgd"
    """One of sgd, momentum, nesterov, adagrad, rmsprop, adam and adamw."""
    learning_rate: float | None = None
    """0.1 for sgd, else that of the optimizer."""
    decay: float = 1e-4
    """λ of the λ Σ W² in the cost."""
    dtype: str = "float32"
    """float32 or float64."""
    threads: Whole | None = None
    """At most so many; small problems run on one."""
    isa: str | None = None
    """avx512, avx2 or baseline; the best of this machine by default."""
    data: Path | None = None
    """.npz file with X, y and index (steps × rows): exactly these steps are done."""
    weights: Path | None = None
    """.npz file with W1, W2, …: from here they start."""
    save: Path | None = None
    """.npz file for the weights after the steps."""
    json: Flag = False
    """Print the result as one line of JSON."""


def bench(*, options: Options | None = None) -> None:
    """Measure how fast this machine trains a network: relu, cross-entropy, no biases, all steps in one native loop.

    Args:
        options: see Options.
    """
    from backgraph.compiler.target import host_target
    from backgraph.models.bench import Bench, Method, random_problem, read_problem, save_weights, settled

    options = options or Options()
    _check(options)
    rate = RATE_OF_SGD if options.learning_rate is None and options.optimizer == "sgd" else options.learning_rate
    target = host_target(options.isa)
    method = Method(options.optimizer, rate, options.decay, options.threads, target)
    if options.data is not None and options.weights is not None:
        problem = read_problem(options.data, options.weights, options.dtype)
        _check_files(options, problem)
        measured = Bench(problem, method)
    else:
        m, sizes = _sizes(options)
        measured = settled(lambda steps: random_problem(m, sizes, options.dtype, steps), method)
    result = measured.report()
    if options.save is not None:
        save_weights(options.save, measured.train(measured.problem.index)[1])
    result |= {"optimizer": options.optimizer, "decay": options.decay, "dtype": options.dtype, "isa": target.name}
    say(json_text.dumps(result) if options.json else "\n".join(f"{name:<16} {value}" for name, value in result.items()))


def _check(options: Options) -> None:
    if options.optimizer not in OPTIMIZERS:
        hint = nearest(options.optimizer, list(OPTIMIZERS))
        raise TrainingError("BG401", "--optimizer", "unknown", got=options.optimizer, hint=hint)
    if options.dtype not in FLOATS:
        raise TrainingError("BG401", "--dtype", "unknown", got=options.dtype, expected=" or ".join(FLOATS))
    if options.threads is not None:
        whole("--threads", options.threads)
    if (options.data is None) != (options.weights is None):
        missing = "--weights" if options.weights is None else "--data"
        raise UsageError("BG601", missing, "data and weights come together", hint=f"add {missing} FILE.npz")
    if options.save is not None:
        writable_file(options.save, overwrite=True)


def _check_files(options: Options, problem: Problem) -> None:
    """Sizes that are given beside files must be theirs. Raises UsageError BG601."""
    m, widths_of_files = problem.index.shape[1], problem.widths
    expected = ",".join(map(str, (m, *widths_of_files)))
    hint = "leave it out: the sizes are those of the files"
    if options.hidden is not None and widths(options.hidden) != widths_of_files[1:-1]:
        raise UsageError("BG601", "--hidden", "the files differ", got=options.hidden, expected=expected, hint=hint)
    if options.shape is not None and _sizes(options) != (m, widths_of_files):
        raise UsageError("BG601", "--shape", "the files differ", got=options.shape, expected=expected, hint=hint)


def _sizes(options: Options) -> tuple[int, tuple[int, ...]]:
    """Rows of a minibatch, and the widths of all layers."""
    shape = SHAPE if options.shape is None else options.shape
    try:
        numbers = [int(part) for part in shape.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or min(numbers) < 1:
        expected = "rows,inputs,hidden,classes as in 128,784,256,10"
        raise UsageError("BG601", "--shape", "not the sizes of a network", got=shape, expected=expected)
    m, d, h, k = numbers
    return m, (d, *((h,) if options.hidden is None else widths(options.hidden)), k)
