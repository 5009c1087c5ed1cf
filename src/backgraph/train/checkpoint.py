"""Checkpoints: everything that training is made of, in one tensor file; what goes on from it ends in the same bits.

The tensors are the parameters, the state of the optimiser, and the arrays of callbacks; the JSON holds how many steps
are done, the running sum of the loss, the history, the state of callbacks, and the identity of the run. Order of
examples and random numbers follow from the seed and the number of steps, so they need no entry.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from backgraph.errors import FileError, UsageError
from backgraph.language.op import Array
from backgraph.train.callbacks import Callback
from backgraph.train.files import Tensors, load_tensors, save_tensors
from backgraph.train.identity import Identity

if TYPE_CHECKING:
    from backgraph.train.loop import Training

KIND = "checkpoint"
Json: TypeAlias = Any
Named: TypeAlias = dict[str, Json]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory: what is in the file."""

    tensors: Tensors
    metadata: Named

    @property
    def identity(self) -> Identity:
        """Of the run that saved it."""
        return self.metadata["identity"]

    @property
    def version(self) -> str:
        """Of the backgraph that saved it."""
        return self.metadata["backgraph"]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it, atomically. Raises SaveError BG551."""
        save_tensors(path, self.tensors, self.metadata)

    def restore(self, training: Training, callbacks: Sequence[Callback], where: str) -> None:
        """Make `training` and `callbacks` what they were. Raises FileError BG502, and BG505 for other callbacks."""
        try:
            arrays = [self.tensors[_variable(n, training)] for n in range(len(training.variables))]
            states = self._states(callbacks, where)
            history = [{name: float(from_json(x)) for name, x in row.items()} for row in self.metadata["history"]]
            done, loss_sum = int(self.metadata["done"]), float(self.metadata["loss_sum"])
            _check_arrays(arrays, training.variables)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileError("BG502", where, "is no checkpoint of this training", got=str(error)) from None
        for array, saved in zip(training.variables, arrays, strict=True):
            np.copyto(array, saved)
        training.done, training.loss_sum, training.history[:] = done, loss_sum, history
        training.stopped = bool(self.metadata["stopped"])
        for callback, state in zip(callbacks, states, strict=True):
            if state is not None:
                callback.restore(state)

    def _states(self, callbacks: Sequence[Callback], where: str) -> list[Named | None]:
        """The state of each callback; None for one that had none. Every state that was saved must find its callback."""
        saved = {_key(entry["name"], entry["number"]): (n, entry) for n, entry in enumerate(self.metadata["callbacks"])}
        states: list[Named | None] = []
        for name, number in _numbered(callbacks):
            n, entry = saved.pop(_key(name, number), (0, None))
            states.append(None if entry is None else self._state(n, entry))
        lost = sorted(entry["name"] for _, entry in saved.values())
        if lost:
            what = f"the run here had the callback {', '.join(lost)}"
            raise FileError("BG505", where, what, hint="go on as it was begun, or name another folder")
        return states

    def _state(self, n: int, entry: Named) -> Named:
        arrays = {name: self.tensors[_array(n, name)] for name in entry["arrays"]}
        return arrays | {name: from_json(value) for name, value in entry["state"].items()}


def taken(training: Training, callbacks: Sequence[Callback], identity: Identity, version: str) -> Checkpoint:
    """A checkpoint of training as it is now. Raises UsageError BG601 where a callback's state cannot be kept."""
    tensors = {_variable(n, training): array for n, array in enumerate(training.variables)}
    entries: list[Named] = []
    for (name, number), callback in zip(_numbered(callbacks), callbacks, strict=True):
        state = callback.state()
        if not state:
            continue
        arrays = {key: value for key, value in state.items() if isinstance(value, np.ndarray)}
        tensors |= {_array(len(entries), key): cast("Array", array) for key, array in arrays.items()}
        rest = {key: to_json(value, name) for key, value in state.items() if key not in arrays}
        entries.append({"name": name, "number": number, "arrays": sorted(arrays), "state": rest})
    metadata = {
        "kind": KIND, "backgraph": version, "identity": identity, "done": training.done,
        "loss_sum": training.loss_sum, "stopped": training.stopped, "callbacks": entries,
        "history": [{name: to_json(value, "history") for name, value in row.items()} for row in training.history],
    }  # fmt: skip
    return Checkpoint(tensors, metadata)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The checkpoint at `path`. Raises FileError BG501, BG502 and BG503."""
    tensors, metadata = load_tensors(path)
    parts = {"kind": str, "backgraph": str, "identity": dict, "history": list, "callbacks": list, "stopped": bool}
    fits = isinstance(metadata, dict) and all(isinstance(metadata.get(key), kind) for key, kind in parts.items())
    texts = metadata["identity"].items() if fits else []
    if not fits or metadata["kind"] != KIND or not all(isinstance(part, str) for text in texts for part in text):
        raise FileError("BG502", os.fspath(path), "is not a checkpoint", expected=KIND)
    return Checkpoint(tensors, cast("Named", metadata))


def to_json(value: Any, where: str) -> Json:
    """`value` as JSON that `from_json` reads back with the same bits. Raises UsageError BG601 for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, Mapping):
        return {"table": [[str(key), to_json(each, where)] for key, each in cast("Named", value).items()]}
    if isinstance(value, (list, tuple)):
        return [to_json(each, where) for each in cast("list[Any]", value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UsageError("BG601", f"state of {where}", "cannot be kept", got=value, expected="arrays, numbers and text")


def from_json(value: Json) -> Any:
    """What `to_json` was given; tuples have become lists."""
    if isinstance(value, list):
        return [from_json(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = cast("Named", value).items()
    return {key: from_json(each) for key, each in content} if kind == "table" else float(content)


def _variable(n: int, training: Training) -> str:
    return f"variable {n} {training.step.variables[n].op}"


def _array(n: int, name: str) -> str:
    return f"callback {n} {name}"


def _key(name: str, number: int) -> tuple[str, int]:
    return str(name), int(number)


def _numbered(callbacks: Sequence[Callback]) -> list[tuple[str, int]]:
    """The name of each callback, and how many of that name came before."""
    names = [callback.name for callback in callbacks]
    return [(name, names[:n].count(name)) for n, name in enumerate(names)]


def _check_arrays(saved: Sequence[Array], arrays: Sequence[Array]) -> None:
    for old, new in zip(saved, arrays, strict=True):
        if old.shape != new.shape or old.dtype != new.dtype:
            raise ValueError(f"{old.shape} {old.dtype} for {new.shape} {new.dtype}")
