"""The native loop: the NumPy engine's steps, the same bits however it runs, whole variables whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler import call as calls
from backgraph.compiler.target import host_levels, host_target
from backgraph.errors import DivergenceError, GraphError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.optim import OPTIMIZERS as KNOWN
from backgraph.optim import SGD, ClipByGlobalNorm, Momentum
from backgraph.train.engine import Engine, NumpyEngine
from backgraph.train.interrupt import Interrupt
from backgraph.train.loop import fit
from backgraph.train.native import NativeEngine
from backgraph.train.step import Step, training_step
from tests.compiler.programs import batches, example

BOUND = {"float32": 1e-6, "float64": 1e-12}
OPTIMIZERS = ("sgd", "momentum", "adam", "nesterov", "adagrad", "rmsprop", "adamw")


def run(engine: Engine, step: Step, variables: Sequence[Array], data: Any, index: Array) -> tuple[Array, list[Array]]:
    """Losses, and the variables afterwards."""
    own = [array.copy() for array in variables]
    scalars = step.schedule(0, len(index))
    return engine.run(step, own, data, index=index, scalars=scalars, interrupt=Interrupt()), own


def assert_close(ours: tuple[Array, list[Array]], theirs: tuple[Array, list[Array]], bound: float) -> None:
    assert ours[0].shape == theirs[0].shape
    for a, b in zip([ours[0], *ours[1]], [theirs[0], *theirs[1]], strict=True):
        np.testing.assert_allclose(a, b, rtol=bound, atol=bound * float(np.abs(b).max(initial=0)))


def assert_same(ours: tuple[Array, list[Array]], theirs: tuple[Array, list[Array]]) -> None:
    for a, b in zip([ours[0], *ours[1]], [theirs[0], *theirs[1]], strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize(
    "optimizer", [*OPTIMIZERS[:3], *(pytest.param(name, marks=pytest.mark.slow) for name in OPTIMIZERS[3:])]
)
def test_steps_are_those_of_the_numpy_engine(optimizer: str, dtype: str) -> None:
    step, variables, data = example(optimizer, dtype, learning_rate=0.01)
    index = batches(5)
    ours = run(NativeEngine(), step, variables, data, index)
    assert_close(ours, run(NumpyEngine(), step, variables, data, index), BOUND[dtype])
    assert not np.array_equal(ours[1][0], variables[0])


@pytest.mark.parametrize("rows", [1, 2, 15, 17, 60])
def test_any_batch_on_one_loop(rows: int) -> None:
    step, variables, data = example()
    engine = NativeEngine()
    loop = engine.loop(step, data)
    for index in (batches(3, rows), batches(2, 16)):
        ours = run(engine, step, variables, data, index)
        assert_close(ours, run(NumpyEngine(), step, variables, data, index), BOUND["float64"])
        assert engine.loop(step, data) is loop


def test_data_of_any_layout() -> None:
    step, variables, data = example()
    foreign = {node: np.asfortranarray(array).astype(array.dtype.newbyteorder(">")) for node, array in data.items()}
    index = batches(4)
    expected = run(NativeEngine(), step, variables, data, index)
    assert_same(run(NativeEngine(), step, variables, foreign, index), expected)
    assert_same(run(NativeEngine(), step, variables, data, np.asfortranarray(index)), expected)


def test_one_engine_for_any_variables_and_data() -> None:
    """What it keeps between calls is used for the same arrays only, with what they hold by then."""
    step, first, data = example("adam")
    second = [array + 1 for array in first]
    foreign = {node: array.astype(array.dtype.newbyteorder(">")) for node, array in data.items()}
    other = {node: array[::-1].copy() for node, array in data.items()}
    index, engine = batches(4), NativeEngine()
    scalars = step.schedule(0, 4)
    for table in (data, other, foreign, data):
        for variables in (first, second, second, first):
            fresh = [array.copy() for array in variables]
            results = [
                (e.run(step, own, table, index=index, scalars=scalars, interrupt=Interrupt()), own)
                for e, own in ((engine, variables), (NativeEngine(), fresh))
            ]
            assert_same(*results)
            for array in table.values():
                array[...] = array[::-1].copy()


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.slow), "float32"])
def test_the_same_bits_for_any_number_of_threads(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)
    step, variables, data = example("adam", dtype)
    index = batches(8, 37)
    expected = run(NativeEngine(1), step, variables, data, index)
    for threads in (2, 3, 16):
        assert_same(run(NativeEngine(threads), step, variables, data, index), expected)


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.slow), "float32"])
def test_the_same_bits_on_any_target_and_level(dtype: str) -> None:
    step, variables, data = example("momentum", dtype)
    index = batches(4)
    expected = run(NativeEngine(), step, variables, data, index)
    for isa in host_levels():
        for level in (0, 3):
            engine = NativeEngine(target=host_target(isa), level=level)
            assert_same(run(engine, step, variables, data, index), expected)


@pytest.mark.parametrize("cut", [1, 3, 7])
def test_steps_in_several_calls_are_the_steps_in_one(cut: int) -> None:
    step, variables, data = example("adam")
    index, scalars, engine = batches(8), None, NativeEngine()
    expected = run(engine, step, variables, data, index)
    scalars = step.schedule(0, 8)
    own = [array.copy() for array in variables]
    parts = [
        engine.run(step, own, data, index=index[part], scalars=scalars[part], interrupt=Interrupt())
        for part in (slice(cut), slice(cut, None))
    ]
    assert_same((np.concatenate(parts), own), expected)


def test_no_steps() -> None:
    step, variables, data = example()
    losses, after = run(NativeEngine(), step, variables, data, batches(0))
    assert losses.shape == (0, 1)
    assert_same((losses, after), (losses, variables))


def test_a_request_before_the_first_step() -> None:
    step, variables, data = example()
    interrupt = Interrupt()
    interrupt.request()
    own = [array.copy() for array in variables]
    losses = NativeEngine().run(step, own, data, index=batches(9), scalars=step.schedule(0, 9), interrupt=interrupt)
    assert_same((losses, own), (np.empty((0, 1)), variables))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_request_stops_between_two_steps(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)
    step, variables, data = example()
    index, interrupt = batches(100_000), Interrupt()
    scalars, engine = step.schedule(0, len(index)), NativeEngine(threads)
    engine.loop(step, data)
    own = [array.copy() for array in variables]
    timer = threading.Timer(0.05, interrupt.request)
    timer.start()
    losses = engine.run(step, own, data, index=index, scalars=scalars, interrupt=interrupt)
    timer.join()
    assert 0 < len(losses) < len(index)
    assert_same((losses, own), run(engine, step, variables, data, index[: len(losses)]))


def exploding(power: float) -> tuple[Step, list[Array], dict[Node, Array]]:
    """w ← w − ε·4·w³: each step cubes it, until it overflows."""
    w, s = bg.parameter("w", (3,), "float32"), bg.input("s", ("m",), "float32")
    step = training_step(bg.sum(w**4) * bg.mean(s), [w], SGD(learning_rate=power))
    return step, step.arrays({w: np.array([1, 2, 3], "f4")}), {s: np.ones(4, "f4")}


@pytest.mark.parametrize("power", [0.5, 10.0, 1e20, 1e38])
def test_divergence_leaves_variables_as_before_the_step(power: float) -> None:
    step, variables, data = exploding(power)
    index = batches(40, 2, 4)
    ours = run(NativeEngine(), step, variables, data, index)
    with np.errstate(all="ignore"):
        theirs = run(NumpyEngine(), step, variables, data, index)
    assert len(ours[0]) == len(theirs[0]) < 40
    assert all(np.isfinite(array).all() for array in (ours[0], *ours[1]))
    assert_close(ours, theirs, 1e-4)


def test_divergence_from_poisoned_data_names_the_step() -> None:
    step, variables, data = example()
    X = step.rows[0] if step.rows[0].dtype != "int64" else step.rows[1]
    data = data | {X: data[X].copy()}
    data[X][40] = np.nan
    start = dict(zip(step.parameters, variables, strict=False))
    cost = step.cost
    with pytest.raises(DivergenceError, match=r"BG451 step|step \d+"):
        fit(cost, start, data, optimizer=SGD(learning_rate=0.1), epochs=1, batch_size=8, engine=NativeEngine())


def test_tied_weights_update_after_their_last_reader() -> None:
    """W is read by both layers and their gradients."""
    X, W = bg.input("X", ("m", 6)), bg.parameter("W", (6, 6))
    J = bg.mean((bg.tanh(bg.tanh(X @ W) @ W.T) - X) ** 2) + bg.sum(bg.tanh(W @ W))
    step = training_step(J, [W], Momentum(learning_rate=0.3), clip=ClipByGlobalNorm(1.0))
    r = np.random.default_rng(3)
    variables, data = step.arrays({W: r.normal(size=(6, 6))}), {X: r.normal(size=(20, 6))}
    index = batches(6, 9, 20)
    ours = run(NativeEngine(), step, variables, data, index)
    assert_close(ours, run(NumpyEngine(), step, variables, data, index), BOUND["float64"])


def test_variables_that_change_places() -> None:
    """Each new value is made of old values of the others, transposed: none may be overwritten too early."""
    A, B = bg.parameter("A", (4, 4)), bg.parameter("B", (4, 4))
    step = training_step(bg.sum(bg.sin(A @ B) * B.T) + bg.sum(A.T * B * A), [A, B], SGD(learning_rate=0.1))
    r = np.random.default_rng(4)
    variables = step.arrays({A: r.normal(size=(4, 4)), B: r.normal(size=(4, 4))})
    ours = run(NativeEngine(), step, variables, {}, batches(5, 1, 1))
    assert_close(ours, run(NumpyEngine(), step, variables, {}, batches(5, 1, 1)), BOUND["float64"])


def test_rows_of_a_table_are_learned() -> None:
    T, i = bg.parameter("T", (7, 3)), bg.input("i", ("m",), "int64")
    step = training_step(bg.sum(bg.take(T, i) ** 2), [T], SGD(learning_rate=0.05))
    variables = step.arrays({T: np.random.default_rng(0).normal(size=(7, 3))})
    data = {i: np.array([0, 3, 3, 6, 1])}
    index = batches(4, 4, 5)
    ours = run(NativeEngine(), step, variables, data, index)
    assert_close(ours, run(NumpyEngine(), step, variables, data, index), BOUND["float64"])
    for bad in (7, -1):
        with pytest.raises(GraphError, match=rf"BG103.*got {bad}"):
            run(NativeEngine(), step, variables, {i: np.array([0, 3, bad, 6, 1])}, index)


def test_inputs_given_whole_and_metrics() -> None:
    X, t, lam, w = bg.input("X", ("m", 3)), bg.input("t", ("m",)), bg.input("lam"), bg.parameter("w", (3,))
    error = X @ w - t
    cost = bg.mean(error**2) + lam * bg.sum(w**2)
    step = training_step(cost, [w], SGD(learning_rate=0.1), metrics=[bg.mean(abs(error)), bg.max(abs(error))])
    r = np.random.default_rng(0)
    data = {X: r.normal(size=(30, 3)), t: r.normal(size=30), lam: np.asarray(0.2)}
    variables, index = step.arrays({w: np.zeros(3)}), batches(6, 8, 30)
    ours = run(NativeEngine(), step, variables, data, index)
    assert ours[0].shape == (6, 3)
    assert_close(ours, run(NumpyEngine(), step, variables, data, index), BOUND["float64"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
def test_many_trainings_give_the_same_bits(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random sizes and optimisers, two ways each."""
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)
    r = np.random.default_rng(seed)
    dtype, optimizer = str(r.choice(list(BOUND))), str(r.choice(OPTIMIZERS))
    n, d, h, k, rows = (int(n) for n in r.integers(1, 50, 5))
    X, y = bg.input("X", ("m", d), dtype), bg.labels("y")
    weights = [bg.parameter(f"W{i}", s, dtype) for i, s in enumerate(((d, h), (h, k)))]
    activation = (bg.relu, bg.tanh, bg.sigmoid, bg.gelu, bg.softplus)[seed % 5]
    cost = bg.cross_entropy(activation(X @ weights[0]) @ weights[1], y)
    step = training_step(cost, weights, KNOWN[optimizer](learning_rate=0.01))
    variables = step.arrays({W: (r.normal(size=W.shape) * 0.3).astype(dtype) for W in weights})  # type: ignore[arg-type]
    data = {X: r.normal(size=(n, d)).astype(dtype), y: r.integers(0, k, n)}
    index = r.integers(0, n, (6, rows))
    expected = run(NativeEngine(1), step, variables, data, index)
    threads = int(r.integers(2, 17))
    engine = (NativeEngine(threads), NativeEngine(2, level=0), NativeEngine(2, host_target("avx2")))[seed % 3]
    assert_same(run(engine, step, variables, data, index), expected)
