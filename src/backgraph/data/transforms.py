"""What is done to one column of a table: a *transform* turns it into features, or into codes of an embedding.

A *feature* is a column of the design matrix, float64 and finite. A *code* is a whole number from 0 that picks a row of
an embedding table, a parameter of the network. Transforms learn from the training rows alone and are plain JSON;
numbers are written by `repr`, which Python reads back to the same bits. TRANSFORMS is the table of kinds.

    robust      numbers: less the median, divided by a robust range, clipped smoothly to (−3, 3)
    one-hot     text of at most 9 levels: a feature per level; missing is a level, unknown levels are zeros
    embedding   text of more levels: a code per level; 0 for unknown and rare ones, whose vector begins at zero
    date        times: how long since the median, as a number, and the cycles of day, week and year on the circle
    left out    text that says nothing: no level occurs twice

Weights: statistics count a row w times where the row's weight is w, so weight 2 and two copies learn the same.
Sources: Holzmüller, Grinsztajn, Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
data" (RealMLP), 2024, section 3 and appendix B: robust scaling and smooth clipping, one-hot up to 9 levels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self, TypeAlias, final

import numpy as np

from backgraph.data.statistics import (
    Codes,
    Matrix,
    centre_and_range,
    counted_rows,
    epoch_seconds,
    positions,
    ranked,
    smooth_clip,
    standardized,
)
from backgraph.data.table import DATES, NUMBERS, TEXT, Column
from backgraph.errors import FileError

Json: TypeAlias = dict[str, Any]
"""An object of plain JSON: text, numbers, truth values, lists, objects."""

MAXIMUM_ONE_HOT = 9
"""Up to so many levels each has a feature of its own; above, a column is embedded."""
MAXIMUM_EMBEDDED = 2_000
"""The most frequent levels that get a vector of their own; the others share that of code 0."""
FEWEST_ROWS = 2
"""A level of an embedded column that fewer rows have shares code 0."""
EMBEDDING_SIZE = 8
"""The length of a level's vector, as in RealMLP."""
DAY, WEEK, YEAR = 86_400.0, 7 * 86_400.0, 365.2425 * 86_400.0
CYCLES: dict[str, float] = {"day": DAY, "week": WEEK, "year": YEAR}
"""The cycles of a date column, in seconds."""
LEAST_YEARS = 0.25
"""A column that spans less of a year says nothing about its seasons."""


