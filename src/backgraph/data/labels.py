"""What a model is to predict: classes as indices, or standardised numbers. Both remember how to go back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast, final

import numpy as np
import numpy.typing as npt

from backgraph.data.statistics import Matrix, centre_and_scale, standardized
from backgraph.data.table import Cells, row_of
from backgraph.data.transforms import Json
from backgraph.errors import DataError, FileError

Label: TypeAlias = str | int | bool

SHOWN_CLASSES = 5


def as_label(value: object, row: int, where: str | Cells) -> Label:
    """The label `value`: text, a truth value, or a whole number, also one stored as a float.

    Raises DataError BG206 when it is missing, has a fraction, or is anything else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        raise DataError("BG206", row_of(where, row), "is missing", got=value, expected="a label in every row")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str | bool | int):
        return value
    hint = "numbers with fractions are for regression" if isinstance(value, float) else None
    raise DataError("BG206", row_of(where, row), "is no label", got=value, expected="text or a whole number", hint=hint)


def as_labels(values: npt.ArrayLike | Iterable[object], where: str | Cells) -> list[Label]:
    """Labels of one type. DataError BG206 at the first row that is none, or not of the type of row 0; BG207, BG201."""
    listed = _listed(values, where)
    labels = [as_label(value, row, where) for row, value in enumerate(listed)]
    for row, label in enumerate(labels):
        if type(label) is not type(labels[0]):
            raise DataError(
                "BG206",
                row_of(where, row),
                "is of another type",
                got=label,
                expected=f"{_kind(labels[0])} as in row 0",
            )
    return labels


def _alike(values: object) -> tuple[list[Any], npt.NDArray[np.int64]] | None:
    """The different ones of `values` (rows,) and the place of each row among them; None unless all are of one type."""
    if not isinstance(values, np.ndarray) or values.ndim != 1 or not values.size:
        return None
    if values.dtype.kind in "iufb":
        levels, places = np.unique(values, return_inverse=True)
        return levels.tolist(), places
    listed = cast("list[Any]", values.tolist())
    if set(map(type, listed)) != {str}:
        return None
    place = {level: index for index, level in enumerate(dict.fromkeys(listed))}
    return list(place), np.array([place[value] for value in listed], dtype=np.int64)


def _label_or_none(value: object) -> Label | None:
    try:
        return as_label(value, 0, "")
    except DataError:
        return None


def _listed(values: npt.ArrayLike | Iterable[object], where: str | Cells) -> list[object]:
    if isinstance(values, list | tuple):
        return list(cast("Sequence[object]", values))
    array = np.asarray(values)
    if array.ndim != 1:
        hint = f"{where}.ravel()" if array.ndim == 2 and array.shape[1] == 1 else None
        raise DataError("BG207", str(where), "is not one label per row", got=array.shape, expected="(rows,)", hint=hint)
    return array.tolist()


def _kind(label: Label) -> str:
    return {str: "text", bool: "a truth value", int: "a whole number"}[type(label)]


