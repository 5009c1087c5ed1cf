"""Preparing: fitted on the training rows, finite whatever comes, the same bits after a trip through JSON."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph.data import Choices, Embedding, Preparation, Table
from backgraph.data.statistics import centre_and_range, centre_and_scale, quantiles, smooth_clip
from backgraph.data.table import truths_from
from backgraph.data.transforms import EMBEDDING_SIZE, MAXIMUM_ONE_HOT, TRANSFORMS
from backgraph.errors import BackgraphError, DataError, FileError

FINITE = st.floats(allow_nan=False, allow_infinity=False)
CELL = st.none() | FINITE
LEVEL = st.text(max_size=3)
MANY = st.sampled_from([f"{number:02}" for number in range(40)])
"""Levels enough for an embedding, where a table has rows enough."""
TIME = st.none() | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))


def numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def texts(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def times(values: list[Any]) -> np.ndarray:
    return np.array(values, dtype="datetime64[us]")


MAKE = {id(CELL): numbers, id(LEVEL): texts, id(MANY): texts, id(TIME): times}


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, Table]:
    """A training table and another one with the same columns."""
    kinds = draw(st.lists(st.sampled_from([CELL, LEVEL, MANY, TIME]), min_size=1, max_size=4))

    def table(most: int) -> Table:
        rows = draw(st.integers(1, most))
        columns = [draw(st.lists(kind, min_size=rows, max_size=rows)) for kind in kinds]
        return Table({f"c{index}": MAKE[id(kinds[index])](values) for index, values in enumerate(columns)})

    return table(25), table(8)


@given(tables())
def test_the_matrix_is_finite_and_named(pair: tuple[Table, Table]) -> None:
    preparation = Preparation.fit(pair[0])
    for table in pair:
        matrix = preparation.matrix(table)
        assert matrix.shape == (table.n_rows, len(preparation.features))
        assert np.isfinite(matrix).all()
        codes = preparation.codes(table)
        assert codes.shape == (table.n_rows, len(preparation.embeddings))
        for embedding, column in zip(preparation.embeddings, codes.T, strict=True):
            assert ((column >= 0) & (column < embedding.codes)).all()
    assert len(set(preparation.features)) == len(preparation.features)


@given(tables())
def test_json_keeps_every_bit(pair: tuple[Table, Table]) -> None:
    preparation = Preparation.fit(pair[0])
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json(), allow_nan=False)))
    assert again == preparation
    assert again.matrix(pair[1]).tobytes() == preparation.matrix(pair[1]).tobytes()
    assert again.codes(pair[1]).tobytes() == preparation.codes(pair[1]).tobytes()


@given(tables())
def test_rows_are_prepared_one_by_one(pair: tuple[Table, Table]) -> None:
    preparation, table = Preparation.fit(pair[0]), pair[1]
    whole = preparation.matrix(table)
    for row in range(table.n_rows):
        assert preparation.matrix(table.rows([row])).tobytes() == whole[row : row + 1].tobytes()


@given(tables(), st.data())
def test_weight_2_and_two_copies_learn_the_same(pair: tuple[Table, Table], data: st.DataObject) -> None:
    table, n = pair[0], pair[0].n_rows
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    if counts.any():
        copied = Preparation.fit(table.rows(np.repeat(np.arange(n), counts)))
        assert Preparation.fit(table, counts.astype(float)) == copied


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_robust_columns_have_median_0_and_lie_within_3(values: list[float]) -> None:
    column = np.array(values)
    feature = Preparation.fit(Table({"x": column})).matrix(Table({"x": column}))[:, 0]
    assert 0 in feature
    assert (np.abs(feature) <= 3).all()
    assert (np.diff(feature[np.argsort(column)]) >= 0).all()


def test_robust_scaling_by_hand() -> None:
    assert centre_and_range(np.array([1.0, 2.0, 3.0, 4.0, 1000.0])) == (3.0, 2.0)
    assert centre_and_range(np.array([5.0, 5.0, 5.0, 5.0, 9.0])) == (5.0, 2.0)
    assert smooth_clip(np.array([3.0])) == pytest.approx([3 / np.sqrt(2)])
    table = Table({"x": numbers([1, 2, 3, 4, 1000])})
    feature = Preparation.fit(table).matrix(table)[:, 0]
    assert feature.tolist() == smooth_clip(np.array([-1.0, -0.5, 0, 0.5, 498.5])).tolist()


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=9), st.sampled_from([0.25, 0.5, 0.75]))
def test_quantiles_are_the_least_value_with_enough_below(values: list[float], share: float) -> None:
    (found,) = quantiles(np.array(values), [share])
    enough = [value for value in values if sum(other <= value for other in values) >= share * len(values)]
    assert found == min(enough)


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
    assert 0.5 < np.ptp(feature) < 6 or not feature.any()
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


def levels(count: int, rows: int = 2) -> np.ndarray:
    return texts([f"l{level:02}" for level in range(count) for _ in range(rows)])


def test_one_hot_up_to_9_levels_then_an_embedding() -> None:
    assert len(Preparation.fit(Table({"c": levels(MAXIMUM_ONE_HOT)})).features) == MAXIMUM_ONE_HOT
    preparation = Preparation.fit(Table({"c": levels(MAXIMUM_ONE_HOT + 1)}))
    (embedding,) = preparation.embeddings
    assert (embedding.codes, embedding.size) == (MAXIMUM_ONE_HOT + 2, EMBEDDING_SIZE)
    assert preparation.features == ("nothing",)
    table = Table({"c": texts(["l00", "l09", "new", ""])})
    assert preparation.codes(table).tolist() == [[1], [10], [0], [0]]
    assert preparation.matrix(table).tolist() == [[0], [0], [0], [0]]


def test_rare_levels_share_code_0() -> None:
    column = texts([*levels(12).tolist(), "once", "l00"])
    assert isinstance(Preparation.fit(Table({"c": column})).transforms[0], Embedding)
    assert Preparation.fit(Table({"c": column})).codes(Table({"c": column}))[-2:].tolist() == [[0], [1]]


def test_text_that_never_repeats_is_left_out() -> None:
    preparation = Preparation.fit(Table({"id": levels(20, rows=1), "x": np.arange(20.0)}))
    assert preparation.features == ("x",)
    assert preparation.embeddings == ()


def test_dates_are_a_time_and_places_in_cycles() -> None:
    days = np.arange("2020-01-01", "2022-01-01", dtype="datetime64[D]").astype("datetime64[us]")
    preparation = Preparation.fit(Table({"d": days}))
    assert preparation.features == (
        "d",
        *(f"d: {wave} of the {cycle}" for cycle in ("week", "year") for wave in ("sine", "cosine")),
    )
    features = preparation.matrix(Table({"d": times(["2021-03-01", "2021-03-08"])}))
    assert features[0, 1:3] == pytest.approx(features[1, 1:3], abs=1e-9)
    assert features[1, 0] > features[0, 0]
    hours = Preparation.fit(Table({"d": times(["2020-01-01T03", "2020-01-01T15", None])}))
    assert hours.features == ("d", "d: sine of the day", "d: cosine of the day", "d is missing")


def test_choices_overrule_what_is_inferred() -> None:
    table = Table({"zip": numbers([101, 102, 101, None]), "size": texts(["1", "2.5", "", "3"]), "x": numbers([1] * 4)})
    choices = Choices(categorical=("zip",), numeric=("size",), drop=("x",))
    preparation = Preparation.fit(table, choices=choices)
    assert preparation.features == ("zip=", "zip=101", "zip=102", "size", "size is missing")
    text = Table({"size": numbers([1]), "zip": texts(["102"])})
    assert preparation.matrix(text)[0, :3].tolist() == [0, 0, 1]
    assert Preparation.from_json(json.loads(json.dumps(preparation.to_json()))) == preparation


@pytest.mark.parametrize(
    ("choices", "code", "part"),
    [
        (Choices(drop=("colour",)), "BG202", "did you mean color"),
        (Choices(categorical=("x",), drop=("x",)), "BG601", "another option"),
        (Choices(numeric=("color",)), "BG203", "row 1"),
        (Choices(drop=("color", "x")), "BG201", "no column left"),
    ],
)
def test_choices_that_do_not_fit(choices: Choices, code: str, part: str) -> None:
    table = Table({"color": texts(["1", "red"]), "x": numbers([1, 2])})
    with pytest.raises(BackgraphError, match=part) as caught:
        Preparation.fit(table, choices=choices)
    assert caught.value.code == code


def test_an_array_is_matched_by_place() -> None:
    table = Table({"a": numbers([1, 2, 3]), "b": numbers([4, 5, 9])})
    array = Table({"x0": table.column("a"), "x1": table.column("b")}, named=False)
    preparation = Preparation.fit(table)
    assert preparation.matrix(array).tobytes() == preparation.matrix(table).tobytes()
    swapped = table.select(["b", "a"])
    assert preparation.matrix(swapped).tobytes() == preparation.matrix(table).tobytes()
    with pytest.raises(DataError, match=r"BG207.*1 columns, expected 2"):
        preparation.matrix(array.drop(["x1"]))
    assert preparation.unused(Table({"a": numbers([1]), "c": numbers([1])})) == ("c",)


def test_only_its_columns_are_looked_at() -> None:
    preparation = Preparation.fit(Table({"x": numbers([1, 2])}))
    assert preparation.matrix(Table({"y": texts(["a"]), "x": numbers([1])})).shape == (1, 1)
    with pytest.raises(DataError, match="BG202"):
        preparation.matrix(Table({"y": numbers([1])}))


def test_other_kinds_of_columns_are_refused() -> None:
    with pytest.raises(DataError, match=r"BG203.*row 0: is not a number; got a, expected numbers"):
        Preparation.fit(Table({"x": numbers([1])})).matrix(Table({"x": texts(["a"])}))
    with pytest.raises(DataError, match=r"BG203.*has numbers; expected text.*text=\['x'\]"):
        Preparation.fit(Table({"x": texts(["a"])})).matrix(Table({"x": numbers([1])}))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"transforms": [], "seen": []},
        {"transforms": [{"kind": "os.system", "column": "x"}], "seen": []},
        {"transforms": [{"column": "x"}], "seen": []},
        {"transforms": [{"kind": "robust", "column": "x"}], "seen": []},
        {"transforms": [{"kind": "robust", "column": "x"}]},
        {"transforms": [{"kind": "one-hot", "column": "x", "levels": ["a"], "more": 1}], "seen": []},
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


def test_columns_that_are_not_there_are_named_together() -> None:
    table = Table({name: np.arange(4.0) for name in ("age", "size", "width", "deep")}, "train.csv")
    preparation = Preparation.fit(table)
    other = Table({"Size": np.arange(4.0), "age": np.arange(4.0), "deep": np.arange(4.0)}, "new.csv")
    with pytest.raises(DataError) as caught:
        preparation.matrix(other)
    assert str(caught.value) == (
        "error[BG202] new.csv: lacks 2 of the 4 columns that the model learnt from; expected size, width. "
        "did you mean Size?"
    )


def test_truth_values_are_numbers_and_levels() -> None:
    truths = Table({"ok": truths_from([True, False, None, True])})
    assert Preparation.fit(truths).features == ("ok", "ok is missing")
    as_numbers = Table({"ok": np.array([1, 0, np.nan, 1])})
    words = Table({"ok": np.array(["TRUE", "false", "", "True"], dtype=object)})
    for prepared in (Preparation.fit(truths), Preparation.fit(as_numbers)):
        matrices = [prepared.matrix(table).tobytes() for table in (truths, as_numbers, words)]
        assert len(set(matrices)) == 1
    levels = Preparation.fit(truths, choices=Choices(categorical=("ok",)))
    assert levels.features == ("ok=", "ok=False", "ok=True")
    assert levels.matrix(truths).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_what_is_neither_true_nor_false_is_found() -> None:
    prepared = Preparation.fit(Table({"ok": truths_from([True, False])}))
    new = Table({"ok": np.array(["True", "perhaps"], dtype=object)})
    with pytest.raises(DataError, match="row 1: is not a number; got perhaps"):
        prepared.matrix(new)


def test_levels_that_were_not_learnt_are_found() -> None:
    many = [f"street {i // 2}" for i in range(40)]
    table = Table({"kind": np.array(["a", "b"] * 20, dtype=object), "street": np.array(many, dtype=object)})
    prepared = Preparation.fit(table)
    assert prepared.unknown(table) == {}
    kinds, streets = ["a", "b ", "", "b "], ["street 1", "street 99", "", "street 2"]
    new = Table({"kind": np.array(kinds, dtype=object), "street": np.array(streets, dtype=object)})
    assert prepared.unknown(new) == {"kind": ["b ", "b "], "street": ["street 99"]}
