"""Points at which a Jacobian is looked at besides the tiny example, so that its structure is no accident there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from backgraph.language.node import Node
from backgraph.language.op import Array

PROBES = 5
"""So many points besides the first."""


def probes(values: Mapping[Node, Array]) -> Iterator[dict[Node, Array]]:
    """`values`, then positive ones, then some of both signs; conditions are turned about in every other."""
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
