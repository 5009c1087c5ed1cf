"""Compiled functions as users call them: arguments, batches of any size, threads, forks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler import call as calls
from backgraph.compiler.function import KEPT, Function, compile
from backgraph.compiler.target import host_levels, host_target
from backgraph.errors import CalculusError, GraphError
from backgraph.evaluate import evaluate
from backgraph.language.node import Node
from backgraph.language.op import Array

ROWS = (1, 2, 15, 16, 17, 300, 3)


def network(dtype: str = "float64") -> tuple[list[Node], list[Node]]:
    """Inputs X, y, W1, W2; outputs H, cost and gradients."""
    X, y = bg.input("X", ("m", 19), dtype), bg.labels("y")
    W1, W2 = bg.parameter("W1", (19, 21), dtype), bg.parameter("W2", (21, 4), dtype)
    H = bg.tanh(X @ W1)
    J = bg.cross_entropy(H @ W2, y)
    return [X, y, W1, W2], [H, J, *bg.gradient(J, [W1, W2, X]).nodes]


def arrays(rows: int, dtype: str = "float64") -> list[Array]:
    r = np.random.default_rng(rows)
    X, W1, W2 = (r.normal(size=shape).astype(dtype) for shape in ((rows, 19), (19, 21), (21, 4)))
    return [X, r.integers(0, 4, rows), W1, W2]


def assert_same(found: list[Array], expected: list[Array]) -> None:
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype, a.tobytes()) == (b.shape, b.dtype, b.tobytes())


@pytest.fixture(scope="module")
def compiled() -> Function:
    return compile(*network())


def test_any_batch_on_one_program(compiled: Function) -> None:
    inputs, outputs = network()
    for rows in ROWS:
        values = arrays(rows)
        expected = evaluate(outputs, dict(zip(inputs, values, strict=True)))
        for a, b in zip(compiled(*values), expected, strict=True):
            assert (a.shape, a.dtype) == (np.shape(b), np.asarray(b).dtype)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert len(compiled.programs) == 1


def test_a_row_alone_is_the_row_in_its_batch() -> None:
    inputs, outputs = network("float32")
    forward = compile([inputs[0], inputs[2]], outputs[0])
    X, _, W1, _ = arrays(40, "float32")
    together = forward(X, W1)
    for n in range(40):
        assert forward(X[n : n + 1], W1).tobytes() == together[n].tobytes()


def test_by_position_and_by_name(compiled: Function) -> None:
    X, y, W1, W2 = arrays(5)
    expected = compiled(X, y, W1, W2)
    assert_same(compiled(X=X, y=y, W1=W1, W2=W2), expected)
    assert_same(compiled(X, y, W2=W2, W1=W1), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_and_dtypes_of_results(dtype: str) -> None:
    x = bg.input("x", ("m", 3), dtype)
    found = compile(x, [x > 0, bg.argmax(x, axis=1), bg.sum(x), x.T])(np.ones((2, 3), dtype))
    assert [(a.shape, a.dtype.name) for a in found] == [((2, 3), "bool"), ((2,), "int64"), ((), dtype), ((3, 2), dtype)]


def test_a_single_output_is_not_a_list() -> None:
    x = bg.input("x", (3,))
    assert compile(x, x * 2.0)(np.arange(3.0)).tolist() == [0, 2, 4]
    assert compile([x], [x * 2.0])(np.arange(3.0))[0].tolist() == [0, 2, 4]


def test_an_output_may_be_an_input_a_constant_or_there_twice() -> None:
    x = bg.input("x", ("m",))
    f = compile(x, [x, x, x + 1.0, x + 1.0, bg.constant([1.0, 2.0])])
    given = np.arange(3.0)
    found = f(given)
    assert [a.tolist() for a in found] == [[0, 1, 2], [0, 1, 2], [1, 2, 3], [1, 2, 3], [1, 2]]
    found[0][:] = 7
    assert given.tolist() == [0, 1, 2]
    assert found[1].tolist() == [0, 1, 2]


VIEWS: dict[str, Callable[[Array], Array]] = {
    "Fortran order": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "a window": lambda a: np.pad(a, 1)[tuple(slice(1, -1) for _ in a.shape)],
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "off the alignment": lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


@pytest.mark.parametrize("view", VIEWS)
def test_the_same_bits_for_any_layout(view: str, compiled: Function) -> None:
    values = arrays(17)
    assert_same(compiled(*map(VIEWS[view], values)), compiled(*values))


def test_read_only_and_lists(compiled: Function) -> None:
    values = arrays(4)
    expected = compiled(*values)
    for array in values:
        array.flags.writeable = False
    assert_same(compiled(*values), expected)
    assert_same(compiled(*(array.tolist() for array in values)), expected)


def test_sizes_that_are_not_the_batch_compile_once_each() -> None:
    A, x = bg.parameter("A", ("n", "k")), bg.input("x", ("k",))
    f = compile([A, x], A @ x)
    for n, k in ((2, 3), (4, 5), (2, 3)):
        assert f(np.ones((n, k)), np.ones(k)).tolist() == [k] * n
    assert len(f.programs) == 2


BAD: list[tuple[str, Callable[[list[Any]], list[Any]]]] = [
    ("a missing argument", lambda v: v[:3]),
    ("a wrong number of columns", lambda v: [v[0][:, :5], *v[1:]]),
    ("rows that differ", lambda v: [v[0][:2], *v[1:]]),
    ("a wrong number of axes", lambda v: [v[0][0], *v[1:]]),
    ("a wrong dtype", lambda v: [v[0], v[1] + 0.5, *v[2:]]),
]


@pytest.mark.parametrize("change", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_what_does_not_fit_is_refused_as_the_evaluator_does(change: Callable[..., Any], compiled: Function) -> None:
    with pytest.raises(CalculusError, match="BG302"):
        compiled(*change(arrays(5)))


@pytest.mark.parametrize("index", [[0, 7], [-1, 2], [3, 2**40]])
def test_an_index_outside_its_table(index: list[int]) -> None:
    T, i = bg.parameter("T", (7, 2)), bg.input("i", ("m",), "int64")
    taken = bg.take(T, i) * 2.0
    for output in (taken, bg.gradient(bg.sum(taken), [T]).nodes[0]):
        f = compile([T, i], output)
        assert f(np.ones((7, 2)), np.array([6, 0])).sum() == 8
        with pytest.raises(GraphError, match="BG103"):
            f(np.ones((7, 2)), np.array(index))


def test_an_output_that_needs_another_leaf() -> None:
    x, y = bg.input("x"), bg.input("y")
    with pytest.raises(CalculusError, match=r"BG302.*y"):
        compile(x, x * y)


@pytest.mark.slow
def test_neither_threads_nor_target_nor_level_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)
    inputs, outputs = network("float32")
    values = arrays(133, "float32")
    expected = compile(inputs, outputs, threads=1)(*values)
    for threads in (2, 3, 16):
        assert_same(compile(inputs, outputs, threads=threads)(*values), expected)
    for isa in host_levels():
        for level in (0, 3):
            found = compile(inputs, outputs, threads=2, target=host_target(isa), level=level)(*values)
            assert_same(found, expected)


def test_one_function_from_many_threads(compiled: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 10_000)
    monkeypatch.setattr(calls, "START", 1)
    work = [arrays(rows) for rows in ROWS]
    expected = [compiled(*values) for values in work]
    failed: list[BaseException] = []

    def call(first: int) -> None:
        try:
            for turn in range(40):
                n = (first + turn) % len(work)
                assert_same(compiled(*work[n]), expected[n])
        except BaseException as error:  # noqa: BLE001  # told to the main thread
            failed.append(error)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@pytest.mark.slow
def test_eight_threads_call_ten_thousand_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """One small function, each call on a thread of its own or on two."""
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 200)
    monkeypatch.setattr(calls, "START", 1)
    x = bg.input("x", ("m", 3))
    f = compile(x, bg.sum(bg.square(x), axis=1), threads=2)
    work = [np.random.default_rng(rows).normal(size=(rows, 3)) for rows in (1, 5, 90)]
    expected = [f(values).tobytes() for values in work]
    wrong: list[int] = []

    def call() -> None:
        wrong.extend(n for turn in range(1250) if f(work[n := turn % 3]).tobytes() != expected[n])

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_that_meet_at_the_first_call() -> None:
    inputs, outputs = network()
    f, values = compile(inputs, outputs), arrays(9)
    results: list[list[Array]] = []
    threads = [threading.Thread(target=lambda: results.append(f(*values))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(f.programs) == 1
    for found in results:
        assert_same(found, results[0])


FORKING = """
import os, signal, warnings
from backgraph.compiler import call as calls
from tests.compiler.test_function import arrays, assert_same, compile, network

