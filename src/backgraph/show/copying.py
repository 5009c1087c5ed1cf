"""What a formula repeats without writing it: arrays that are copied along axes to fit others (broadcasting).

    repeat     an array with its shape, and the axes along which it is copied
    filled     a number that stands for an array, where no other operand says its shape: ∇a J = 1

Formulas write X W + b; that b, a vector, is added to every row has to be said beside them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from backgraph.language.dims import Open, Shape
from backgraph.language.node import Node
from backgraph.language.notation import Product, Sum, Tree
from backgraph.language.op import Elementwise
from backgraph.language.ops.reduce import axis_name
from backgraph.language.ops.shape import Broadcast, Reshape


@dataclass(frozen=True)
class Repeat:
    """An array that a formula copies: `along` names the axes; it is empty where they are open or it is `filled`."""

    what: Tree
    shape: Shape
    along: tuple[str, ...]
    to: Shape
    filled: bool = False


def repeats(formulas: Iterable[Node], written: Mapping[Node, Tree], named: Container[Node] = ()) -> tuple[Repeat, ...]:
    """What the formulas of nodes repeat, down to what is `named`, each once; scalars in elementwise operations are not
    mentioned, for they fit everything.
    """
    found: dict[Repeat, None] = {}
    stack, seen = [(node, True) for node in formulas], set[tuple[Node, bool]]()
    while stack:
        node, bare = stack.pop()
        if (node, bare) in seen:
            continue
        seen.add((node, bare))
        found |= dict.fromkeys(_repeat(node, bare, written))
        bare_below = not isinstance(node.op, (Elementwise, Broadcast))
        stack += [(given, bare_below) for given in reversed(node.inputs) if given not in named]
    return tuple(found)


def _repeat(node: Node, bare: bool, written: Mapping[Node, Tree]) -> Iterator[Repeat]:
    if not isinstance(node.op, Broadcast):
        return
    (x,), to, axes = node.inputs, node.shape, node.op.axes
    if x.shape == ():
        if bare and to != ():
            yield Repeat(written[x], (), (), to, filled=True)
    elif axes is None or isinstance(to, Open):
        if not isinstance(to, Open):
            yield Repeat(_array_of(written[x]), x.shape, (), to)
    else:
        kept = _without_ones(x)
        yield Repeat(
            _array_of(written[kept]), kept.shape, tuple(axis_name(to, i) for i in range(len(to)) if i not in axes), to
        )


def _array_of(tree: Tree) -> Tree:
    """Without the sign and the scalars in front, which are written elsewhere."""
    if isinstance(tree, Sum) and len(tree.terms) == 1:
        return _array_of(tree.terms[0][1])
    return tree.factors[-1] if isinstance(tree, Product) and tree.kind == "scale" else tree


def _without_ones(x: Node) -> Node:
    """What stands in the formula: (m, 1) where an axis of size 1 was dropped to copy along it."""
    if isinstance(x.op, Reshape) and isinstance(x.inputs[0].shape, tuple) and isinstance(x.shape, tuple):
        before = x.inputs[0].shape
        if tuple(d for d in before if d != 1) == tuple(d for d in x.shape if d != 1):
            return x.inputs[0]
    return x
