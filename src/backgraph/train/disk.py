"""Durable changes of files: each happens whole or not at all, and none that fails is passed over.

Saving is: a temporary file in the same folder, written, synchronised, read back and compared, renamed over the old one,
the folder synchronised. A failure before the rename leaves the old file as it was. Appending is: written, synchronised;
a crash may leave a part of the last line, which whoever goes on writes anew.

Every call by which training touches the file system to change it goes through CALLS, so that a test can make any of
them fail, and see that nothing is lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from backgraph.errors import SaveError
from backgraph.train.system import AS_BYTES, FOLDER, lock_at_once

READ_SIZE = 1 << 20
TEMPORARY = ".backgraph-"
"""How the names of unfinished files begin."""

CALLS: dict[str, Callable[..., Any]] = {
    "open": os.open,
    "write": os.write,
    "read": os.read,
    "synchronise": os.fsync,
    "close": os.close,
    "rename": os.replace,
    "remove": os.unlink,
    "make folder": os.mkdir,
    "list": os.listdir,
    "shorten": os.ftruncate,
    "lock": lock_at_once,
}
"""The calls; tests put failing ones in their place."""


class _Descriptor(io.RawIOBase):
    """Writes to an open file through CALLS, and keeps the SHA-256 of what was written."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor, self.digest = descriptor, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        """Writes some of `data` and returns how many bytes; BufferedWriter calls again for the rest."""
        count = int(CALLS["write"](self.descriptor, data))
        self.digest.update(memoryview(data)[:count])
        return count


def save_text(path: str | os.PathLike[str], text: str) -> None:
    """Makes the file at `path` hold `text` in UTF-8; see `save_atomically`."""

    def write(file: BinaryIO) -> None:
        file.write(text.encode())

    save_atomically(path, write)


def save_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], None]) -> None:
    """Makes the file at `path` hold what `write(file)` writes: whole, or unchanged.

    Symbolic links are followed; an existing file keeps the permissions that the umask allows. What `write` itself
    raises, other than OSError, passes through. Raises SaveError (exit code 3): BG551 when nothing has changed, BG552
    when the new file is in place but the folder could not be synchronised.
    """
    target = Path(os.path.realpath(path))
    temporary = target.parent / f"{TEMPORARY}{secrets.token_hex(8)}.temporary"
    try:
        _refuse_special(target)
        _write_and_verify(temporary, _mode(target), write)
        CALLS["rename"](temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            CALLS["remove"](temporary)
        if isinstance(error, OSError) and not isinstance(error, SaveError):
            raise _not_saved(path, error) from error
        raise
    _synchronise_folder(target)


def _refuse_special(target: Path) -> None:
    if target.exists() and not target.is_file():
        raise SaveError("BG551", str(target), "is not a file", expected="the name of a file")


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced; for a new file those that the umask leaves."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        return 0o666


def _not_saved(path: str | os.PathLike[str], error: OSError | ValueError) -> SaveError:
    what = "could not be saved; what was there before is unchanged"
    hint = "is the folder there, writable, and the disk not full?"
    reason = error.strerror if isinstance(error, OSError) else None
    return SaveError("BG551", os.fspath(path), what, got=reason or str(error), hint=hint)


def _write_and_verify(temporary: Path, mode: int, write: Callable[[BinaryIO], None]) -> None:
    descriptor = CALLS["open"](temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | AS_BYTES, mode)
    try:
        raw = _Descriptor(descriptor)
        with io.BufferedWriter(raw, READ_SIZE) as file:
            write(cast("BinaryIO", file))
        CALLS["synchronise"](descriptor)
    finally:
        CALLS["close"](descriptor)
    if _digest_of(temporary) != raw.digest.digest():
        raise OSError("what was written reads back differently")


def _digest_of(path: Path) -> bytes:
    digest = hashlib.sha256()
    descriptor = CALLS["open"](path, os.O_RDONLY | AS_BYTES)
    try:
        while chunk := CALLS["read"](descriptor, READ_SIZE):
            digest.update(chunk)
    finally:
        CALLS["close"](descriptor)
    return digest.digest()


def _synchronise_folder(target: Path) -> None:
    """Without this the rename may be lost with the power, though the file's bytes are on the disk."""
    if FOLDER is None:
        return
    try:
        descriptor = CALLS["open"](target.parent, os.O_RDONLY | FOLDER | AS_BYTES)
        try:
            CALLS["synchronise"](descriptor)
        finally:
            CALLS["close"](descriptor)
    except OSError as error:
        what = "was saved, but its folder could not be synchronised"
        raise SaveError("BG552", str(target), what, got=error.strerror or str(error)) from error


def append(path: str | os.PathLike[str], text: str, wait: bool = True) -> None:
    """Adds `text` in UTF-8 to the end of the file at `path`; `wait`: for the disk, too. Raises SaveError BG551."""
    content = memoryview(text.encode())
    try:
        descriptor = CALLS["open"](path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | AS_BYTES, 0o666)
        try:
            while content:
                content = content[CALLS["write"](descriptor, content) :]
            if wait:
                CALLS["synchronise"](descriptor)
        finally:
            CALLS["close"](descriptor)
    except OSError as error:
        raise _not_saved(path, error) from error


def make_folder(path: Path) -> None:
    """Makes the folder and those above it, where they are missing, durably. Raises SaveError BG551."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        with contextlib.suppress(FileExistsError):
            CALLS["make folder"](path)
        if not path.is_dir():
            raise NotADirectoryError(20, "Not a folder")
    except (OSError, ValueError) as error:
        raise _not_saved(path, error) from error
    _synchronise_folder(path)


def listed(path: Path) -> list[str]:
    """The names in a folder, sorted. Raises SaveError BG551."""
    try:
        return sorted(CALLS["list"](path))
    except OSError as error:
        raise _not_saved(path, error) from error


def sweep(path: Path) -> None:
    """Removes the unfinished files that a crash left in a folder; call it only where nobody else saves."""
    for name in listed(path):
        if name.startswith(TEMPORARY):
            with contextlib.suppress(OSError):
                CALLS["remove"](path / name)
