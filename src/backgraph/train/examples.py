"""The examples a step is trained on: checked as a whole before the first step, then taken in minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from backgraph.errors import CalculusError, DataError
from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.walk import topological_order
from backgraph.train.step import Step


def examples(step: Step, data: Mapping[Any, ArrayLike]) -> tuple[dict[Node, Array], int]:
    """The arrays of `step.rows` and `step.fixed`, by node, and the number of examples.

    `data` is by node or name. Raises CalculusError BG302 for an array that is missing or has the wrong dtype or shape,
    DataError BG207 where numbers of rows differ, BG201 for none, BG206 for a label outside 0 … k−1.
    """
    arrays = {node: _array(node, data) for node in (*step.rows, *step.fixed)}
    counts = {str(node.op): len(arrays[node]) for node in step.rows}
    if len(set(counts.values())) > 1:
        got = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError("BG207", "data", "the numbers of rows differ", got=got, expected="as many labels as examples")
    n = next(iter(counts.values()), 0)
    if n == 0:
        raise DataError("BG201", "data", "there are no examples")
    check_indices(step.cost, arrays)
    return arrays, n


def check_indices(cost: Node, arrays: Mapping[Node, Array]) -> None:
    """Refuse labels that are no class, before they are used. Raises DataError BG206 with the first bad row."""
    for node in topological_order([cost]):
        leaf, size = node.op.indexed(node.inputs) or (node, None)
        if leaf not in arrays or not isinstance(size, int):
            continue
        bad = np.flatnonzero((arrays[leaf] < 0) | (arrays[leaf] >= size))
        if bad.size:
            where, got = f"{leaf.op}[{bad[0]}]", int(arrays[leaf].flat[bad[0]])
            raise DataError("BG206", where, "label out of range", got=got, expected=f"0…{size - 1}")


class Steps(Protocol):
    """Says how many steps to take next; the answer may change from one to the next."""

    steps: int


def minibatches(order: Array, batch_size: int, start: int, most: Steps) -> Iterator[Array]:
    """`order` cut into minibatches from number `start` on, as index matrices steps × rows of at most `most` steps.

    The last minibatch holds what is left and comes alone where it is smaller.
    """
    whole = len(order) // batch_size
    matrix = order[: whole * batch_size].reshape(whole, batch_size)
    first = start
    while first < whole:
        last = min(first + most.steps, whole)
        yield matrix[first:last]
        first = last
    if len(order) % batch_size:
        yield order[None, whole * batch_size :]


def _array(node: Node, data: Mapping[Any, ArrayLike]) -> Array:
    key = node if node in data else str(node.op)
    if key not in data:
        expected = f"{shape_text(node.shape)} {node.dtype}"
        raise CalculusError("BG302", str(node.op), "no data is given for this input", expected=expected)
    array = np.asarray(data[key])
    fits = array.ndim == node.rank and all(
        not isinstance(dim, int) or dim == size
        for dim, size in zip(node.shape, array.shape, strict=True)  # type: ignore[arg-type]  # batched, so not open
    )
    if not fits or array.dtype.name != node.dtype:
        got, expected = f"{shape_text(array.shape)} {array.dtype.name}", f"{shape_text(node.shape)} {node.dtype}"
        hint = f'{node.op} as {node.op}.astype("{node.dtype}")' if fits and _converts(array, node.dtype) else None
        raise CalculusError("BG302", str(node.op), "the data does not fit", got=got, expected=expected, hint=hint)
    return np.asarray(array, order="C")


def _converts(array: Array, dtype: str) -> bool:
    """Whether all values stay what they are, or are rounded to another float, so that the conversion may be advised."""
    if array.dtype.kind not in "biuf":
        return False
    if dtype != "int64" or array.dtype.kind != "f":
        return True
    return bool(np.isfinite(array).all() and (array == np.floor(array)).all())
