"""Where results go: folders that are known to be writable before training begins, and tables that are only data.

A spreadsheet takes a cell that begins with = + - @ for a formula and runs it; such texts get an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from backgraph.errors import FileError

MODEL = "model.safetensors"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def check_folder(path: Path, overwrite: bool) -> None:
    """Refuse a folder for results that holds something already, unless `overwrite`; nothing is made yet.

    Raises FileError BG551.
    """
    try:
        occupied = path.exists() and (not path.is_dir() or any(path.iterdir()))
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    if occupied and not path.is_dir():
        raise FileError("BG551", str(path), "is not a folder", hint="name another")
    if occupied and not overwrite:
        raise FileError("BG551", str(path), "the folder is not empty", hint="add --overwrite, or name another")


def made_folder(path: Path) -> None:
    """Make the folder, if need be, and try to write in it. Raises FileError BG551."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def writable_file(path: Path, overwrite: bool) -> Path:
    """The file `path`, if it can be written. Raises FileError BG551 if not, or if it is there already."""
    if path.exists() and not (overwrite and path.is_file()):
        raise FileError("BG551", str(path), "exists already", hint="add --overwrite, or name another")
    folder = path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise FileError("BG551", str(path), "its folder cannot be written to")
    return path


def table_text(header: Sequence[str], rows: Iterable[Sequence[str | float]]) -> str:
    """A table as CSV in which no text can act as a formula; numbers in the shortest form that is read back exactly."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([harmless(name) for name in header])
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else f"{cell:.9g}" for cell in row])
    return text.getvalue()


def harmless(text: str) -> str:
    """`text`, with an apostrophe in front if a spreadsheet would run it; a number such as -1.5 stays as it is."""
    if not text.startswith(FORMULA) or _is_number(text):
        return text
    return "'" + text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()


def _unwritable(path: Path, error: Exception) -> FileError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return FileError("BG551", str(path), "cannot be written to", got=why)
