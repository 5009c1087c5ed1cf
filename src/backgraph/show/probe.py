"""Where Jacobians are probed: small sizes for all dimensions, short numbers for all leaves, and other points besides.

The numbers have one decimal and are always the same. First they have both signs; where a value or a gradient is not
finite at these (a logarithm of a negative number), they are positive; labels and other integers are 0 and 1 in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from backgraph.errors import CalculusError
from backgraph.evaluate import evaluate
from backgraph.language.dims import Open, at, symbols, symbols_within
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array
from backgraph.language.walk import topological_order

SIZES = (3, 2, 4)
"""The sizes of the first, second, third symbol; then again."""
PROBES = 5
"""So many points besides the first."""
OPEN = (3,)
"""The shape of what may have any."""
ATTEMPTS = ("signed", "positive", "small")


def small_sizes(order: Sequence[Node], given: Mapping[str, int]) -> dict[str, int]:
    """A small number for every symbol in `order` that `given` does not have; neighbours differ."""
    found: dict[str, int] = {}
    for node in order:
        within = symbols(node.shape) | symbols_within(tuple(vars(node.op).values()) if node.is_leaf else ())
        for name in sorted(within):
            found.setdefault(name, given.get(name, SIZES[len(found) % len(SIZES)]))
    if unknown := given.keys() - found.keys():
        expected = ", ".join(found) or "none"
        raise CalculusError("BG302", min(unknown), "no dimension of this name", expected=expected)
    return found


def small_values(outputs: Sequence[Node], sizes: Mapping[str, int], given: Mapping[Node, Any]) -> dict[Node, Array]:
    """Values for all leaves at which `outputs` are finite, if there are any among those tried; `given` are kept."""
    leaves = [node for node in topological_order(outputs) if node.op.is_variable]
    values: dict[Node, Array] = {}
    for attempt in ATTEMPTS:
        values = {node: _chosen(number, node, sizes, attempt) for number, node in enumerate(leaves)}
        values |= {node: np.asarray(array, node.dtype) for node, array in given.items() if node in values}
        if all(np.isfinite(array).all() for array in evaluate(list(outputs), values)):
            break
    return values


def _chosen(number: int, node: Node, sizes: Mapping[str, int], attempt: str) -> Array:
    shape = _shape(node, sizes)
    if node.dtype == "bool":
        return np.arange(int(np.prod(shape))).reshape(shape) % 2 == 0
    if node.dtype not in FLOATS:
        return (np.arange(int(np.prod(shape)), dtype=node.dtype).reshape(shape) + 1) % 2
    random = np.random.default_rng(number)
    if attempt == "signed":
        drawn = random.choice([-1.0, 1.0], shape) * random.integers(1, 10, shape) / 10
    else:
        drawn = random.integers(1, 10, shape) / (10 if attempt == "positive" else 40)
    return np.asarray(drawn, node.dtype)


def _shape(node: Node, sizes: Mapping[str, int]) -> tuple[int, ...]:
    if isinstance(node.shape, Open):
        return OPEN
    return tuple(int(at(dim, sizes)) for dim in node.shape)  # type: ignore[arg-type]


def probes(values: Mapping[Node, Array]) -> Iterator[dict[Node, Array]]:
    """`values`, then other points: positive ones, and some of both signs; conditions are turned about in every other."""
    yield dict(values)
    for seed in range(1, PROBES + 1):
        random = np.random.default_rng(seed)
        yield {node: _other(random, array, seed) for node, array in values.items()}


def _other(random: np.random.Generator, array: Array, seed: int) -> Array:
    if array.dtype.kind == "b":
        return array ^ (seed % 2 == 1)
    if array.dtype.kind != "f":
        return array
    drawn = random.uniform(0.3, 1.2, array.shape)
    signs = 1.0 if seed == 1 else random.choice([-1.0, 1.0], array.shape)
    return np.asarray(drawn * signs, array.dtype)
