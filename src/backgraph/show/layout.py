"""What all emitters of printed maths share: which parts need brackets, and in what order a tree is written.

    binding     how tightly a tree holds together: a sum loosely, a product more, a name not to be torn apart
    slot        where a part stands: a term, a factor, above or below the bar, the base of a power …

An emitter is a `Layout` with glyphs. Trees are read as mathematicians read them: `A B/m` needs no brackets where `m`
is a number, a big Σ extends over the product behind it, and a gradient `∇H J` ends where the product ends.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from backgraph.language.notation import (
    Apply,
    Bars,
    BigSum,
    Entry,
    Gradient,
    Indexed,
    Iverson,
    Name,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Relation,
    Sum,
    Transposed,
    Tree,
)
from backgraph.show.names import is_letter, parts_of

_WITH_NUMBER = re.compile(r"^([^\W\d_])(\d+)$")
"""A letter with a number."""

RELATION, SUM, FRACTION, PRODUCT, PREFIX, ATOM = range(6)


def binding(tree: Tree) -> int:
    """How tightly `tree` holds together, from RELATION to ATOM."""
    match tree:
        case Relation():
            return RELATION
        case Sum():
            return SUM
        case Number(value=value):
            return SUM if value < 0 else ATOM
        case Quotient() | Product(kind="hadamard"):
            return FRACTION
        case Product():
            return PRODUCT
        case BigSum() | Gradient() | Partial():
            return PREFIX
        case Apply(function="sqrt"):
            return PREFIX
        case _:
            return ATOM


def extends(tree: Tree) -> bool:
    """Whether a reader would take what stands behind it as part of it: Σ x …, ∇H J …, a product that ends so."""
    match tree:
        case BigSum() | Gradient():
            return True
        case Product(factors=factors):
            return extends(factors[-1])
        case _:
            return False


def is_term(tree: Tree) -> bool:
    """Whether it can stand in a sum without brackets."""
    return binding(tree) > SUM


def is_factor(tree: Tree, product: Product, position: int) -> bool:
    """Whether it can stand in `product` at `position` without brackets."""
    last = position == len(product.factors) - 1
    if product.kind == "hadamard" and isinstance(tree, Gradient):
        return True
    if binding(tree) <= SUM or isinstance(tree, Quotient) or (extends(tree) and not last):
        return False
    if not isinstance(tree, Product):
        return True
    if product.kind == "scale":
        return last and tree.kind == "matrix"
    return tree.kind == "scale" and _is_plain(tree) and (product.kind == "hadamard" or position == 0)


def is_numerator(tree: Tree) -> bool:
    """Whether it can stand before a slash without brackets."""
    if isinstance(tree, Product):
        return tree.kind == "scale" and _is_plain(tree)
    return binding(tree) == ATOM or isinstance(tree, Apply)


def is_denominator(tree: Tree) -> bool:
    """Whether it can stand behind a slash without brackets."""
    return binding(tree) == ATOM or isinstance(tree, Apply)


def is_base(tree: Tree) -> bool:
    """Whether a power can be put on it without brackets: a superscript on a superscript would mislead."""
    if isinstance(tree, Name):
        name = parts_of(tree.text)
        return tree.is_size or (not name.layer and not name.primes)
    if isinstance(tree, Entry):
        return is_base(tree.of)
    return binding(tree) == ATOM and not isinstance(tree, (Power, Transposed, Indexed))


def is_operand_of_sum(tree: Tree) -> bool:
    """Whether it can stand behind a big Σ without brackets."""
    return binding(tree) > SUM


def _is_plain(product: Product) -> bool:
    atoms = (Name, Number, Apply, Power, Bars, Transposed, Indexed)
    return all(isinstance(factor, atoms) for factor in product.factors)


class Layout(ABC):
    """An emitter of trees; subclasses say how each kind of tree looks."""

    signs: ClassVar[tuple[str, str, str]]
    """Plus between terms, minus between terms, minus in front."""
    hadamard: ClassVar[str]
    scale: ClassVar[str] = " "
    beside: ClassVar[str] = ""
    """Between a number and a small letter."""

    def __init__(self) -> None:
        self._kinds: dict[type, Callable[[Any], str]] = {
            Name: lambda t: self.size(t.text) if t.is_size else self.name(t.text),
            Number: lambda t: self.number(t.value),
            Gradient: self.gradient,
            Sum: self.sum,
            Product: self.product,
            Quotient: self.quotient,
            Power: self.power,
            Transposed: self.transposed,
            Apply: self.apply,
            Relation: self.relation,
            Iverson: self.iverson,
            BigSum: self.big_sum,
            Bars: self.bars,
            Indexed: self.indexed,
            Entry: self.entry,
            Partial: self.partial,
        }

    def write(self, tree: Tree) -> str:
        """`tree` as a string."""
        return self._kinds[type(tree)](tree)

    def inside(self, tree: Tree, stands_bare: bool) -> str:
        """`tree`, in brackets unless it can stand bare."""
        return self.write(tree) if stands_bare else self.bracketed(self.write(tree))

    def sum(self, tree: Sum) -> str:
        """Terms with their signs."""
        plus, minus, negative = self.signs
        pieces: list[str] = []
        for sign, term in tree.terms:
            first = not pieces
            pieces.append(("" if sign > 0 else negative) if first else (plus if sign > 0 else minus))
            pieces.append(self.inside(term, is_term(term)))
        return "".join(pieces)

    def product(self, tree: Product) -> str:
        """Factors side by side, or with ⊙ between them."""
        texts = [self.inside(f, self.is_bare(f, tree, i)) for i, f in enumerate(tree.factors)]
        if tree.kind == "hadamard":
            return self.hadamard.join(texts)
        pieces = texts[:1]
        for left, right, text in zip(tree.factors, tree.factors[1:], texts[1:], strict=False):
            pieces += [self.gap(left, right), text]
        return "".join(pieces)

    def is_bare(self, factor: Tree, tree: Product, position: int) -> bool:
        """Whether a factor stands without brackets."""
        return is_factor(factor, tree, position)

    def gap(self, left: Tree, right: Tree) -> str:
        """What stands between two factors: nothing between a number and a small letter (2λ), else a space."""
        joined = isinstance(left, Number) and isinstance(right, Name) and is_letter(right.text)
        return self.beside if joined else self.scale

    @abstractmethod
    def name(self, text: str) -> str:
        """An identifier."""

    def size(self, text: str) -> str:
        """The size of an axis, such as m or h₁: its digits are no layer."""
        return self.name(_WITH_NUMBER.sub(r"\1_\2", text))

    @abstractmethod
    def number(self, value: float) -> str:
        """A literal."""

    @abstractmethod
    def bracketed(self, text: str) -> str:
        """`text` in round brackets."""

    @abstractmethod
    def gradient(self, tree: Gradient) -> str:
        """∇V J."""

    @abstractmethod
    def quotient(self, tree: Quotient) -> str:
        """above / below."""

    @abstractmethod
    def power(self, tree: Power) -> str:
        """Base and exponent."""

    @abstractmethod
    def transposed(self, tree: Transposed) -> str:
        """Aᵀ."""

    @abstractmethod
    def apply(self, tree: Apply) -> str:
        """f(a, b)."""

    @abstractmethod
    def relation(self, tree: Relation) -> str:
        """a > b."""

    @abstractmethod
    def iverson(self, tree: Iverson) -> str:
        """[a > b]."""

    @abstractmethod
    def big_sum(self, tree: BigSum) -> str:
        """Σ x."""

    @abstractmethod
    def bars(self, tree: Bars) -> str:
        """|x|."""

    @abstractmethod
    def indexed(self, tree: Indexed) -> str:
        """x[0:3]."""

    @abstractmethod
    def entry(self, tree: Entry) -> str:
        """W_jk."""

    @abstractmethod
    def partial(self, tree: Partial) -> str:
        """∂J/∂W_jk."""
