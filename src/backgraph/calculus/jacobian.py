"""Explicit Jacobians, for reading: back-propagation itself only ever multiplies by them (section 6.5.6).

    Jacobian of z with respect to x   the array ∂z/∂x of shape (*z.shape, *x.shape): element [i…, j…] is ∂z_i/∂x_j
    edge                              (consumer, position): the Jacobian of one operation in one of its inputs
    path                              edges from a node up to an output; ∇ is the sum over paths of the products

∂z/∂W of z = W x has three axes, ∂z_i/∂W_jk = x_k if i = j, else 0; for rows, U = X W, ∂U/∂W has four.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, overload

import numpy as np

from backgraph.calculus.backprop import as_targets, backpropagate, gradient
from backgraph.errors import CalculusError
from backgraph.evaluate import Bindings, bind, evaluate
from backgraph.language.dims import Open, shape_text, symbols
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array
from backgraph.language.ops.elementwise import add
from backgraph.language.ops.leaf import constant, input
from backgraph.language.ops.reduce import sum
from backgraph.language.ops.shape import concatenate, reshape, zeros_like
from backgraph.language.walk import consumers, substitute, topological_order

Edge = tuple[Node, int]


def jacobian(output: Node, wrt: Node) -> Node:
    """∂output/∂wrt as a graph, of shape (*output.shape, *wrt.shape). Raises CalculusError BG302 for symbolic sizes."""
    shape = _known(output)
    seed, product = _transposed_product(output, wrt)
    size = int(np.prod(shape))
    basis = [constant(row.reshape(shape), output.dtype) for row in np.eye(size)]
    rows = [reshape(substitute([product], {seed: each})[0], (1, *_known(wrt))) for each in basis]
    stacked = concatenate(*rows) if rows else constant(np.zeros((0, *_known(wrt))), output.dtype)
    return reshape(stacked, (*shape, *_known(wrt)))


def jacobian_values(output: Node, wrt: Node, values: Bindings) -> Array:
    """∂output/∂wrt as an array of shape (*output.shape, *wrt.shape), at `values`; sizes may be symbolic."""
    needed, _ = _bound([output, wrt], values)
    result, x = evaluate([output, wrt], needed)
    seed, product = _transposed_product(output, wrt)
    rows = [
        evaluate(product, {**needed, seed: row.reshape(result.shape)})
        for row in np.eye(result.size, dtype=result.dtype)
    ]
    return np.asarray(rows, result.dtype).reshape(result.shape + x.shape)


def edge_jacobian(consumer: Node, position: int, values: Bindings) -> Array:
    """The Jacobian of one operation in one of its inputs, the others held, at the values that arrive there."""
    needed, sizes = _bound([consumer], values)
    arrays = evaluate([*consumer.inputs], needed)
    alone, leaves = standing_alone(consumer, arrays, sizes)
    return jacobian_values(alone, leaves[position], dict(zip(leaves, arrays, strict=True)))


def standing_alone(consumer: Node, arrays: list[Array], sizes: Mapping[str, Any]) -> tuple[Node, tuple[Node, ...]]:
    """The operation of `consumer` on fresh leaves of the shapes of `arrays`, distinct even where its inputs are not."""
    pairs = enumerate(zip(consumer.inputs, arrays, strict=True))
    leaves = tuple(input(f"x{i}", array.shape, given.dtype) for i, (given, array) in pairs)
    return consumer.op.at(sizes).apply(*leaves), leaves


def paths(output: Node, wrt: Node) -> Iterator[tuple[Edge, ...]]:
    """All paths from `wrt` to `output`, each as its edges in the order of the forward pass."""
    arrows = consumers(topological_order([output]))
    unfinished: list[tuple[Node, tuple[Edge, ...]]] = [(wrt, ())]
    while unfinished:
        node, path = unfinished.pop()
        if node is output:
            yield path
        else:
            unfinished.extend((edge[0], (*path, edge)) for edge in reversed(arrows.get(node, [])))


def product_along(path: tuple[Edge, ...], values: Bindings) -> Array:
    """The product of the Jacobians along a path, from the output down to its start."""
    (first, position), *rest = path
    result = edge_jacobian(first, position, values)
    for consumer, position in rest:
        outer = edge_jacobian(consumer, position, values)
        result = np.tensordot(outer, result, outer.ndim - consumer.rank)
    return result


@overload
def hessian_vector_product(cost: Node, wrt: Node, v: Node) -> Node: ...
@overload
def hessian_vector_product(cost: Node, wrt: Sequence[Node], v: Sequence[Node]) -> list[Node]: ...
def hessian_vector_product(cost: Node, wrt: Node | Sequence[Node], v: Node | Sequence[Node]) -> Node | list[Node]:
    """H v, with H the Hessian of `cost` in `wrt`: the gradient of ∇J·v. Section 6.5.10, after Christianson (1992).

    For several targets H is that of all of them together and `v` has a part for each; so has the result. Raises
    CalculusError BG302 where a part of `v` is missing or has another shape than its target, and what `gradient` raises.
    """
    targets, parts = as_targets(wrt), as_targets(v)
    if len(parts) != len(targets):
        hint = "give one for each target"
        raise CalculusError(
            "BG302", "v", "not as many as targets", got=len(parts), expected=str(len(targets)), hint=hint
        )
    for target, part in zip(targets, parts, strict=True):
        if part.shape != target.shape:
            got, expected = shape_text(part.shape), shape_text(target.shape)
            raise CalculusError("BG302", f"v for {target.op}", "another shape", got=got, expected=expected)
    slopes = [sum(slope * part) for slope, part in zip(gradient(cost, targets), parts, strict=True)]
    table, _ = backpropagate(reduce(add, slopes), targets) if slopes else ({}, [])
    products = [table.get(target, zeros_like(target)) for target in targets]
    return products[0] if isinstance(wrt, Node) else products


def _transposed_product(output: Node, wrt: Node) -> tuple[Node, Node]:
    """A leaf u of the shape of `output`, and Jᵀ u (zeros where `output` does not depend on `wrt`)."""
    if output.dtype not in FLOATS or wrt.dtype not in FLOATS:
        raise CalculusError("BG301", str(output.op), "integers have no Jacobian", got=f"{output.dtype}, {wrt.dtype}")
    seed = input("u", output.shape, output.dtype)
    table, _ = backpropagate(sum(output * seed), [wrt])
    return seed, table.get(wrt, zeros_like(wrt))


def _bound(outputs: list[Node], values: Bindings) -> tuple[dict[Node, Array], dict[str, Any]]:
    """Of `values`, those of the whole graph perhaps, what `outputs` depend on; and the sizes of their dimensions."""
    order = topological_order(outputs)
    names = {str(leaf.op) for leaf in order if leaf.op.is_variable}
    return bind(order, {key: value for key, value in values.items() if isinstance(key, Node) or key in names})


def _known(node: Node) -> tuple[int, ...]:
    if isinstance(node.shape, Open) or symbols(node.shape):
        raise CalculusError(
            "BG302", str(node.op), "its sizes are symbolic", got=shape_text(node.shape), hint="use jacobian_values"
        )
    return node.shape  # type: ignore[return-value]
