"""Options of functions: parameters that are not values, and how each is read from the text.

A reader raises TypeError or ValueError for what it does not take; `lower` says where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backgraph.language.dims import Dim, symbol
from backgraph.language.ops.leaf import DTYPES
from backgraph.language.text.tree import Identifier, Literal, Several, Tree

REDUCTIONS = ("mean", "sum", "none")


def integer(tree: Tree) -> int:
    """An integer, from arithmetic of literals. Raises ValueError."""
    value = tree.folded
    if value is None or not value.is_integer() or abs(value) >= 2**53:
        raise ValueError
    return int(value)


def _integers(tree: Tree) -> tuple[int, ...]:
    return tuple(integer(item) for item in tree.items) if isinstance(tree, Several) else (integer(tree),)


def _axis(tree: Tree) -> int | tuple[int, ...] | None:
    if isinstance(tree, Literal) and tree.value is None:
        return None
    return _integers(tree) if isinstance(tree, Several) else integer(tree)


def _permutation(tree: Tree) -> tuple[int, ...] | None:
    return None if _axis(tree) is None else _integers(tree)


def _flag(tree: Tree) -> bool:
    if not isinstance(tree, Literal) or not isinstance(tree.value, bool):
        raise TypeError
    return tree.value


def _real(tree: Tree) -> float:
    if tree.folded is None:
        raise TypeError
    return tree.folded


def _word(*words: str) -> Callable[[Tree], str]:
    """One of `words`, in quotes or not."""

    def read(tree: Tree) -> str:
        value = tree.name if isinstance(tree, Identifier) else tree.value if isinstance(tree, Literal) else None
        if value not in words:
            raise ValueError
        return str(value)

    return read


def _letters(tree: Tree) -> str:
    if not isinstance(tree, Literal) or not isinstance(tree.value, str):
        raise TypeError
    return tree.value


def _dimension(tree: Tree, least: int = 0) -> Dim:
    if isinstance(tree, Identifier):
        return symbol(tree.name)
    value = integer(tree)
    if value < least:
        raise ValueError
    return value


def _dimensions(tree: Tree) -> tuple[Dim, ...]:
    return tuple(_dimension(item, -1) for item in (tree.items if isinstance(tree, Several) else (tree,)))


def _index(tree: Tree) -> Any:
    return tree.value if isinstance(tree, Literal) else _integers(tree)


_sizes = "integers or names of dimensions"

OPTIONS: dict[str, tuple[Callable[[Tree], Any], str]] = {
    "axis": (_axis, "an integer, a tuple of them, or None"),
    "keepdims": (_flag, "True or False"),
    "reduction": (_word(*REDUCTIONS), "mean, sum or none"),
    "label_smoothing": (_real, "a number"),
    "q": (_real, "a number"),
    "rate": (_real, "a number"),
    "stream": (integer, "an integer"),
    "permutation": (_permutation, "integers such as (1, 0)"),
    "shape": (_dimensions, _sizes),
    "depth": (_dimension, _sizes),
    "dim": (_dimension, _sizes),
    "n": (_dimension, _sizes),
    "dtype": (_word(*DTYPES), ", ".join(DTYPES)),
    "subscripts": (_letters, "letters in quotes such as 'ik,kj->ij'"),
    "brackets": (_index, "integers or slices"),
}
"""Parameters that are not operands: how each is read, and what is expected. All other parameters take values."""