@final
@dataclass(frozen=True)
class Classes:
    """The distinct labels of the training rows, sorted; a label's index is its place among them. One class is fine."""

    labels: tuple[Label, ...]

    @classmethod
    def fit(cls, values: npt.ArrayLike | Iterable[object], where: str | Cells = "y") -> Classes:
        """Learns the labels in `values` (rows,). Raises DataError BG206, BG207, and BG201 when there are none."""
        alike = _alike(values)
        if alike is not None and None not in (levels := [_label_or_none(level) for level in alike[0]]):
            return cls(tuple(sorted(cast("set[Label]", set(levels)))))  # pyright: ignore[reportArgumentType]
        labels = as_labels(values, where)
        if not labels:
            raise DataError("BG201", str(where), "has no rows", expected="at least one label")
        return cls(tuple(sorted(set(labels))))

    def __len__(self) -> int:
        return len(self.labels)

    def indices(self, values: npt.ArrayLike | Iterable[object], where: str | Cells = "y") -> npt.NDArray[np.int64]:
        """The index of each label, int64 (rows,). DataError BG206 for a label that the training rows did not have."""
        position = {(type(label), label): index for index, label in enumerate(self.labels)}
        alike = _alike(values)
        if alike is not None:
            # Each different value is looked at once; where one is bad, all rows are, for its place.
            levels, places = alike
            known = [None if x is None else position.get((type(x), x)) for x in map(_label_or_none, levels)]
            if None not in known:
                return np.array(known, dtype=np.int64)[places]
        found = [(type(label), label) for label in as_labels(values, where)]
        bad = [row for row, label in enumerate(found) if label not in position]
        if bad:
            what = "is no class" + (f" ({len(bad):,} such rows seen)" if len(bad) > 1 else "")
            raise DataError("BG206", row_of(where, bad[0]), what, got=found[bad[0]][1], expected=self._shown())
        return np.array([position[label] for label in found], dtype=np.int64)

    def of(self, indices: npt.ArrayLike) -> npt.NDArray[Any]:
        """The labels at `indices` (rows,): an array of integers, truth values, or str objects."""
        return self.array()[np.asarray(indices, dtype=np.int64)]

    def array(self) -> npt.NDArray[Any]:
        """All labels in order, (classes,)."""
        whole = all(isinstance(label, int) and -(2**63) <= label < 2**63 for label in self.labels)
        return np.array(self.labels, dtype=None if whole else object)

    def _shown(self) -> str:
        more = "" if len(self) <= SHOWN_CLASSES else f", … ({len(self)} classes)"
        return ", ".join(str(label)[:20] for label in self.labels[:SHOWN_CLASSES]) + more

    def to_json(self) -> Json:
        """Plain JSON that `from_json` reads back to equal classes."""
        return {"labels": list(self.labels)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Classes:
        """The classes that `to_json` wrote. Raises FileError BG502 when they are damaged."""
        labels = data.get("labels")
        known = cast("list[Any]", labels) if isinstance(labels, list) else []
        kinds = {type(label) for label in known}
        if kinds not in ({str}, {int}, {bool}) or len(set(known)) != len(known):
            raise FileError("BG502", "classes", "are damaged", got=labels, expected="a list of different labels")
        return cls(tuple(cast("list[Label]", known)))


@final
@dataclass(frozen=True)
class Targets:
    """The mean and standard deviation of each regression target, of the training rows."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, values: npt.ArrayLike, where: str | Cells = "y") -> Targets:
        """Learns from `values`, (rows,) or (rows, targets). DataError BG206 for NaN or infinity, BG207, BG201."""
        columns = _finite_columns(values, where)
        found = [centre_and_scale(column) for column in columns.T]
        return cls(tuple(mean for mean, _ in found), tuple(scale for _, scale in found))

    def apply(self, values: npt.ArrayLike, where: str | Cells = "y") -> Matrix:
        """The standardised targets, float64 (rows, targets); 0 for a target without variance."""
        columns = _finite_columns(values, where)
        if columns.shape[1] != len(self.mean):
            what, expected = "has another number of targets", f"{len(self.mean)}, as in training"
            raise DataError("BG207", str(where), what, got=columns.shape[1], expected=expected)
        return standardized(columns, np.array(self.mean), np.array(self.scale))

    def __len__(self) -> int:
        return len(self.mean)

    def restore(self, standardised: npt.ArrayLike) -> Matrix:
        """The inverse of `apply`, (rows, targets); the mean for a target without variance."""
        return np.asarray(standardised, dtype=np.float64) * np.array(self.scale) + np.array(self.mean)

    def to_json(self) -> Json:
        """Plain JSON with floats that read back to the same bits."""
        return {"mean": list(self.mean), "scale": list(self.scale)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Targets:
        """The targets that `to_json` wrote. Raises FileError BG502 when they are damaged."""
        try:
            mean, scale = (tuple(float(number) for number in data[key]) for key in ("mean", "scale"))
        except (KeyError, TypeError, ValueError):
            raise FileError("BG502", "targets", "are damaged", expected="mean and scale as lists of numbers") from None
        return cls(mean, scale)


def _finite_columns(values: npt.ArrayLike, where: str | Cells) -> Matrix:
    """`values` as float64 (rows, targets)."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "Mm":
        hint = "subtract a date, in days, and predict that number"
        raise DataError("BG206", str(where), "is dates, not numbers", expected="a number in every row", hint=hint)
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        first = np.asarray(values, dtype=object).reshape(-1)[0] if np.size(np.asarray(values, dtype=object)) else values
        expected, hint = "a number in every row", "text is predicted as classes: --task classification"
        raise DataError("BG206", str(where), "is not numbers", got=first, expected=expected, hint=hint) from None
    columns = array[:, None] if array.ndim == 1 else array
    if columns.ndim != 2:
        raise DataError("BG207", str(where), "is not targets", got=array.shape, expected="(rows,) or (rows, targets)")
    if not columns.size:
        raise DataError("BG201", str(where), "has no rows", got=array.shape, expected="at least one target")
    bad = np.argwhere(~np.isfinite(columns))
    if len(bad):
        row, column = (int(index) for index in bad[0])
        raise DataError("BG206", row_of(where, row), "is not a finite number", got=float(columns[row, column]))
    return columns
