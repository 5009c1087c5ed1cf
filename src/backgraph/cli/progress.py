"""The progress bar; quiet where nobody watches."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from backgraph.cli.screen import is_terminal
from backgraph.train.callbacks import Callback
from backgraph.train.loop import Training


@contextmanager
def progress(epochs: int) -> Generator[list[Callback]]:
    """Callbacks that show how far training is, on standard error, if that is a terminal."""
    if not is_terminal():
        yield []
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("epoch"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total}"), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as shown:
        yield [_Bar(shown, epochs)]


class _Bar(Callback):
    def __init__(self, shown: object, epochs: int) -> None:
        from rich.progress import Progress

        assert isinstance(shown, Progress)
        self.shown, self.task = shown, shown.add_task("", total=epochs)

    def steps_done(self, training: Training) -> None:
        self.shown.update(self.task, completed=training.done / training.steps_per_epoch)

    def epoch_done(self, training: Training) -> None:
        row = training.history[-1]
        self.shown.update(self.task, description="  ".join(f"{name} {value:.4g}" for name, value in row.items()))
