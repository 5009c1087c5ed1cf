"""What a cell of a text file means, and which columns are numbers, dates or text.

The rule: a column holds *truth values* when all of its cells that are not missing are `true` or `false`, in upper or
lower case; *dates* when more than half are dates, *text* when more than half are not numbers, else *numbers*; in a
column of dates or numbers each other cell is an error at its line and column. So one `n/k` among 90,000 numbers is
refused instead of turning the column into 90,000 categories. `text=[NAME]` overrides the rule.

A number is a sign, digits with at most one decimal sign, and an exponent, with blanks around it: not `1_000`, `0x1F`,
`inf` or `1e999`. A column most of whose cells are `3,14` is neither: it is refused with the option to type. A date is
ISO 8601, `2026-11-23`, also with a time, `2026-11-23 14:05:59.25`, also with an offset, `Z` or `+02:00`, which is
subtracted; 23/11/2026 is text, since it may be read in two ways.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backgraph.data.table import DATES, NUMBERS, TEXT, TIME, TRUTHS, Column, truths_from
from backgraph.errors import DataError, shown

MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "#n/a")
"""Spellings of a missing cell in a numeric column, in lower case. In a text column every spelling is a level."""
SPELLED_TRUTHS = {"true": True, "false": False}
"""How truth values are spelled, in lower case."""
NUMBER = r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*"
"""A number with a decimal point; the same expression is used by Python and by DuckDB."""
DATE = (
    r"[ \t]*[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?[ \t]*"
)
"""What looks like a date; used by both, too."""
SWAPPED = str.maketrans(".,", ",.")
SHOWN_PLACES = 3
"""Of many bad cells, as many are told."""
THOUSANDS = r"[ \t]*[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?[ \t]*"
"""A number with commas between thousands; where there is one comma alone, it could be a decimal one."""
CURRENCY = "([$€£¥]|USD|EUR|GBP|JPY|CNY|CHF|INR|CAD|AUD)"
LOOKS: tuple[tuple[str, str, str], ...] = (
    ("dates", "written as 2026-11-23 they are dates", (
        r"[0-9]{1,2}(?P<a>[./-])[0-9]{1,2}(?P=a)([0-9]{4}|[0-9]{2})( .*)?"
        r"|[0-9]{4}(?P<b>[./])[0-9]{1,2}(?P=b)[0-9]{1,2}( .*)?"
        r"|([0-9]{1,2}[. -]+)?(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[. -]+([0-9]{1,2},? +)?[0-9]{4}"
    )),
    ("amounts", "without the sign they are numbers", (
        rf"[-+]?{CURRENCY} ?[-+]?[0-9][0-9.,']*|[-+]?[0-9][0-9.,']* ?([%‰]|{CURRENCY})"
    )),
)  # fmt: skip
"""What text may look like although it is read as text: its name, what to do, and cells of it."""

_number = re.compile(NUMBER)
_date = re.compile(DATE)


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


def date(cell: str) -> dt.datetime | None:
    """The time that `cell` spells, in UTC where it has an offset; None when it spells none, such as 30 February."""
    if not _date.fullmatch(cell):
        return None
    try:
        time = dt.datetime.fromisoformat(cell.strip(" \t"))
        return time.astimezone(dt.UTC).replace(tzinfo=None) if time.tzinfo else time
    except (ValueError, OverflowError):
        return None


def truth(cell: str) -> bool | None:
    """The truth value that `cell` spells; None when it spells none."""
    return SPELLED_TRUTHS.get(cell.strip(" \t").lower())


def as_truths(cells: Sequence[str]) -> Column:
    """The cells of a column of truth values, all of which are some or missing: int8 (rows,)."""
    known = {cell: truth(cell) for cell in set(cells)}
    return truths_from([known[cell] for cell in cells])


def looks_like(levels: Collection[str]) -> str:
    """What more than half of the `levels` of a text column look like, and what to do about it; "" for nothing."""
    for name, advice, pattern in LOOKS:
        if 2 * sum(re.fullmatch(pattern, level.strip(" \t")) is not None for level in levels) > len(levels):
            return f"they look like {name}: {advice}"
    return ""


def as_dates(cells: Sequence[str]) -> Column:
    """The cells of a column of dates, all of which are dates or missing: datetime64 (rows,)."""
    return np.array([None if is_missing(cell) else date(cell) for cell in cells], dtype=TIME)


READINGS: Mapping[str, Callable[[Sequence[str]], Column]] = {DATES: as_dates, TRUTHS: as_truths}
"""How the cells of a column are read that is neither numbers nor text."""


@dataclass(frozen=True)
class Count:
    """How the cells of one column read.

    `numbers`, `swapped` (numbers with the other decimal sign), `dates`, `truths` and `others`; missing cells do not
    count.
    """

    numbers: int
    swapped: int
    dates: int
    truths: int
    others: int

    @property
    def total(self) -> int:
        """All cells that are not missing."""
        return self.numbers + self.swapped + self.dates + self.truths + self.others

    @property
    def kind(self) -> str:
        """The rule of this module."""
        if self.truths and self.truths == self.total:
            return TRUTHS
        if 2 * self.dates > self.total:
            return DATES
        others = self.dates + self.truths + self.others
        return TEXT if self.swapped + others > self.numbers and not self.swapped > others else NUMBERS

    @property
    def is_bad(self) -> bool:
        """Whether some cell of a column of numbers or dates is none."""
        of_kind = {NUMBERS: self.numbers, DATES: self.dates}.get(self.kind, self.total)
        return of_kind < self.total


def counted(cells: Mapping[str, int], decimal: str) -> Count:
    """How `cells`, each so many times, read."""
    numbers = swapped = dates = truths = others = 0
    for cell, times in cells.items():
        if is_missing(cell):
            continue
        if number(cell, decimal) is not None:
            numbers += times
        elif number(cell, "," if decimal == "." else ".") is not None:
            swapped += times
        elif date(cell) is not None:
            dates += times
        elif truth(cell) is not None:
            truths += times
        else:
            others += times
    return Count(numbers, swapped, dates, truths, others)


@dataclass(frozen=True)
class Place:
    """A cell: its line (from 1) in the file, the number of its column (from 1), and what it holds."""

    line: int
    column: int
    cell: str


KIND_WORDS = {
    NUMBERS: ("is numeric, this cell is not", "a finite number"),
    DATES: ("holds dates, this cell is none", "a date such as 2026-11-23"),
}
"""What is said of a bad cell, and what was expected, for each kind of column."""


def bad_cell(
    column: tuple[str, str], kind: str, places: Sequence[Place], total: int, signs: tuple[str, str]
) -> DataError:
    """BG203 at the first of `places` in a column (path, name) of `kind`; the next ones and the `total` are told.

    `signs` are the decimal one and the separator of the file.
    """
    path, name = column
    first, *others = places
    also = f" (also line {', '.join(str(place.line) for place in others)}; {total} in all)" if others else ""
    says, expected = KIND_WORDS[kind]
    what = f"column {shown(name)!r} {says}{also}"
    where = f"{path}:{first.line}:{first.column}"
    return DataError("BG203", where, what, got=first.cell, expected=expected, hint=_hint(first.cell, *signs))


def _hint(cell: str, decimal: str, separator: str) -> str:
    other = "," if decimal == "." else "."
    swapped = number(cell, other) is not None and number(cell, decimal) is None
    option = f"--decimal {other}" + (f" --separator {separator}" if other == separator else "")
    sign = "commas" if other == "," else "points"
    if decimal == "." and re.fullmatch(THOUSANDS, cell):
        plain = f"write {cell.strip().replace(',', '')}, without commas between thousands"
        return plain + (f"; if the comma is a decimal one: {option}" if swapped else "")
    if swapped:
        return f"for decimal {sign}: {option}"
    return "correct it, leave it empty, or read the column as text: --categorical"
