"""Tables from what is already in memory: data frames (through narwhals), NumPy arrays, dictionaries of arrays.

Numbers of any width, memory maps and any byte order or stride become the same float64; text stays text; dates and
times, of any precision, become microseconds, in UTC where they have a time zone; complex and nested columns, durations
and periods are refused. A column of objects is numeric when each of them is a number or missing (None or NaN), text
when each is a `str` or missing, and holds truth values when each is one or missing; a matrix of truth values, which
has no columns of its own, is one of numbers. A column of categories is text whatever the categories are, spelled as
`as_text` does.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from backgraph.data.prepare import as_text, spelled
from backgraph.data.table import TIME, TRUTH, Column, Table, refused, truths_from
from backgraph.errors import BackgraphError, DataError, UsageError

Array = npt.NDArray[Any]


def table_from(data: object, source: str = "X") -> Table:
    """The table that `data` is; its columns keep their names, an array's become x0, x1, and so on.

    `data` is a Table, a data frame of any library that narwhals knows (pandas, polars, pyarrow, duckdb, …), an array or
    list of rows, or a mapping from names to arrays (rows,). `source` is the argument's name, for messages.
    Raises UsageError BG601 (a TypeError) for a sparse matrix and other kinds; DataError BG201, BG203, BG205, BG207,
    BG210; UsageError BG602 when the data frame's own library lacks a package.
    """
    if isinstance(data, Table):
        return data
    if type(data).__module__.startswith("scipy.sparse"):
        hint = f"{source}.toarray()"
        raise UsageError("BG601", source, "is sparse", got=type(data).__name__, expected="a dense array", hint=hint)
    if isinstance(data, Mapping):
        named = cast("Mapping[object, Any]", data)
        return _from_pairs([(str(name), np.asanyarray(values)) for name, values in named.items()], source)
    if isinstance(data, np.ndarray):
        return _from_array(cast("Array", data), source)
    if isinstance(data, list | tuple):
        return _from_array(_rows(cast("Sequence[object]", data), source), source)
    return _from_frame(data, source)


def _rows(data: Sequence[object], source: str) -> Array:
    try:
        return np.asarray(data)
    except ValueError:
        lengths = sorted({len(row) for row in data if isinstance(row, Sequence)})
        raise DataError("BG207", source, "has rows of different lengths", got=lengths) from None


def _from_array(array: Array, source: str) -> Table:
    if array.dtype.names is not None:
        return _from_pairs([(name, array[name]) for name in array.dtype.names], source)
    if array.ndim != 2:
        hint = (
            f"{source}.reshape(-1, 1) for one column, {source}.reshape(1, -1) for one row" if array.ndim == 1 else None
        )
        raise DataError(
            "BG207", source, "is not a table", got=f"{array.ndim} dimensions", expected="(rows, columns)", hint=hint
        )
    if 0 in array.shape:
        what = "has no rows" if not array.shape[0] else "has no columns"
        raise DataError("BG201", source, what, got=array.shape, expected="at least one row and one column")
    matrix = array.astype(np.float64) if array.dtype.kind == "b" else array
    return _from_pairs([(f"x{index}", matrix[:, index]) for index in range(matrix.shape[1])], source, named=False)


def _from_pairs(pairs: Sequence[tuple[str, Array]], source: str, *, named: bool = True) -> Table:
    columns: dict[str, Column] = {}
    for name, values in pairs:
        if name in columns:
            raise DataError("BG205", source, "two columns share a name", got=name, expected="distinct names")
        columns[name] = column_from(values, f"{source}: column {name!r}")
    return Table(columns, source, named=named)


def column_from(values: Array, where: str) -> Column:
    """`values` (rows,) as a column of one of the four kinds of `table`.

    Raises DataError BG203 for a value that does not fit or is infinite, BG207 for another dimension, BG210 for a type
    that is neither numbers nor text.
    """
    if values.ndim != 1:
        raise DataError("BG207", where, "is not one column", got=f"shape {values.shape}", expected="(rows,)")
    kind = values.dtype.kind
    if kind == "b":
        return truths_from(values.tolist()) if np.ma.isMaskedArray(values) else values.astype(TRUTH)
    if kind in "uif":
        return _finite(np.ma.filled(values.astype(np.float64), np.nan), where)
    if kind == "M":
        return values.astype(TIME)
    if kind in "UT":
        return np.array([str(value) for value in values.tolist()], dtype=object)
    if kind == "O":
        return _from_objects(values.tolist(), where)
    if kind == "m":
        raise refused(where, "timedelta")
    raise DataError(
        "BG210", where, "is neither numbers nor text", got=str(values.dtype), expected="real numbers or text"
    )


def _finite(values: Column, where: str) -> Column:
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        got = float(values[infinite[0]])
        raise DataError(
            "BG203", f"{where}, row {infinite[0]}", "is infinite", got=got, expected="a finite number or NaN"
        )
    return values


def _is_nothing(value: object) -> bool:
    # pandas' own missing value is neither None nor a float, and every comparison with it is itself.
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in {"NAType", "NaTType"}
    )


def _from_objects(values: Sequence[object], where: str) -> Column:
    types = set(map(type, values))
    if types <= {str, type(None)} and str in types:
        # What most text is; the checks below take ten times as long.
        return _objects(["" if value is None else value for value in values])
    if any(each.__name__ == "Period" for each in types):
        raise refused(where, "period")
    if any(issubclass(each, bool | np.bool_) for each in types):
        known = [None if _is_nothing(value) else value for value in values]
        if set(map(type, known)) <= {bool, np.bool_, type(None)}:
            return truths_from(cast("list[bool | None]", known))
    if any(issubclass(each, dt.date) for each in types):
        return np.array([_time(value, row, where) for row, value in enumerate(values)], dtype=TIME)
    if any(issubclass(each, str) for each in types):
        return _objects([_text(value, row, where) for row, value in enumerate(values)])
    return _finite(np.array([_real(value, row, where) for row, value in enumerate(values)], dtype=np.float64), where)


def _time(value: object, row: int, where: str) -> dt.datetime | None:
    """A date or time in UTC, without its zone; datetime.datetime is a kind of datetime.date."""
    if _is_nothing(value):
        return None
    if not isinstance(value, dt.date):
        raise DataError("BG203", f"{where}, row {row}", "is no date, unlike others", got=value, expected="dates")
    if not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def _text(value: object, row: int, where: str) -> str:
    if isinstance(value, str):
        return value
    if _is_nothing(value):
        return ""
    raise DataError("BG203", f"{where}, row {row}", "is no text, unlike others", got=value, expected="text or None")


def _real(value: object, row: int, where: str) -> float:
    if _is_nothing(value):
        return math.nan
    try:
        # NumPy's complex numbers would convert, with a warning, by dropping their imaginary part.
        return float("" if isinstance(value, np.complexfloating) else cast("float", value))
    except (TypeError, ValueError, OverflowError):
        error = DataError("BG203", f"{where}, row {row}", "is not a number", got=value, expected="a number or None")
        raise error from None


def _from_frame(data: object, source: str) -> Table:
    import narwhals as nw

    try:
        frame: Any = nw.from_native(cast("Any", data))
        eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
        return _from_pairs([(str(series.name), _series(series, source)) for series in eager.iter_columns()], source)
    except BackgraphError:
        raise
    except nw.exceptions.DuplicateError:
        raise DataError("BG205", source, "two columns share a name", expected="distinct names") from None
    except ModuleNotFoundError as error:
        hint = f"pip install {error.name}"
        raise UsageError(
            "BG602", source, f"needs the package {error.name}", got=type(data).__name__, hint=hint
        ) from None
    except TypeError:
        expected = "a data frame, an array (rows, columns) or a mapping of arrays"
        raise UsageError("BG601", source, "is not a table", got=type(data).__name__, expected=expected) from None


def _series(series: Any, source: str) -> Array:
    import narwhals as nw

    kind = series.dtype
    if kind == nw.Boolean:
        return _objects(series.to_list())
    if kind.is_numeric():
        known = series.cast(nw.Float64).fill_null(0.0).to_numpy().astype(np.float64)
        return np.where(series.is_null().to_numpy(), np.nan, known)
    if isinstance(kind, nw.Categorical | nw.Enum):
        cells: list[object] = series.to_list()
        words = {value: "" if _is_nothing(value) else _spelled(value) for value in set(cells)}
        return _objects([words[value] for value in cells])
    if isinstance(kind, nw.Datetime | nw.Date):
        return _times(series)
    if kind in {nw.String, nw.Object, nw.Unknown}:
        return _objects(series.to_list())
    where = f"{source}: column {series.name!r}"
    if isinstance(kind, nw.Duration):
        raise refused(where, "timedelta")
    raise DataError("BG210", where, "is no flat column", got=str(kind), expected="numbers, text or dates")


def _spelled(value: object) -> str:
    """A category as text: 7 and 7.0 are both "7"."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return spelled(float(value))
    if isinstance(value, dt.date):
        return str(as_text(np.array([_time(value, 0, "category")], dtype=TIME))[0])
    return str(value)


def _times(series: Any) -> Array:
    import narwhals as nw

    zone = getattr(series.dtype, "time_zone", None)
    local = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zone else series.cast(nw.Datetime("us"))
    return local.to_numpy().astype(TIME)


def _objects(values: Sequence[object]) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
