"""What people write on the command line as text and mean as lists or names."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Annotated, TypeAlias

from cyclopts import Parameter, Token

from backgraph.errors import TrainingError, UsageError


def whole_number(_type: type, tokens: Sequence[Token]) -> int:
    """An integer as it is written; 1.5 is refused, not rounded. Raises ValueError, which becomes a usage error."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].keyword or 'argument'} is not a whole number: {tokens[0].value!r}") from None


Whole: TypeAlias = Annotated[int, Parameter(converter=whole_number)]
Flag: TypeAlias = Annotated[bool, Parameter(negative="")]
"""An option that is there or not; it has no `--no-`."""


def columns(text: str) -> tuple[str, ...]:
    """Names of columns from `a,b`, or `"a,b",c` where names have commas; none from an empty text."""
    return tuple(name.strip() for line in csv.reader([text]) for name in line)


def widths(text: str) -> tuple[int, ...]:
    """Hidden layers from `256,128,100`; none from an empty text or `0`. Raises TrainingError BG401."""
    if text.strip() in ("", "0"):
        return ()
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise _refused(text) from None
    if min(numbers) < 1:
        raise _refused(text)
    return numbers


def dimensions(text: str) -> dict[str, int]:
    """`m=128, d=784` as a table. Raises UsageError BG601."""
    sizes: dict[str, int] = {}
    for part in names(text):
        name, _, size = (piece.strip() for piece in part.partition("="))
        if not name or not (size.isdecimal() and size.isascii()) or name in sizes:
            raise UsageError("BG601", "--size", "not sizes of dimensions", got=part, expected="such as m=128,d=784")
        sizes[name] = int(size)
    return sizes


def names(text: str) -> tuple[str, ...]:
    """`W1, W2` as a tuple, without empty parts."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 row`, `1,200 rows`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def score_text(score: float) -> str:
    """Four decimals, none from a million on, or four digits of what is very small or large."""
    if score == 0 or 1e-3 <= abs(score) < 1e6:
        return f"{score:.4f}"
    return f"{score:.0f}" if 1e6 <= abs(score) < 1e12 else f"{score:.4g}"


def _refused(text: str) -> TrainingError:
    return TrainingError("BG401", "--hidden", "not widths of layers", got=text, expected="numbers such as 256,128,100")
