"""einsum, lowered to transposes, products and sums: no operation of its own."""

from __future__ import annotations

from backgraph.errors import GraphError
from backgraph.language.check import here
from backgraph.language.dims import Dim, product
from backgraph.language.node import Node
from backgraph.language.ops.linear import matmul
from backgraph.language.ops.reduce import sum
from backgraph.language.ops.shape import expand, reshape, transpose


def einsum(subscripts: str, *operands: Node) -> Node:
    """Products summed over repeated letters, as NumPy's: `einsum("ik,kj->ij", A, B)`.

    Letters only (no `...`), no letter twice within one operand. Operands are contracted from left to right.
    Raises GraphError BG109 for malformed subscripts, BG101 where a letter has two sizes.
    """
    inputs, result = _parsed(subscripts, operands)
    sizes = _sizes(subscripts, inputs, operands)
    letters, value = inputs[0], operands[0]
    for position in range(1, len(operands)):
        later = set(result).union(*inputs[position + 1 :])
        letters, value = _contract((letters, value), (inputs[position], operands[position]), later, sizes)
    summed = [axis for axis, letter in enumerate(letters) if letter not in result]
    value = sum(value, tuple(summed)) if summed else value
    kept = [letter for letter in letters if letter in result]
    return transpose(value, [kept.index(letter) for letter in result])


def _parsed(subscripts: str, operands: tuple[Node, ...]) -> tuple[list[str], str]:
    left, arrow, result = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    letters = "".join(inputs)
    if not arrow:
        result = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    proper = all(part.isalpha() and len(set(part)) == len(part) for part in [*inputs, result] if part)
    if not proper or not set(result) <= set(letters) or len(inputs) != len(operands):
        raise GraphError(
            "BG109", f"{here()} einsum", "subscripts do not fit", got=subscripts,
            expected=f"{len(operands)} groups of different letters, as in ik,kj->ij",
        )  # fmt: skip
    return inputs, result


def _sizes(subscripts: str, inputs: list[str], operands: tuple[Node, ...]) -> dict[str, Dim]:
    sizes: dict[str, Dim] = {}
    for letters, node in zip(inputs, operands, strict=True):
        if len(letters) != node.rank:
            raise GraphError("BG101", f"{here()} einsum", "wrong number of letters", got=repr(node), expected=letters)
        for letter, dim in zip(letters, node.shape, strict=True):  # type: ignore[arg-type]
            if sizes.setdefault(letter, dim) != dim:
                what = f"letter {letter} is {sizes[letter]} and {dim}"
                raise GraphError("BG101", f"{here()} einsum", what, got=subscripts)
    return sizes


Labelled = tuple[str, Node]
"""The letters of a value's axes, and the value."""


def _contract(one: Labelled, other: Labelled, later: set[str], sizes: dict[str, Dim]) -> Labelled:
    """One product: letters shared and still needed are a batch, shared and not needed are summed."""
    (left, a), (right, b) = one, other
    batch = "".join(c for c in left if c in right and c in later)
    inner = "".join(c for c in left if c in right and c not in later)
    rows = "".join(c for c in left if c not in right)
    columns = "".join(c for c in right if c not in left)
    letters = batch + rows + columns
    if not inner:
        spread = [_spread(x, own, letters, sizes) for x, own in ((a, left), (b, right))]
        return letters, spread[0] * spread[1]
    first = _grouped(a, left, (batch, rows, inner), sizes)
    second = _grouped(b, right, (batch, inner, columns), sizes)
    shape = tuple(sizes[c] for c in letters)
    return letters, reshape(matmul(first, second), shape)


def _grouped(x: Node, letters: str, groups: tuple[str, ...], sizes: dict[str, Dim]) -> Node:
    """Axes in the order of `groups`; the batch group keeps its axes, each other group becomes one axis."""
    ordered = transpose(x, [letters.index(c) for c in "".join(groups)])
    batch = tuple(sizes[c] for c in groups[0])
    return reshape(ordered, (*batch, *(product(sizes[c] for c in group) for group in groups[1:])))


def _spread(x: Node, own: str, letters: str, sizes: dict[str, Dim]) -> Node:
    ordered = transpose(x, [own.index(c) for c in letters if c in own])
    missing = [axis for axis, c in enumerate(letters) if c not in own]
    return expand(ordered, missing, tuple(sizes[c] for c in letters)) if missing else ordered
