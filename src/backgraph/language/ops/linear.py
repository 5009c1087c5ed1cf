"""Products: of two matrices, a matrix and a vector, two vectors. Each rule is again one of these products.

`∇_A J = G Bᵀ` and `∇_B J = Aᵀ G` for C = A B (section 6.5.6): of all products of G with the other factor, these are the
ones whose shapes fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backgraph.errors import GraphError
from backgraph.language import notation
from backgraph.language.check import broadcast_shapes, here, mismatch
from backgraph.language.dims import Dim, count, product
from backgraph.language.node import OPERATORS, Node
from backgraph.language.op import Array, Operation, as_nodes, total
from backgraph.language.ops.shape import broadcast, expand, swapped


class Bilinear(Operation):
    """A product, linear in each of its two operands."""

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        (a, b), (s, t) = inputs, tangents
        parts = [None if s is None else self.apply(s, b), None if t is None else self.apply(a, t)]
        return total([part for part in parts if part is not None])

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.times("matrix", *trees)


@dataclass(frozen=True)
class MatMul(Bilinear):
    """C = A B: C_ij = Σ_k A_ik B_kj. Section 2.2."""

    name: ClassVar[str] = "matmul"
    signature: ClassVar[str] = "(m,k),(k,n)->(m,n)"

    def numpy(self, *arrays: Array) -> Array:
        return np.matmul(*arrays)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        A, B = inputs
        return G @ swapped(B) if position == 0 else swapped(A) @ G

    def work(self, inputs: tuple[Node, ...]) -> Dim:
        return count(inputs[0].shape) * inputs[1].shape[-1]  # type: ignore[index]


@dataclass(frozen=True)
class MatVec(Bilinear):
    """y = A x: y_i = Σ_k A_ik x_k."""

    name: ClassVar[str] = "matvec"
    signature: ClassVar[str] = "(m,k),(k)->(m)"

    def numpy(self, *arrays: Array) -> Array:
        return np.matmul(arrays[0], arrays[1][..., None])[..., 0]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        A, x = inputs
        return Outer().apply(G, x) if position == 0 else MatVec().apply(swapped(A), G)

    def work(self, inputs: tuple[Node, ...]) -> Dim:
        return count(inputs[0].shape)


@dataclass(frozen=True)
class VecMat(Bilinear):
    """y = xᵀ A, as a vector: y_j = Σ_k x_k A_kj."""

    name: ClassVar[str] = "vecmat"
    signature: ClassVar[str] = "(k),(k,n)->(n)"

    def numpy(self, *arrays: Array) -> Array:
        return np.matmul(arrays[0][..., None, :], arrays[1])[..., 0, :]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        x, A = inputs
        return MatVec().apply(A, G) if position == 0 else Outer().apply(x, G)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.times("matrix", notation.transposed(trees[0]), trees[1])

    def work(self, inputs: tuple[Node, ...]) -> Dim:
        return count(inputs[1].shape)


@dataclass(frozen=True)
class VecDot(Bilinear):
    """xᵀ y = Σ_k x_k y_k."""

    name: ClassVar[str] = "vecdot"
    signature: ClassVar[str] = "(k),(k)->()"

    def numpy(self, *arrays: Array) -> Array:
        return np.matmul(arrays[0][..., None, :], arrays[1][..., None])[..., 0, 0]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        other = inputs[1 - position]
        return expand(G, (other.rank - 1,), other.shape) * other

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.times("matrix", notation.transposed(trees[0]), trees[1])

    def work(self, inputs: tuple[Node, ...]) -> Dim:
        return count(inputs[0].shape)


@dataclass(frozen=True)
class Outer(Bilinear):
    """x yᵀ: element (i, j) is x_i y_j."""

    name: ClassVar[str] = "outer"
    signature: ClassVar[str] = "(m),(n)->(m,n)"

    def numpy(self, *arrays: Array) -> Array:
        return arrays[0][..., :, None] * arrays[1][..., None, :]

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        x, y = inputs
        return MatVec().apply(G, y) if position == 0 else MatVec().apply(swapped(G), x)

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.times("matrix", trees[0], notation.transposed(trees[1]))

    def work(self, inputs: tuple[Node, ...]) -> Dim:
        return product(self.shape(*inputs))  # type: ignore[arg-type]


def matmul(a: Node, b: Node) -> Node:
    """The product of matrices, or of a matrix and a vector, or of two vectors; batch dimensions broadcast.

    Shapes as NumPy's `@`. Raises GraphError BG101 where the inner dimensions differ, for scalars, and for mixed dtypes.
    """
    a, b = as_nodes("matmul", (a, b))
    if a.rank == 0 or b.rank == 0:
        raise mismatch("matmul", MatMul.signature, [a, b], "an operand is a scalar; write * for scaling")
    if a.rank == 1 or b.rank == 1:
        return _with_vector(a, b)
    if a.shape[:-2] != b.shape[:-2]:  # type: ignore[index]
        batch = broadcast_shapes("matmul", [_batch_of(a), _batch_of(b)])
        a, b = (broadcast(x, (*batch, *x.shape[-2:])) for x in (a, b))  # type: ignore[misc,index]
    return MatMul().apply(a, b)


def _with_vector(a: Node, b: Node) -> Node:
    if a.rank == b.rank == 1:
        return VecDot().apply(a, b)
    matrix, vector = (a, b) if b.rank == 1 else (b, a)
    spread = broadcast(vector, (*matrix.shape[:-2], *vector.shape))  # type: ignore[misc,index]
    return MatVec().apply(a, spread) if b.rank == 1 else VecMat().apply(spread, b)


def _batch_of(x: Node) -> Node:
    from backgraph.language.ops.leaf import input

    return input(str(x.op), x.shape[:-2])  # type: ignore[index]


def dot(a: Node, b: Node) -> Node:
    """The inner product Σ a_i b_i of two vectors, or Σ a ⊙ b of equal shapes. Raises GraphError BG101."""
    if a.rank == b.rank == 1:
        return VecDot()(a, b)
    if a.shape != b.shape:
        raise GraphError(
            "BG101", f"{here()} dot", "the operands differ in shape", got=f"{a!r} {b!r}", expected="(k),(k)->()"
        )
    return OPERATORS["sum"](a * b, None)


def outer(a: Node, b: Node) -> Node:
    """a bᵀ of two vectors."""
    return Outer()(a, b)


OPERATORS["matmul"] = matmul