calls.WORK_PER_THREAD = 1
compiled, values = compile(*network(), threads=2), arrays(64)
expected = compiled(*values)
warnings.simplefilter("ignore", DeprecationWarning)  # of forks in a process that has had threads
child = os.fork()
if child == 0:
    signal.alarm(60)  # ends a child that hangs
    try:
        assert_same(compiled(*values), expected)
        assert_same(compile(*network(), threads=2)(*values), expected)
        os._exit(0)
    finally:
        os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert_same(compiled(*values), expected)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_computes_the_same() -> None:
    """Also one that compiles anew; in a process of its own, because other libraries object to forks."""
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=120)


def test_a_call_like_an_earlier_one() -> None:
    """It takes a short way; what it gives and what it refuses is the same."""
    x, W = bg.input("x", ("m", 19)), bg.parameter("W", (19, 21))
    H = bg.tanh(x @ W)
    f = compile([x, W], [H, bg.sum(H, axis=1), H])
    given = [[scale * value for value in arrays(9)[::2]] for scale in (1.0, 0.5, -2.0)]
    fresh = [compile([x, W], [H, bg.sum(H, axis=1), H])(*values) for values in given]
    first = f(*given[0])
    for values, expected in zip(given, fresh, strict=True):
        assert_same(f(*values), expected)
    assert len(f._ready) == 1  # pyright: ignore[reportPrivateUsage]
    assert_same(first, fresh[0])
    read_only = [value.copy() for value in given[1]]
    for value in read_only:
        value.flags.writeable = False
    assert_same(f(*read_only), fresh[1])
    assert_same(f(*map(np.asfortranarray, given[2])), fresh[2])
    with pytest.raises(CalculusError, match="BG302"):
        f(given[0][0][:, :-1].copy(), given[0][1])
    with pytest.raises(CalculusError, match="BG302"):
        f(given[0][0].astype("float32"), given[0][1])


