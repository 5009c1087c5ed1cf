"""What a cost and its gradient really take, counted while they are evaluated: the judge of the accounts.

multiply-adds   for every product, the elements of its result times what its signature sums over, from the arrays
bytes alive     of all arrays that own memory, as they are made and freed; views own none
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backgraph.errors import CalculusError
from backgraph.evaluate import evaluate
from backgraph.language.check import parse_signature
from backgraph.language.dims import Open, at, shape_text
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.linear import Bilinear
from backgraph.language.walk import leaves, topological_order
from backgraph.show.cost import Accounts


@dataclass(frozen=True)
class Measured:
    """Multiply-adds of the forward pass and of the backward pass, and the most bytes alive at once."""

    forward: int
    backward: int
    peak: int


def measure(found: Accounts, sizes: Mapping[str, int]) -> Measured:
    """Evaluate what the accounts are of, at these sizes, and count. Raises CalculusError BG302 where one is missing."""
    given = {leaf: _numbers(leaf, sizes) for leaf in leaves(found.outputs)}
    counter = _Counter(given, set(topological_order(found.outputs[:1])))
    evaluate(found.outputs, given, counter.watch)
    return Measured(counter.forward, counter.backward, counter.peak)


def _numbers(leaf: Node, sizes: Mapping[str, int]) -> Array:
    if isinstance(leaf.shape, Open):
        raise CalculusError("BG302", str(leaf.op), "its shape is open", hint=f"annotate it: --shape '{leaf.op}:m'")
    shape = [at(dim, sizes) for dim in leaf.shape]
    if not all(isinstance(n, int) for n in shape):
        raise CalculusError("BG302", str(leaf.op), "a size is not given", got=shape_text(leaf.shape))
    return np.full(shape, 0 if leaf.dtype == "int64" else 0.5, leaf.dtype)  # type: ignore[arg-type]  # all numbers


class _Counter:
    def __init__(self, given: Mapping[Node, Array], forward: set[Node]) -> None:
        self.first, self.shapes = forward, {node: array.shape for node, array in given.items()}
        self.forward = self.backward = self.alive = self.peak = 0
        self.known = {id(array) for array in given.values()}

    def watch(self, node: Node, value: Array) -> Array:
        """Count one operation; the array is handed on as it is."""
        self.shapes[node] = value.shape
        if isinstance(node.op, Bilinear):
            work = value.size * self._summed(node)
            self.forward += work if node in self.first else 0
            self.backward += 0 if node in self.first else work
        owner = value
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if node.inputs and not node.op.is_view and id(owner) not in self.known:
            self.known.add(id(owner))
            self.alive += owner.nbytes
            weakref.finalize(owner, self._freed, id(owner), owner.nbytes)
        self.peak = max(self.peak, self.alive)
        return value

    def _freed(self, owner: int, size: int) -> None:
        self.alive -= size
        self.known.discard(owner)

    def _summed(self, node: Node) -> int:
        """The size of what the signature sums over."""
        cores, result = parse_signature(node.op.signature)
        sizes: dict[str, Any] = {}
        for core, given in zip(cores, node.inputs, strict=True):
            sizes |= dict(zip(core, self.shapes[given][len(self.shapes[given]) - len(core) :], strict=True))
        return int(np.prod([size for letter, size in sizes.items() if letter not in result], dtype=int))
