"""Nests as text: two parts of a program are spelled alike exactly if they differ in names only.

Values and axes are numbered in the order in which they come up. Labels, which only people read, are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from backgraph.compiler.nest import Axis, Value
from backgraph.language.dims import Polynomial

SILENT = {"label", "order"}
"""Fields that no code depends on."""


class Spelling:
    """Writes structures as text; every value and axis gets a number when it first comes up, and is described there."""

    def __init__(self) -> None:
        self.number: dict[Value | Axis, int] = {}

    def __call__(self, part: Any) -> str:
        """A value, an axis, a record, a row of parts, or a plain thing."""
        if isinstance(part, (Value, Axis)):
            return self.known(part)
        if isinstance(part, bytes):
            return hashlib.sha256(part).hexdigest()
        if is_dataclass(part) and not isinstance(part, (Polynomial, type)):
            return self.record(part)
        if isinstance(part, (tuple, list)):
            return self.row(part)  # pyright: ignore[reportUnknownArgumentType]
        return f"{type(part).__name__}:{part!r}"

    def known(self, part: Value | Axis) -> str:
        """A number; with a description the first time."""
        if part in self.number:
            return f"#{self.number[part]}"
        self.number[part] = len(self.number)
        return f"#{self.number[part]}={self.record(part)}"

    def record(self, part: Any) -> str:
        """A dataclass, field by field."""
        kept = [getattr(part, each.name) for each in fields(part) if each.name not in SILENT]
        return type(part).__name__ + self.row(kept)

    def row(self, parts: Iterable[Any]) -> str:
        """Several parts."""
        return f"({' '.join(map(self, parts))})"
