"""Shape annotations: `"X:m d, b:h, lam:"`, names with their dimensions; no dimensions make a scalar.

Dimensions are names or integers, separated by spaces, `*` or `×`; entries are separated by commas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from backgraph.errors import GraphError
from backgraph.language.dims import Dim, Polynomial, symbol
from backgraph.language.text.source import LONGEST_NAME, Source

MOST_AXES = 8
FORM = "NAME:DIMENSIONS, as in 'X:m d, b:h, lam:'"
Given = str | Mapping[str, "str | Sequence[int | str | Polynomial]"]

_NAME = re.compile(rf"[^\W\d]\w{{0,{LONGEST_NAME - 1}}}\Z")
_SIZE = re.compile(r"[0-9]{1,12}\Z")


def annotated_shapes(given: Given) -> dict[str, tuple[Dim, ...]]:
    """The shapes of names, from text or from a mapping. Raises GraphError BG106."""
    if isinstance(given, Mapping):
        return {name: _shape_of(name, shape) for name, shape in given.items()}
    source, at = Source(given, "shapes"), 0
    result: dict[str, tuple[Dim, ...]] = {}
    for entry in given.split(",") if given.strip() else ():
        start = at + len(entry) - len(entry.lstrip())
        at += len(entry) + 1
        name, colon, dims = (part.strip() for part in entry.partition(":"))
        if not colon or not _NAME.match(name):
            long = f"names have at most {LONGEST_NAME} letters" if len(name) > LONGEST_NAME else None
            raise source.error(start, "not an annotation", "BG106", got=entry.strip(), expected=FORM, hint=long)
        if name in result:
            raise source.error(start, "a name is annotated twice", "BG106", got=name)
        result[name] = _dimensions(dims, source, start)
    return result


def _shape_of(name: str, shape: str | Sequence[int | str | Polynomial]) -> tuple[Dim, ...]:
    source = Source(name, "shapes")
    if isinstance(shape, str):
        return _dimensions(shape, source, 0)
    return tuple(each if isinstance(each, Polynomial) else _dimension(str(each), source, 0) for each in shape)


def _dimensions(text: str, source: Source, at: int) -> tuple[Dim, ...]:
    words = re.split(r"\s*[*×]\s*|\s+", text) if text else []
    if len(words) > MOST_AXES:
        raise source.error(at, "too many axes", "BG106", got=text, expected=f"at most {MOST_AXES}")
    return tuple(_dimension(word, source, at) for word in words)


def _dimension(word: str, source: Source, at: int) -> Dim:
    if _SIZE.match(word):
        return int(word)
    if _NAME.match(word):
        return symbol(word)
    raise source.error(at, "not a dimension", "BG106", got=word, expected="a name or an integer ≥ 0")


def contradiction(name: str, why: str, got: object) -> GraphError:
    """The error for an annotation that the text cannot have. BG106."""
    return GraphError("BG106", f"shapes: {name}", why, got=got)
