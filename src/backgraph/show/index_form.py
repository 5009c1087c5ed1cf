"""A gradient element by element: `∂J/∂U_ij = ∂J/∂H_ij [H_ij > 0]`, for any contribution, read off its graph.

Letters go down the graph: an elementwise operation hands them to its operands, a copy drops those of the axes it made,
a sum and a product bring new ones that are summed, a transpose changes their places. What works on whole rows
(softmax) is written whole, with its letters behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backgraph.language.check import parse_signature
from backgraph.language.node import Node
from backgraph.language.notation import Apply, BigSum, Power, Product, Quotient, Tree
from backgraph.language.notation import Sum as Sums
from backgraph.language.op import Elementwise
from backgraph.language.ops.linear import Bilinear
from backgraph.language.ops.reduce import Sum
from backgraph.language.ops.shape import Broadcast, Transpose
from backgraph.show.render import render
from backgraph.show.rule_formula import PLACES, entry_of

MORE = PLACES + "abcdefghmnotuvwxyz"


def element(node: Node, names: Mapping[Node, Tree]) -> tuple[str, Tree] | None:
    """The letters of one element of `node`, and what it is; None for scalars and for shapes that are not known."""
    if not isinstance(node.shape, tuple) or not 0 < len(node.shape) <= len(PLACES):
        return None
    letters = PLACES[: len(node.shape)]
    return letters, _plain(_indexed(node, tuple(letters), names, iter(MORE[len(letters) :])))


def _indexed(node: Node, letters: tuple[str, ...], names: Mapping[Node, Tree], fresh: Iterator[str]) -> Tree:
    if node in names:
        return entry_of(names[node], "".join(letters))
    if node.is_leaf:
        return node.op.notation(())
    down = _handed_down(node, letters, fresh)
    if down is None:
        return entry_of(render(node, dict(names)), "".join(letters))
    given, summed = down
    trees = [_indexed(x, own, names, fresh) for x, own in zip(node.inputs, given, strict=True)]
    if isinstance(node.op, Elementwise):
        return node.op.notation(node.inputs, *trees)
    whole = Product("scale", tuple(trees)) if isinstance(node.op, Bilinear) else trees[0]
    return BigSum(whole, ("".join(summed),)) if summed else whole


def _handed_down(
    node: Node, letters: tuple[str, ...], fresh: Iterator[str]
) -> tuple[list[tuple[str, ...]], list[str]] | None:
    """The letters of each operand, and those that are summed; None where an operation works on the whole."""
    op = node.op
    if isinstance(op, Elementwise):
        return [letters for _ in node.inputs], []
    if isinstance(op, Broadcast) and op.axes is not None:
        return [tuple(letters[axis] for axis in op.axes)], []
    if isinstance(op, Transpose):
        return [tuple(letters[op.permutation.index(axis)] for axis in range(len(letters)))], []
    if isinstance(op, Sum):
        return _of_sum(node, letters, fresh)
    return _of_product(node, letters, fresh) if isinstance(op, Bilinear) else None


def _of_sum(
    node: Node, letters: tuple[str, ...], fresh: Iterator[str]
) -> tuple[list[tuple[str, ...]], list[str]] | None:
    of, left = node.inputs[0].shape, iter(letters)
    if not isinstance(of, tuple) or not isinstance(node.op, Sum):
        return None
    axes = range(len(of)) if node.op.axes is None else node.op.axes
    summed = [next(fresh) for _ in axes]
    new = iter(summed)
    return [tuple(next(new) if axis in axes else next(left) for axis in range(len(of)))], summed


def _of_product(node: Node, letters: tuple[str, ...], fresh: Iterator[str]) -> tuple[list[tuple[str, ...]], list[str]]:
    cores, result = parse_signature(node.op.signature)
    batch = letters[: len(letters) - len(result)]
    place = dict(zip(result, letters[len(batch) :], strict=True))
    names = dict.fromkeys(letter for core in cores for letter in core)
    summed = {letter: next(fresh) for letter in names if letter not in place}
    place |= summed
    return [(*batch, *(place[letter] for letter in core)) for core in cores], list(summed.values())


def _plain(tree: Tree) -> Tree:
    """Numbers are multiplied without ⊙."""
    match tree:
        case Product(factors=factors):
            return Product("scale", tuple(map(_plain, factors)))
        case Quotient(above=above, below=below):
            return Quotient(_plain(above), _plain(below), "scale")
        case Sums(terms=terms):
            return Sums(tuple((sign, _plain(term)) for sign, term in terms))
        case BigSum(of=of, over=over, symbol=symbol, to=to):
            return BigSum(_plain(of), over, symbol, to)
        case Power(base=base, exponent=exponent):
            return Power(_plain(base), exponent)
        case Apply(function=function, arguments=arguments, over=over):
            return Apply(function, tuple(map(_plain, arguments)), over)
        case _:
            return tree
