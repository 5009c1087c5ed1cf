"""One process at a time: a lock on a folder that ends with the process that holds it.

The lock is on the file `lock` in the folder (`system.lock_at_once`), which also says who holds it. The kernel takes it
back when the process ends, however it ends: a lock that was left behind is no obstacle. The file itself stays, because
removing it would let two processes lock two files of one name.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from backgraph.errors import FileError
from backgraph.train.disk import CALLS
from backgraph.train.system import AS_BYTES, read_at

NAME = "lock"
PATIENCE = 0.2
"""Seconds to wait for the holder to write down who it is."""


class Lock:
    """Holds the lock of a folder from `take` to `release`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.descriptor: int | None = None

    def take(self) -> None:
        """Take it, or raise FileError BG504 that names the process; OSError where the file system fails."""
        descriptor = CALLS["open"](self.path, os.O_RDWR | os.O_CREAT | AS_BYTES, 0o666)
        try:
            self._lock(descriptor)
            CALLS["shorten"](descriptor, 0)
            CALLS["write"](descriptor, f"{os.getpid()}\n".encode())
        except BaseException:
            os.close(descriptor)
            raise
        self.descriptor = descriptor

    def check(self) -> None:
        """Raise FileError BG504 if another process holds it; nothing is made or kept."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | AS_BYTES)
        except OSError:  # there is no lock
            return
        try:
            self._lock(descriptor)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Give it back; harmless if it was not taken."""
        if self.descriptor is not None:
            descriptor, self.descriptor = self.descriptor, None
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            CALLS["lock"](descriptor)
        except BlockingIOError:
            hint = "wait for it, or name another folder"
            where = str(self.path.parent)
            raise FileError("BG504", where, f"in use by process {_holder(descriptor)}", hint=hint) from None


def _holder(descriptor: int) -> str:
    """The number that the holder has written; it does so just after taking the lock."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        content = bytearray(32)
        text = content[: read_at(descriptor, memoryview(content), 0)].decode("ascii", "replace").strip()
        if text.isdecimal():
            return text
        time.sleep(0.01)
    return "that has not said its number"
