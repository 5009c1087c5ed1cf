"""The cost that every rule lowers; it proves that rewriting ends.

A cost is a tuple, compared from the left, of four measures. Each is a sum over the expression *written out* (a node
used twice counts twice): for a node, a weight plus a factor times the measures of its inputs. All factors are at least
one, so what is lowered inside is lowered outside.

    size      operations, with transposes, sums and products of matrices doubling what is below them, so that cheap
              things move out of them; a negative literal counts twice
    scales    how deep scalar factors lie inside elementwise operations: they move to the front
    signs     how deep negations lie: they move outwards
    disorder  factors that stand behind what they scale, and negations of copies (copies of the negation are cheaper)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backgraph.language.node import Node
from backgraph.language.op import CARDS, Elementwise
from backgraph.language.ops.leaf import literal
from backgraph.language.walk import topological_order

Cost = tuple[int, int, int, int]

SIZES: tuple[tuple[int, str], ...] = (
    (8, "log log1p xlogy softmax log_softmax logsumexp cross_entropy matmul matvec vecmat vecdot outer"),
    (4, "exp expm1 sigmoid softplus power sum"),
    (3, "add sub"),
    (2, "neg"),
)
WEIGHT = {name: size for size, names in SIZES for name in names.split()}
"""Sizes of operations that are not 1."""

FREE = ("broadcast", "reshape")
"""What moves no depth: only the order of elements or copies of them."""


def cost(outputs: Iterable[Node]) -> Cost:
    """The cost of a graph."""
    totals = [0, 0, 0, 0]
    outputs = list(outputs)
    table = measures(outputs)
    for node in outputs:
        totals = [a + b for a, b in zip(totals, table[node], strict=True)]
    return (totals[0], totals[1], totals[2], totals[3])


def measures(outputs: Iterable[Node], given: Mapping[Node, Cost] | None = None) -> dict[Node, Cost]:
    """The measures of every node; `given` replaces those of some (the linear forms of a proof need that)."""
    table: dict[Node, Cost] = {}
    for node in topological_order(outputs):
        own = given.get(node) if given else None
        table[node] = own or _measured(node, [table[each] for each in node.inputs])
    return table


def _measured(node: Node, inputs: list[Cost]) -> Cost:
    size, scales, signs, disorder = (sum(each) for each in zip(*inputs, strict=True)) if inputs else (0, 0, 0, 0)
    name = node.op.name
    scaled = _scale_position(node)
    size = _weight(node) + size * (1 if _is_cheap(node) else 2)
    if scaled is not None:
        scales += 1 + inputs[scaled][1]
    elif name != "neg":
        scales = 1 + scales * (1 if name in FREE else 2)
    signs = 1 + signs * (1 if name in ("neg", *FREE) else 2)
    disorder = disorder * (2 if name == "neg" else 1) + (name in ("neg", *FREE)) + (scaled == 1)
    return size, scales, signs, disorder


def _weight(node: Node) -> int:
    value = literal(node)
    return 2 if value is not None and value < 0 else WEIGHT.get(node.op.name, 1)


def _is_cheap(node: Node) -> bool:
    """Elementwise operations and copies: what is below them counts once."""
    return isinstance(CARDS.get(node.op.name), Elementwise) or node.op.name in FREE


def _scale_position(node: Node) -> int | None:
    """Which operand of a product only scales the other; None if there is none, or both do."""
    if node.op.name != "mul":
        return None
    scales = [is_front(each) for each in node.inputs]
    return scales.index(True) if scales.count(True) == 1 else None


def is_front(node: Node) -> bool:
    """Whether a factor belongs in front: a literal, or a scalar copied to a shape."""
    return literal(node) is not None or (node.op.name == "broadcast" and node.inputs[0].shape == ())
