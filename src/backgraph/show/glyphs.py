"""The outlines of letters and signs: STIX Two Math (OFL-1.1, GLYPHS-LICENCE.txt), built by scripts/make_glyphs.py.

Units are thousandths of the size of type; y points up.
"""

from __future__ import annotations

import functools
import json
import unicodedata
from importlib.resources import files
from typing import NamedTuple


class Glyph(NamedTuple):
    """One letter or sign."""

    advance: int
    slant: int
    """How far an italic letter leans beyond its advance: what stands above right must move by it."""
    height: int
    depth: int
    outline: str
    """An SVG path."""


@functools.cache
def glyphs() -> dict[str, Glyph]:
    """All outlines by character."""
    table = json.loads(files("backgraph.show").joinpath("glyphs.json").read_text(encoding="utf-8"))
    return {letter: Glyph(*row) for letter, row in table.items()}


def printable(text: str) -> str:
    """`text` with a question mark for every character that cannot be seen, such as those that mark up."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def unknown(letter: str) -> Glyph:
    """The room kept for a letter without an outline here, which the reader's own font has to show."""
    wide = unicodedata.east_asian_width(letter) in "WF"
    return Glyph(1000 if wide else 600, 0, 800, 150, "")


def italic(letter: str) -> str:
    """The italic form of a Latin or Greek letter; other letters as they are."""
    code = ord(letter)
    if letter == "h":
        return "\u210e"
    for first, last, start in (("A", "Z", 0x1D434), ("a", "z", 0x1D44E), ("Α", "Ω", 0x1D6E2), ("α", "ω", 0x1D6FC)):
        if ord(first) <= code <= ord(last):
            return chr(start + code - ord(first))
    return letter


def bold(text: str) -> str:
    """Latin letters in bold; others as they are."""
    return "".join(_bold(letter) for letter in text)


def _bold(letter: str) -> str:
    if not (letter.isascii() and letter.isalpha()):
        return letter
    return chr(0x1D400 + ord(letter) - ord("A") if letter.isupper() else 0x1D41A + ord(letter) - ord("a"))
