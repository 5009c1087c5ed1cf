"""How an estimator's parameters become a method of training: minibatches, epochs, optimiser, clipping, stopping.

Where a parameter says "auto" or None, it is decided by the number of rows, so that small tables get enough steps and
large ones do not take all day.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

from backgraph.errors import TrainingError
from backgraph.models.learner import Method
from backgraph.models.rates import Span, batch_for, dropout_for, epochs_for
from backgraph.optim.clipping import Clip, ClipByGlobalNorm, ClipByValue
from backgraph.optim.limits import not_negative, positive, whole
from backgraph.optim.optimizer import Optimizer
from backgraph.optim.schedules import Constant, Schedule
from backgraph.sklearn.solvers import ENDLESS, optimizer_of, rate_of, schedule_of
from backgraph.train.engine import Engine, default_engine
from backgraph.train.metrics import more_is_better
from backgraph.train.stopping import EarlyStopping


@dataclass(frozen=True)
class Plan:
    """A method, the number of epochs, and the schedule that it has."""

    method: Method
    epochs: int
    schedule: Schedule


def plan(e: Any, rows: int, judged: bool, seed: int) -> Plan:
    """How `fit` trains on `rows` rows; `judged` says whether there are rows to validate on."""
    batch = batch_of(e, rows)
    per_epoch = math.ceil(rows / batch)
    epochs = epochs_of(e, per_epoch)
    schedule = schedule_of(e, Span(rows, per_epoch, epochs * per_epoch, e.mlp_.widths[0]))
    optimizer = optimizer_of(e, schedule, rows)
    return Plan(_method(e, batch, optimizer, stopping_of(e) if judged else None, seed), epochs, schedule)


def plan_of_part(e: Any, rows: int, seed: int) -> Plan:
    """How `partial_fit` trains: one epoch. A schedule that leads to the end of training is constant here.

    Nobody knows how many rows will come: what is "auto" is as for very many.
    """
    batch = batch_of(e, rows)
    per_epoch = math.ceil(rows / batch)
    endless = callable(e.learning_rate) or e.learning_rate in ENDLESS
    span = Span(rows, per_epoch, per_epoch, e.mlp_.widths[0])
    schedule = schedule_of(e, span) if endless else Constant(rate_of(e, span.inputs))
    optimizer = optimizer_of(e, schedule, sys.maxsize)
    return Plan(_method(e, batch, optimizer, None, seed), 1, schedule)


def _method(e: Any, batch: int, optimizer: Optimizer, stopping: EarlyStopping | None, seed: int) -> Method:
    metrics = [name for name in (e._default_metric, *e.metrics, monitored(e)) if name != "loss"]
    return Method(optimizer, batch, seed, bool(e.shuffle), clip_of(e), tuple(dict.fromkeys(metrics)), stopping)


def stopping_of(e: Any) -> EarlyStopping:
    """Early stopping as the parameters say."""
    metric, patience = monitored(e), e.n_iter_no_change
    never = isinstance(patience, float) and math.isinf(patience)
    waits = None if never else whole("n_iter_no_change", patience)
    return EarlyStopping(f"validation {metric}", waits, not_negative("tol", e.tol), more_is_better(metric))


def monitored(e: Any) -> str:
    """The metric that stops training."""
    return e._default_monitor if e.monitor == "auto" else e.monitor


def stops_early(e: Any, rows: int) -> bool:
    """Whether rows are to be held out; "auto": from as many as an estimator of this kind can spare."""
    return rows >= e._held_out_from if e.early_stopping == "auto" else bool(e.early_stopping)


def batch_of(e: Any, rows: int) -> int:
    """Rows in a minibatch."""
    return batch_for(rows) if e.batch_size == "auto" else min(whole("batch_size", e.batch_size), rows)


def dropout_of(e: Any, rows: int) -> Any:
    """The rate of dropout, or one for each layer."""
    if e.dropout == "auto":
        return dropout_for(rows)
    return tuple(e.dropout) if isinstance(e.dropout, (list, tuple)) else e.dropout


def epochs_of(e: Any, steps_per_epoch: int) -> int:
    """How often every row is seen at most."""
    return epochs_for(steps_per_epoch) if e.max_iter is None else whole("max_iter", e.max_iter)


def clip_of(e: Any) -> Clip | None:
    """Clipping of gradients by their norm or by value."""
    if e.clip_norm is not None and e.clip_value is not None:
        raise TrainingError("BG401", "clip_norm", "and clip_value are both given", hint="choose one")
    if e.clip_norm is not None:
        return ClipByGlobalNorm(positive("clip_norm", e.clip_norm))
    return None if e.clip_value is None else ClipByValue(positive("clip_value", e.clip_value))


def engine_of(e: Any) -> Engine:
    """The engine, within the threads and the memory that are allowed."""
    if e.n_threads is None and e.memory is None:
        return default_engine()
    from backgraph.train.native import NativeEngine

    threads = None if e.n_threads is None else whole("n_threads", e.n_threads)
    return NativeEngine(threads, memory=e.memory)
