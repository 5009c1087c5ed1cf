"""Where results go: files that are known to be writable before work begins, and tables that are only data.

A spreadsheet takes a cell that begins with = + - @ for a formula and runs it; such texts get an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from backgraph.errors import FileError, UsageError

MODEL = "model.safetensors"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def ending(path: Path, kinds: Iterable[str], option: str = "--out") -> str:
    """The ending of a file to write, in small letters. Raises UsageError BG601 for one that is not among `kinds`."""
    found = path.suffix.lower()
    if found not in kinds:
        raise UsageError("BG601", option, "unknown kind of file", got=path.name, expected=", ".join(kinds))
    return found


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
