"""Indices outside their axis, given or computed: refused as the evaluator does, and what was trained is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler import call as calls
from backgraph.compiler.function import compile, specialised
from backgraph.compiler.guards import Guards
from backgraph.compiler.nest import Value
from backgraph.compiler.pipeline import lowered
from backgraph.errors import BackgraphError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.optim import SGD
from backgraph.train.engine import NumpyEngine
from backgraph.train.interrupt import Interrupt
from backgraph.train.native import NativeEngine
from backgraph.train.step import Step, training_step
from tests.compiler.programs import PROGRAMS
from tests.compiler.test_native_engine import assert_close, run

Case = tuple[Node, dict[Node, Array]]
NAN, INFINITY = float("nan"), float("inf")


def line(compute: Callable[[], Any]) -> str:
    with pytest.raises(BackgraphError) as caught:
        compute()
    return f"{type(caught.value).__name__} {caught.value}"


def table(dtype: str) -> Node:
    return bg.parameter("T", (7, 3), dtype)


def rows_of(dtype: str, *numbers: float) -> Case:
    T, x = table(dtype), bg.input("x", ("m",), dtype)
    return bg.take(T, bg.cast(x, "int64")), {T: np.ones((7, 3), dtype), x: np.array(numbers, dtype)}


def slope_of_rows(dtype: str, *numbers: float) -> Case:
    taken, values = rows_of(dtype, *numbers)
    T = next(iter(values))
    return bg.gradient(bg.sum(bg.exp(taken)), [T]).nodes[0], values


def hot(dtype: str, *numbers: float) -> Case:
    x = bg.input("x", ("m",), dtype)
    return bg.one_hot(bg.cast(x * 1.5, "int64"), 5, dtype), {x: np.array(numbers, dtype) / 1.5}


def entropy(dtype: str, *numbers: float) -> Case:
    U, x = bg.parameter("U", (len(numbers), 4), dtype), bg.input("x", (len(numbers),), dtype)
    return bg.cross_entropy(U, bg.cast(x, "int64")), {U: np.ones(U.shape, dtype), x: np.array(numbers, dtype)}  # type: ignore[arg-type]


def of_a_matrix(dtype: str, *numbers: float) -> Case:
    T, x = table(dtype), bg.input("x", ("m", 2), dtype)
    rows = np.array([[0, 1], *([n, 2] for n in numbers)], dtype)
    return bg.take(T, bg.transpose(bg.cast(x, "int64"))), {T: np.ones((7, 3), dtype), x: rows}


def of_a_scalar(dtype: str, *numbers: float) -> Case:
    T, x = table(dtype), bg.input("x", (), dtype)
    return bg.take(T, bg.cast(x, "int64")), {T: np.ones((7, 3), dtype), x: np.array(numbers[-1], dtype)}


def of_rows_of_the_batch(dtype: str, *numbers: float) -> Case:
    """The table is as long as the batch."""
    X, x = bg.input("X", ("m", 2), dtype), bg.input("x", ("m",), dtype)
    return bg.take(X, bg.cast(x, "int64")), {X: np.ones((len(numbers), 2), dtype), x: np.array(numbers, dtype)}


def of_an_argmax(dtype: str, *numbers: float) -> Case:
    """The last of 3 is none of 2."""
    x = bg.input("x", (3,), dtype)
    return bg.one_hot(bg.argmax(x, axis=0), 2, dtype), {x: np.array([0, 0.5, abs(numbers[-1])], dtype)}


def given_labels(dtype: str, *numbers: float) -> Case:
    y = bg.labels("y")
    return bg.one_hot(y, 5, dtype), {y: np.array([n if np.isfinite(n) else -1 for n in numbers]).astype("int64")}


def part_of_given(dtype: str, *numbers: float) -> Case:
    """Only the column that is used counts."""
    Y, T = bg.input("Y", ("m", 2), "int64"), table(dtype)
    whole = [int(n) if np.isfinite(n) else -1 for n in numbers]
    return bg.take(T, Y[:, 1]), {T: np.ones((7, 3), dtype), Y: np.array([[99, n] for n in whole])}


def written_down(dtype: str, *numbers: float) -> Case:
    T = table(dtype)
    return bg.take(T, bg.constant(np.array(given_labels(dtype, *numbers)[1].popitem()[1]))), {T: np.ones((7, 3), dtype)}


CASES: dict[str, Callable[..., Case]] = {
    each.__name__: each
    for each in (
        rows_of, slope_of_rows, hot, entropy, of_a_matrix, of_a_scalar, of_rows_of_the_batch, of_an_argmax,
        given_labels, part_of_given, written_down,
    )
}  # fmt: skip
BAD: list[tuple[float, ...]] = [
    (1, 0, 9),
    (0, -1, 1, 8),
    (0, 1, NAN),
    (2, INFINITY),
    (*range(2), *[1] * 40, -3, 77, -4),
]
GOOD: tuple[float, ...] = (1, 0, 1, 0)


@pytest.fixture(autouse=True)
def many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)


@pytest.mark.parametrize(
    ("dtype", "threads"),
    [
        ("float64", 1),
        ("float32", 2),
        pytest.param("float64", 2, marks=pytest.mark.slow),
        pytest.param("float32", 1, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", CASES)
def test_the_line_of_the_evaluator(name: str, dtype: str, threads: int) -> None:
    fine, values = CASES[name](dtype, *GOOD)
    f = compile(list(values), fine, threads=threads)
    np.testing.assert_allclose(f(*values.values()), bg.evaluate(fine, values), rtol=1e-6)
    for numbers in BAD:
        node, bad = CASES[name](dtype, *numbers)
        expected = line(lambda: bg.evaluate(node, bad))  # noqa: B023
        assert "BG103" in expected or "BG206" in expected
        assert line(lambda: compile(list(bad), node, threads=threads)(*bad.values())) == expected  # noqa: B023


def test_one_function_goes_on_after_a_bad_index() -> None:
    node, values = rows_of("float64", *GOOD)
    f = compile(list(values), node)
    T = np.ones((7, 3))
    for _ in range(3):
        assert "got 9 at [2]" in line(lambda: f(T, np.array([1.0, 0, 9])))
        assert f(T, np.array([1.0, 0])).tolist() == [[1, 1, 1]] * 2
        assert f(T, np.array([])).shape == (0, 3)


@pytest.mark.parametrize("level", [0, 3])
def test_under_a_budget_and_at_any_level(level: int) -> None:
    """Rows go in blocks; the indices of all of them are looked at."""
    T, X = table("float64"), bg.input("X", ("m", 40))
    x = bg.sum(X, axis=1)
    cost = bg.sum(bg.sin(bg.take(T, bg.cast(x, "int64"))))
    f = compile([T, X], [cost, bg.gradient(cost, [T]).nodes[0]], memory="1MiB", level=level)
    rows = np.zeros((3000, 40))
    rows[:, 7] = np.arange(3000) % 7
    expected = bg.evaluate(cost, {T: np.ones((7, 3)), X: rows})
    np.testing.assert_allclose(f(np.ones((7, 3)), rows)[0], expected, rtol=1e-12)
    rows[2750, 3] = 5e9
    assert "at [2750]" in line(lambda: f(np.ones((7, 3)), rows))


def test_what_is_computed_from_no_number_costs_nothing() -> None:
    """Only what an operation may put outside is looked at in native code."""
    for build in PROGRAMS.values():
        outputs, values = build()
        if build.__name__ != "rows_computed":
            assert not guards_of(outputs, values).values
    x = bg.input("x", (5, 3))
    inside = [bg.one_hot(bg.argmax(x, axis=1), 3), bg.one_hot(bg.cast(x > 0, "int64"), 2)]
    assert not guards_of(inside, {x: np.ones((5, 3))}).values
    taken, values = slope_of_rows("float64", *GOOD)
    assert len(guards_of([taken, taken.inputs[0]], values).computed) == 1, "one for the rows and their gradient"


def guards_of(outputs: Sequence[Node], values: dict[Node, Array]) -> Guards:
    outs, leaves = specialised(outputs, list(values), {})
    arguments = {new: Value(str(new.op), new.shape, new.dtype, "argument") for new in leaves.values()}  # type: ignore[arg-type]
    return lowered(outs, arguments, {})[1]


def drifting(dtype: str, rate: float) -> tuple[Step, list[Array], dict[Node, Array]]:
    """The rows taken depend on a weight that moves by `rate` at every step: sooner or later there is no such row."""
    s, w, T = bg.input("s", ("m",), dtype), bg.parameter("w", (), dtype), bg.parameter("T", (9, 2), dtype)
    places = bg.cast(s + w, "int64")
    cost = -w + bg.mean(bg.take(T, places) ** 2) + bg.mean(bg.sum(bg.one_hot(places, 12, dtype), axis=1))
    step = training_step(cost, [w, T], SGD(learning_rate=rate))
    variables = step.arrays({w: np.zeros((), dtype), T: np.full((9, 2), 0.5, dtype)})
    return step, variables, {s: (np.arange(40) % 3).astype(dtype)}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.5, 3.0, 20.0])
def test_training_stops_at_the_step_as_the_reference_does(rate: float, dtype: str, threads: int) -> None:
    step, variables, data = drifting(dtype, rate)
    index, scalars = np.arange(400).reshape(50, 8) % 40, step.schedule(0, 50)
    results: list[tuple[str, list[Array]]] = []
    for engine in (NumpyEngine(), NativeEngine(threads)):
        own = [array.copy() for array in variables]
        options: Any = {"index": index, "scalars": scalars, "interrupt": Interrupt()}
        results.append((line(lambda: engine.run(step, own, data, **options)), own))  # noqa: B023
    (expected, theirs), (found, ours) = results
    assert found == expected
    assert "BG103" in found
    assert_close((np.empty(0), ours), (np.empty(0), theirs), 1e-6 if dtype == "float32" else 1e-12)


def test_divergence_before_a_bad_index_is_divergence() -> None:
    """w grows to infinity, and infinity is no row; the step before has that infinity, so it is not done."""
    w, T, s = bg.parameter("w", (), "float32"), bg.parameter("T", (3, 2), "float32"), bg.input("s", ("m",), "float32")
    cost = bg.sum(w**4) + bg.sum(bg.take(T, bg.cast(w * 1e-30 + s, "int64")))
    step = training_step(cost, [w, T], SGD(learning_rate=1.0))
    variables = step.arrays({w: np.array(3, "f4"), T: np.ones((3, 2), "f4")})
    data, index = {s: np.zeros(4, "f4")}, np.zeros((30, 2), "int64")
    ours = run(NativeEngine(), step, variables, data, index)
    with np.errstate(all="ignore"):
        theirs = run(NumpyEngine(), step, variables, data, index)
    assert 0 < len(ours[0]) == len(theirs[0]) < 30
    assert_close(ours, theirs, 1e-5)


def test_a_label_of_the_data_is_refused_before_a_step() -> None:
    X, y, W = bg.input("X", ("m", 2)), bg.labels("y"), bg.parameter("W", (2, 3))
    step = training_step(bg.cross_entropy(X @ W, y), [W], SGD(learning_rate=0.1))
    variables = step.arrays({W: np.ones((2, 3))})
    data = {X: np.ones((9, 2)), y: np.array([0, 1, 2, 0, 1, 2, 0, 1, 7])}
    index = np.arange(8).reshape(2, 4)
    losses, _ = run(NativeEngine(), step, variables, data, index)
    assert len(losses) == 2, "the bad label is in no minibatch"
    with pytest.raises(BackgraphError, match=r"BG206.*got 7"):
        run(NativeEngine(), step, variables, data, index + 1)


def test_columns_of_labels_have_ranges_of_their_own() -> None:
    """Two embeddings from one table of codes: what is too much for the one may be right for the other."""
    Y, A, B = bg.input("Y", ("m", 2), "int64"), bg.parameter("A", (3, 2)), bg.parameter("B", (50, 2))
    step = training_step(bg.mean(bg.take(A, Y[:, 0]) * bg.take(B, Y[:, 1])), [A, B], SGD(learning_rate=0.1))
    variables = step.arrays({A: np.ones((3, 2)), B: np.ones((50, 2))})
    data = {Y: np.array([[0, 49], [2, 3], [1, 17]])}
    index = np.array([[0, 1], [2, 0]])
    assert_close(
        run(NativeEngine(), step, variables, data, index), run(NumpyEngine(), step, variables, data, index), 1e-12
    )
    data[Y][2, 0] = 3
    with pytest.raises(BackgraphError, match=r"BG103.*got 3"):
        run(NativeEngine(), step, variables, data, index)
