"""What is said about the columns of a table."""

from __future__ import annotations

import numpy as np

from backgraph.data import Choices, Preparation, Table
from backgraph.data.summary import summary, summary_lines

TABLE = Table(
    {
        "age": np.array([20.0, 30.0, np.nan, 50.0]),
        "colour": np.array(["red", "", "blue", "red"], dtype=object),
        "since": np.array(["2020-01-01", "NaT", "2021-01-01", "2020-06-01"], dtype="datetime64[us]"),
        "same": np.ones(4),
        "empty": np.full(4, np.nan),
        "id\n": np.array(["a", "b", "c", "d"], dtype=object),
    }
)


MISSING = "; missing: the median, and a feature that says so"


def test_every_column_is_told() -> None:
    lines = summary_lines(summary(TABLE, Preparation.fit(TABLE, choices=Choices(drop=("id\n",)))))
    assert lines == [
        "column  holds    missing  values                   what is done",
        f"age     numbers  1        20 … 50                  (x − 30)/30, clipped smoothly{MISSING}",
        "colour  text     1        2: blue, red             a feature for each of 3 levels; unknown: zeros",
        f"since   dates    1        2020-01-01 … 2021-01-01  time since the median, place in the week, year{MISSING}",
        "same    numbers  0        1                        0, as it is constant",
        "empty   numbers  4        all missing              0, as it is constant, and whether it is missing",
        "id?     text     0        4: a, b, c, …            dropped",
    ]
