"""Object code kept from one process to the next, so that a network is compiled once on a machine.

    ~/.cache/backgraph/objects/<fingerprint>     SHA-256 of what follows, then the object code

An entry is a program or a part of one, which other programs may share: a net for a table of other columns finds most of
its code there.
The folder is `$BACKGRAPH_CACHE`, else `backgraph/objects` in `$XDG_CACHE_HOME` or `~/.cache`; `BACKGRAPH_CACHE=off`
keeps nothing. It belongs to the user alone (mode 0700): a folder that others own or may write to is not used. An entry
whose digest is wrong is compiled anew. The oldest entries go when there are too many. A cache that
cannot be read or written slows down, and never fails, a compilation.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

LIMIT, COUNT = 128 << 20, 4096
"""Bytes of all entries on disk, and how many."""
RECENT = 256
"""Entries kept in memory as well: fitting the same network again reads nothing."""
DIGEST = 32

log = logging.getLogger(__name__)
_recent: OrderedDict[str, bytes] = OrderedDict()
_lock = Lock()


def object_code(key: str, make: Callable[[], bytes]) -> bytes:
    """The object code with this fingerprint: from memory, from disk, or made."""
    code = known(key)
    if code is None:
        code = make()
        keep({key: code})
    return code


def known(key: str) -> bytes | None:
    """The object code with this fingerprint, if it is in memory or on disk."""
    with _lock:
        if key in _recent:
            _recent.move_to_end(key)
            return _recent[key]
    folder = cache_folder()
    code = _read(folder / key) if folder is not None else None
    if code is not None:
        _remember({key: code})
    return code


def keep(codes: Mapping[str, bytes]) -> None:
    """Remember object code by its fingerprint, in memory and on disk."""
    _remember(codes)
    folder = cache_folder() if codes else None
    if folder is not None:
        _write(folder, codes)


def _remember(codes: Mapping[str, bytes]) -> None:
    with _lock:
        _recent.update(codes)
        while len(_recent) > RECENT:
            _recent.popitem(last=False)


def cache_folder() -> Path | None:
    """The folder of the entries, made if need be; None where there is none that is the user's own."""
    told = os.environ.get("BACKGRAPH_CACHE", "")
    if told.lower() in ("off", "0", "no"):
        return None
    try:
        folder = Path(told) if told else _default_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if _is_private(folder) else None
    except (OSError, RuntimeError) as failed:  # RuntimeError: there is no home
        log.debug("no cache of object code: %s", failed)
        return None


def _default_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backgraph" / "objects"


def _is_private(folder: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(path: Path) -> bytes | None:
    try:
        whole = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    code = whole[DIGEST:]
    if hashlib.sha256(code).digest() != whole[:DIGEST]:
        log.debug("%s is damaged; compiling again", path)
        return None
    return code


def _write(folder: Path, codes: Mapping[str, bytes]) -> None:
    try:
        for key, code in codes.items():
            with tempfile.NamedTemporaryFile(dir=folder, prefix="new-", delete=False) as file:
                file.write(hashlib.sha256(code).digest() + code)
            Path(file.name).replace(folder / key)
        _prune(folder)
    except OSError as failed:
        log.debug("object code is not cached: %s", failed)


def _prune(folder: Path) -> None:
    """Drop the entries that were used longest ago until the rest is small enough."""
    entries = sorted(((found.stat(), found) for found in folder.iterdir()), key=lambda each: -each[0].st_mtime)
    total = 0
    for count, (status, path) in enumerate(entries):
        total += status.st_size
        if total > LIMIT or count >= COUNT:
            path.unlink(missing_ok=True)
