"""Curves: a line for each epoch in `metrics.csv` and `metrics.jsonl`, written before the next epoch begins.

A written line survives the end of the process at once, and a power loss from the next second on: waiting for the disk
in every epoch would take longer than many an epoch. The lines follow from the history alone, so a run that was killed
and resumed has the same files as one that was not: on going on they are written anew from the checkpoint's history,
which also removes what a crash left of a line.
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from backgraph.train.disk import append, save_text

CSV, JSON_LINES = "metrics.csv", "metrics.jsonl"
WAIT_SECONDS = 1.0
"""So often, at most, an epoch waits for the disk."""
Row: TypeAlias = dict[str, float]


class Curves:
    """The two files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        self.waited_at = 0.0

    def begin(self, history: Sequence[Row]) -> None:
        """Make the files hold `history`. Raises SaveError BG551."""
        self.names = list(dict.fromkeys(name for row in history for name in row))
        lines = "".join(json_line(n, row) for n, row in enumerate(history, start=1))
        save_text(self.folder / JSON_LINES, lines)
        save_text(self.folder / CSV, self._csv(history) if history else "")

    def add(self, history: Sequence[Row]) -> None:
        """Add the last row of `history`; one with a new name makes the table anew. Raises SaveError BG551."""
        row = history[-1]
        wait = time.monotonic() - self.waited_at > WAIT_SECONDS
        append(self.folder / JSON_LINES, json_line(len(history), row), wait)
        if set(row) <= set(self.names):
            append(self.folder / CSV, csv_line(self._cells(len(history), row)), wait)
        else:
            self.names += [name for name in row if name not in self.names]
            save_text(self.folder / CSV, self._csv(history))
        if wait:
            self.waited_at = time.monotonic()

    def _csv(self, history: Sequence[Row]) -> str:
        rows = (csv_line(self._cells(n, row)) for n, row in enumerate(history, start=1))
        return csv_line(["epoch", *map(harmless, self.names)]) + "".join(rows)

    def _cells(self, epoch: int, row: Row) -> list[str]:
        return [str(epoch), *(repr(row[name]) if name in row else "" for name in self.names)]


def json_line(epoch: int, row: Row) -> str:
    """`{"epoch": 3, "loss": 0.25}`; JSON has no NaN and no infinity, so they are null."""
    finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
    return json.dumps({"epoch": epoch, **finite}, ensure_ascii=False) + "\n"


def csv_line(cells: Sequence[str]) -> str:
    """One line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def harmless(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return "'" + name if name.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else name
