"""`backgraph train`: from a file of numbers to a trained network."""

from __future__ import annotations

import json as json_text
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from backgraph.cli.method import MethodOptions, method_of, rate_of
from backgraph.cli.numbers import Flag, Whole, columns, widths
from backgraph.cli.presets import Preset, filled, preset_of
from backgraph.cli.report import network_lines, result_line, table_lines
from backgraph.cli.run import Place, compared, run
from backgraph.cli.screen import say
from backgraph.compiler.budget import byte_count
from backgraph.compiler.processors import at_most
from backgraph.data.prepare import Choices
from backgraph.data.source import PARQUET
from backgraph.errors import SaveError, TrainingError, UsageError, nearest
from backgraph.models.defaults import RHO2
from backgraph.models.rates import Span, decay_for, rate_for
from backgraph.models.trainer import Recipe, Trainer
from backgraph.optim import OPTIMIZERS, Optimizer
from backgraph.optim.limits import not_negative, whole
from backgraph.optim.schedules import rate_at
from backgraph.train.directory import RunDirectory
from backgraph.train.disk import save_text
from backgraph.train.unchanged import UnchangedFile


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `backgraph train`; each line below a field is its help."""

    out: Annotated[Path, Parameter(alias="-o")]
    """Folder for the run: configuration, metrics, checkpoints, model."""
    target: str | None = None
    """The column to predict."""
    preset: str | None = None
    """What is not given: as the estimators have it (table, where a file is given), or as in a textbook (plain)."""
    hidden: str | None = None
    """Widths of the hidden layers, such as 256,128,100; 0 for none."""
    epochs: Whole | None = None
    """How often every row is seen, at most."""
    seed: Whole = 0
    """Of the split, the initial weights and the order of rows; the same seed gives the same model."""
    optimizer: str | None = None
    """One of sgd, momentum, nesterov, adagrad, rmsprop, adam and adamw."""
    learning_rate: float | None = None
    """By default that of the optimizer; of the preset table with adamw 0.01, less where there are many columns."""
    batch_size: Whole | None = None
    """Rows in a minibatch."""
    weight_decay: float | None = None
    """λ of the λ Σ W² added to the cost; with adamw, the share that weights lose beside the gradient."""
    activation: str | None = None
    """One of relu, leaky_relu, elu, gelu, silu, softplus, tanh, sigmoid and identity; or one for each layer: a,b,c."""
    biases: bool = True
    """Whether layers add a bias."""
    validation: float = 0.2
    """Share of the rows held out to validate on."""
    task: str = "auto"
    """Classification, regression, or auto: classes for text and for up to 30 different whole numbers."""
    dtype: str = "float32"
    """float32 or float64."""
    categorical: str = ""
    """Columns, such as zip,month, that have levels although they look like numbers or dates."""
    numeric: str = ""
    """Columns that are numbers although they are stored as text."""
    drop: str = ""
    """Columns to leave out."""
    drop_unlabelled: Flag = False
    """Leave out rows without a value in the target column, which are refused otherwise."""
    threads: Whole | None = None
    """Threads at most; the result has the same bits with any number."""
    memory: str | None = None
    """What the data of a Parquet file may take in memory, such as 512MiB; larger files are read in parts."""
    separator: str | None = None
    """Between the columns of a CSV file; a comma, or a tab for .tsv."""
    decimal: str = "."
    """The decimal sign in a CSV file."""
    resume: Flag = False
    """Go on with the run in the folder, to the same bits as if it had not been ended; other options as they were."""
    overwrite: Flag = False
    """Begin anew in a folder that is not empty."""
    json: Flag = False
    """Print the result as one line of JSON."""


PLAIN = MethodOptions()
REPORT = "report.html"


def train(data: Path | None = None, /, *, options: Options, method: MethodOptions = PLAIN) -> None:
    """Train a network on a table, and save it.

    Args:
        data: CSV (also .gz) or Parquet file; without it, the handwritten digits that come with backgraph.
        options: see Options.
        method: see MethodOptions.
    """
    validated = options.validation > 0 or method.validation_data is not None
    preset = preset_of(options.preset, own_table=data is not None, validated=validated)
    options, method = filled(options, preset), filled(method, preset)
    recipe, place = _recipe(options, method, preset, validated), _place(options)
    place.check()
    with at_most(None if options.threads is None else whole("--threads", options.threads)):
        watched = None if data is None else UnchangedFile(data)
        trainer = _trainer(data, recipe, options, method.validation_data)
        remarks = {"data": None if data is None else str(data), "epochs": trainer.epochs, "command": sys.argv[1:]}
        # A rate that falls towards the last epoch is another one where that is another epoch.
        length = {} if method.schedule == "constant" else {"epochs": trainer.epochs}
        same = compared(options, trainer) | compared(method, trainer) | length
        with place.entered(same, remarks) as directory:
            _trained(trainer, options, directory, watched)


def _trained(trainer: Trainer, options: Options, directory: RunDirectory, watched: UnchangedFile | None) -> None:
    """Train and save, and say so; then write the report, so that its failure hides nothing."""
    if not options.json:
        for line in (*table_lines(trainer), *network_lines(trainer)):
            say(line)
    began = time.perf_counter()
    model = run(trainer, trainer.epochs, directory, watched)
    result = _result(trainer) | {"seconds": round(time.perf_counter() - began, 3), "model": str(model)}
    say(json_text.dumps(result, ensure_ascii=False) if options.json else result_line(result))
    facts = {name: result[name] for name in ("epochs", "steps", "loss", "seconds")}
    data = "the digits of backgraph" if watched is None else watched.path
    from backgraph.models.report import report  # loaded only now, since it takes as long as a short training

    try:
        save_text(options.out / REPORT, report(trainer, facts | {"data": data}))
    except SaveError as error:
        what, hint = "could not be saved; the model is", "free some space, and type the same command with --resume"
        raise SaveError(error.code, str(options.out / REPORT), what, got=error.got, hint=hint) from error


def _place(options: Options) -> Place:
    if options.resume and options.overwrite:
        raise UsageError("BG601", "--resume", "says the contrary of --overwrite", hint="leave one of them out")
    return Place(options.out, options.overwrite, options.resume)


def _recipe(options: Options, method: MethodOptions, preset: Preset, validated: bool) -> Recipe:
    if options.epochs is not None:
        whole("--epochs", options.epochs, least=0)
    optimizer, decay = _optimizer(options, method, preset)
    return Recipe(
        widths(options.hidden or ""), optimizer, _activations(options.activation or ""), options.biases, decay,
        options.dtype, options.batch_size, options.seed, options.validation, options.task,
        choices=Choices(columns(options.categorical), columns(options.numeric), columns(options.drop)),
        epochs=options.epochs, drop_unlabelled=options.drop_unlabelled, **method_of(method, validated),
    )  # fmt: skip


def _optimizer(options: Options, method: MethodOptions, preset: Preset) -> tuple[Callable[[Span], Optimizer], float]:
    """The optimiser for a training so long, and λ for the cost."""
    name = str(options.optimizer)
    if name not in OPTIMIZERS:
        hint = nearest(name, list(OPTIMIZERS))
        raise TrainingError("BG401", "--optimizer", "unknown", got=name, expected=", ".join(OPTIMIZERS), hint=hint)
    decay = not_negative("--weight-decay", options.weight_decay or 0.0)
    decoupled = {} if name != "adamw" or options.weight_decay is None else {"decoupled_decay": decay}

    def made(span: Span) -> Optimizer:
        tuned = {"rho2": RHO2, "decoupled_decay": decay_for(span.rows)} if name == preset.tuned else {}
        optimizer = OPTIMIZERS[name](**tuned | decoupled)
        rate = options.learning_rate
        if rate is None:
            rate = rate_for(span.inputs) if tuned else rate_at(optimizer.learning_rate, 0)
        return replace(optimizer, learning_rate=rate_of(method, rate, span.steps))

    made(Span(1, 1, 1, 1))  # refuses what does not serve before the data are read
    return made, 0.0 if decoupled else decay


def _activations(text: str) -> str | tuple[str, ...]:
    return text if "," not in text else tuple(part.strip() for part in text.split(","))


def _trainer(data: Path | None, recipe: Recipe, options: Options, held_out: Path | None) -> Trainer:
    from backgraph.data.datasets import digits
    from backgraph.data.read import read_table

    _check_csv([data, held_out], options)
    text = columns(options.categorical)
    reading: dict[str, Any] = {"separator": options.separator, "decimal": options.decimal, "text": text}
    judge = None if held_out is None else read_table(held_out, **reading)
    if data is None:
        return Trainer(digits(), options.target or "digit", recipe, judge)
    if options.target is None:
        raise UsageError("BG601", "--target", "the column to predict is not named", hint="add --target COLUMN")
    if options.memory is not None:
        from backgraph.models.streamed import StreamTrainer, is_larger

        memory = byte_count(options.memory)
        if is_larger(data, memory):
            return StreamTrainer(data, options.target, recipe, memory, options.out.absolute().parent, held_out=judge)
    return Trainer(read_table(data, **reading), options.target, recipe, judge)


def _check_csv(files: Sequence[Path | None], options: Options) -> None:
    """UsageError BG601 for an option of CSV where no file is one."""
    for name, given in (("--separator", options.separator is not None), ("--decimal", options.decimal != ".")):
        if given and all(file is None or file.suffix.lower() in PARQUET for file in files):
            raise UsageError("BG601", name, "is for CSV files", got=str(files[0] or "no file"), hint="leave it out")


def _result(trainer: Trainer) -> dict[str, Any]:
    history, stopping = trainer.training.history, trainer.recipe.stopping
    best = {} if stopping is None else {"best_epoch": stopping.best_epoch, "best_score": stopping.best_score}
    return {
        "epochs": trainer.training.epoch,
        **best,
        "steps": trainer.training.done,
        "loss": history[-1]["loss"] if history else None,
        "training": trainer.scores(trainer.training_part),
        "validation": trainer.scores(trainer.validation_part) if len(trainer.validation_part.rows) else None,
    }
