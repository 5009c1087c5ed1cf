"""Tables: immutable, named columns of one length."""

from __future__ import annotations

import numpy as np
import pytest

from backgraph.data import Table
from backgraph.data.table import LINE, Numbering, kind_of, missing_in, truths_from
from backgraph.errors import DataError

TABLE = Table({"age": np.array([1.0, 2.0, 3.0]), "name": np.array(["a", "b", "c"], dtype=object)}, "t.csv")


def test_columns_rows_and_selections() -> None:
    assert (TABLE.names, TABLE.n_rows, len(TABLE)) == (("age", "name"), 3, 3)
    assert TABLE.select(["name"]).names == ("name",)
    assert TABLE.drop(["name"]).names == ("age",)
    assert TABLE.rows([2, 0, 2]).column("age").tolist() == [3, 1, 3]


@pytest.mark.parametrize("ask", [TABLE.column, lambda name: TABLE.select([name]), lambda name: TABLE.drop([name])])
def test_an_absent_column_is_refused_with_the_closest(ask) -> None:
    with pytest.raises(
        DataError, match=r"BG202\] t\.csv: .*got agee, expected one of 2 columns: age, name\. did you mean age\?"
    ):
        ask("agee")


def test_columns_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TABLE.column("age")[0] = 5


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({}, "BG201"),
        ({"a": np.zeros(0)}, "BG201"),
        ({"a": np.zeros(2), "b": np.zeros(3)}, "BG207"),
    ],
)
def test_what_is_no_table_is_refused(columns: dict[str, np.ndarray], code: str) -> None:
    with pytest.raises(DataError, match=code):
        Table(columns)


def test_rows_are_told_as_they_are_numbered() -> None:
    assert TABLE.cells("age").row(1) == "t.csv: column 'age', row 1"
    lines = Table({"age": np.arange(4.0)}, "t.csv", numbering=Numbering(LINE, range(2, 6)))
    assert lines.cells("age").row(1) == "t.csv:3: column 'age'"
    some = lines.rows([3, 1]).select(["age"])
    assert [some.cells("age").row(row) for row in range(2)] == ["t.csv:5: column 'age'", "t.csv:3: column 'age'"]
    assert some.rows([1]).cells("age").row(0) == "t.csv:3: column 'age'"


def test_truth_values() -> None:
    table = Table({"ok": truths_from([True, None, False]), "all": truths_from([True, False, True])})
    assert {kind_of(table.column(name)) for name in table.names} == {"truth values"}
    assert missing_in(table.column("ok")).tolist() == [False, True, False]
    assert table.target("ok").tolist() == [True, None, False]
    assert table.target("all").dtype == bool
