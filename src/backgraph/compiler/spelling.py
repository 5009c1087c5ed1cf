"""Nests as text: two parts of a program are spelled alike exactly if they differ in names only.

Values and axes are numbered in the order in which they come up. Labels, which only people read, are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from backgraph.compiler.nest import Axis, Value
from backgraph.language.dims import Polynomial

SILENT = {"label", "order"}
"""Fields that no code depends on."""


@cache
def told(kind: type) -> tuple[str, ...] | None:
    """The fields that a record of this kind is spelled by; None for what is no record."""
    if not is_dataclass(kind) or kind is Polynomial:
        return None
    return tuple(each.name for each in fields(kind) if each.name not in SILENT)


class Spelling:
    """Writes structures as text; every value and axis gets a number when it first comes up, and is described there."""

    def __init__(self) -> None:
        self.number: dict[Value | Axis, int] = {}

    def __call__(self, part: Any) -> str:
        """A value, an axis, a record, a row of parts, or a plain thing."""
        kind: type = type(part)
        if kind is Value or kind is Axis:
            return self.known(part)
        if kind is tuple or kind is list:
            return self.row(part)
        names = told(kind)
        if names is not None:
            return self.record(part, names)
        if kind is bytes:
            return hashlib.sha256(part).hexdigest()
        return f"{kind.__name__}:{part!r}"

    def known(self, part: Value | Axis) -> str:
        """A number; with a description the first time."""
        number = self.number.get(part)
        if number is not None:
            return f"#{number}"
        number = self.number[part] = len(self.number)
        return f"#{number}={self.record(part, told(type(part)) or ())}"

    def record(self, part: Any, names: Iterable[str]) -> str:
        """A dataclass, by the fields of these names."""
        return type(part).__name__ + self.row([getattr(part, name) for name in names])

    def row(self, parts: Iterable[Any]) -> str:
        """Several parts."""
        return f"({' '.join(map(self, parts))})"
