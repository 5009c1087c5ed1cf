"""What `fit` is given: X, y and weights, validated, without rows of weight 0."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import (
    _check_sample_weight,  # pyright: ignore[reportPrivateUsage]  (what every estimator uses)
    check_consistent_length,
)

from backgraph.errors import DataError
from backgraph.language.op import Array
from backgraph.sklearn.tables import checked, rows_of


class Given(NamedTuple):
    """X (an array or a data frame), y, and weights where there are any."""

    X: Any
    y: Array
    weights: Array | None

    def rows(self, chosen: Array) -> Given:
        """Some of the rows."""
        return Given(rows_of(self.X, chosen), self.y[chosen], None if self.weights is None else self.weights[chosen])


def given_of(estimator: Any, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Given:
    """X, y (rows, or rows × outputs) and weights (rows) of an estimator; `reset`: its columns are not known before.

    Raises ValueError and TypeError as scikit-learn does, DataError BG206 where no weight is above 0.
    """
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    rows = checked(estimator, X, reset=reset)
    y = estimator._checked_y(y)
    check_consistent_length(rows, y)
    if sample_weight is None:
        return Given(rows, y, None)
    weights = _check_sample_weight(sample_weight, np.zeros((len(y), 1)), ensure_non_negative=True)
    if not weights.any():
        raise DataError("BG206", "sample_weight", "has no weight above 0")
    return Given(rows, y, weights).rows(np.flatnonzero(weights))
