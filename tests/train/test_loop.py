"""The loop: order of examples, accounts, interruption, resumption and divergence."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest

from backgraph import input, labels, log, mean, parameter, squared_error, take
from backgraph import sum as summed
from backgraph.errors import BackgraphError, DivergenceError, TrainingError
from backgraph.models.mlp import MLP
from backgraph.optim import SGD, Adam, Cosine, Momentum
from backgraph.train.callbacks import Callback
from backgraph.train.engine import NumpyEngine
from backgraph.train.examples import minibatches
from backgraph.train.interrupt import Terminated
from backgraph.train.loop import Pace, Training, begin, fit

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(50, 4))
CLASSES = (ROWS[:, 0] > 0).astype("int64") + (ROWS[:, 1] > 0)


def small(dtype: str = "float64", **changes: Any) -> tuple[MLP, Any, Any]:
    mlp = MLP(4, (5,), 3, dtype=dtype, **changes)
    return mlp, mlp.initial(1), mlp.data(ROWS, CLASSES)


def started(**changes: Any) -> tuple[Training, Any]:
    mlp, start, data = small()
    return begin(mlp.network.cost, start, data, **{"optimizer": Adam(), "batch_size": 8, "seed": 3} | changes), data


def bits(training: Training) -> list[bytes]:
    return [array.tobytes() for array in training.variables] + [repr(training.history).encode()]


def test_the_loss_falls() -> None:
    mlp, start, data = small()
    training = fit(mlp.network.cost, start, data, optimizer=Adam(learning_rate=0.02), epochs=20, batch_size=8)
    assert training.history[-1]["loss"] < 0.3 * training.history[0]["loss"]
    assert len(training.history) == training.epoch == 20
    assert training.done == 20 * 7


def test_same_seed_same_bits_and_another_seed_others() -> None:
    first, second, third = (started(seed=seed) for seed in (3, 3, 4))
    for training, data in (first, second, third):
        training.run(data, epochs=2)
    assert bits(first[0]) == bits(second[0]) != bits(third[0])


def test_every_example_is_seen_once_in_an_epoch() -> None:
    class Recorder(NumpyEngine):
        seen: list[Any] = []  # noqa: RUF012  # a record of this test alone

        def run(self, step: Any, variables: Any, data: Any, *, index: Any, scalars: Any, interrupt: Any) -> Any:
            self.seen.append(index.ravel())
            return super().run(step, variables, data, index=index, scalars=scalars, interrupt=interrupt)

    training, data = started()
    training.run(data, epochs=2, engine=Recorder())
    first, second = np.concatenate(Recorder.seen).reshape(2, 50)
    assert sorted(first) == sorted(second) == list(range(50))
    assert list(first) != list(second)


@pytest.mark.parametrize("steps_per_call", [1, 3, 1000])
def test_how_many_steps_a_call_runs_changes_no_bit(steps_per_call: int) -> None:
    whole, data = started()
    cut, same = started()
    whole.run(data, epochs=3)
    cut.run(same, epochs=3, steps_per_call=steps_per_call)
    assert bits(whole) == bits(cut)


class StopAfter(Callback):
    """Asks for a stop as Ctrl-C does, after so many calls of the engine."""

    def __init__(self, calls: int, number: int = signal.SIGINT) -> None:
        self.calls, self.number = calls, number
        self.ended = False
        self.told = 0

    def steps_done(self, training: Training) -> None:
        self.calls -= 1
        if self.calls == 0:
            os.kill(os.getpid(), self.number)

    def end(self, training: Training) -> None:
        self.ended = True

    def interrupted(self, training: Training) -> None:
        self.told += 1


@pytest.mark.parametrize("calls", [1, 2, 6, 7, 8, 13, 14])
def test_interrupted_and_resumed_gives_the_same_bits(calls: int) -> None:
    whole, data = started(optimizer=Momentum(learning_rate=Cosine(0.1, steps=20)))
    whole.run(data, epochs=3)
    cut, same = started(optimizer=Momentum(learning_rate=Cosine(0.1, steps=20)))
    stop = StopAfter(calls)
    with pytest.raises(KeyboardInterrupt):
        cut.run(same, epochs=3, steps_per_call=1, callbacks=[stop])
    assert cut.done == calls
    assert stop.ended
    cut.run(same, epochs=3)
    assert bits(cut) == bits(whole)


def test_sigterm_stops_between_two_steps_and_exits_with_143() -> None:
    training, data = started()
    stop = StopAfter(3, signal.SIGTERM)
    with pytest.raises(Terminated) as caught:
        training.run(data, epochs=3, steps_per_call=1, callbacks=[stop])
    assert (caught.value.code, training.done, stop.ended, stop.told) == (143, 3, True, 1)


def test_a_second_ctrl_c_does_not_wait() -> None:
    class Twice(Callback):
        after = False

        def steps_done(self, training: Training) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            self.after = True

    training, data = started()
    twice = Twice()
    with pytest.raises(KeyboardInterrupt):
        training.run(data, epochs=3, callbacks=[twice])
    assert not twice.after


def test_after_training_signals_are_what_they_were() -> None:
    training, data = started()
    training.run(data, epochs=1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_the_program_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        training, data = started()
        training.run(data, epochs=1, steps_per_call=1, callbacks=[StopAfter(2, signal.SIGTERM)])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (seen, training.epoch) == ([signal.SIGTERM], 1)


def test_the_pace_follows_the_time_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 1.0, 1.001, 1.001, 1.002])
    monkeypatch.setattr("backgraph.train.loop.time.perf_counter", lambda: next(now))
    pace, seen = Pace(), []
    for _ in range(3):
        with pace.measured(pace.steps):
            seen.append(pace.steps)
    assert seen == [64, 16, 128]


def test_more_epochs_continue() -> None:
    whole, data = started()
    whole.run(data, epochs=4)
    cut, same = started()
    cut.run(same, epochs=1)
    cut.run(same, epochs=1)
    cut.run(same, epochs=4)
    assert bits(cut) == bits(whole)


def test_the_loss_of_an_epoch_is_the_mean_over_its_examples() -> None:
    """With a rate too small to change anything, it is the cost of all examples, the small last minibatch included."""
    x, w = input("x", ("m",)), parameter("w")
    data = {x: np.arange(10.0)}
    training = fit(mean(x * w), {w: np.asarray(1.0)}, data, optimizer=SGD(learning_rate=1e-300), epochs=1, batch_size=4)
    assert training.history == [{"loss": 4.5}]


def test_validation_scores_join_the_history_and_a_callback_can_stop() -> None:
    class Enough(Callback):
        def epoch_done(self, training: Training) -> bool:
            return training.epoch == 2

    training, data = started()
    training.run(data, epochs=9, validation=lambda state: {"steps": float(state.done)}, callbacks=[Enough()])
    assert [row["steps"] for row in training.history] == [7, 14]


def test_a_batch_larger_than_the_data_is_the_data() -> None:
    training, _ = started(batch_size=1000)
    assert training.steps_per_epoch == 1


def test_divergence_stops_at_once_and_names_the_tensor() -> None:
    X, t, w = input("X", ("m", 2)), input("t", ("m",)), parameter("w", (2,))
    data = {X: np.full((4, 2), 1e3), t: np.zeros(4)}
    with pytest.raises(DivergenceError, match=r"BG451\] step \d+: .* is (infinite|NaN)") as caught:
        fit(squared_error(X @ w, t), {w: np.ones(2)}, data, optimizer=SGD(learning_rate=1e9), epochs=99, batch_size=4)
    assert caught.value.exit_code == 4


def test_divergence_of_the_data_names_the_data() -> None:
    x, w = input("x", ("m",)), parameter("w")
    with pytest.raises(DivergenceError, match="step 0: x "):
        fit(summed(x * w), {w: np.asarray(1.0)}, {x: np.array([1.0, np.nan])}, optimizer=SGD(), epochs=1)


def test_divergence_leaves_the_last_finite_state() -> None:
    x, w = input("x", ("m",)), parameter("w")
    training = begin(
        summed(log(w) * x), {w: np.asarray(1.0)}, {x: np.ones(4)}, optimizer=SGD(learning_rate=1.0), batch_size=1
    )
    with pytest.raises(DivergenceError):
        training.run({x: np.ones(4)}, epochs=50)
    assert np.isfinite(training.variables[0])
    assert training.done >= 1


def test_labels_that_are_no_class_are_refused_before_the_first_step() -> None:
    mlp, start, _ = small()
    for bad in (3, -1):
        wrong = CLASSES.copy()
        wrong[17] = bad
        with pytest.raises(BackgraphError, match=rf"BG206\] y\[17\].*got {bad}, expected 0…2"):
            fit(mlp.network.cost, start, mlp.data(ROWS, wrong), optimizer=SGD(), epochs=1)


def test_indices_outside_a_table_are_refused() -> None:
    table, i = parameter("T", (3, 2)), labels("i")
    with pytest.raises(BackgraphError, match="BG206"):
        fit(summed(take(table, i)), {table: np.ones((3, 2))}, {i: np.array([0, 3])}, optimizer=SGD(), epochs=1)


BAD_DATA: list[tuple[str, Any]] = [
    ("BG302", {}),
    ("BG302", {"x": np.zeros((3, 2))}),
    ("BG302", {"x": np.zeros((3, 2)), "t": np.zeros(3, "float32")}),
    ("BG302", {"x": np.zeros((3, 5)), "t": np.zeros(3)}),
    ("BG302", {"x": np.zeros(3), "t": np.zeros(3)}),
    ("BG207", {"x": np.zeros((3, 2)), "t": np.zeros(4)}),
    ("BG201", {"x": np.zeros((0, 2)), "t": np.zeros(0)}),
]


@pytest.mark.parametrize(("code", "data"), BAD_DATA)
def test_data_that_does_not_fit_is_refused(code: str, data: Any) -> None:
    x, t, w = input("x", ("m", 2)), input("t", ("m",)), parameter("w", (2,))
    with pytest.raises(BackgraphError, match=code):
        fit(squared_error(x @ w, t), {w: np.zeros(2)}, data, optimizer=SGD(), epochs=1)


@pytest.mark.parametrize("changes", [{"epochs": -1}, {"batch_size": 0}, {"batch_size": -5}, {"seed": -1}], ids=str)
def test_numbers_out_of_range_are_refused(changes: Any) -> None:
    mlp, start, data = small()
    arguments: dict[str, Any] = {"optimizer": SGD(), "epochs": 1, **changes}
    with pytest.raises(TrainingError, match="BG401"):
        fit(mlp.network.cost, start, data, **arguments)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10, 11])
@pytest.mark.parametrize("start", [0, 1, 2])
def test_minibatches_cut_the_order(batch_size: int, start: int) -> None:
    order = np.arange(10)[::-1]
    cut = [row for matrix in minibatches(order, batch_size, start, Pace(2)) for row in matrix]
    expected = [order[first : first + batch_size] for first in range(0, 10, batch_size)][start:]
    if start < 10 // batch_size or 10 % batch_size:
        assert [list(row) for row in cut] == [list(row) for row in expected] or start > 10 // batch_size