@dataclass(frozen=True)
class Transform(ABC):
    """Turns the column named `column` into features or codes; the fields of a subclass are what it has learnt."""

    kind: ClassVar[str]
    takes: ClassVar[str]
    """The kind of column (`table.kind_of`) that it is for."""
    column: str

    @classmethod
    @abstractmethod
    def fit(cls, column: str, values: Column, weights: Matrix | None = None) -> Self:
        """Learns from `values`, the training rows of `column`, (rows,), which count `weights` times."""

    @property
    @abstractmethod
    def features(self) -> tuple[str, ...]:
        """The names of the features, in order."""

    @abstractmethod
    def apply(self, values: Column) -> Matrix:
        """The features of `values` (rows,): float64 (rows, features), finite."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """What is done to the column, in a few words."""

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


@final
@dataclass(frozen=True)
class Robust(Transform):
    """Numbers: less the median, divided by a robust range, clipped smoothly; a column without variance becomes 0.

    The range is that between the quartiles; where that is 0, half of the whole range. A missing number is replaced by
    the median. When the training rows have missing ones, a second feature, 1 where the number is missing and 0
    elsewhere, says so.
    """

    kind: ClassVar[str] = "robust"
    takes: ClassVar[str] = NUMBERS
    centre: float
    scale: float
    indicator: bool

    @classmethod
    def fit(cls, column: str, values: Column, weights: Matrix | None = None) -> Self:
        """See Transform."""
        values, weights = counted_rows(values, weights)
        missing = np.isnan(values)
        centre, scale = centre_and_range(values[~missing], None if weights is None else weights[~missing])
        return cls(column, centre, scale, bool(missing.any()))

    @property
    def features(self) -> tuple[str, ...]:
        """The column, and the indicator where there is one."""
        return (self.column, f"{self.column} is missing") if self.indicator else (self.column,)

    def apply(self, values: Column) -> Matrix:
        """See Transform."""
        missing = np.isnan(values)
        scaled = smooth_clip(standardized(np.where(missing, self.centre, values), self.centre, self.scale))
        return np.stack([scaled, missing.astype(np.float64)][: len(self.features)], axis=1)

    @property
    def summary(self) -> str:
        """See Transform."""
        if not self.scale:
            return "0, as it is constant" + (", and whether it is missing" if self.indicator else "")
        rest = "; missing: the median, and a feature that says so" if self.indicator else ""
        moved = f"(x {'−' if self.centre > 0 else '+'} {abs(self.centre):.6g})" if self.centre else "x"
        return f"{moved}/{self.scale:.6g}, clipped smoothly{rest}"


@final
@dataclass(frozen=True)
class OneHot(Transform):
    """Text: a feature per level, 1 where the cell is that level. Missing is a level; unknown levels are zeros.

    The levels are those of the training rows in sorted order; of more than MAXIMUM_ONE_HOT the most frequent, the first
    in sorted order among equals.
    """

    kind: ClassVar[str] = "one-hot"
    takes: ClassVar[str] = TEXT
    levels: tuple[str, ...]

    @classmethod
    def fit(cls, column: str, values: Column, weights: Matrix | None = None) -> Self:
        """See Transform."""
        return cls(column, tuple(sorted(ranked(values, weights)[:MAXIMUM_ONE_HOT])))

    @property
    def features(self) -> tuple[str, ...]:
        """`column=level` for each level."""
        return tuple(f"{self.column}={level}" for level in self.levels)

    def apply(self, values: Column) -> Matrix:
        """See Transform."""
        return (positions(values, self.levels)[:, None] == np.arange(len(self.levels))).astype(np.float64)

    @property
    def summary(self) -> str:
        """See Transform."""
        return f"a feature for each of {len(self.levels)} levels; unknown: zeros"


@final
@dataclass(frozen=True)
class Embedding(Transform):
    """Text of many levels: code 1, 2, … for the levels in sorted order, 0 for every other cell.

    Levels that fewer than FEWEST_ROWS rows have, and all after the MAXIMUM_EMBEDDED most frequent, have code 0 too. The
    vectors have `size` numbers.
    """

    kind: ClassVar[str] = "embedding"
    takes: ClassVar[str] = TEXT
    levels: tuple[str, ...]
    size: int

    @classmethod
    def fit(cls, column: str, values: Column, weights: Matrix | None = None) -> Self:
        """See Transform."""
        kept = ranked(values, weights, FEWEST_ROWS)[:MAXIMUM_EMBEDDED]
        return cls(column, tuple(sorted(kept)), EMBEDDING_SIZE)

    @property
    def features(self) -> tuple[str, ...]:
        """None: its codes go to the network beside the design matrix."""
        return ()

    @property
    def codes(self) -> int:
        """How many codes there are: the rows of the embedding table."""
        return len(self.levels) + 1

    def apply(self, values: Column) -> Matrix:
        """See Transform."""
        return np.zeros((len(values), 0))

    def encode(self, values: Column) -> Codes:
        """The code of each cell of `values` (rows,): int64 (rows,), 0 ≤ code < codes."""
        return positions(values, self.levels) + 1

    @property
    def summary(self) -> str:
        """See Transform."""
        return f"a learned vector of {self.size} for each of {len(self.levels)} levels; rare and unknown share one"


@final
@dataclass(frozen=True)
class LeftOut(Transform):
    """Text whose levels say nothing, because none of them occurs twice: no features."""

    kind: ClassVar[str] = "left out"
    takes: ClassVar[str] = TEXT

    @classmethod
    def fit(cls, column: str, values: Column, weights: Matrix | None = None) -> Self:  # noqa: ARG003 (of the base)
        """See Transform."""
        return cls(column)

    @property
    def features(self) -> tuple[str, ...]:
        """None."""
        return ()

    def apply(self, values: Column) -> Matrix:
        """See Transform."""
        return np.zeros((len(values), 0))

    @property
    def summary(self) -> str:
        """See Transform."""
        return "left out: no level occurs twice"


@final
@dataclass(frozen=True)
class Date(Transform):
    """Times: the seconds since the median, scaled as numbers are, and sine and cosine of each cycle that varies.

    Without them a network cannot see that December is beside January. A missing time is the median; see Robust.
    """

    kind: ClassVar[str] = "date"
    takes: ClassVar[str] = DATES
    centre: float
    scale: float
    indicator: bool
    cycles: tuple[str, ...]

    @classmethod
    def fit(cls, column: str, values: Column, weights: Matrix | None = None) -> Self:
        """See Transform."""
        seconds = Robust.fit(column, epoch_seconds(values), weights)
        known = epoch_seconds(counted_rows(values, weights)[0])
        cycles = _cycles(known[~np.isnan(known)])
        return cls(column, seconds.centre, seconds.scale, seconds.indicator, cycles)

    @property
    def features(self) -> tuple[str, ...]:
        """The time, its cycles, and the indicator where there is one."""
        circle = [f"{self.column}: {wave} of the {cycle}" for cycle in self.cycles for wave in ("sine", "cosine")]
        missing = [f"{self.column} is missing"] if self.indicator else []
        return (self.column, *circle, *missing)

    def apply(self, values: Column) -> Matrix:
        """See Transform."""
        seconds = epoch_seconds(values)
        line = Robust(self.column, self.centre, self.scale, self.indicator).apply(seconds)
        known = np.where(np.isnan(seconds), self.centre, seconds)
        angles = [2 * np.pi * (np.mod(known, CYCLES[cycle]) / CYCLES[cycle]) for cycle in self.cycles]
        circle = [wave(angle)[:, None] for angle in angles for wave in (np.sin, np.cos)]
        return np.concatenate([line[:, :1], *circle, line[:, 1:]], axis=1)

    @property
    def summary(self) -> str:
        """See Transform."""
        cycles = f", place in the {', '.join(self.cycles)}" if self.cycles else ""
        missing = "; missing: the median, and a feature that says so" if self.indicator else ""
        return f"time since the median{cycles}{missing}"


TRANSFORMS: dict[str, type[Transform]] = {each.kind: each for each in (Robust, OneHot, Embedding, Date, LeftOut)}
"""Every kind of transform, by the name it has in JSON."""


def _cycles(seconds: Matrix) -> tuple[str, ...]:
    """The cycles in which `seconds` (rows,) are not all at one place, and which they pass through far enough."""
    if not len(seconds):
        return ()
    varies = {
        "day": len(np.unique(np.mod(seconds, DAY))) > 1,
        "week": len(np.unique(np.floor(seconds / DAY) % 7)) > 1,
        "year": float(seconds.max() - seconds.min()) > LEAST_YEARS * YEAR,
    }
    return tuple(cycle for cycle in CYCLES if varies[cycle])
