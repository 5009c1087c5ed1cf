"""Ctrl-C while native code runs: acknowledged at once, obeyed after the step, and the checkpoint is whole."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from backgraph.models.mlp import MLP
from backgraph.optim import SGD
from backgraph.train.callbacks import Callback
from backgraph.train.checkpoint import load_checkpoint
from backgraph.train.directory import RunDirectory
from backgraph.train.interrupt import Interrupt, InterruptedAtOnce, TerminatedAtOnce, interruptible
from backgraph.train.loop import begin
from backgraph.train.native import NativeEngine

ACKNOWLEDGED = 0.1


class Watch(Callback):
    """When training heard of the signal."""

    def __init__(self) -> None:
        self.heard = 0.0

    def interrupted(self, training: object) -> None:
        self.heard = time.perf_counter()


def delays(folder: Path, signals: int, threads: int) -> list[float]:
    """Seconds from each signal, sent at a random moment, to its acknowledgment; each run goes on from the last."""
    rows = np.random.default_rng(0).normal(size=(2048, 64))
    mlp, chance = MLP(64, (256, 256), 2), random.Random(1)
    data = mlp.data(rows, (rows[:, 0] > 0).astype("int64"))
    first = begin(mlp.network.cost, mlp.initial(1), data, optimizer=SGD(), batch_size=512)
    engine, found, done = NativeEngine(threads=threads), [], -1
    for _ in range(signals):
        training = dataclasses.replace(first, variables=[a.copy() for a in first.variables], history=[])
        watch, sent = Watch(), [0.0]

        def send(sent: list[float] = sent) -> None:
            sent[0] = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)

        with RunDirectory(folder) as keeper:
            sender = threading.Timer(chance.uniform(0.02, 0.08), send)
            callbacks = [watch, Starting(sender)]
            with pytest.raises(KeyboardInterrupt):
                training.run(data, epochs=1 << 30, engine=engine, keeper=keeper, callbacks=callbacks)
            sender.join()
            assert load_checkpoint(keeper.checkpoints()[-1]).metadata["done"] == training.done >= done
        done = training.done
        found.append(watch.heard - sent[0])
    return found


class Starting(Callback):
    """Starts the timer when training begins."""

    def __init__(self, timer: threading.Timer) -> None:
        self.timer = timer

    def begin(self, training: object) -> None:
        self.timer.start()


def test_ten_signals_are_acknowledged(tmp_path: Path) -> None:
    assert sorted(delays(tmp_path / "run", 10, threads=1))[5] < ACKNOWLEDGED


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_two_hundred_signals_are_acknowledged_within_a_tenth_of_a_second(tmp_path: Path, threads: int) -> None:
    """Of a hundred, 95: other programs may hold this one up."""
    assert sorted(delays(tmp_path / "run", 100, threads))[-5] < ACKNOWLEDGED


def test_the_second_signal_does_not_wait() -> None:
    for number, error in ((signal.SIGINT, InterruptedAtOnce), (signal.SIGTERM, TerminatedAtOnce)):
        interrupt = Interrupt()
        interrupt.request(number)
        with pytest.raises(error):
            interrupt.request(number)


def test_elsewhere_than_in_the_main_thread_nothing_is_changed() -> None:
    seen: list[object] = []

    def run() -> None:
        with interruptible() as interrupt:
            seen.append((interrupt.requested, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(False, signal.default_int_handler)]
