"""Labels: any type that is one, refused at the row that is none; targets come back from their standardised form."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph.data import Classes, Targets
from backgraph.errors import BackgraphError, DataError, FileError

LABELS = st.one_of(
    st.lists(st.integers(-(2**70), 2**70), min_size=1),
    st.lists(st.text(min_size=1), min_size=1),
    st.lists(st.booleans(), min_size=1),
)


@given(LABELS)
def test_there_and_back(labels: list[Any]) -> None:
    classes = Classes.fit(labels)
    indices = classes.indices(labels)
    assert list(classes.labels) == sorted(set(labels))
    assert classes.of(indices).tolist() == labels
    assert Classes.from_json(json.loads(json.dumps(classes.to_json()))) == classes


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (np.array([2.0, 0.0, 2.0]), (0, 2)),
        (np.array([3, 1], dtype=np.uint8), (1, 3)),
        (np.array([True, False]), (False, True)),
        (np.array(["b", "a"]), ("a", "b")),
        (np.array(["b", "a"], dtype=object), ("a", "b")),
        ([np.int64(5), 5], (5,)),
        ((-1, 1), (-1, 1)),
    ],
)
def test_labels_of_every_type(values: Any, labels: tuple[Any, ...]) -> None:
    classes = Classes.fit(values)
    assert classes.labels == labels
    assert [type(label) for label in classes.labels] == [type(label) for label in labels]


BAD: dict[str, tuple[Any, str, str]] = {
    "NaN": ([1.0, float("nan")], "BG206", "row 1: is missing"),
    "None": (["a", None], "BG206", "row 1: is missing"),
    "empty text": (["a", ""], "BG206", "row 1: is missing"),
    "fraction": ([1.0, 2.5], "BG206", "row 1: is no label; got 2.5"),
    "infinite": ([1.0, float("inf")], "BG206", "row 1"),
    "text and numbers": (["a", 1], "BG206", "row 1: is of another type; got 1, expected text"),
    "truth and numbers": ([True, 1], "BG206", "row 1: is of another type"),
    "complex": ([1j], "BG206", "row 0"),
    "lists": ([[1], [2]], "BG206", "row 0"),
    "a column": (np.zeros((3, 1)), "BG207", "y.ravel()"),
    "one-hot": (np.eye(3), "BG207", "(3, 3)"),
    "nothing": ([], "BG201", "no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_labels_are_refused(name: str) -> None:
    values, code, part = BAD[name]
    with pytest.raises(BackgraphError) as caught:
        Classes.fit(values)
    assert (caught.value.code, part in str(caught.value)) == (code, True), str(caught.value)


@pytest.mark.parametrize("values", [["c"], [0], [True], ["a", "b", "z"]])
def test_an_unseen_class_is_refused(values: list[Any]) -> None:
    with pytest.raises(DataError, match=r"BG206.*row \d: is no class.*expected a, b"):
        Classes.fit(["a", "b"]).indices(values)


def test_true_is_not_1() -> None:
    with pytest.raises(DataError, match="BG206"):
        Classes.fit([0, 1]).indices([True])


@pytest.mark.parametrize("data", [{}, {"labels": 3}, {"labels": [1.5]}, {"labels": [None]}])
def test_damaged_classes_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(FileError, match="BG502"):
        Classes.from_json(data)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=1, max_size=10))
def test_targets_come_back(values: list[tuple[float, float]]) -> None:
    targets = Targets.fit(values)
    again = Targets.from_json(json.loads(json.dumps(targets.to_json())))
    assert again == targets
    standardised = targets.apply(values)
    assert targets.restore(standardised) == pytest.approx(np.array(values), rel=1e-9, abs=1e-6)


def test_a_target_without_variance() -> None:
    targets = Targets.fit([0.1] * 10)
    assert targets.apply([0.1, 5.0]).tolist() == [[0], [0]]
    assert targets.restore([[7.0]]).tolist() == [[0.1]]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1.0, float("nan")], "BG206"),
        ([1.0, float("inf")], "BG206"),
        (["a"], "BG206"),
        (np.zeros((2, 2, 2)), "BG207"),
        ([], "BG201"),
        ([[1.0], [1.0, 2.0]], "BG206"),
    ],
)
def test_bad_targets_are_refused(values: Any, code: str) -> None:
    with pytest.raises(DataError, match=code):
        Targets.fit(values)


def test_another_number_of_targets() -> None:
    with pytest.raises(DataError, match=r"BG207.*got 2, expected 1"):
        Targets.fit([1.0, 2.0]).apply([[1.0, 2.0]])


@pytest.mark.parametrize("data", [{}, {"mean": [1]}, {"mean": ["x"], "scale": [1]}, {"mean": 1, "scale": 1}])
def test_damaged_targets_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(FileError, match="BG502"):
        Targets.from_json(data)
