"""Numbers for the inputs of a cost, from a file: `.npz` by name, `.csv` by column.

In a CSV file a column is a vector, or one column of a matrix where several are called X.1, X.2 … (or X1, X2 …).
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backgraph.errors import FileError

COLUMN = re.compile(r"(?P<name>.*?[^\d.])[._]?(?P<number>\d+)")


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name. Raises FileError BG501."""
    try:
        return _npz(path) if path.suffix == ".npz" else _csv(path)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        hint = ".npz files hold arrays by name, .csv files columns of numbers"
        raise FileError("BG501", str(path), "no numbers can be read", got=why, hint=hint) from None


def _npz(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file:  # so that it is said if there is none
        if not zipfile.is_zipfile(file):
            raise ValueError("not a file of several arrays")
    with np.load(path, allow_pickle=False) as file:
        return {name: np.asarray(file[name]) for name in file.files}


def _csv(path: Path) -> dict[str, NDArray[Any]]:
    header, *rows = path.read_text("utf-8-sig").strip().splitlines()
    names = [name.strip() for name in header.split(",")]
    table = np.array([[float(cell) for cell in row.split(",")] for row in rows]).reshape(len(rows), -1)
    if table.shape[1] != len(names) or len(set(names)) != len(names):
        raise ValueError(f"{len(names)} names for {table.shape[1]} columns")
    groups: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        match = COLUMN.fullmatch(name)
        several = match is not None and sum(_stem(other) == match["name"] for other in names) > 1
        groups.setdefault(match["name"] if match is not None and several else name, []).append(position)
    return {name: table[:, columns] if _stem(names[columns[0]]) == name else table[:, columns[0]]
            for name, columns in groups.items()}  # fmt: skip


def _stem(name: str) -> str:
    match = COLUMN.fullmatch(name)
    return match["name"] if match is not None else ""
