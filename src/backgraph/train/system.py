"""What operating systems do in different ways: opening files as bytes, reading at a place, locking.

On POSIX a lock is `flock`; on Windows it is a lock on one byte far behind the content, since there a locked byte cannot
be read by others. Both end with the process that holds them.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from typing import Any, cast

AS_BYTES: int = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
"""Flags of every file we open: bytes as they are, and not for the programs that we start."""
FOLDER: int | None = getattr(os, "O_DIRECTORY", None)
"""The flag to open a folder, in order to synchronise it; None where that cannot be done, nor need be."""
FAR = 1 << 30
"""The byte that is locked on Windows."""
_TURN = threading.Lock()


def lock_at_once(descriptor: int) -> None:
    """Lock the open file for this process alone, until it is closed. Raises BlockingIOError where another has it."""
    try:
        fcntl = cast("Any", import_module("fcntl"))
    except ImportError:
        _lock_a_byte(descriptor)
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_a_byte(descriptor: int) -> None:
    msvcrt = cast("Any", import_module("msvcrt"))
    os.lseek(descriptor, FAR, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        raise BlockingIOError(error.errno, "locked by another process") from error
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


def read_at(descriptor: int, into: memoryview, place: int) -> int:
    """Read bytes of the file from `place` on, as many as there are and `into` has room for; returns how many."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [into], place)
    with _TURN:
        os.lseek(descriptor, place, os.SEEK_SET)
        content = os.read(descriptor, len(into))
    into[: len(content)] = content
    return len(content)
