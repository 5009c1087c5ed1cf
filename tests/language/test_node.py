"""Interning: equal expressions are one object, and nothing leaks."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import backgraph as bg
from backgraph.errors import UsageError
from backgraph.language.node import Node, interned_count


def test_equal_expressions_are_one_object() -> None:
    x = bg.input("x", (3,))
    assert bg.tanh(x * 2 + 1) is bg.tanh(x * 2 + 1)
    assert bg.softmax(x) is bg.softmax(x)
    assert x[0:2] is x[:2]
    assert x * 2 is not x * 3


def test_leaves_of_one_name_are_two() -> None:
    assert bg.input("x", (3,)) is not bg.input("x", (3,))


def test_numbers_differ_by_type_and_bits() -> None:
    numbers = [bg.constant(v) for v in (1, 1.0, True, 0.0, -0.0)] + [bg.constant(1.0, "float32")]
    assert len(set(numbers)) == len(numbers)
    x = bg.input("x")
    assert x * 0.0 is not x * -0.0
    assert x * 1 is x * 1.0  # a weak number takes the dtype of the other operand
    assert bg.constant(np.nan) is bg.constant(np.nan)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_constants_are_numbers_and_not_bytes(dtype: str) -> None:
    """Of whatever order those are in memory."""
    array = np.arange(6).reshape(2, 3).astype(dtype)
    swapped = array.astype(array.dtype.newbyteorder())
    assert bg.constant(swapped) is bg.constant(array) is bg.constant(np.asfortranarray(array))


def test_nothing_leaks() -> None:
    gc.collect()
    before = interned_count()
    x = bg.input("x", (4,))
    cost = bg.sum(bg.tanh(x * 0.123) + 0.456)
    slopes = bg.gradient(cost, x)
    assert interned_count() > before
    del x, cost, slopes
    gc.collect()
    assert interned_count() == before


def test_threads_get_the_same_node() -> None:
    x = bg.input("x", (2,))
    found: list[Node] = []
    barrier = threading.Barrier(8)

    def build() -> None:
        barrier.wait()
        node = x
        for i in range(200):
            node = bg.sin(node + i)
        found.append(node)

    threads = [threading.Thread(target=build) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_nodes_are_immutable_and_have_no_truth() -> None:
    x = bg.input("x", (2,))
    with pytest.raises(AttributeError, match="immutable"):
        x.shape = ()  # type: ignore[misc]
    with pytest.raises(bg.BackgraphError, match="truth value"):
        bool(x > 0)
    with pytest.raises(bg.BackgraphError, match="iterated"):
        iter(x)


@pytest.mark.parametrize(
    "operation", ["a + b", "a - b", "a * b", "a / b", "a ** b", "a > b", "a >= b", "a < b", "a <= b"]
)
def test_operators_mean_what_numpy_means(operation: str) -> None:
    a, b = bg.input("a", (2, 3)), bg.input("b", (3,))
    nodes = {"a": a, "b": b}
    values = {"a": np.array([[1.0, 2, 3], [3, 2, 1]]), "b": np.array([1.0, 2.5, 2])}
    np.testing.assert_allclose(bg.evaluate(eval(operation, {}, nodes), values), eval(operation, {}, values))
    for name, number in (("a", 2), ("b", 1.5)):
        right = eval(operation, {}, {**values, name: number})
        left = {key: value for key, value in values.items() if key != name}
        np.testing.assert_allclose(bg.evaluate(eval(operation, {}, {**nodes, name: number}), left), right)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.5, -1, -2, 1.7])
def test_powers(exponent: float) -> None:
    x = bg.input("x", (3,))
    values = np.array([0.5, 1.0, 2.0])
    np.testing.assert_allclose(bg.evaluate(x**exponent, {x: values}), values**exponent, rtol=1e-15)
    assert bg.check_gradient(bg.sum(x**exponent + 0 * x), x, {x: values}).passed


def test_an_array_beside_a_node_is_refused_in_one_line() -> None:
    W = bg.parameter("W", (3, 2))
    for mistake in (lambda: np.ones((3, 2)) + W, lambda: np.ones((4, 3)) @ W, lambda: W @ np.ones((2, 2))):
        with pytest.raises(UsageError, match=r"wrap arrays in constant"):
            mistake()
