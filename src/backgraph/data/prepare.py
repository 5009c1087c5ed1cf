"""From a table to the design matrix: one transform per column, fitted on the training rows only, saved as JSON.

Vocabulary. A *transform* turns one column into one or more *features* (columns of the design matrix). A *preparation*
is the list of transforms. TRANSFORMS is the table of kinds: a new way to treat a column is a new entry and a line in
`choose`. Numbers are written to JSON by `repr`, which Python reads back to the same bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self, TypeAlias, cast, final

import numpy as np
import numpy.typing as npt

from backgraph.data.table import Column, Table, is_text
from backgraph.errors import DataError, FileError

Matrix: TypeAlias = npt.NDArray[np.float64]
Json: TypeAlias = dict[str, Any]
"""An object of plain JSON: text, numbers, truth values, lists, objects."""

MAXIMUM_LEVELS = 9
"""The most frequent levels that get a feature of their own; rows of the others are zeros, like unknown ones."""


@dataclass(frozen=True)
class Transform(ABC):
    """Turns the column named `column` into features; the fields of a subclass are what it has learnt."""

    kind: ClassVar[str]
    takes_text: ClassVar[bool]
    column: str

    @classmethod
    @abstractmethod
    def fit(cls, column: str, values: Column) -> Self:
        """Learns from `values`, the training rows of `column`, (rows,)."""

    @property
    @abstractmethod
    def features(self) -> tuple[str, ...]:
        """The names of the features, in order."""

    @abstractmethod
    def apply(self, values: Column) -> Matrix:
        """The features of `values` (rows,): float64 (rows, features), finite."""

    def to_json(self) -> Json:
        """The kind and the fields as plain JSON; `from_json` gives back an equal transform."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The transform that `to_json` wrote; lists become tuples. FileError BG502 when it is damaged."""
        expected = {field.name for field in fields(cls)}
        if set(data) - {"kind"} != expected:
            got = ", ".join(sorted(data))
            raise FileError(
                "BG502", f"transform {cls.kind}", "is damaged", got=got, expected=", ".join(sorted(expected))
            )
        learnt: Json = {key: tuple(data[key]) if isinstance(data[key], list) else data[key] for key in expected}
        return cls(**learnt)


def centre_and_scale(values: Matrix) -> tuple[float, float]:
    """The mean and the standard deviation (of the population) of `values` (rows,), all finite; 0.0, 0.0 when empty.

    Values that are all equal have exactly that mean and deviation 0: the rounding of a sum of tenths would otherwise
    give a deviation of 1e-17, and a constant column features of size 1. Sums are of values divided by the largest, so
    that squares of 1e200 do not overflow.
    """
    if not len(values) or values.min() == values.max():
        return (float(values[0]) if len(values) else 0.0), 0.0
    largest = float(np.abs(values).max())
    unit = values / largest
    return float(unit.mean()) * largest, float(unit.std()) * largest


def standardized(values: Matrix, mean: float | Matrix, scale: float | Matrix) -> Matrix:
    """(values - mean) / scale, cut to what float64 holds; 0 where the scale is 0."""
    # Halves, because the difference of 1e308 and -1e308 is not a float64 while its quotient may be.
    difference = values / 2 - np.asarray(mean) / 2
    with np.errstate(over="ignore"):
        half = np.divide(difference, scale, out=np.zeros_like(difference), where=np.asarray(scale) != 0)
    return np.clip(half, -LARGEST, LARGEST) * 2


LARGEST = float(np.finfo(np.float64).max) / 2


@final
@dataclass(frozen=True)
class Standardize(Transform):
    """Numbers: less the mean, divided by the standard deviation; a column without variance becomes 0.

    A missing number is replaced by the median. When the training rows have missing ones, a second feature, 1 where the
    number is missing and 0 elsewhere, says so.
    """

    kind: ClassVar[str] = "standardize"
    takes_text: ClassVar[bool] = False
    mean: float
    scale: float
    median: float
    indicator: bool

    @classmethod
    def fit(cls, column: str, values: Column) -> Self:
        """See Transform."""
        missing = np.isnan(values)
        known = values[~missing]
        median = _median(known)
        mean, scale = centre_and_scale(np.where(missing, median, values))
        return cls(column, mean, scale, median, bool(missing.any()))

    @property
    def features(self) -> tuple[str, ...]:
        """The column, and the indicator where there is one."""
        return (self.column, f"{self.column} is missing") if self.indicator else (self.column,)

    def apply(self, values: Column) -> Matrix:
        """See Transform."""
        missing = np.isnan(values)
        scaled = standardized(np.where(missing, self.median, values), self.mean, self.scale)
        return np.stack([scaled, missing.astype(np.float64)][: len(self.features)], axis=1)


