"""Sizes that users give for dimensions: those that no dimension has are refused, not passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backgraph.errors import UsageError, nearest
from backgraph.language.dims import symbols
from backgraph.language.node import Node
from backgraph.language.walk import leaves


def check_sizes(sizes: Mapping[str, int], outputs: Iterable[Node]) -> None:
    """Refuse a size of a dimension that no leaf below `outputs` has, and one below 1. Raises UsageError BG601."""
    known = sorted({name for leaf in leaves(outputs) for name in symbols(leaf.shape)})
    for name, size in sizes.items():
        if name not in known:
            expected = ", ".join(known) or "none: no size is open"
            hint = nearest(name, known)
            raise UsageError("BG601", "sizes", "no dimension has this name", got=name, expected=expected, hint=hint)
        if size < 1:
            raise UsageError("BG601", "sizes", "not a size", got=f"{name}={size}", expected="1 or more")
