"""From one column to a minibatch of rows: the products δ aᵀ of all examples, added, are one product Hᵀ G.

    δ, a     what arrives at z = W a + … of one example, and its operand: columns
    D, A     the same for m examples, one example a row
    W'       the weight written on the right: Z = A W', of the shape of Wᵀ

∂Z/∂W' has four axes. Here it is formed once, at a tiny example, to show that nobody needs it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backgraph.calculus.jacobian import edge_jacobian, jacobian_values
from backgraph.evaluate import evaluate
from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Name, Tree, times, transposed
from backgraph.language.op import Array
from backgraph.language.ops.leaf import input
from backgraph.language.ops.linear import Bilinear, matmul
from backgraph.language.walk import topological_order
from backgraph.show.chain import Chain, EdgeJacobian
from backgraph.show.names import parts_of

EXAMPLES = 3


@dataclass(frozen=True)
class Bridge:
    """One weight, from the column to the rows; `names` are those of A, D and Z."""

    edge: EdgeJacobian
    a: Tree
    outer: Tree
    """The product of one example."""
    names: tuple[Tree, Tree, Tree]
    columns: bool
    """Whether the weight stood on the left, of a column."""
    shape: tuple[int, ...]
    """Of ∂Z/∂W'."""
    free: int
    """How many of its elements are not zero."""
    difference: float


def bridges(chain: Chain) -> list[Bridge]:
    """One for each edge into a weight whose rule is a product of two vectors, and that one product made."""
    return [made for edge in reversed(chain.edges) if edge.outer is not None and (made := _bridge(chain, edge))]


def _bridge(chain: Chain, edge: EdgeJacobian) -> Bridge | None:
    assert edge.outer is not None
    a, columns = edge.outer
    product = next((n for n in _above(edge.z.node, a, edge.x.node)), None)
    names = {value.node: value.name for value in chain.values}
    if product is None or a not in names:
        return None
    examples = [_example(chain, number) for number in range(EXAMPLES)]
    D = np.stack([evaluate(chain.gradients.of[edge.z.node], example) for example in examples])
    A = np.stack([evaluate(a, example) for example in examples])
    one_by_one = sum(
        np.tensordot(delta, edge_jacobian(*product, example), 1) for delta, example in zip(D, examples, strict=True)
    )
    rows, weight = input("A", A.shape), input("W", (A.shape[1], D.shape[1]))
    values = {rows: A, weight: np.zeros((A.shape[1], D.shape[1]))}
    whole = jacobian_values(matmul(rows, weight), weight, values)
    together, contracted = A.T @ D, np.tensordot(D, whole, 2)
    wanted = np.asarray(one_by_one).T if columns else np.asarray(one_by_one)
    difference = max(float(np.abs(each - wanted).max(initial=0.0)) for each in (together, contracted))
    delta = _arriving(edge, chain)
    outer = times("matrix", delta, transposed(names[a])) if columns else times("matrix", names[a], transposed(delta))
    letters = (_capital(names[a]), _layered("G", edge.z.name), _capital(edge.z.name))
    return Bridge(edge, names[a], outer, letters, columns, whole.shape, int((whole != 0).sum()), difference)


def _above(z: Node, a: Node, W: Node) -> list[tuple[Node, int]]:
    """The product of W and a below z, with the position of W."""
    found = [node for node in topological_order([z]) if isinstance(node.op, Bilinear) and W in node.inputs]
    return [(node, node.inputs.index(W)) for node in found if a in node.inputs]


def _arriving(edge: EdgeJacobian, chain: Chain) -> Tree:
    return Gradient(edge.z.name, chain.cost.name)


def _example(chain: Chain, number: int) -> dict[Node, Array]:
    """Another example: the vectors among the inputs, in another order and scaled; their signs stay."""
    return {node: _varied(node, array, number) for node, array in chain.given.items()}


def _varied(node: Node, array: Array, number: int) -> Array:
    role = getattr(node.op, "role", "")
    if number == 0 or role not in ("input", "labels") or (array.ndim != 1 and role == "input"):
        return array
    if array.dtype.kind != "f":
        return (array + number) % 2
    return np.roll(array, number) * (1 + number / 10)


def _capital(name: Tree) -> Tree:
    return Name(name.text[:1].upper() + name.text[1:]) if isinstance(name, Name) else name


def _layered(letter: str, like: Tree) -> Tree:
    return Name(letter + parts_of(like.text).layer) if isinstance(like, Name) else Name(letter)