def _median(known: Matrix) -> float:
    """The lower median: a value that occurs, so that it can neither overflow nor depend on how a mean is rounded."""
    return float(np.sort(known)[(len(known) - 1) // 2]) if len(known) else 0.0


@final
@dataclass(frozen=True)
class OneHot(Transform):
    """Text: a feature per level, 1 where the cell is that level. Missing is a level; unknown levels are zeros.

    The levels are the MAXIMUM_LEVELS most frequent, the first in sorted order among equals, and stand in sorted order.
    """

    kind: ClassVar[str] = "one-hot"
    takes_text: ClassVar[bool] = True
    levels: tuple[str, ...]

    @classmethod
    def fit(cls, column: str, values: Column) -> Self:
        """See Transform."""
        counts = Counter(cast("list[str]", values.tolist()))
        ranked = sorted(counts, key=lambda level: (-counts[level], level))
        return cls(column, tuple(sorted(ranked[:MAXIMUM_LEVELS])))

    @property
    def features(self) -> tuple[str, ...]:
        """`column=level` for each level."""
        return tuple(f"{self.column}={level}" for level in self.levels)

    def apply(self, values: Column) -> Matrix:
        """See Transform."""
        position = {level: index for index, level in enumerate(self.levels)}
        indices = np.array([position.get(value, -1) for value in values.tolist()], dtype=np.int64)
        return (indices[:, None] == np.arange(len(self.levels))).astype(np.float64)


TRANSFORMS: dict[str, type[Transform]] = {each.kind: each for each in (Standardize, OneHot)}
"""Every kind of transform, by the name it has in JSON."""


def choose(values: Column) -> type[Transform]:
    """The transform for a training column: by what it holds."""
    return OneHot if is_text(values) else Standardize


@final
@dataclass(frozen=True)
class Preparation:
    """The transforms of a table's columns, in order; maps a table to the design matrix."""

    transforms: tuple[Transform, ...]

    @classmethod
    def fit(cls, table: Table) -> Preparation:
        """Learns from all rows and columns of `table`: the training rows, without the target."""
        columns = ((name, table.column(name)) for name in table.names)
        return cls(tuple(choose(values).fit(name, values) for name, values in columns))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        return tuple(transform.column for transform in self.transforms)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns of the design matrix."""
        return tuple(name for transform in self.transforms for name in transform.features)

    def matrix(self, table: Table) -> Matrix:
        """The design matrix of `table`: float64 (rows, features), finite; other columns of `table` are not looked at.

        Raises DataError BG202 for a column that is missing, BG203 for text where the training rows had numbers, or
        numbers where they had text.
        """
        return np.concatenate([_applied(transform, table) for transform in self.transforms], axis=1)

    def to_json(self) -> Json:
        """Plain JSON that `from_json` reads back to an equal preparation."""
        return {"transforms": [transform.to_json() for transform in self.transforms]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preparation:
        """The preparation that `to_json` wrote. Raises FileError BG502 when it is damaged or of an unknown kind."""
        entries = data.get("transforms")
        if not isinstance(entries, list) or not entries:
            raise FileError("BG502", "preparation", "is damaged", got=entries, expected="a list of transforms")
        return cls(tuple(_transform_from(entry) for entry in cast("list[Json]", entries)))


def _transform_from(entry: Json) -> Transform:
    if entry.get("kind") not in TRANSFORMS:
        expected = " or ".join(TRANSFORMS)
        raise FileError("BG502", "preparation", "has an unknown transform", got=entry.get("kind"), expected=expected)
    return TRANSFORMS[entry["kind"]].from_json(entry)


def _applied(transform: Transform, table: Table) -> Matrix:
    values = table.column(transform.column)
    if is_text(values) == transform.takes_text:
        return transform.apply(values)
    if transform.takes_text and np.isnan(values).all():
        return transform.apply(np.full(len(values), "", dtype=object))
    names = ("text", "numbers") if is_text(values) else ("numbers", "text")
    where, hint = f"{table.source}: column {transform.column!r}", None
    if transform.takes_text:
        hint = f"read it with text=[{transform.column!r}]"
    raise DataError("BG203", where, f"has {names[0]}", expected=f"{names[1]}, as in training", hint=hint)
