"""Formulas set in type: where each glyph stands, and how wide, high and deep the whole is.

    markup     a string in which control characters open and close what is raised, lowered, a fraction or a root
    line       glyphs placed along a baseline, in thousandths of the size of type; y points up

`Markup` writes a tree of notation as markup, with brackets where all emitters put them (`show.layout`); `set_markup`
places the glyphs by the proportions of Knuth's TeXbook, appendix G, in simple form.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import NamedTuple

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
from backgraph.show.glyphs import glyphs, italic, printable, unknown
from backgraph.show.layout import ATOM, Layout, binding, is_base, is_operand_of_sum
from backgraph.show.names import GREEK, parts_of
from backgraph.show.text import number_text

ABOVE, BELOW, END, FRACTION, BAR, ROOT = "\x01", "\x02", "\x03", "\x04", "\x05", "\x06"
THIN, MEDIUM, THICK = "\u2009", "\u2005", "\u2004"
SPACES = {THIN: 167, MEDIUM: 222, THICK: 278, " ": 250}
SCRIPT, SMALL = 0.7, 0.8
"""The size of what is raised or lowered, and of the parts of a fraction."""
DIGITS = 6
"""Of a number that has many more."""
AXIS, RULE = 250, 50
"""The height of the bar of a fraction above the baseline, and its thickness."""


class Mark(NamedTuple):
    """A glyph, or a bar if it has no letter, whose lower left corner is at x, y."""

    letter: str
    x: float
    y: float
    scale: float
    width: float = 0.0


@dataclass(slots=True)
class Line:
    """Marks along a baseline from 0 to `width`, `height` above and `depth` below it."""

    width: float = 0.0
    height: float = 0.0
    depth: float = 0.0
    marks: list[Mark] = field(default_factory=list[Mark])
    slant: float = 0.0

    def put(self, other: Line, x: float, y: float, scale: float = 1.0) -> None:
        """Place `other`, scaled, with its origin at x, y."""
        self.marks += (
            Mark(letter, x + left * scale, y + low * scale, size * scale, width * scale)
            for letter, left, low, size, width in other.marks
        )
        self.height = max(self.height, y + other.height * scale)
        self.depth = max(self.depth, other.depth * scale - y)

    def letter(self, sign: str) -> None:
        """Place a letter or a space behind what is there."""
        if sign in SPACES:
            self.width += SPACES[sign]
            self.slant = 0.0
            return
        glyph = glyphs().get(sign) or unknown(sign)
        self.marks.append(Mark(sign, self.width, 0.0, 1.0))
        self.width += glyph.advance
        self.height, self.depth = max(self.height, glyph.height), max(self.depth, glyph.depth)
        self.slant = glyph.slant

    def append(self, other: Line, scale: float = 1.0, y: float = 0.0) -> None:
        """Place `other` behind what is there."""
        self.put(other, self.width, y, scale)
        self.width += other.width * scale
        self.slant = other.slant * scale


class Markup(Layout):
    """Trees as markup."""

    signs = (f"{MEDIUM}+{MEDIUM}", f"{MEDIUM}−{MEDIUM}", "−")
    hadamard = f"{MEDIUM}⊙{MEDIUM}"
    scale = THIN

    def name(self, text: str) -> str:
        return self._named(text, "")

    def _named(self, text: str, above: str) -> str:
        stem, layer, subscript, primes = parts_of(text)
        raised = (f"({printable(layer)})" if layer else "") + above
        lowered = f"{BELOW}{word(subscript)}{END}" if subscript else ""
        return word(GREEK.get(stem, stem)) + "′" * len(primes) + lowered + (f"{ABOVE}{raised}{END}" if raised else "")

    def number(self, value: float) -> str:
        if not math.isfinite(value):
            return {"inf": "∞", "-inf": "−∞"}.get(repr(value), "NaN")
        short = number_text(value)
        short = short if len(short) <= DIGITS + 2 else number_text(float(f"{value:.{DIGITS}g}"))
        mantissa, _, exponent = short.replace("-", "−").partition("e")
        if not exponent:
            return mantissa
        power = f"10{ABOVE}{int(exponent.replace('−', '-'))}{END}".replace("-", "−")
        return power if mantissa == "1" else f"{mantissa}·{power}"

    def bracketed(self, text: str) -> str:
        return f"({text})"

    def gradient(self, tree: Gradient) -> str:
        return f"∇{BELOW}{self.write(tree.of)}{END}{self.inside(tree.cost, binding(tree.cost) == ATOM)}"

    def is_bare(self, factor: Tree, tree: Product, position: int) -> bool:
        return isinstance(factor, Quotient) or super().is_bare(factor, tree, position)

    def quotient(self, tree: Quotient) -> str:
        return f"{FRACTION}{self.write(tree.above)}{BAR}{self.write(tree.below)}{END}"

    def power(self, tree: Power) -> str:
        return f"{self.inside(tree.base, is_base(tree.base))}{ABOVE}{self.write(tree.exponent)}{END}"

    def transposed(self, tree: Transposed) -> str:
        if isinstance(tree.of, Name):
            return self._named(tree.of.text, "⊤")
        return f"{self.inside(tree.of, is_base(tree.of))}{ABOVE}⊤{END}"

    def apply(self, tree: Apply) -> str:
        arguments = f",{THIN}".join(self.write(argument) for argument in tree.arguments)
        if tree.function == "sqrt":
            return f"{ROOT}{arguments}{END}"
        return f"{printable(tree.function)}{self.axes(tree.over)}({arguments})"

    def axes(self, over: tuple[str, ...]) -> str:
        """The axes that an index names."""
        return f"{BELOW}{','.join(self.size(part) for part in over)}{END}" if over else ""

    def relation(self, tree: Relation) -> str:
        left, right = (self.inside(side, not isinstance(side, Relation)) for side in (tree.left, tree.right))
        return f"{left}{THICK}{printable(tree.symbol)}{THICK}{right}"

    def iverson(self, tree: Iverson) -> str:
        return f"[{self.write(tree.condition)}]"

    def big_sum(self, tree: BigSum) -> str:
        over = self.axes(tree.over) if tree.to is None else f"{BELOW}→{self.write(tree.to)}{END}"
        symbol = {"Σ": "∑", "Π": "∏"}.get(tree.symbol, printable(tree.symbol))
        return f"{symbol}{over}{THIN}{self.inside(tree.of, is_operand_of_sum(tree.of))}"

    def bars(self, tree: Bars) -> str:
        return f"|{self.write(tree.of)}|"

    def indexed(self, tree: Indexed) -> str:
        return f"{self.inside(tree.of, isinstance(tree.of, (Name, Apply)))}[{printable(tree.index)}]"

    def entry(self, tree: Entry) -> str:
        bare = isinstance(tree.of, Apply) or (isinstance(tree.of, Name) and not parts_of(tree.of.text).subscript)
        return f"{self.inside(tree.of, bare)}{BELOW}{''.join(map(word, tree.letters))}{END}"

    def partial(self, tree: Partial) -> str:
        return f"{FRACTION}∂{self.write(tree.cost)}{BAR}∂{self.write(tree.by)}{END}"


@functools.lru_cache(4096)
def word(text: str) -> str:
    """A single letter in italics, a longer word upright."""
    return printable(italic(text) if len(text) == 1 else text)


def dimension(text: str) -> str:
    """A shape such as m×h with its letters in italics."""
    sides = ("".join(_dimension(letter) for letter in side) for side in text.split("×"))
    return f"{THIN}×{THIN}".join(sides)


def _dimension(letter: str) -> str:
    digit = "⁰¹²³⁴⁵⁶⁷⁸⁹".find(letter)
    return word(letter) if digit < 0 else f"{ABOVE}{digit}{END}"


_MARKUP = Markup()


def markup(tree: Tree) -> str:
    """`tree` as markup."""
    return _MARKUP.write(tree)


@functools.lru_cache(8192)
def set_markup(text: str) -> Line:
    """Markup in type. The line is shared: read it only."""
    line, _ = _group(text, 0)
    return line


def _group(text: str, at: int) -> tuple[Line, int]:
    """The line from `at` to what closes it, and where that is."""
    line = Line()
    scripts_at = -1.0
    while at < len(text) and text[at] not in (END, BAR):
        sign = text[at]
        if sign in (ABOVE, BELOW):
            part, at = _group(text, at + 1)
            scripts_at = _script(line, part, sign == ABOVE, scripts_at)
        elif sign == FRACTION:
            above, at = _group(text, at + 1)
            below, at = _group(text, at + 1)
            line.append(_fraction(above, below))
            scripts_at = -1.0
        elif sign == ROOT:
            part, at = _group(text, at + 1)
            line.append(_root(part))
            scripts_at = -1.0
        else:
            line.letter(sign)
            scripts_at = -1.0
        at += 1
    return line, at


def _script(line: Line, part: Line, above: bool, scripts_at: float) -> float:
    """Raise or lower `part` behind the last letter; a second one goes straight over or under the first."""
    start = line.width if scripts_at < 0 else scripts_at
    gap = 30 + (line.slant if above and scripts_at < 0 else 0)
    line.put(part, start + gap, 380 + part.depth * SCRIPT * 0.5 if above else -200.0, SCRIPT)
    line.width = max(line.width, start + gap + part.width * SCRIPT + 30)
    return start


def _fraction(above: Line, below: Line) -> Line:
    inner = max(above.width, below.width) * SMALL + 60
    line = Line(inner + 80)
    line.put(above, 40 + (inner - above.width * SMALL) / 2, AXIS + 110 + above.depth * SMALL, SMALL)
    line.put(below, 40 + (inner - below.width * SMALL) / 2, AXIS - 110 - below.height * SMALL, SMALL)
    line.marks.append(Mark("", 40, AXIS - RULE / 2, 1.0, inner))
    return line


def _root(part: Line) -> Line:
    line = Line()
    line.letter("√")
    top = line.height - RULE
    line.put(part, line.width, 0)
    line.marks.append(Mark("", line.width - 20, top, 1.0, part.width + 40))
    line.width += part.width + 40
    return line
