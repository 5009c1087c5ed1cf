"""A Jacobian read off the rule of back-propagation: the coefficients of G in what the rule sends back.

What arrives at x when G arrives at z is Jᵀ G, linear in G. So the element ∂z_i/∂x_k is the factor that G_i has in the
element k of the rule, written with indices:

    part      sign · factors · brackets [i = k], summed over letters that stand on neither side
    factor    a node that does not depend on G, with a letter for each of its axes

`LINEAR` says, for each card that rules are made of, how it carries such parts; it knows cards that are linear in G, not
the operation whose Jacobian is read. From `softmax`, whose rule is p ⊙ (G − 1 Σ p ⊙ G), follows p_k ([i = k] − p_i), in
matrices diag(p) − p pᵀ. A rule made of other cards has no such form here; its own formula still says what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backgraph.language.check import parse_signature
from backgraph.language.dims import Open
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.elementwise import neg, where
from backgraph.language.ops.linear import Bilinear
from backgraph.language.ops.reduce import Sum
from backgraph.language.ops.shape import Broadcast, Transpose, is_full_of
from backgraph.language.walk import ancestors

LETTERS = "ijklpqrstuvwabcdefgh"

MOST_AXES = 6
"""No Jacobian with more axes is written with indices."""

Letters = tuple[str, ...]


class NotRead(Exception):  # noqa: N818  # no error: the form is not there to be read
    """The rule is made of cards that this module cannot carry coefficients through."""


@dataclass(frozen=True)
class Factor:
    """A node with the letters of its axes; without letters a scalar."""

    node: Node
    letters: Letters

    def renamed(self, old: str, new: str) -> Factor:
        """With another letter."""
        return Factor(self.node, tuple(new if letter == old else letter for letter in self.letters))


@dataclass(frozen=True)
class Part:
    """One term of a coefficient."""

    sign: int = 1
    factors: tuple[Factor, ...] = ()
    equal: tuple[tuple[str, str], ...] = ()
    """Brackets [i = k]."""
    summed: Letters = ()

    def times(self, factor: Factor) -> Part:
        """With one more factor."""
        return replace(self, factors=(*self.factors, factor))


@dataclass(frozen=True)
class Coefficient:
    """∂z/∂x as parts; `above` are the letters of the axes of z, `below` those of x."""

    parts: tuple[Part, ...]
    above: Letters
    below: Letters

    def array(self, value: Callable[[Node], Array], sizes: Mapping[str, int]) -> Array:
        """The whole Jacobian, of the shape of z and x together, from the values of the factors."""
        shape = tuple(sizes[letter] for letter in (*self.above, *self.below))
        total = np.zeros(shape)
        for part in self.parts:
            total = total + part.sign * self._term(part, value, sizes)
        return total

    def _term(self, part: Part, value: Callable[[Node], Array], sizes: Mapping[str, int]) -> Array:
        result = (*self.above, *self.below)
        code = {letter: n for n, letter in enumerate(dict.fromkeys([*result, *part.summed]))}
        operands: list[Any] = []
        for factor in part.factors:
            operands += [value(factor.node), [code[letter] for letter in factor.letters]]
        for one, other in part.equal:
            operands += [np.eye(sizes[one]), [code[one], code[other]]]
        for letter, number in code.items():
            operands += [np.ones(sizes[letter]), [number]]
        return np.asarray(np.einsum(*operands, [code[letter] for letter in result]) if operands else np.ones(()))


def coefficient(sent: Node, G: Node) -> Coefficient | None:
    """The factor of G in `sent`, which is linear in it; None where it cannot be read."""
    if isinstance(sent.shape, Open) or isinstance(G.shape, Open) or sent.rank + G.rank > MOST_AXES:
        return None
    above, below = tuple(LETTERS[: G.rank]), tuple(LETTERS[G.rank : G.rank + sent.rank])
    reader = Reader(G, above, set(above + below))
    try:
        parts = reader.read(sent, below)
    except NotRead:
        return None
    return Coefficient(tuple(_eliminated(part) for part in parts), above, below)


class Reader:
    """Reads coefficients of one G."""

    def __init__(self, G: Node, letters: Letters, taken: set[str]) -> None:
        self.G, self.letters, self.taken = G, letters, taken
        self._depends: dict[Node, bool] = {}

    def depends(self, node: Node) -> bool:
        """Whether a node is made from G."""
        if node not in self._depends:
            self._depends[node] = self.G in ancestors([node])
        return self._depends[node]

    def read(self, node: Node, at: Letters) -> list[Part]:
        """The parts of element `at` of `node`. Raises NotRead."""
        if node is self.G:
            return [Part(equal=tuple(zip(self.letters, at, strict=True)))]
        if not self.depends(node):
            if is_full_of(node, 0.0):
                return []
            raise NotRead
        if isinstance(node.op, Bilinear):
            return self.product(node, at)
        if node.op.name not in LINEAR:
            raise NotRead
        return LINEAR[node.op.name](self, node, at)

    def fresh(self) -> str:
        """A letter that is not in use."""
        letter = next((letter for letter in LETTERS if letter not in self.taken), None)
        if letter is None:
            raise NotRead
        self.taken.add(letter)
        return letter

    def product(self, node: Node, at: Letters) -> list[Part]:
        """A product of two operands, one made from G; which letters meet is what the signature says."""
        own, other = node.inputs if self.depends(node.inputs[0]) else node.inputs[::-1]
        if self.depends(other):
            raise NotRead
        cores, result = parse_signature(node.op.signature)
        batch, rest = at[: len(at) - len(result)], at[len(at) - len(result) :]
        letter = dict(zip(result, rest, strict=True))
        inner = [name for core in cores for name in core if name not in letter]
        letter |= {name: self.fresh() for name in dict.fromkeys(inner)}
        mine, theirs = ((*batch, *(letter[name] for name in core)) for core in cores)
        if own is not node.inputs[0]:
            mine, theirs = theirs, mine
        summed = tuple(letter[name] for name in dict.fromkeys(inner))
        return [_over(_with(part, other, theirs), summed) for part in self.read(own, mine)]


def _add(reader: Reader, node: Node, at: Letters) -> list[Part]:
    return [part for given in node.inputs for part in reader.read(given, at)]


def _sub(reader: Reader, node: Node, at: Letters) -> list[Part]:
    a, b = node.inputs
    return reader.read(a, at) + [replace(part, sign=-part.sign) for part in reader.read(b, at)]


def _neg(reader: Reader, node: Node, at: Letters) -> list[Part]:
    return [replace(part, sign=-part.sign) for part in reader.read(node.inputs[0], at)]


def _mul(reader: Reader, node: Node, at: Letters) -> list[Part]:
    own, other = node.inputs if reader.depends(node.inputs[0]) else node.inputs[::-1]
    if reader.depends(other):
        raise NotRead
    return [_with(part, other, at) for part in reader.read(own, at)]


def _div(reader: Reader, node: Node, at: Letters) -> list[Part]:
    above, below = node.inputs
    if reader.depends(below):
        raise NotRead
    return [_with(part, 1 / below, at) for part in reader.read(above, at)]


def _where(reader: Reader, node: Node, at: Letters) -> list[Part]:
    condition, a, b = node.inputs
    parts: list[Part] = []
    for branch, holds in ((a, where(condition, 1.0, 0.0)), (b, where(condition, 0.0, 1.0))):
        if reader.depends(branch):
            parts += [_with(part, holds, at) for part in reader.read(branch, at)]
        elif not is_full_of(branch, 0.0):
            raise NotRead
    return parts


def _with(part: Part, node: Node, at: Letters) -> Part:
    """Times a node; signs, and copies of scalars and vectors, are taken off it."""
    if node.op is neg:
        return _with(replace(part, sign=-part.sign), node.inputs[0], at)
    if (below := moved(node, at)) is not None:
        return _with(part, node.inputs[0], below)
    return part if is_full_of(node, 1.0) else part.times(Factor(node, at))


def moved(node: Node, at: Letters) -> Letters | None:
    """Which element of its operand the element `at` of a copied or transposed node is; None of other nodes."""
    if isinstance(node.op, Transpose):
        place = {axis: letter for letter, axis in zip(at, node.op.permutation, strict=True)}
        return tuple(place[axis] for axis in range(len(at)))
    return _kept(node, at) if isinstance(node.op, Broadcast) else None


def _kept(node: Node, at: Letters) -> Letters | None:
    """The letters that remain below a broadcast; None where an axis of size 1 was stretched."""
    (given,) = node.inputs
    axes = node.op.axes  # type: ignore[attr-defined]
    axes = tuple(range(node.rank - given.rank, node.rank)) if axes is None else axes
    same = all(node.shape[axis] == dim for axis, dim in zip(axes, given.shape, strict=True))  # type: ignore[index,arg-type]
    return tuple(at[axis] for axis in axes) if same else None


def _view(reader: Reader, node: Node, at: Letters) -> list[Part]:
    below = moved(node, at)
    if below is None:
        raise NotRead
    return reader.read(node.inputs[0], below)


def _sum(reader: Reader, node: Node, at: Letters) -> list[Part]:
    assert isinstance(node.op, Sum)
    (given,), axes = node.inputs, node.op.axes
    axes = tuple(range(given.rank)) if axes is None else axes
    left = iter(at)
    inside = tuple(reader.fresh() if axis in axes else next(left) for axis in range(given.rank))
    summed = tuple(inside[axis] for axis in axes)
    return [_over(part, summed) for part in reader.read(given, inside)]


def _reshape(reader: Reader, node: Node, at: Letters) -> list[Part]:
    """Only where axes of size 1 come or go."""
    (given,) = node.inputs
    if isinstance(given.shape, Open) or isinstance(node.shape, Open):
        raise NotRead
    long = [letter for letter, dim in zip(at, node.shape, strict=True) if dim != 1]
    if [dim for dim in given.shape if dim != 1] != [dim for dim in node.shape if dim != 1]:
        raise NotRead
    left = iter(long)
    inside = tuple(reader.fresh() if dim == 1 else next(left) for dim in given.shape)
    summed = tuple(letter for letter, dim in zip(inside, given.shape, strict=True) if dim == 1)
    return [_over(part, summed) for part in reader.read(given, inside)]


def _same(reader: Reader, node: Node, at: Letters) -> list[Part]:
    return reader.read(node.inputs[0], at)


LINEAR: dict[str, Callable[[Reader, Node, Letters], list[Part]]] = {
    "add": _add, "sub": _sub, "neg": _neg, "mul": _mul, "div": _div, "where": _where, "broadcast": _view,
    "sum": _sum, "transpose": _view, "reshape": _reshape, "cast": _same,
}  # fmt: skip
"""By card: the parts of its result from those of its operands. Products are known by their signature."""


def _over(part: Part, letters: Letters) -> Part:
    return replace(part, summed=(*part.summed, *letters))


def _eliminated(part: Part) -> Part:
    """Sums over a letter that a bracket sets equal to another one are that one term."""
    for letter in part.summed:
        pair = next((pair for pair in part.equal if letter in pair), None)
        if pair is not None:
            other = pair[0] if pair[1] == letter else pair[1]
            part = _renamed(part, letter, other, pair)
    equal = tuple(pair for pair in dict.fromkeys(_ordered(pair) for pair in part.equal) if pair[0] != pair[1])
    return replace(part, equal=equal)


def _renamed(part: Part, old: str, new: str, pair: tuple[str, str]) -> Part:
    equal = [each for each in part.equal if each is not pair]
    return Part(
        part.sign,
        tuple(factor.renamed(old, new) for factor in part.factors),
        tuple((new if a == old else a, new if b == old else b) for a, b in equal),
        tuple(letter for letter in part.summed if letter != old),
    )


def _ordered(pair: tuple[str, str]) -> tuple[str, str]:
    return pair if LETTERS.index(pair[0]) <= LETTERS.index(pair[1]) else (pair[1], pair[0])


def common(parts: Sequence[Part]) -> tuple[tuple[Factor, ...], tuple[Part, ...]]:
    """The factors that all parts share, taken out, and what is left of each.

    A bracket [i = k] makes i and k one letter, so a factor counts as shared in either.
    """
    if len(parts) < 2 or any(part.summed for part in parts):
        return (), tuple(parts)
    rest, shared = list(parts), list[Factor]()
    for factor in parts[-1].factors:
        if all(any(_one(each, factor, part) for each in part.factors) for part in rest):
            shared.append(factor)
            rest = [_without(part, factor) for part in rest]
    return tuple(shared), tuple(rest)


def _one(a: Factor, b: Factor, part: Part) -> bool:
    """Whether two factors are one, by the brackets of `part`."""
    pairs = [*part.equal, *((y, x) for x, y in part.equal)]
    return a.node is b.node and all(x == y or (x, y) in pairs for x, y in zip(a.letters, b.letters, strict=True))


def _without(part: Part, factor: Factor) -> Part:
    found = next(each for each in part.factors if _one(each, factor, part))
    place = part.factors.index(found)
    return replace(part, factors=part.factors[:place] + part.factors[place + 1 :])
