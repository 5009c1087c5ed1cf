"""Preparing: fitted on the training rows, finite whatever comes, the same bits after a trip through JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph.data import Preparation, Table
from backgraph.data.prepare import MAXIMUM_LEVELS, TRANSFORMS, centre_and_scale
from backgraph.errors import DataError, FileError

FINITE = st.floats(allow_nan=False, allow_infinity=False)
CELL = st.none() | FINITE
LEVEL = st.text(max_size=3)


def numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def texts(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=object)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, Table]:
    """A training table and another one with the same columns."""
    kinds = draw(st.lists(st.sampled_from([CELL, LEVEL]), min_size=1, max_size=4))

    def table() -> Table:
        rows = draw(st.integers(1, 8))
        columns = [draw(st.lists(kind, min_size=rows, max_size=rows)) for kind in kinds]
        make = [numbers if kind is CELL else texts for kind in kinds]
        return Table({f"c{index}": make[index](values) for index, values in enumerate(columns)})

    return table(), table()


@given(tables())
def test_the_matrix_is_finite_and_named(pair: tuple[Table, Table]) -> None:
    preparation = Preparation.fit(pair[0])
    for table in pair:
        matrix = preparation.matrix(table)
        assert matrix.shape == (table.n_rows, len(preparation.features))
        assert np.isfinite(matrix).all()
    assert len(set(preparation.features)) == len(preparation.features)


@given(tables())
def test_json_keeps_every_bit(pair: tuple[Table, Table]) -> None:
    preparation = Preparation.fit(pair[0])
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json(), allow_nan=False)))
    assert again == preparation
    assert again.matrix(pair[1]).tobytes() == preparation.matrix(pair[1]).tobytes()


@given(tables())
def test_rows_are_prepared_one_by_one(pair: tuple[Table, Table]) -> None:
    preparation, table = Preparation.fit(pair[0]), pair[1]
    whole = preparation.matrix(table)
    for row in range(table.n_rows):
        assert preparation.matrix(table.rows([row])).tobytes() == whole[row : row + 1].tobytes()


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_standardised_columns_have_mean_0_and_deviation_1(values: list[float]) -> None:
    column = np.array(values)
    feature = Preparation.fit(Table({"x": column})).matrix(Table({"x": column}))[:, 0]
    if np.ptp(column) > 1e-6 * np.abs(column).max():
        assert abs(feature.mean()) < 1e-6
        assert feature.std() == pytest.approx(1, rel=1e-6)


@given(FINITE, st.integers(1, 20))
def test_a_column_without_variance_is_0(value: float, rows: int) -> None:
    table = Table({"x": np.full(rows, value)})
    preparation = Preparation.fit(table)
    assert not preparation.matrix(table).any()
    assert not preparation.matrix(Table({"x": np.array([value + 1.0])})).any()


@pytest.mark.parametrize("values", [[1e308, -1e308], [1e200, 2e200], [5e-324, 0.0], [1e-200, 3e-200]])
def test_extreme_numbers_neither_overflow_nor_warn(values: list[float]) -> None:
    table = Table({"x": np.array(values)})
    feature = Preparation.fit(table).matrix(table)[:, 0]
    assert np.abs(feature) == pytest.approx([1, 1]) or not feature.any()
    assert np.isfinite(Preparation.fit(table).matrix(Table({"x": np.array([-1.7e308])}))).all()


def test_missing_numbers_become_the_median_and_say_so() -> None:
    preparation = Preparation.fit(Table({"x": numbers([1, 2, 100, None])}))
    assert preparation.features == ("x", "x is missing")
    matrix = preparation.matrix(Table({"x": numbers([None, 2])}))
    assert matrix[0, 0] == matrix[1, 0]
    assert matrix[:, 1].tolist() == [1, 0]


def test_without_missing_training_numbers_there_is_no_indicator() -> None:
    preparation = Preparation.fit(Table({"x": numbers([1, 2, 3])}))
    assert preparation.features == ("x",)
    assert (
        preparation.matrix(Table({"x": numbers([None])})).tolist()
        == preparation.matrix(Table({"x": numbers([2])})).tolist()
    )


def test_all_missing() -> None:
    preparation = Preparation.fit(Table({"x": numbers([None, None])}))
    assert preparation.matrix(Table({"x": numbers([None, 7])})).tolist() == [[0, 1], [0, 0]]


def test_levels_are_one_hot_and_unknown_ones_zeros() -> None:
    preparation = Preparation.fit(Table({"c": texts(["red", "blue", "", "red"])}))
    assert preparation.features == ("c=", "c=blue", "c=red")
    assert preparation.matrix(Table({"c": texts(["red", "", "green"])})).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert preparation.matrix(Table({"c": numbers([None])})).tolist() == [[1, 0, 0]]


def test_the_most_frequent_levels_are_kept() -> None:
    values = [f"l{level:02}" for level in range(12) for _ in range(level + 1)]
    preparation = Preparation.fit(Table({"c": texts(values)}))
    assert preparation.features == tuple(f"c=l{level:02}" for level in range(12 - MAXIMUM_LEVELS, 12))


def test_only_its_columns_are_looked_at() -> None:
    preparation = Preparation.fit(Table({"x": numbers([1, 2])}))
    assert preparation.matrix(Table({"y": texts(["a"]), "x": numbers([1])})).shape == (1, 1)
    with pytest.raises(DataError, match="BG202"):
        preparation.matrix(Table({"y": numbers([1])}))


def test_other_kinds_of_columns_are_refused() -> None:
    with pytest.raises(DataError, match=r"BG203.*has text; expected numbers"):
        Preparation.fit(Table({"x": numbers([1])})).matrix(Table({"x": texts(["a"])}))
    with pytest.raises(DataError, match=r"BG203.*has numbers; expected text.*text=\['x'\]"):
        Preparation.fit(Table({"x": texts(["a"])})).matrix(Table({"x": numbers([1])}))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"transforms": []},
        {"transforms": [{"kind": "os.system", "column": "x"}]},
        {"transforms": [{"column": "x"}]},
        {"transforms": [{"kind": "standardize", "column": "x"}]},
        {"transforms": [{"kind": "one-hot", "column": "x", "levels": ["a"], "more": 1}]},
    ],
)
def test_damaged_json_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(FileError, match="BG502"):
        Preparation.from_json(data)


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_every_transform_is_in_the_table_by_its_kind(kind: str) -> None:
    assert TRANSFORMS[kind].kind == kind


def test_the_mean_of_tenths_is_exact() -> None:
    assert centre_and_scale(np.full(10, 0.1)) == (0.1, 0.0)
    assert centre_and_scale(np.zeros(0)) == (0.0, 0.0)
