"""Maths as one line of text, in Unicode or in ASCII: `Hᵀ G + 2λ W⁽²⁾` or `H^T G + 2 lam W2`.

The ASCII form is read back by a grammar of its own: juxtaposition is a product, `.*` the elementwise one, `^T` a
transpose, `^2` an elementwise power.
"""

from __future__ import annotations

import math
from typing import ClassVar

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
    Quotient,
    Relation,
    Transposed,
    Tree,
)
from backgraph.show.layout import ATOM, Layout, binding, is_base, is_denominator, is_numerator, is_operand_of_sum
from backgraph.show.names import SUPERSCRIPTS, ascii_name, display_name

WORDS = {"<=": "≤", ">=": "≥", "!=": "≠"}
"""Relations in ASCII and in Unicode."""
ASCII_RELATIONS = {mark: plain for plain, mark in WORDS.items()}


def number_text(value: float) -> str:
    """The shortest decimal that reads back as `value`: 2, 0.5, 1e-08."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


class UnicodeText(Layout):
    """`(softmax(U⁽²⁾) − onehot(y))/m`."""

    signs = (" + ", " − ", "−")
    hadamard = " ⊙ "

    def name(self, text: str) -> str:
        return display_name(text)

    def number(self, value: float) -> str:
        if not math.isfinite(value):
            return {"inf": "∞", "-inf": "−∞"}.get(repr(value), "NaN")
        mantissa, _, exponent = number_text(value).partition("e")
        if not exponent:
            return mantissa.replace("-", "−")
        power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
        return power if mantissa == "1" else f"{mantissa.replace('-', '−')}·{power}"

    def bracketed(self, text: str) -> str:
        return f"({text})"

    def gradient(self, tree: Gradient) -> str:
        of, cost = (self.inside(part, binding(part) == ATOM) for part in (tree.of, tree.cost))
        return f"∇{of} {cost}"

    def quotient(self, tree: Quotient) -> str:
        above, below = tree.above, tree.below
        return f"{self.inside(above, is_numerator(above))}/{self.inside(below, is_denominator(below))}"

    def power(self, tree: Power) -> str:
        base, exponent = self.inside(tree.base, is_base(tree.base)), tree.exponent
        if isinstance(exponent, Number) and exponent.value == int(exponent.value):
            return base + number_text(exponent.value).translate(SUPERSCRIPTS)
        return f"{base}^{self.inside(exponent, isinstance(exponent, (Name, Number)) and binding(exponent) == ATOM)}"

    def transposed(self, tree: Transposed) -> str:
        if isinstance(tree.of, Name):
            return self.write(tree.of) + "ᵀ"
        return self.inside(tree.of, is_base(tree.of)) + "ᵀ"

    def apply(self, tree: Apply) -> str:
        arguments = [self.write(argument) for argument in tree.arguments]
        if tree.function == "sqrt":
            bare = binding(tree.arguments[0]) == ATOM and not isinstance(tree.arguments[0], (Power, Transposed))
            return f"√{arguments[0]}" if bare else f"√({arguments[0]})"
        below = "".join(f"_{self.axis(part)}" for part in tree.over)
        return f"{tree.function}{below}({', '.join(arguments)})"

    def axis(self, name: str) -> str:
        """The axis that an index names."""
        return self.size(name.replace(" ", ""))

    def relation(self, tree: Relation) -> str:
        left, right = (self.inside(side, not isinstance(side, Relation)) for side in (tree.left, tree.right))
        return f"{left} {tree.symbol} {right}"

    def iverson(self, tree: Iverson) -> str:
        return f"[{self.write(tree.condition)}]"

    def big_sum(self, tree: BigSum) -> str:
        over = "_" + ",".join(map(self.axis, tree.over)) if tree.over else ""
        over = over if tree.to is None else f"_→{self.write(tree.to)}"
        return f"{tree.symbol}{over} {self.inside(tree.of, is_operand_of_sum(tree.of))}"

    def bars(self, tree: Bars) -> str:
        return f"|{self.write(tree.of)}|"

    def indexed(self, tree: Indexed) -> str:
        return f"{self.inside(tree.of, isinstance(tree.of, (Name, Apply)))}[{tree.index}]"

    def entry(self, tree: Entry) -> str:
        return f"{self.inside(tree.of, isinstance(tree.of, (Name, Apply)))}_{tree.letters}"

    def partial(self, tree: Partial) -> str:
        return f"∂{self.write(tree.cost)}/∂{self.write(tree.by)}"


class AsciiText(UnicodeText):
    """`(softmax(U2) - onehot(y))/m`."""

    signs = (" + ", " - ", "-")
    hadamard = " .* "
    beside: ClassVar[str] = " "
    big: ClassVar[dict[str, str]] = {"Σ": "sum", "Π": "prod"}

    def name(self, text: str) -> str:
        return ascii_name(text)

    def size(self, text: str) -> str:
        return self.name(text)

    def number(self, value: float) -> str:
        return number_text(value) if math.isfinite(value) else repr(value)

    def gradient(self, tree: Gradient) -> str:
        return f"grad_{self.inside(tree.of, isinstance(tree.of, Name))} {self.inside(tree.cost, True)}"

    def power(self, tree: Power) -> str:
        exponent = tree.exponent
        plain = isinstance(exponent, Name) or (isinstance(exponent, Number) and exponent.value >= 0)
        base = self.inside(tree.base, isinstance(tree.base, Name) or is_base(tree.base))
        return f"{base}^{self.inside(exponent, plain)}"

    def transposed(self, tree: Transposed) -> str:
        return self.inside(tree.of, isinstance(tree.of, Name) or is_base(tree.of)) + "^T"

    def apply(self, tree: Apply) -> str:
        below = "".join(f"_{self.axis(part)}" for part in tree.over)
        return f"{tree.function}{below}({', '.join(self.write(argument) for argument in tree.arguments)})"

    def relation(self, tree: Relation) -> str:
        return super().relation(Relation(ASCII_RELATIONS.get(tree.symbol, tree.symbol), tree.left, tree.right))

    def big_sum(self, tree: BigSum) -> str:
        if tree.to is not None:
            return f"sum_to({self.write(tree.of)}, {self.write(tree.to)})"
        over = "".join(f"_{self.axis(part)}" for part in tree.over)
        return f"{self.big.get(tree.symbol, tree.symbol)}{over}({self.write(tree.of)})"

    def bars(self, tree: Bars) -> str:
        return f"abs({self.write(tree.of)})"

    def partial(self, tree: Partial) -> str:
        return f"d{self.write(tree.cost)}/d{self.write(tree.by)}"


_UNICODE, _ASCII = UnicodeText(), AsciiText()


def text(tree: Tree, *, ascii: bool = False) -> str:
    """`tree` as one line of Unicode, or of ASCII."""
    return (_ASCII if ascii else _UNICODE).write(tree)
