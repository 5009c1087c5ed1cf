"""A run directory: a folder that holds a run, and from which it goes on, whatever ended it.

    run.json          configuration: options, what the run is (see `train.identity`), the version that began it
    metrics.csv       the history, a row for each epoch; the same in metrics.jsonl
    checkpoints/      the last two checkpoints, named by the number of steps
    lock              which process works here

What else belongs to the run, such as the model, is put beside. A checkpoint is saved when training begins, which shows
that saving works before any time is spent; then every `seconds` (unless saving is slow: it takes at most a twentieth of
the time), every `epochs` epochs if that is given, when a signal asks for the end, and at the end. When training
diverges or fails, the last one stays.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from backgraph.errors import FileError, SaveError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.optim.limits import not_negative, whole
from backgraph.train.callbacks import LOG, Callback
from backgraph.train.checkpoint import Checkpoint, load_checkpoint, taken
from backgraph.train.curves import Curves
from backgraph.train.disk import CALLS, listed, make_folder, save_text, sweep
from backgraph.train.identity import COST, OPTION, STEP, Identity, check_same, identity
from backgraph.train.lock import NAME as LOCK
from backgraph.train.lock import Lock
from backgraph.version import __version__

if TYPE_CHECKING:
    from backgraph.train.loop import Training

CONFIGURATION = "run.json"
CHECKPOINTS = "checkpoints"
NAME = re.compile(r"\d{12,}\.safetensors")
KEPT = 2
"""Checkpoints: should the last one be damaged by something that we cannot foresee, there is the one before."""
SHARE = 20
"""Between two saves passes at least so many times what the last one took."""


class RunDirectory:
    """The folder `path` as the keeper of a run; a context manager that holds its lock.

    `options` are whatever else the run depends on, such as the command line's; they must be the same when it is
    resumed. `remarks` are written down beside them, and may differ. `seconds` and `epochs` say how often to save.
    Entering raises FileError BG504 where another process works in the folder, and BG551 where it cannot be written to.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        seconds: float = 30.0,
        epochs: int | None = None,
        options: Mapping[str, Any] | None = None,
        remarks: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.seconds = not_negative("seconds", seconds)
        self.epochs = None if epochs is None else whole("epochs", epochs)
        self.options, self.remarks = dict(options or {}), dict(remarks or {})
        self._lock = Lock(self.path)
        self._curves = Curves(self.path)
        self._identity: Identity = {}
        self._saved_at = self._took = 0.0

    def __enter__(self) -> Self:
        try:
            make_folder(self.path)
            self._lock.take()
            make_folder(self.path / CHECKPOINTS)
            for folder in (self.path, self.path / CHECKPOINTS):
                sweep(folder)
        except OSError as error:
            self._lock.release()
            raise _unwritable(self.path, error) from None
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def is_begun(self) -> bool:
        """Whether there is a run to go on with."""
        return bool(self.checkpoints())

    def checkpoints(self) -> list[Path]:
        """The checkpoints, the oldest first."""
        folder = self.path / CHECKPOINTS
        return [folder / name for name in listed(folder) if NAME.fullmatch(name)] if folder.is_dir() else []

    def clear(self) -> None:
        """Forget the run in the folder. Raises FileError BG551."""
        try:
            for path in (*self.checkpoints(), self.path / CONFIGURATION):
                if path.exists():
                    CALLS["remove"](path)
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def begin(
        self, training: Training, data: Mapping[Node, Array], callbacks: Sequence[Callback], validation: object = None
    ) -> None:
        """Go on from the last checkpoint, if there is one; then write what the folder holds from the start.

        Raises FileError BG505 for another run, BG502 where no checkpoint is whole, BG551 where saving fails.
        """
        self._identity = identity(training, data, self.options, validation, callbacks)
        found = self.latest()
        if found is not None:
            checkpoint, path = found
            check_same(str(self.path), checkpoint.identity, self._identity, checkpoint.version == __version__)
            checkpoint.restore(training, callbacks, str(path))
            LOG.info("%s: going on after %d steps", self.path, training.done)
        try:
            self._curves.begin(training.history)
            save_text(self.path / CONFIGURATION, self._configuration())
            if found is None:
                self.save(training, callbacks)
        except SaveError as error:
            raise _unwritable(self.path, error) from error
        self._saved_at = time.monotonic()

    def latest(self) -> tuple[Checkpoint, Path] | None:
        """The newest checkpoint that is whole, and its path. Raises FileError of the newest where none is."""
        first: FileError | None = None
        for path in reversed(self.checkpoints()):
            try:
                return load_checkpoint(path), path
            except FileError as error:
                if error.code != "BG502":
                    raise
                LOG.warning("%s: %s; taking the one before", path, error.what)
                first = first or error
        if first is not None:
            raise first
        return None

    def steps_done(self, training: Training, callbacks: Sequence[Callback]) -> None:
        """Save, if it is time to."""
        if time.monotonic() - self._saved_at >= max(self.seconds, SHARE * self._took):
            self.save(training, callbacks)

    def epoch_done(self, training: Training, callbacks: Sequence[Callback]) -> None:
        """Add to the curves; save, if it is time to."""
        self._curves.add(training.history)
        if self.epochs is not None and training.epoch % self.epochs == 0:
            self.save(training, callbacks)
        else:
            self.steps_done(training, callbacks)

    def end(self, training: Training, callbacks: Sequence[Callback]) -> None:
        """Save."""
        self.save(training, callbacks)

    def save(self, training: Training, callbacks: Sequence[Callback] = ()) -> Path:
        """Save a checkpoint now and remove those before the last two. Raises SaveError BG551."""
        began = time.monotonic()
        path = self.path / CHECKPOINTS / f"{training.done:012}.safetensors"
        taken(training, callbacks, self._identity, __version__).save(path)
        for old in self.checkpoints()[:-KEPT]:
            _remove(old)
        self._saved_at = time.monotonic()
        self._took = self._saved_at - began
        return path

    def _configuration(self) -> str:
        parts = self._identity.items()
        described = {name: text for name, text in parts if name not in (COST, STEP) and not name.startswith(OPTION)}
        graph = self._identity[COST].splitlines()
        whole = {"backgraph": __version__, **self.remarks, "options": self.options, "run": described, "graph": graph}
        return json.dumps(whole, indent=2, ensure_ascii=False, default=str) + "\n"


def is_run(folder: Path) -> bool:
    """Whether a run was begun in the folder; the lock is there before anything else."""
    return any((folder / name).is_file() for name in (LOCK, CONFIGURATION))


def opened(
    checkpoint: RunDirectory | str | os.PathLike[str] | None,
) -> AbstractContextManager[RunDirectory | None]:
    """What users give as `checkpoint=`: nothing, a folder, or a directory that they have entered themselves."""
    if checkpoint is None or isinstance(checkpoint, RunDirectory):
        return nullcontext(checkpoint)
    return RunDirectory(checkpoint)


def _remove(path: Path) -> None:
    try:
        CALLS["remove"](path)
    except OSError as error:  # what was to be saved is saved
        LOG.warning("%s: an old checkpoint could not be removed: %s", path, error.strerror)


def _unwritable(path: Path, error: OSError) -> FileError:
    """Before training, a folder that cannot be written to is bad input, not a failed save."""
    if isinstance(error, FileError) and not isinstance(error, SaveError):
        return error
    got = error.got if isinstance(error, SaveError) else error.strerror
    return FileError(
        "BG551", str(path), "cannot be written to", got=got, hint="free some space, or name another folder"
    )
