"""The fingerprint of a program: the same for two programs exactly if the same machine code is made of them.

It goes over everything that code is made from: nests with their axes, expressions and values, numbered in the order in
which they come up; which values are in memory; row blocks; target, level, and the sources of the compiler itself. Not
over labels, which only people read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import resources
from typing import Any

import llvmlite
import numpy as np

from backgraph.compiler.nest import Axis, Value
from backgraph.compiler.phases import Phase
from backgraph.compiler.program import Body
from backgraph.compiler.target import Target
from backgraph.language.dims import Polynomial

SILENT = {"label", "order"}
"""Fields that no code depends on."""


def fingerprint(phases: Sequence[Phase], values: Sequence[Value], body: Body, target: Target, level: int) -> str:
    """64 hexadecimal digits."""
    spelled = _Spelling()
    text = spelled(([phase.nests for phase in phases], list(values), body.phases, body.rows, level, target))
    local = sorted(spelled.number[value] for value in body.local if value in spelled.number)
    return hashlib.sha256(f"{text} {local} {sources()}".encode()).hexdigest()


@cache
def sources() -> str:
    """A digest of the compiler as it is installed, and of the version of llvmlite."""
    digest = hashlib.sha256(f"{llvmlite.__version__} {np.__version__}".encode())
    for file in sorted(resources.files("backgraph.compiler").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


class _Spelling:
    """Writes structures as text; every value and axis gets a number when it first comes up, and is described there."""

    def __init__(self) -> None:
        self.number: dict[Value | Axis, int] = {}

    def __call__(self, part: Any) -> str:
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
