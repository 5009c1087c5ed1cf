"""What a cell of a text file means, and which columns are numeric.

The rule: a column is *text* when more than half of its cells that are not missing are not numbers; otherwise it is
*numeric*, and each cell in it that is not a number is an error at its line and column. So one `n/k` among 90,000
numbers is refused instead of turning the column into 90,000 categories. `text=[NAME]` overrides the rule.

A number is a sign, digits with at most one decimal sign, and an exponent, with blanks around it: not `1_000`, `0x1F`,
`inf` or `1e999`. A column most of whose cells are `3,14` is neither: it is refused with the option to type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from backgraph.errors import DataError, shown

MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "#n/a")
"""Spellings of a missing cell in a numeric column, in lower case. In a text column every spelling is a level."""
NUMBER = r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*"
"""A number with a decimal point; the same expression is used by Python and by DuckDB."""
SWAPPED = str.maketrans(".,", ",.")
SHOWN_PLACES = 3
"""Of many bad cells, as many are told."""

_number = re.compile(NUMBER)


def is_missing(cell: str) -> bool:
    """Whether `cell` stands for a value that is not known."""
    return cell.strip(" \t").lower() in MISSING


def number(cell: str, decimal: str = ".") -> float | None:
    """The float64 that `cell` spells; None when it spells none, or one too large."""
    written = cell if decimal == "." else cell.translate(SWAPPED)
    if not _number.fullmatch(written):
        return None
    value = float(written)
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Count:
    """How the cells of one column read: `numbers`, `swapped` (numbers with the other decimal sign) and `others`."""

    numbers: int
    swapped: int
    others: int

    @property
    def is_text(self) -> bool:
        """The rule of this module."""
        return self.swapped + self.others > self.numbers and not self.swapped > self.others

    @property
    def is_bad(self) -> bool:
        """Whether some cell of a numeric column is not a number."""
        return not self.is_text and self.swapped + self.others > 0


@dataclass(frozen=True)
class Place:
    """A cell: its line (from 1) in the file, the number of its column (from 1), and what it holds."""

    line: int
    column: int
    cell: str


def not_a_number(path: str, name: str, places: Sequence[Place], total: int, decimal: str) -> DataError:
    """BG203 at the first of `places`; the next ones and the `total` are told in the message."""
    first, *others = places
    also = f" (also line {', '.join(str(place.line) for place in others)}; {total} in all)" if others else ""
    what = f"column {shown(name)!r} is numeric, this cell is not{also}"
    where = f"{path}:{first.line}:{first.column}"
    return DataError("BG203", where, what, got=first.cell, expected="a finite number", hint=_hint(first.cell, decimal))


def _hint(cell: str, decimal: str) -> str:
    other = "," if decimal == "." else "."
    if number(cell, other) is not None:
        return f"for decimal {'commas' if other == ',' else 'points'}: --decimal {other}"
    return "correct it, leave it empty, or read the column as text"
