"""What makes two runs the same training: the graph, the numbers that steer it, the options, and the data.

An identity is a table of texts. A checkpoint holds that of its run; going on under another would give results that
belong to neither, so it is refused, with the differences named.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from backgraph.errors import FileError
from backgraph.language.dims import shape_text
from backgraph.language.graphtext import graph_text
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.train.callbacks import Callback
from backgraph.train.step import Step

if TYPE_CHECKING:
    from backgraph.train.loop import Training

Identity: TypeAlias = dict[str, str]

COST, STEP = "cost", "step"
"""Entries that hold graphs as text: the cost as it was written, and the whole step after the rewrite rules."""
OPTION = "option "
SCHEDULE = "schedule of scalars"
SAMPLED = (*range(8), *(1 << power for power in range(3, 21)))
"""Steps at which schedules are compared."""
PROGRESS = frozenset({"step", "variables", "done", "loss_sum", "history", "stopped"})
"""Fields of Training that are not what it is but how far it has come."""
SHOWN_DIFFERENCES = 3
SHOWN_TEXT = 40
SHOWN_BEFORE = 25
"""Of a line of a graph, so much before the place where it differs."""


def identity(
    training: Training,
    data: Mapping[Node, Array],
    options: Mapping[str, Any],
    validation: object = None,
    callbacks: Sequence[Callback] = (),
) -> Identity:
    """The identity of a training; the data are read once, for their SHA-256. Raises GraphError BG110."""
    step = training.step
    numbers = {
        field.name: described(getattr(training, field.name))
        for field in dataclasses.fields(training)
        if field.name not in PROGRESS
    }
    scheduled = {f"schedule of {leaf.op}": described(schedule) for leaf, schedule in step.scheduled.items()}
    named = {f"data {leaf.op}": fingerprint(array) for leaf, array in data.items()}
    given = {f"{OPTION}{name}": described(value) for name, value in options.items()}
    graphs = {COST: graph_text({"cost": step.cost}), STEP: step_text(step)}
    parts = {"optimizer": described(step.optimizer), "validation": described(validation), SCHEDULE: sampled(step)}
    watching = {f"callback {each.name}": described(each.settings) for each in callbacks if each.settings}
    return given | numbers | parts | scheduled | watching | named | graphs


def step_text(step: Step) -> str:
    """The graph of everything that a step computes."""
    outputs = {f"output {n}": node for n, node in enumerate(step.outputs)}
    return graph_text(outputs | {f"new {n} {change.old.op}": change.new for n, change in enumerate(step.changes)})


def sampled(step: Step) -> str:
    """The scalars of some steps: a function that gives a rate cannot be compared, but what it gives can."""
    values: list[Array] = []
    for t in SAMPLED:
        try:
            values.append(step.schedule(t, 1))
        except Exception:  # noqa: BLE001  (a user's function may end where training is meant to)
            break
    return fingerprint(np.concatenate(values)) if values else "unknown"


def fingerprint(array: Array) -> str:
    """`1438×64 float32 sha256:…` of the values in C order."""
    digest = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
    return f"{shape_text(array.shape)} {array.dtype.name} sha256:{digest}"


def described(value: object) -> str:
    """`value` as text that is the same in every process: dataclasses with their fields, functions by name."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f"{field.name}={described(getattr(value, field.name))}" for field in dataclasses.fields(value))
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, Node):
        return str(value.op)
    if isinstance(value, Mapping):
        parts = (f"{described(key)}={described(each)}" for key, each in cast("Mapping[Any, Any]", value).items())
        return f"({', '.join(parts)})"
    if isinstance(value, (list, tuple)):
        return f"({', '.join(described(part) for part in value)})"
    if isinstance(value, (np.generic, np.ndarray)):
        return fingerprint(np.asarray(value))
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value if isinstance(value, str) else repr(value)
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def check_same(where: str, old: Identity, new: Identity, same_version: bool) -> None:
    """Refuse to go on as `new` where `old` was begun: FileError BG505 with the first differences and their number.

    Another version of backgraph may rewrite the same cost into another step, and know other options; then what both
    know is compared, and the cost alone.
    """
    if same_version:
        compared = [name for name in {**old, **new} if name != STEP or old.get(COST) == new.get(COST)]
    else:
        compared = [name for name in old if name in new and name != STEP]
    names = [name for name in compared if old.get(name) != new.get(name)]
    if not names:
        return
    found = list(dict.fromkeys(_difference(name, old.get(name), new.get(name)) for name in names))
    more = f"; {len(found) - SHOWN_DIFFERENCES} more" if len(found) > SHOWN_DIFFERENCES else ""
    what = f"the run here is another one: {'; '.join(found[:SHOWN_DIFFERENCES])}{more}"
    raise FileError("BG505", where, what, hint="go on as it was begun, or name another folder")


def _difference(name: str, old: str | None, new: str | None) -> str:
    """`seed was 0, is 1`; an option that steers training too is said once."""
    name = name.removeprefix(OPTION)
    if name in (COST, STEP) and old is not None and new is not None:
        return f"{name} graph, {next(_different_lines(old, new), 'its end')}"
    was, now = (_short(text) for text in (old, new))
    if was == now:  # they differ in what is not shown: the digest
        return f"{name} has other values"
    return f"{name} was {was}, is {now}"


def _different_lines(old: str, new: str) -> Iterator[str]:
    for first, second in zip(old.splitlines(), new.splitlines(), strict=False):
        if first != second:
            same = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(first))
            cut = 0 if same < SHOWN_BEFORE else same - SHOWN_BEFORE
            yield f"{_short(first[cut:])!r} was, {_short(second[cut:])!r} is"


def _short(text: str | None) -> str:
    if text is None:
        return "absent"
    plain = text.split(" sha256:")[0]
    plain = "".join(c if c.isprintable() else " " for c in plain)
    return plain if len(plain) <= SHOWN_TEXT else plain[: SHOWN_TEXT - 1] + "…"
