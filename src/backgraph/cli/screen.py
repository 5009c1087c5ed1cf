"""What the commands print: results to standard output, complaints and progress to standard error.

Whoever reads may go away (`backgraph train | head -1`): then the rest is written nowhere, and the work is still done.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

MAXIMUM_LINE = 240


def say(text: str = "") -> None:
    """A line of the result."""
    _write(sys.stdout, text + "\n")


def write(text: str) -> None:
    """A result as it is, such as a table."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """A line beside the result."""
    _write(sys.stderr, text + "\n")


def complain(text: str) -> None:
    """One line, at most 240 characters, without control characters: `backgraph: …`."""
    line = "backgraph: " + "".join(c if c.isprintable() else " " for c in text)
    note(line if len(line) <= MAXIMUM_LINE else line[: MAXIMUM_LINE - 1] + "…")


def flush() -> None:
    """Write out what is buffered, so that a reader who has gone is noticed here and not when Python ends."""
    _write(sys.stdout, "")


def is_terminal() -> bool:
    """Whether somebody is watching the progress."""
    return sys.stderr is not None and sys.stderr.isatty()  # type: ignore[reportUnnecessaryComparison]  # None if closed


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None or stream.closed:
        return
    try:
        stream.write(text)
        stream.flush()
    except UnicodeEncodeError:
        _write(stream, text.encode("ascii", "backslashreplace").decode())
    except OSError:
        _write_nowhere(stream)


def _write_nowhere(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
