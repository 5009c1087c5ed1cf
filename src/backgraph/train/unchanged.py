"""A data file must stay what it was while it is trained on: the run would be one of neither file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from backgraph.errors import DataError
from backgraph.train.callbacks import Callback

if TYPE_CHECKING:
    from backgraph.train.loop import Training

Mark: TypeAlias = tuple[int, int, int, int] | None
"""Device, number, size and time of change of a file; None where there is none."""


class UnchangedFile(Callback):
    """Ends training with DataError BG211 when the file at `path` is not what it was when this object was made.

    Make it before the file is read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.mark = mark(self.path)

    def steps_done(self, training: Training) -> None:  # noqa: ARG002  (the file does not depend on it)
        """See Callback."""
        self.check()

    def check(self) -> None:
        """Raises DataError BG211."""
        if mark(self.path) != self.mark:
            what, hint = "has changed while it was trained on", "the last checkpoint is kept"
            raise DataError("BG211", str(self.path), what, hint=hint)


def mark(path: Path) -> Mark:
    """What tells one state of a file from another, without reading it."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
