"""Estimators in files: tensors and JSON as in model files (`train.files`); loading executes nothing.

    {"array": ["numbers", "t3"]}   a tensor of the file; ["text", …] labels
    {"tuple": …}, {"table": …}     what JSON has not; {"float": "nan"} a number that it cannot spell
    {"mlp": …}, {"preparation": …}, {"targets": …}, {"stopping": …}     what a fit leaves besides

Functions (own losses and activations) cannot be saved, nor can states of random generators.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np

from backgraph.data.labels import Targets
from backgraph.data.prepare import Preparation
from backgraph.errors import BackgraphError, FileError, UsageError
from backgraph.models.mlp import MLP
from backgraph.train.files import Tensors, load_tensors, save_tensors
from backgraph.train.stopping import EarlyStopping

KIND = "estimator"
ATTRIBUTES = frozenset((
    "feature_names_in_", "n_features_in_", "history_", "n_iter_", "t_", "stopped_", "classes_", "out_activation_",
    "preparation_", "mlp_", "coefs_", "intercepts_", "embeddings_", "loss_curve_", "loss_", "best_loss_",
    "n_layers_", "n_outputs_", "validation_scores_", "best_validation_score_", "best_iter_", "_seed", "_state",
    "_stopping", "_steps", "_calls", "_several", "_flat", "_scaling", "_dtype", "_known_classes",
))  # fmt: skip
"""What fits leave: nothing else is written, and nothing else is taken from a file."""

Json: TypeAlias = Any
E = TypeVar("E")


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write parameters and what was learnt. Raises UsageError BG601 for what cannot be saved, SaveError BG551."""
    tensors: Tensors = {}
    parameters = {name: _written(value, name, tensors) for name, value in estimator.get_params(deep=False).items()}
    found = {name: value for name, value in vars(estimator).items() if name in ATTRIBUTES}
    attributes = {name: _written(value, name, tensors) for name, value in found.items()}
    metadata = {"kind": KIND, "class": type(estimator).__name__, "parameters": parameters, "attributes": attributes}
    save_tensors(path, tensors, metadata)


def load(kind: type[E], path: str | os.PathLike[str]) -> E:
    """The estimator of the class `kind` at `path`. Raises FileError BG501, BG502 and BG503."""
    tensors, metadata = load_tensors(path)
    try:
        if (metadata["kind"], metadata["class"]) != (KIND, kind.__name__):
            got = f"{metadata['class'] if metadata['kind'] == KIND else metadata['kind']}"
            raise FileError("BG502", os.fspath(path), "holds something else", got=got, expected=kind.__name__)
        estimator = kind(**{name: _read(value, tensors) for name, value in metadata["parameters"].items()})
        for name, value in metadata["attributes"].items():
            setattr(estimator, _known(name), _read(value, tensors))
        return estimator
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, FileError):
            raise
        reason = error.what if isinstance(error, BackgraphError) else str(error)
        raise FileError("BG502", os.fspath(path), "is no estimator that this version knows", got=reason) from None


def _known(name: str) -> str:
    if name not in ATTRIBUTES:
        raise ValueError(f"attribute {name!r}")
    return name


def _written(value: Any, where: str, tensors: Tensors) -> Json:
    """`value` as JSON; arrays go to `tensors`."""
    if value is None or isinstance(value, (bool, int, str, np.bool_, np.integer)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, list):
        return [_written(part, where, tensors) for part in cast("list[Any]", value)]
    for kind, name, write in FORMS:
        if isinstance(value, kind):
            return {name: write(value, where, tensors)}
    raise UsageError("BG601", where, "cannot be saved", got=value, hint="use one that has a name, or a whole number")


def _array_written(array: Any, where: str, tensors: Tensors) -> Json:
    if array.dtype.kind in "UO" and array.ndim == 1 and all(isinstance(part, str) for part in array):
        return ["text", array.dtype.kind, *array.tolist()]
    if array.dtype.kind not in "biuf":
        raise UsageError("BG601", where, "cannot be saved", got=array.dtype, expected="numbers or text")
    tensors[name := f"t{len(tensors)}"] = array
    return ["numbers", name]


def _stopping_written(stopping: Any, where: str, tensors: Tensors) -> Json:
    state = dict(stopping.state()) if stopping.best else None
    return _written({"settings": dict(stopping.settings), "state": state}, where, tensors)


Write: TypeAlias = Callable[[Any, str, Tensors], Json]
FORMS: tuple[tuple[type, str, Write], ...] = (
    (tuple, "tuple", lambda value, where, tensors: _written(list(value), where, tensors)),
    (dict, "table", lambda value, where, tensors: _written([list(pair) for pair in value.items()], where, tensors)),
    (np.ndarray, "array", _array_written),
    (MLP, "mlp", lambda value, where, tensors: _written(asdict(value), where, tensors)),
    (Preparation, "preparation", lambda value, *_: value.to_json()),
    (Targets, "targets", lambda value, *_: value.to_json()),
    (EarlyStopping, "stopping", _stopping_written),
)
"""What is neither text nor number nor list: its type, its mark in the file, and what stands behind that."""


def _read(value: Json, tensors: Tensors) -> Any:
    """What `_written` wrote. Raises KeyError, TypeError and ValueError for anything else."""
    if isinstance(value, list):
        return [_read(part, tensors) for part in cast("list[Json]", value)]
    if not isinstance(value, dict):
        return value
    ((name, inner),) = cast("dict[str, Json]", value).items()
    return READ[name](inner, tensors)


def _array_read(inner: Sequence[Any], tensors: Tensors) -> Any:
    kind, first, *labels = inner
    if kind == "numbers":
        return tensors[first]
    return np.array([str(label) for label in labels], dtype=object if first == "O" else np.str_)


def _stopping_read(inner: Json, tensors: Tensors) -> EarlyStopping:
    saved = _read(inner, tensors)
    stopping = EarlyStopping(**saved["settings"])
    if saved["state"] is not None:
        stopping.restore(saved["state"])
    return stopping


READ: Mapping[str, Callable[[Any, Tensors], Any]] = {
    "float": lambda inner, _: float(inner),
    "tuple": lambda inner, tensors: tuple(_read(inner, tensors)),
    "table": lambda inner, tensors: dict(_read(inner, tensors)),
    "array": _array_read,
    "mlp": lambda inner, tensors: MLP(**_read(inner, tensors)),
    "preparation": lambda inner, _: Preparation.from_json(inner),
    "targets": lambda inner, _: Targets.from_json(inner),
    "stopping": _stopping_read,
}
"""How what stands behind a mark becomes what it was."""
