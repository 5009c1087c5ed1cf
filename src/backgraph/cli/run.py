"""A run of `backgraph train` in its folder: begun, gone on with, ended by a signal, summed up."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from backgraph.cli.output import MODEL
from backgraph.cli.progress import progress
from backgraph.cli.screen import note
from backgraph.errors import FileError
from backgraph.models.trainer import Part, Trainer
from backgraph.train.callbacks import Callback
from backgraph.train.directory import RunDirectory, is_run
from backgraph.train.identity import fingerprint
from backgraph.train.interrupt import AtOnce
from backgraph.train.lock import Lock
from backgraph.train.loop import Training
from backgraph.train.unchanged import UnchangedFile

FREE = frozenset({"out", "preset", "epochs", "threads", "overwrite", "resume", "json"})
"""Options that may be others when a run is resumed."""
STOPPING = b"backgraph: stopping after this step; once more stops at once\n"


@dataclass(frozen=True)
class Place:
    """Where a run is to be, and what may be there already. Looking changes nothing on the disk."""

    folder: Path
    overwrite: bool
    resume: bool

    def check(self) -> None:
        """Refuse a folder that holds something, unless it is to be resumed or overwritten, and one that is in use.

        Raises FileError BG551 and BG504.
        """
        try:
            occupied = self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir()))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise FileError("BG551", str(self.folder), "cannot be written to", got=why) from None
        if not occupied:
            return
        if not self.folder.is_dir():
            raise FileError("BG551", str(self.folder), "is not a folder", hint="name another")
        Lock(self.folder).check()
        if self.resume and not is_run(self.folder):
            raise FileError("BG551", str(self.folder), "holds no run to resume", hint="name another")
        if not (self.resume or self.overwrite):
            goes_on = "--resume to go on, " if is_run(self.folder) else ""
            hint = f"add {goes_on}--overwrite to begin anew, or name another"
            raise FileError("BG551", str(self.folder), "the folder is not empty", hint=hint)

    @contextmanager
    def entered(self, options: Mapping[str, Any], remarks: Mapping[str, Any]) -> Generator[RunDirectory]:
        """The folder, locked; what was in it of an earlier run is gone, unless that is resumed."""
        with RunDirectory(self.folder, options=options, remarks=remarks) as directory:
            if not self.resume:
                directory.clear()
                (self.folder / MODEL).unlink(missing_ok=True)
            yield directory


@dataclass
class Signals(Callback):
    """Answers a signal at once. The handler may interrupt any line of the program, so nothing is buffered here."""

    seen: int = field(default=0)

    def interrupted(self, training: Training) -> None:  # noqa: ARG002  (it says the same of any training)
        """See Callback."""
        self.seen += 1
        try:
            os.write(2, STOPPING)
        except OSError:  # nobody reads
            return


def compared(options: Any, trainer: Trainer) -> dict[str, Any]:
    """What must be the same when the run is resumed, beside what training itself compares."""
    given = {each.name: getattr(options, each.name) for each in fields(options) if each.name not in FREE}
    held_out = {f"validation {name}": value for name, value in _fingerprints(trainer.validation_part).items()}
    return given | held_out


def _fingerprints(part: Part) -> dict[str, str]:
    known = part.examples
    arrays = {"X": known.X, "y": known.y, "codes": known.codes, "weights": known.weights}
    return {name: fingerprint(array) for name, array in arrays.items() if array is not None}


def run(trainer: Trainer, epochs: int, directory: RunDirectory, watched: UnchangedFile | None) -> Path:
    """Train and save the model; what a signal leaves is saved as well, and the interruption passes on.

    Returns the path of the model. Raises SaveError BG551, DivergenceError BG451, DataError BG211, KeyboardInterrupt.
    """
    model = directory.path / MODEL
    own: Sequence[Callback] = [Signals()] if watched is None else [Signals(), watched]
    try:
        with progress(epochs) as shown:
            trainer.run(epochs, [*own, *shown], keeper=directory)
    except AtOnce:  # a step may have been cut off: the last checkpoint is what there is
        raise
    except (KeyboardInterrupt, SystemExit):
        save(trainer, model)
        note(f"backgraph: stopped in epoch {trainer.training.epoch + 1}; the model so far is in {model}")
        note("backgraph: to go on, type the same command with --resume")
        raise
    save(trainer, model)
    return model


def save(trainer: Trainer, model: Path) -> None:
    """The model with its history."""
    training = trainer.training
    about = {"epochs": training.epoch, "steps": training.done, "seed": training.seed, "history": training.history}
    trainer.fitted.save(model, about)
