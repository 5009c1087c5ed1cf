r"""Maths as LaTeX that compiles as it stands with amsmath and amssymb: `H^{\top} G + 2\lambda W^{(2)}`."""

from __future__ import annotations

import math

from backgraph.language.notation import (
    Apply,
    Bars,
    BigSum,
    Entry,
    Gradient,
    Indexed,
    Iverson,
    Name,
    Partial,
    Power,
    Product,
    Quotient,
    Relation,
    Transposed,
    Tree,
)
from backgraph.show.layout import ATOM, Layout, binding, is_base, is_operand_of_sum
from backgraph.show.names import GREEK, SPELLED, parts_of
from backgraph.show.text import number_text

ROMAN_CAPITALS = {"Α", "Β", "Ε", "Ζ", "Η", "Ι", "Κ", "Μ", "Ν", "Ο", "Ρ", "Τ", "Υ", "Χ"}
RELATIONS = {">": ">", "<": "<", "≥": r"\ge", "≤": r"\le", "=": "=", "≠": r"\ne"}
FUNCTIONS = {"exp": r"\exp", "log": r"\log", "sin": r"\sin", "cos": r"\cos", "tanh": r"\tanh", "max": r"\max"}
ESCAPES = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\hat{}", "#": r"\#", "$": r"\$", "%": r"\%",
    "&": r"\&", "~": r"\sim ", "<": r"\langle ", ">": r"\rangle ", '"': "''",
}  # fmt: skip


def escaped(text: str) -> str:
    """`text` so that LaTeX prints it; letters outside ASCII that are not Greek become ?."""
    return "".join(_escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if letter in SPELLED:
        return rf"\{SPELLED[letter]} "
    return ESCAPES.get(letter, letter if letter.isascii() and letter.isprintable() else "?")


def word(text: str) -> str:
    """One letter in italics, a Greek letter by its command, a word upright."""
    if text in SPELLED:
        return rf"\{SPELLED[text]}"
    return escaped(text) if len(text) == 1 else rf"\mathrm{{{escaped(text).replace(' ', '~')}}}"


class Latex(Layout):
    r"""`\frac{\operatorname{softmax}(U^{(2)}) - \operatorname{onehot}(y)}{m}`."""

    signs = (" + ", " - ", "-")
    hadamard = r" \odot "
    beside = " "

    def name(self, text: str) -> str:
        return self._name(text)

    def _name(self, text: str, letters: str = "") -> str:
        """A name, with the indices of one of its elements."""
        stem, layer, subscript, primes = parts_of(text)
        own = subscript if subscript.isdigit() or not subscript else word(subscript)
        below = f"_{{{', '.join(part for part in (own, letters) if part)}}}" if own or letters else ""
        above = f"^{{({layer})}}" if layer else ""
        return word(GREEK.get(stem, stem)) + below + above + primes

    def number(self, value: float) -> str:
        if not math.isfinite(value):
            return {"inf": r"\infty", "-inf": r"-\infty"}.get(repr(value), r"\mathrm{NaN}")
        mantissa, _, exponent = number_text(value).partition("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa

    def bracketed(self, text: str) -> str:
        return rf"\left({text}\right)"

    def gradient(self, tree: Gradient) -> str:
        return rf"\nabla_{{{self.write(tree.of)}}} {self.inside(tree.cost, binding(tree.cost) == ATOM)}"

    def is_bare(self, factor: Tree, tree: Product, position: int) -> bool:
        return isinstance(factor, Quotient) or super().is_bare(factor, tree, position)

    def quotient(self, tree: Quotient) -> str:
        return rf"\frac{{{self.write(tree.above)}}}{{{self.write(tree.below)}}}"

    def power(self, tree: Power) -> str:
        return f"{self.inside(tree.base, is_base(tree.base))}^{{{self.write(tree.exponent)}}}"

    def transposed(self, tree: Transposed) -> str:
        if isinstance(tree.of, Name):
            stem, layer, subscript, primes = parts_of(tree.of.text)
            below = f"_{{{word(subscript)}}}" if subscript else ""
            prime = r"\prime" * len(primes)
            return f"{word(stem)}{below}^{{{f'({layer})' if layer else ''}{prime}\\top}}"
        return self.inside(tree.of, is_base(tree.of)) + r"^{\top}"

    def apply(self, tree: Apply) -> str:
        arguments = ", ".join(self.write(argument) for argument in tree.arguments)
        if tree.function == "sqrt":
            return rf"\sqrt{{{arguments}}}"
        function = FUNCTIONS.get(tree.function, rf"\operatorname{{{escaped(tree.function)}}}")
        return rf"{function}{self.axes(tree.over)}\left({arguments}\right)"

    def axes(self, over: tuple[str, ...]) -> str:
        """The axes that an index names."""
        return f"_{{{', '.join(self.size(part) for part in over)}}}" if over else ""

    def relation(self, tree: Relation) -> str:
        left, right = (self.inside(side, not isinstance(side, Relation)) for side in (tree.left, tree.right))
        return f"{left} {RELATIONS.get(tree.symbol, tree.symbol)} {right}"

    def iverson(self, tree: Iverson) -> str:
        return rf"\left[{self.write(tree.condition)}\right]"

    def big_sum(self, tree: BigSum) -> str:
        over = self.axes(tree.over) if tree.to is None else rf"_{{\to {self.write(tree.to)}}}"
        symbol = {"Σ": r"\sum", "Π": r"\prod"}.get(tree.symbol, escaped(tree.symbol))
        return f"{symbol}{over} {self.inside(tree.of, is_operand_of_sum(tree.of))}"

    def bars(self, tree: Bars) -> str:
        return rf"\left|{self.write(tree.of)}\right|"

    def indexed(self, tree: Indexed) -> str:
        return f"{self.inside(tree.of, isinstance(tree.of, (Name, Apply)))}[{escaped(tree.index)}]"

    def entry(self, tree: Entry) -> str:
        if isinstance(tree.of, Name):
            return self._name(tree.of.text, tree.letters)
        return f"{self.inside(tree.of, isinstance(tree.of, (Name, Apply)))}_{{{tree.letters}}}"

    def partial(self, tree: Partial) -> str:
        return rf"\frac{{\partial {self.write(tree.cost)}}}{{\partial {self.write(tree.by)}}}"


_LATEX = Latex()


def latex(tree: Tree) -> str:
    """`tree` as LaTeX, to stand in maths mode."""
    return _LATEX.write(tree)
