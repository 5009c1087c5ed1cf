"""How the preparation of a table is written in ONNX: one function for each kind of transform, in the table `COLUMNS`.

Every column is an input of its own, (rows,): numbers as float64 with NaN where they are missing, text as it is with ""
where it is missing, times as float64 seconds since 1970 with NaN where they are missing. All of it is computed in
float64, as in training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import numpy as np

from backgraph.data.statistics import CLIP, FURTHEST, LARGEST
from backgraph.data.table import DATES, NUMBERS, TEXT
from backgraph.data.transforms import CYCLES, Date, Embedding, OneHot, Robust, Transform
from backgraph.export.onnx_writer import TEXT as WORDS
from backgraph.export.onnx_writer import Name, Writer

DOUBLE = "float64"
DTYPES = {NUMBERS: DOUBLE, TEXT: WORDS, DATES: DOUBLE}
"""Of the input of a column, by what it holds."""

Features: TypeAlias = Callable[[Writer, Transform, Name], Name]
"""(writer, transform, the column) → its features, (rows, features) in float64."""


def _number(w: Writer, value: float) -> Name:
    return w.number(value, DOUBLE)


def _as_column(w: Writer, values: Name) -> Name:
    return w.op("Unsqueeze", w.cast(values, DOUBLE), w.integers(1))


def _filled(w: Writer, values: Name, centre: float) -> tuple[Name, Name]:
    """Where a number is missing, and the numbers with `centre` put there."""
    missing = w.op("IsNaN", values)
    return missing, w.op("Where", missing, _number(w, centre), values)


def _clipped(w: Writer, values: Name, low: float, high: float) -> Name:
    return w.op("Min", w.op("Max", values, _number(w, low)), _number(w, high))


def _scaled(w: Writer, values: Name, centre: float, scale: float) -> Name:
    """Less the centre, divided by the range, clipped smoothly; see `transforms.standardized` for the halves."""
    half = w.op("Sub", w.op("Div", values, _number(w, 2)), _number(w, centre / 2))
    quotient = w.op("Div", half, _number(w, scale)) if scale else w.op("Mul", half, _number(w, 0))
    standard = w.op("Mul", _clipped(w, quotient, -LARGEST, LARGEST), _number(w, 2))
    near = _clipped(w, standard, -FURTHEST, FURTHEST)
    third = w.op("Div", near, _number(w, CLIP))
    return w.op("Div", near, w.op("Sqrt", w.op("Add", _number(w, 1), w.op("Mul", third, third))))


def _robust(w: Writer, transform: Transform, values: Name) -> Name:
    learnt = cast("Robust", transform)
    missing, known = _filled(w, values, learnt.centre)
    parts = [_as_column(w, _scaled(w, known, learnt.centre, learnt.scale))]
    return w.op("Concat", *parts, *([_as_column(w, missing)] if learnt.indicator else []), axis=1)


def _is_level(w: Writer, levels: tuple[str, ...], values: Name) -> Name:
    """(rows, levels): whether a cell is a level."""
    return w.op("Equal", w.op("Unsqueeze", values, w.integers(1)), w.texts(levels))


def _one_hot(w: Writer, transform: Transform, values: Name) -> Name:
    return w.cast(_is_level(w, cast("OneHot", transform).levels, values), DOUBLE)


def _date(w: Writer, transform: Transform, values: Name) -> Name:
    learnt = cast("Date", transform)
    missing, known = _filled(w, values, learnt.centre)
    parts = [_as_column(w, _scaled(w, known, learnt.centre, learnt.scale))]
    for cycle in learnt.cycles:
        turns = w.op("Div", known, _number(w, CYCLES[cycle]))
        angle = w.op("Mul", w.op("Sub", turns, w.op("Floor", turns)), _number(w, 2 * np.pi))
        parts += [_as_column(w, w.op(wave, angle)) for wave in ("Sin", "Cos")]
    return w.op("Concat", *parts, *([_as_column(w, missing)] if learnt.indicator else []), axis=1)


COLUMNS: dict[str, Features] = {Robust.kind: _robust, OneHot.kind: _one_hot, Date.kind: _date}
"""By the kind of a transform that has features."""


def code(w: Writer, embedding: Embedding, values: Name) -> Name:
    """The code of each cell of an embedded column, (rows,): 0 where it is no level."""
    found = w.cast(_is_level(w, embedding.levels, values), "int64")
    numbers = w.constant(np.arange(1, len(embedding.levels) + 1, dtype=np.int64))
    return w.op("ReduceSum", w.op("Mul", found, numbers), w.integers(1), keepdims=0)
