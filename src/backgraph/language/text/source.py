"""The text of a cost cut into tokens, with a place for every error: `text:LINE:COLUMN`.

The language is too small for Python's own tokenizer: what is not in TOKEN is not in the language, so nothing of the
text is ever handed to Python.
"""

from __future__ import annotations

import keyword
import re
from typing import NamedTuple

from backgraph.errors import GraphError
from backgraph.language.text.foreign import POWERS, SIGNS

MOST_CHARACTERS = 30_000
MOST_TOKENS = 6_000
LONGEST_NAME = 40
LITERALS = {"True": True, "False": False, "None": None}

TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r]+|\#[^\n]*)
    | (?P<end>[;\n])
    | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.])
    | (?P<name>[^\W\d]\w*)
    | (?P<string>"[^"\n\\]*"|'[^'\n\\]*')
    | (?P<operator>\*\*|==|!=|<=|>=|\.\.\.|[-+*/@()\[\],:=<>.])
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of text and where it starts; `kind` is end, number, name, string, operator or stop."""

    kind: str
    text: str
    start: int


class Source:
    """The text, and errors that point into it."""

    def __init__(self, text: str, label: str = "text") -> None:
        self.text, self.label = text, label

    def place(self, at: int) -> str:
        """`text:2:7`, line and column counted from 1."""
        before = self.text[:at]
        return f"{self.label}:{before.count(chr(10)) + 1}:{at - before.rfind(chr(10))}"

    def error(
        self, at: int, what: str, code: str = "BG105", *, got: object = None, expected: str | None = None,
        hint: str | None = None,
    ) -> GraphError:  # fmt: skip
        """The error that points at character `at`; BG105 unless `code` says otherwise."""
        return GraphError(code, self.place(at), what, got=got, expected=expected, hint=hint)


def tokens(source: Source) -> list[Token]:
    """The tokens of the text, then one of kind stop. Line ends inside brackets are space.

    Raises GraphError BG105 for characters and words outside the language and for text that is too long.
    """
    if len(source.text) > MOST_CHARACTERS:
        raise source.error(
            0, "the text is too long", got=f"{len(source.text)} characters", expected=f"≤ {MOST_CHARACTERS}"
        )
    found: list[Token] = []
    depth = at = 0
    while at < len(source.text):
        token = _next_token(source, at)
        at += len(token.text)
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if token.kind != "space" and (token.text != "\n" or depth <= 0):
            found.append(token)
    if len(found) > MOST_TOKENS:
        raise source.error(found[MOST_TOKENS].start, "the text is too long", expected=f"≤ {MOST_TOKENS} symbols")
    return [*found, Token("stop", "", at)]


def _next_token(source: Source, at: int) -> Token:
    match = TOKEN.match(source.text, at)
    if match is None:
        hint = SIGNS.get(source.text[at])
        raise source.error(at, "this is not part of the language", got=source.text[at : at + 12], hint=hint)
    token = Token(match.lastgroup or "", match[0], at)
    if token.kind == "name" and keyword.iskeyword(token.text) and token.text not in LITERALS:
        hint = "write lam" if token.text == "lambda" else None
        raise source.error(at, "a word of Python is not part of the language", got=token.text, hint=hint)
    power = re.search("[⁰¹²³⁴-⁹]", token.text)
    if token.kind == "name" and power:
        raise source.error(at + power.start(), "this is not part of the language", got=power[0], hint=POWERS)
    if token.kind == "name" and (token.text.startswith("__") or len(token.text) > LONGEST_NAME):
        what = f"names have at most {LONGEST_NAME} letters and do not begin with __"
        raise source.error(at, what, got=token.text)
    return token