def test_calls_kept_ready_are_few() -> None:
    x = bg.input("x", ("m", 3))
    f = compile(x, bg.sum(x, axis=1))
    for rows in range(1, 3 * KEPT):
        f(np.ones((rows, 3)))
        assert len(f._ready) <= KEPT  # pyright: ignore[reportPrivateUsage]


def test_bound_inputs_stay_what_they_were(compiled: Function) -> None:
    X, _, W1, _ = compiled.inputs
    values = arrays(9)
    expected = compiled(*values)
    bound = compiled.bind({W1: values[2]}, y=values[1].astype("int32"))
    further = bound.bind(W2=np.asfortranarray(values[3]))
    for _ in range(3):
        assert_same(bound(values[0], values[3]), expected)
        assert_same(bound(X=values[0], W2=values[3]), expected)
        assert_same(further(values[0]), expected)
        assert_same(compiled(*values), expected)
    assert further.open == (X,)
    assert further.programs is compiled.programs
    for value in values[1:]:
        value.fill(0)
    assert_same(further(values[0]), expected)


def test_calls_with_bound_inputs_take_the_short_way() -> None:
    x, W = bg.input("x", ("m", 19)), bg.parameter("W", (19, 21))
    f = compile([x, W], bg.tanh(x @ W))
    rows, weights = arrays(9)[0], arrays(9)[2]
    bound, other = f.bind(W=weights), f.bind(W=-weights)
    for scale in (1.0, 0.5, -2.0):
        assert_same([bound(scale * rows), other(scale * rows)], [f(scale * rows, weights), f(scale * rows, -weights)])
    assert len(bound._ready) == len(other._ready) == 1  # pyright: ignore[reportPrivateUsage]
    results: dict[int, Array] = {}
    workers = [
        threading.Thread(target=lambda n=n: results.update({n: [bound(n * rows) for _ in range(20)][-1]}))
        for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert_same([results[n] for n in range(4)], [f(n * rows, weights) for n in range(4)])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"V": 1.0}, "V: no input of this name"),
        ({"y": [0]}, "no input of this name"),
        ({bg.parameter("V", ()): 1.0}, "a value for what is not an input; expected X, W1, W2"),
        ({"W1": np.zeros((2, 2))}, "wrong shape; got 2×2, expected 19×21"),
        ({"W1": np.zeros((19, 21), bool)}, "wrong dtype"),
    ],
)
def test_what_cannot_be_bound(compiled: Function, given: dict[Any, Any], message: str) -> None:
    bound = compiled.bind(y=[0, 1])
    with pytest.raises(CalculusError, match=message):
        bound.bind(given)


def test_too_many_arrays(compiled: Function) -> None:
    with pytest.raises(CalculusError, match=r"BG302.*too many arrays; got 5, expected X, y, W1, W2"):
        compiled(*arrays(9), 1.0)
    with pytest.raises(CalculusError, match=r"BG302.*too many arrays; got 4, expected X, W1, W2"):
        compiled.bind(y=[0])(*arrays(9))
