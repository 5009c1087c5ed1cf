"""Coefficients as maths: with indices, as in ∂y_i/∂z_j = y_j ([i = j] − y_i), and in matrices, as in diag(y) − y yᵀ.

The matrix form exists where both sides have one axis or none, and where every term is a chain of products; the form
with indices exists for all coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce

from backgraph.language.node import Node
from backgraph.language.notation import (
    Apply,
    BigSum,
    Entry,
    Iverson,
    Name,
    Number,
    Product,
    Quotient,
    Relation,
    Sum,
    Tree,
    negated,
    times,
    transposed,
)
from backgraph.language.op import Elementwise
from backgraph.show.coefficients import Coefficient, Factor, Letters, Part, common, moved

Write = Callable[[Node], Tree]
"""The maths of a node that a rule reads."""


def entry(tree: Tree, letters: Letters) -> Tree:
    """An element of an array."""
    return Entry(tree, "".join(letters)) if letters else tree


def element(node: Node, letters: Letters, write: Write, names: frozenset[Node]) -> Tree:
    """One element of a node: of 1 − y it is 1 − y_i; what has a name in `names` is not taken apart."""
    if not letters and node not in names:
        return write(node)
    if node not in names and (below := moved(node, letters)) is not None:
        return element(node.inputs[0], below, write, names)
    if isinstance(node.op, Elementwise) and node not in names:
        parts = [element(given, letters if given.rank else (), write, names) for given in node.inputs]
        return _of_numbers(node.op.notation(node.inputs, *parts))
    return entry(write(node), letters)


def _of_numbers(tree: Tree) -> Tree:
    """Products and quotients of numbers need no ⊙."""
    if isinstance(tree, Product) and tree.kind == "hadamard":
        return reduce(lambda a, b: times("scale", a, b), tree.factors)
    if isinstance(tree, Quotient) and tree.kind == "hadamard":
        return Quotient(tree.above, tree.below)
    return tree


def with_indices(found: Coefficient, write: Write, names: frozenset[Node]) -> Tree:
    """∂z_i/∂x_k."""
    shared, rest = common(found.parts)
    if not rest:
        return Number(0.0)
    brackets = (
        tuple(pair for pair in rest[0].equal if all(pair in part.equal for part in rest)) if len(rest) > 1 else ()
    )
    rest = [replace(part, equal=tuple(pair for pair in part.equal if pair not in brackets)) for part in rest]
    inner = _added([(part.sign, _product(part, write, names)) for part in rest])
    outer = [element(factor.node, factor.letters, write, names) for factor in shared]
    return _scaled([*outer, inner, *map(_bracket, brackets)]) if outer or brackets else inner


def _bracket(pair: tuple[str, str]) -> Tree:
    return Iverson(Relation("=", Name(pair[0]), Name(pair[1])))


def _product(part: Part, write: Write, names: frozenset[Node]) -> Tree:
    factors = [element(factor.node, factor.letters, write, names) for factor in _by_rank(part.factors)]
    brackets = [_bracket(pair) for pair in part.equal]
    whole = _scaled([*factors, *brackets]) if factors or brackets else Number(1.0)
    return BigSum(whole, part.summed) if part.summed else whole


def _by_rank(factors: Sequence[Factor]) -> list[Factor]:
    """Scalars in front."""
    return sorted(factors, key=lambda factor: bool(factor.letters))


def _scaled(factors: list[Tree]) -> Tree:
    """A product of numbers; brackets behind the rest, a sum in brackets of its own."""
    return reduce(lambda a, b: times("scale", a, b), factors)


def _added(terms: list[tuple[int, Tree]]) -> Tree:
    if len(terms) == 1:
        sign, tree = terms[0]
        return tree if sign > 0 else negated(tree)
    flat: list[tuple[int, Tree]] = []
    for sign, tree in sorted(terms, key=lambda term: -term[0]):
        inner = tree.terms if isinstance(tree, Sum) else ((1, tree),)
        flat += [(sign * each, part) for each, part in inner]
    return Sum(tuple(flat))


def in_matrices(found: Coefficient, write: Write) -> Tree | None:
    """The Jacobian as a matrix; None where an operand has more axes or a term is no chain of products."""
    if len(found.above) > 1 or len(found.below) > 1:
        return None
    terms: list[tuple[int, Tree]] = []
    for part in found.parts:
        tree = _chain(part, found.above, found.below, write)
        if tree is None:
            return None
        terms.append((part.sign, tree))
    return _added(terms) if terms else Number(0.0)


def _chain(part: Part, above: Letters, below: Letters, write: Write) -> Tree | None:
    """scalars · (diag) M (diag) M …, walked from the letter of z to that of x."""
    scalars = [write(factor.node) for factor in part.factors if not factor.letters]
    vectors = [factor for factor in part.factors if len(factor.letters) == 1]
    matrices = [factor for factor in part.factors if len(factor.letters) == 2]
    if len(scalars) + len(vectors) + len(matrices) < len(part.factors):
        return None
    if part.equal and (part.equal != ((*above, *below),) or matrices or part.summed):
        return None
    if part.equal:
        array: Tree | None = _diagonal(vectors, write)
    elif matrices:
        array = _walk(vectors, matrices, above, below, write)
    else:
        array = None if part.summed else _dyad(vectors, above, below, write)
    if array is None:
        return None
    return (
        array if not scalars else _scaled(scalars) if array == Number(1.0) else times("scale", _scaled(scalars), array)
    )


def _diagonal(vectors: list[Factor], write: Write) -> Tree:
    """diag(a ⊙ b); the identity where nothing multiplies."""
    return Apply("diag", (_hadamard(vectors, write),)) if vectors else Name("I")


def _hadamard(vectors: list[Factor], write: Write) -> Tree:
    return reduce(lambda a, b: times("hadamard", a, b), [write(factor.node) for factor in vectors])


def _dyad(vectors: list[Factor], above: Letters, below: Letters, write: Write) -> Tree:
    """a bᵀ, a column, a row, or 1; a side without a factor is the vector of ones."""
    column, row = ([factor for factor in vectors if factor.letters == side] for side in (above, below))
    left = (_hadamard(column, write) if column else Name("1")) if above else None
    right = transposed(_hadamard(row, write) if row else Name("1")) if below else None
    if left is None or right is None:
        return left or right or Number(1.0)
    return times("matrix", left, right)


def _walk(vectors: list[Factor], matrices: list[Factor], above: Letters, below: Letters, write: Write) -> Tree | None:
    """From the letter of z, through matrices that share a letter, to that of x."""
    if not above or not below:
        return None
    (at,), (end,) = above, below
    vectors, matrices, factors = list(vectors), list(matrices), list[Tree]()
    while True:
        here = [factor for factor in vectors if factor.letters == (at,)]
        vectors = [factor for factor in vectors if factor not in here]
        factors += [_diagonal(here, write)] if here else []
        step = next((factor for factor in matrices if at in factor.letters), None)
        if step is None:
            break
        matrices.remove(step)
        first = step.letters[0] == at
        factors.append(write(step.node) if first else transposed(write(step.node)))
        at = step.letters[1] if first else step.letters[0]
    if at != end or vectors or matrices:
        return None
    return reduce(lambda a, b: times("matrix", a, b), factors)
