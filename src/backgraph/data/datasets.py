"""Data that comes with the package."""

from __future__ import annotations

from importlib import resources

from backgraph.data.read import read_table
from backgraph.data.table import Table


def digits() -> Table:
    """1,797 handwritten digits: columns pixel_0_0 … pixel_7_7 (row_column, 0 white to 16 black) and digit (0 … 9).

    From the UCI repository, https://archive.ics.uci.edu/dataset/80; DIGITS-LICENCE.md beside the file has the licence.
    """
    with resources.as_file(resources.files("backgraph.data") / "digits.csv.gz") as path:
        table = read_table(path)
    return Table({name: table.column(name) for name in table.names}, "digits")
