"""Indexing, as `x[i]`, `jnp.take` and `jnp.take_along_axis` write it: JAX's gather, and slices at known places.

gather reads, for each of a batch of index vectors, a window of the operand that begins there. What is translated has
windows of one element along the axes that are indexed and of the whole axis along the others. Known indices select rows
of the operand by `take`. Indices that are nodes do too where there is one for each; beyond that they pick by `one_hot`,
never by computing places, so that an index outside its axis cannot read another row: it is refused.
Source: the documentation of `jax.lax.gather`, and of XLA's Gather.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from backgraph.evaluate import evaluate
from backgraph.jax_bridge.arithmetic import plain, reshaped, select
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array
from backgraph.language.ops import reduce
from backgraph.language.ops.elementwise import add, less, where
from backgraph.language.ops.leaf import constant
from backgraph.language.ops.loss import one_hot
from backgraph.language.ops.shape import cast, expand, take, transpose
from backgraph.language.walk import leaves, substitute, topological_order


@dataclass(frozen=True)
class Column:
    """The index along one axis of the operand: an array if it is known, else a node; of the batch's shape."""

    axis: int
    index: Node | Array


def gather(x: Node, indices: Node, *, dimension_numbers: Any, slice_sizes: Any, mode: Any, **_: Any) -> Node | None:
    """JAX's gather; None for windows that are neither one element nor a whole axis."""
    columns = _columns(x, indices, dimension_numbers, str(mode).endswith("CLIP"))
    indexed = [column.axis for column in columns]
    sizes: tuple[int, ...] = x.shape  # type: ignore[assignment]
    if any(n != (1 if axis in indexed else sizes[axis]) for axis, n in enumerate(slice_sizes)):
        return None
    batch: tuple[int, ...] = indices.shape[:-1]  # type: ignore[assignment]
    picked = _pick(x, columns, batch)
    dropped = {*dimension_numbers.collapsed_slice_dims, *dimension_numbers.operand_batching_dims}
    window = [n for axis, n in enumerate(slice_sizes) if axis not in dropped]
    offsets = [int(axis) for axis in dimension_numbers.offset_dims]
    result = reshaped(picked, (*batch, *window))
    rest = [axis for axis in range(result.rank) if axis not in offsets]
    order = np.argsort([*rest, *offsets]).tolist()
    return transpose(result, order)


def dynamic_slice(x: Node, *starts: Node, slice_sizes: Any, **_: Any) -> Node | None:
    """A window of given size; None where its place depends on an argument."""
    places = [known(start) for start in starts]
    if any(place is None for place in places):
        return None
    dims = zip(places, slice_sizes, x.shape, strict=True)  # type: ignore[arg-type]
    corners = [int(np.clip(place, 0, whole - n)) for place, n, whole in dims]  # type: ignore[operator,arg-type]
    return x[tuple(slice(start, start + n) for start, n in zip(corners, slice_sizes, strict=True))]


def known(node: Node) -> Array | None:
    """The value of a node that depends on no variable."""
    return None if leaves([node]) else evaluate(node, {})


def _columns(x: Node, indices: Node, numbers: Any, clipped: bool) -> list[Column]:
    """The indexed axes: those with an index in the vector, and those that run along with the batch."""
    batch: tuple[int, ...] = indices.shape[:-1]  # type: ignore[assignment]
    columns = []
    for position, axis in enumerate(numbers.start_index_map):
        size: int = x.shape[axis]  # type: ignore[index,assignment]
        index = reshaped(indices if len(numbers.start_index_map) == 1 else indices[..., position], batch)
        value = known(index)
        if value is None:
            columns.append(Column(int(axis), _not_from_the_end(index, size)))
        else:
            columns.append(Column(int(axis), np.clip(value, 0, size - 1) if clipped else value))
    for axis, along in zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True):
        columns.append(Column(int(axis), np.indices(batch)[along]))
    return sorted(columns, key=lambda column: column.axis)


def _pick(x: Node, columns: list[Column], batch: tuple[int, ...]) -> Node:
    """x at the columns' places: the batch first, then the axes without an index."""
    first = [column for column in columns if not isinstance(column.index, Node)] or columns[:1]
    later = [column for column in columns if column not in first]
    order = [column.axis for column in (*first, *later)]
    others = [axis for axis in range(x.rank) if axis not in order]
    sizes: list[int] = [x.shape[axis] for axis in (*order, *others)]  # type: ignore[index,misc]
    front = sizes[: len(first)]
    rows = reshaped(transpose(x, order + others), (math.prod(front), *sizes[len(first) :]))
    value = _rows(rows, first, front, batch)
    for column in later:
        value = _pick_one(value, column.index, len(batch))  # type: ignore[arg-type]  # later ones are nodes
    return value


def _rows(rows: Node, columns: list[Column], front: list[int], batch: tuple[int, ...]) -> Node:
    if isinstance(columns[0].index, Node):
        return take(rows, columns[0].index)
    flat = np.ravel_multi_index(tuple(np.asarray(column.index) for column in columns), tuple(front))
    if np.array_equal(flat.reshape(-1), np.arange(rows.shape[0])):  # type: ignore[index]
        return reshaped(rows, (*batch, *rows.shape[1:]))  # type: ignore[misc,index]
    return take(rows, constant(flat, "int64"))


def _pick_one(x: Node, index: Node, axis: int) -> Node:
    """x (batch…, n, …) at `index` (batch…) along the axis behind the batch."""
    dtype = x.dtype if x.dtype in FLOATS else "float64"
    chosen = one_hot(index, x.shape[axis], dtype) > 0.5  # type: ignore[index]
    spread = expand(chosen, range(axis + 1, x.rank), x.shape)
    picked = reduce.sum(where(spread, cast(x, dtype), 0.0), axis)
    return picked if x.dtype in FLOATS else cast(picked, x.dtype)


def _not_from_the_end(index: Node, size: int) -> Node:
    """`index` without what jnp puts around it so that −1 means the last: i < 0 ? i + size : i."""
    integers = [node for node in topological_order([index]) if node.dtype == "int64"]
    unwrapped = {}
    for node in integers:
        from_the_end = plain(add)(node, constant(size))
        unwrapped[select(less(node, constant(0)), node, from_the_end)] = node
    return substitute([index], {node: unwrapped[node] for node in integers if node in unwrapped})[0]
