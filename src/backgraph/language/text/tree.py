"""The syntax of a text as a tree: numbers, names, and calls; every operation, infix or called, is a `Call`.

`start` and `end` are the characters it was read from. Trees are compared by identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


@dataclass(frozen=True, eq=False, slots=True)
class Number:
    """A literal number."""

    value: float
    start: int
    end: int

    @property
    def folded(self) -> float | None:
        """Its value."""
        return self.value


@dataclass(frozen=True, eq=False, slots=True)
class Identifier:
    """The name of a value."""

    name: str
    start: int
    end: int
    folded: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Literal:
    """True, False, None, a word in quotes, or an index: `(slice(0, 3), None, ...)`; only options take them."""

    value: object
    start: int
    end: int
    folded: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Several:
    """A tuple."""

    items: tuple[Tree, ...]
    start: int
    end: int
    folded: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """A function of arguments; `at` is where its name or operator stands, `folded` its value if made of literals."""

    function: str
    arguments: tuple[Tree, ...]
    options: dict[str, Tree]
    at: int
    start: int
    end: int
    folded: float | None = field(default=None)


Tree: TypeAlias = Number | Identifier | Literal | Several | Call


class Statement(NamedTuple):
    """`name = value`, or a value alone (name is None)."""

    name: str | None
    value: Tree
    start: int
