"""What is said about the columns of a table."""

from __future__ import annotations

import numpy as np
import pytest

from backgraph.data import Choices, Preparation, Table
from backgraph.data.summary import summary, summary_lines
from backgraph.data.table import truths_from

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


LOOKS = {
    "dates": [
        ["31.12.2021", "1.1.2022"],
        ["12/31/2021", "01/05/22"],
        ["2021/12/31"],
        ["31 Dec 2021", "5 January 2022"],
    ],
    "amounts": [["$44.72", "$1,200"], ["45%", "3.5 %"], ["12 EUR", "7,50 €"], ["-£3", "USD 12"]],
}


@pytest.mark.parametrize(("kind", "levels"), [(kind, levels) for kind in LOOKS for levels in LOOKS[kind]])
def test_text_that_looks_like_something_else_is_remarked(kind: str, levels: list[str]) -> None:
    table = Table({"a": np.array([*levels * 3, ""], dtype=object)})
    (found,) = summary(table, Preparation.fit(table))
    assert found.remark.startswith(f"they look like {kind}: ")
    assert found.done == f"{found.treatment}; {found.remark}"


@pytest.mark.parametrize(
    "levels",
    [
        ["a1", "b2"],
        ["Elm Street 5"],
        ["10-20", "20-30"],
        ["2021"],
        ["A"],
        ["1.2.3", "x"],
        ["BMW 320"],
        ["Room 2021"],
        [""],
    ],
)
def test_other_text_is_not_remarked(levels: list[str]) -> None:
    table = Table({"a": np.array(levels * 3, dtype=object)})
    assert [each.remark for each in summary(table, Preparation.fit(table))] == [""]


def test_truth_values_are_told() -> None:
    table = Table({"ok": truths_from([True, False, None])})
    (found,) = summary(table, Preparation.fit(table))
    assert (found.holds, found.missing, found.values) == ("truth values", 1, "2: False, True")
    assert found.done.startswith("True is 1, False is 0; ")
