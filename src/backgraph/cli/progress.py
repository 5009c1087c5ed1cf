"""The progress bar: epoch, loss, speed and time left; quiet where nobody watches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backgraph.cli.screen import is_terminal
from backgraph.train.callbacks import Callback
from backgraph.train.loop import Training

if TYPE_CHECKING:
    from rich.progress import Progress

WINDOW = 5.0
"""Seconds over which the speed is taken: it follows changes, and does not flicker."""
HOUR, MINUTE = 3600, 60


@contextmanager
def progress(epochs: int) -> Generator[list[Callback]]:
    """Callbacks that show how far training is, on standard error, if that is a terminal."""
    if not is_terminal():
        yield []
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("epoch"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total}"))
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as shown:
        yield [_Bar(shown, epochs)]


class Meter(Callback):
    """Says in a line how training does: `loss 0.0312  48,100 rows/s  0:12 left  validation accuracy 0.972`."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.seen: deque[tuple[float, int]] = deque()

    def steps_done(self, training: Training) -> None:
        """See Callback. The first call of the engine compiles, so that the clock starts after it."""
        now = time.perf_counter()
        self.seen.append((now, training.done))
        while len(self.seen) > 2 and now - self.seen[0][0] > WINDOW:
            self.seen.popleft()

    @property
    def steps_per_second(self) -> float:
        """Over the last seconds; 0 where it is not known yet."""
        if not self.seen:
            return 0.0
        (began, first), (now, last) = self.seen[0], self.seen[-1]
        return (last - first) / (now - began) if now > began else 0.0

    def line(self, training: Training) -> str:
        """What there is to say now."""
        scores = training.history[-1] if training.history else {}
        speed = self.steps_per_second
        parts = [f"loss {scores['loss']:.4g}"] if scores else []
        if speed:
            left = (self.epochs * training.steps_per_epoch - training.done) / speed
            rows = speed * training.examples / training.steps_per_epoch
            parts += [f"{rows:,.0f} rows/s", f"{duration(left)} left"]
        return "  ".join([*parts, *(f"{name} {value:.4g}" for name, value in scores.items() if name != "loss")])


def duration(seconds: float) -> str:
    """`0:07`, `12:30` or `3:05:00`."""
    whole = max(round(seconds), 0)
    hours, minutes, rest = whole // HOUR, whole // MINUTE % MINUTE, whole % MINUTE
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Bar(Meter):
    def __init__(self, shown: Progress, epochs: int) -> None:
        super().__init__(epochs)
        self.shown, self.task = shown, shown.add_task("", total=epochs)

    def steps_done(self, training: Training) -> None:
        super().steps_done(training)
        self._show(training)

    def epoch_done(self, training: Training) -> None:
        self._show(training)

    def _show(self, training: Training) -> None:
        done = training.done / training.steps_per_epoch
        self.shown.update(self.task, completed=done, description=self.line(training))
