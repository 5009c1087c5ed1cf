"""What estimators are given as X: arrays, or data frames with categories and missing values.

An array is validated by scikit-learn; a data frame whose columns are to be prepared is taken as it is, after its names
and their number have been compared with those of fit. Both end as a design matrix and codes of embedded columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from backgraph.data.frames import table_from
from backgraph.data.prepare import Choices, Preparation
from backgraph.data.table import Table
from backgraph.errors import UsageError
from backgraph.language.op import Array

PREPARATIONS = ("auto", None)


def is_frame(X: object) -> bool:
    """Whether X is a data frame of any library that narwhals knows, or a Table."""
    if isinstance(X, (np.ndarray, list, tuple)):
        return False
    if isinstance(X, Table):
        return True
    from narwhals.dependencies import is_into_dataframe

    return bool(is_into_dataframe(X))


def checked(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X as an array of floats, or the data frame that it is. Raises ValueError and TypeError as scikit-learn does."""
    if estimator.preparation not in PREPARATIONS:
        got = estimator.preparation
        raise UsageError("BG601", "preparation", "unknown", got=got, expected='"auto" or None')
    if estimator.preparation is not None and is_frame(X):
        return _frame(estimator, X, reset=reset)
    finite = "allow-nan" if estimator.preparation is not None else True
    return validate_data(estimator, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite=finite)


def _frame(estimator: Any, X: Any, *, reset: bool) -> Any:
    return validate_data(estimator, X, reset=reset, skip_check_array=True)


def dtype_of(X: Any) -> str:
    """That of an array; float32 for a data frame, whose numbers are scaled to a few units before the network."""
    return X.dtype.name if isinstance(X, np.ndarray) else "float32"


def as_table(X: Any) -> Table:
    """X as named columns; those of an array are called x0, x1, …."""
    if isinstance(X, np.ndarray):
        columns = {f"x{place}": np.asarray(X[:, place], "float64") for place in range(X.shape[1])}
        return Table(columns, "X", named=False)
    return table_from(X)


def choices(table: Table, categorical: Sequence[Any] | None) -> Choices:
    """Which columns are categories: by name, by place, or as a mask."""
    if categorical is None:
        return Choices()
    listed = list(categorical)
    if listed and all(isinstance(each, (bool, np.bool_)) for each in listed):
        listed = [place for place, chosen in enumerate(listed) if chosen]
    return Choices(tuple(each if isinstance(each, str) else table.names[int(each)] for each in listed))


def design_matrix(X: Any, preparation: Preparation | None) -> tuple[Array, Array | None]:
    """X (rows × features) and the codes (rows × embeddings) of what `checked` returned."""
    if preparation is None:
        return X, None
    table = as_table(X)
    return preparation.matrix(table), preparation.codes(table) if preparation.embeddings else None


def rows_of(X: Any, chosen: Array) -> Any:
    """Some rows of what `checked` returned."""
    if isinstance(X, (np.ndarray, Table)):
        return X[chosen] if isinstance(X, np.ndarray) else X.rows(chosen)
    import narwhals as nw

    return nw.from_native(X, eager_only=True)[chosen].to_native()
