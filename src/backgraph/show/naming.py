"""Names for what the user did not name: U for results of products, H for what follows them, G for gradients there.

A *pre-activation* is the result of a product, with its bias added: U⁽ℓ⁾ in layer ℓ. An *activation* is what one
operation makes of a pre-activation: H⁽ℓ⁾. G, G', G'' are the gradients arriving at the pre-activations, from the cost
backward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Name, Tree
from backgraph.language.op import BUILT_IN, Elementwise
from backgraph.language.ops.linear import Bilinear
from backgraph.language.ops.shape import Broadcast
from backgraph.language.walk import consumers, topological_order
from backgraph.show.names import parts_of

ACTIVATIONS = ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "sigmoid", "softplus", "sin", "cos")
"""What is called H when it is applied to a pre-activation; so are operations that users have made."""
MOST_PRIMES = 3
"""Up to so many gradients are told apart by primes; more carry the number of their layer."""


def name_leaves(order: Sequence[Node]) -> dict[Node, str]:
    """The variables by the names they were made with; a second one of the same name gets a number."""
    names: dict[Node, str] = {}
    for node in order:
        if node.op.is_variable:
            names[node] = unused(str(node.op), names)
    return names


def name_intermediates(outputs: Sequence[Node], names: Mapping[Node, str]) -> dict[Node, str]:
    """`names` with systematic ones for pre-activations and activations that have none."""
    order = topological_order(outputs)
    result = {**name_leaves([node for node in order if node not in names]), **names}
    pre = preactivations(order)
    numbers = layer_numbers(order, pre, result)
    rows = {node: rank_name(node, "U", numbers[node]) for node in pre if node not in result}
    after = [node for node in order if is_activation(node, pre) and node not in result]
    several = len([node for node in order if is_activation(node, pre)]) > 1
    rows |= {node: rank_name(node, "H", numbers[node.inputs[0]] if several else "") for node in after}
    for node in order:
        if node in rows:
            result[node] = unused(rows[node], result)
    return result


def preactivations(order: Sequence[Node]) -> list[Node]:
    """Results of products, each with everything that is added to it from copies and other products."""
    uses = consumers(order)
    tops = [_with_bias(node, uses) for node in order if is_product(node)]
    return list(dict.fromkeys(tops))


def is_product(node: Node) -> bool:
    """Whether it is the result, a vector or more, of a product."""
    return isinstance(node.op, Bilinear) and node.rank > 0


def is_activation(node: Node, pre: Sequence[Node]) -> bool:
    """Whether one operation of one operand made it from a pre-activation, in the same shape."""
    name = node.op.name
    known = name in ACTIVATIONS or (name not in BUILT_IN and isinstance(node.op, Elementwise))
    return known and node.inputs[0] in pre and node.shape == node.inputs[0].shape


def layer_numbers(order: Sequence[Node], pre: Sequence[Node], names: Mapping[Node, str]) -> dict[Node, str]:
    """The layer of each pre-activation: that of its weight (W2 is of layer 2) or how many products lie below it."""
    depth: dict[Node, int] = {}
    for node in order:
        depth[node] = max((depth[given] for given in node.inputs), default=0) + is_product(node)
    numbers: dict[Node, str] = {}
    single = len(pre) == 1
    for node in pre:
        layer = _layer_of_weight(node, names) or ("" if single else str(depth[node]))
        while layer and layer in numbers.values():
            layer = str(int(layer) + 1)
        numbers[node] = layer
    return numbers


def name_gradients(
    nodes: Sequence[Node], pre: Sequence[Node], names: Mapping[Node, str], cost: Tree, suffix: str = ""
) -> dict[Node, Tree]:
    """What the gradient arriving at each of `nodes`, given from the cost backward, is called: G, G' …, or ∇V J.

    `suffix` stands behind the G.
    """
    at = [node for node in nodes if node in pre]
    taken = set(names.values())
    result: dict[Node, Tree] = {node: Gradient(Name(names[node]), cost) for node in nodes}
    for count, node in enumerate(at):
        layer = parts_of(names[node]).layer
        primes, number = "'" * count, layer or str(len(at) - count)
        name = f"G{suffix}{primes}" if len(at) <= MOST_PRIMES else f"G{number}{suffix}"
        if name not in taken:
            result[node] = Name(name)
            taken.add(name)
    return result


def rank_name(node: Node, letter: str, layer: str) -> str:
    """A capital for matrices, a small letter for vectors, with the layer's number."""
    return (letter if node.rank > 1 else letter.lower()) + layer


def unused(name: str, names: Mapping[Node, str]) -> str:
    """`name`, or with the next number behind an underscore that is free."""
    taken, number, free = set(names.values()), 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _with_bias(node: Node, uses: Mapping[Node, list[tuple[Node, int]]]) -> Node:
    while len(uses.get(node, [])) == 1:
        (consumer, position) = uses[node][0]
        other = consumer.inputs[1 - position] if len(consumer.inputs) == 2 else None
        if other is None or consumer.op.name != "add" or not _is_addend(other):
            break
        node = consumer
    return node


def _is_addend(node: Node) -> bool:
    return isinstance(node.op, Broadcast) or is_product(node) or node.op.is_variable


def _layer_of_weight(node: Node, names: Mapping[Node, str]) -> str:
    stack, layers = [node], set[str]()
    while stack:
        for given in stack.pop().inputs:
            if given.is_leaf:
                layers.add(parts_of(names.get(given, "")).layer)
            elif is_product(given) and given not in names:
                stack.append(given)
    layers.discard("")
    return layers.pop() if len(layers) == 1 else ""
