"""Pages: sections of formulas and sentences, printed as text, Markdown or HTML (as LaTeX by `page_latex`).

A sentence is a tuple of strings and trees; only here are trees turned into glyphs, so every sentence can be printed in
every format. `fill` makes one from a template of the word tables.
"""

from __future__ import annotations

import functools
import html
import itertools
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backgraph.language.dims import Open, Shape, shape_text
from backgraph.language.notation import Name, Relation, Sum, Tree
from backgraph.show.latex import latex
from backgraph.show.names import SPELLED, SUBSCRIPTS
from backgraph.show.text import text

Sentence: TypeAlias = tuple[str | Tree, ...]
Value: TypeAlias = str | Tree | Sentence


@dataclass(frozen=True)
class Formula:
    """left = right, with what is said beside it (its shape, its operation)."""

    left: Tree
    right: Tree
    aside: Sentence = ()
    number: int | None = None

    @property
    def tree(self) -> Tree:
        """The formula as one tree."""
        return Relation("=", self.left, self.right)


@dataclass(frozen=True)
class Remark:
    """A sentence below a formula, or by itself."""

    words: Sentence
    below: bool = True


@dataclass(frozen=True)
class Numbers:
    """left = an array of numbers, with what is said of it (how it was checked)."""

    left: Tree
    array: NDArray[Any]
    aside: Sentence = ()


Block: TypeAlias = Formula | Remark | Numbers


@dataclass(frozen=True)
class Section:
    """A title and what stands under it."""

    title: Sentence
    blocks: tuple[Block, ...]


def fill(template: str, **values: Value) -> Sentence:
    """A template such as `"the shape of {V}"` with trees, strings or sentences in it."""
    parts: list[str | Tree] = []
    for literal, name, _, _ in string.Formatter().parse(template):
        parts += [literal] if literal else []
        if name is not None:
            value = values[name]
            parts += value if isinstance(value, tuple) else [value]
    return tuple(parts)


def listed(items: Iterable[Value], comma: str, last: str) -> Sentence:
    """a, b and c."""
    rows = [item if isinstance(item, tuple) else (item,) for item in items]
    parts: list[str | Tree] = []
    for position, row in enumerate(rows):
        if position:
            parts.append(last if position == len(rows) - 1 else comma)
        parts += row
    return tuple(parts)


SIZE_NUMBER = re.compile(r"(?<=(?<![^\W\d_])[^\W\d_])\d+")
"""The number behind a size of one letter."""
COLUMNS = 110
"""Lines of text are at most so long, where they can be broken."""
WIDEST = 64
"""Formulas wider than this may be broken over lines, and do not push the column of shapes further right."""
GAP = re.compile("(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
"""A space between two Chinese characters, which is not written."""
HELD = "\N{NO-BREAK SPACE}"
"""Stands for spaces inside a formula while lines are broken."""


def plain(words: Sentence, ascii: bool = False, space: str = " ") -> str:
    """A sentence as text, with `space` inside its formulas."""

    def maths(tree: Tree) -> str:
        formula = text(tree, ascii=ascii)
        return formula.replace(" ", space) if width(formula) <= WIDEST else formula

    return joined(words, maths, _in_ascii if ascii else str)


_PLAIN = {"×": "x", "·": "*", "−": "-", "⊙": ".*", "Σ": "sum", "∂": "d", "≤": "<=", "≥": ">=", "∞": "infinity",
          "√": "sqrt", "±": "+-", "½": "1/2", "…": "..."}  # fmt: skip
"""Marks that stand in prose, in ASCII."""


def _in_ascii(prose: str) -> str:
    return "".join(
        _PLAIN.get(c) or SPELLED.get(c) or ("^" + raised(c) if raised(c) else lowered(c) or c) for c in prose
    )


def raised(c: str) -> str:
    """The character that a superscript such as ᵀ is a small one of; empty for others."""
    kind, _, code = unicodedata.decomposition(c).partition(" ")
    return chr(int(code, 16)).replace("−", "-") if kind == "<super>" else ""


def lowered(c: str) -> str:
    """The digit that a subscript such as ₁ is a small one of; empty for others."""
    kind, _, code = unicodedata.decomposition(c).partition(" ")
    return chr(int(code, 16)) if kind == "<sub>" else ""


def joined(words: Sentence, maths: Callable[[Tree], str], prose: Callable[[str], str]) -> str:
    """A sentence printed: trees by `maths`, the words between them by `prose`."""
    pieces: list[str] = []
    for is_prose, parts in itertools.groupby(words, lambda part: isinstance(part, str)):
        if is_prose:
            pieces.append(prose(GAP.sub("", "".join(map(str, parts)))))
        else:
            pieces += [maths(part) for part in parts if not isinstance(part, str)]
    return "".join(pieces)


@functools.lru_cache(8192)
def width(line: str) -> int:
    """Columns a line takes in a terminal: Chinese characters take two."""
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line if not unicodedata.combining(c))


def as_text(sections: Sequence[Section], ascii: bool = False) -> str:
    """Sections as text: formulas numbered, what is beside them in one column, remarks indented below."""
    return "\n\n".join("\n".join(_section_text(section, ascii)) for section in sections) + "\n"


def _section_text(section: Section, ascii: bool) -> list[str]:
    formulas = {id(b): text(b.tree, ascii=ascii) for b in section.blocks if isinstance(b, Formula)}
    column = max((w for w in map(width, formulas.values()) if w <= WIDEST), default=0)
    lines = [plain(section.title, ascii)]
    for block in section.blocks:
        if isinstance(block, Numbers):
            lines += _numbers_text(block, ascii)
            continue
        if isinstance(block, Remark):
            lines += wrapped(plain(block.words, ascii, HELD), "       " if block.below else "  ")
            continue
        formula = formulas[id(block)]
        number = f"{block.number:>3}. " if block.number is not None else "  "
        aside = plain(block.aside, ascii)
        if len(number) + width(formula) > COLUMNS and isinstance(block.right, Sum):
            lines += _long_sum(number, block, block.right, aside, ascii)
            continue
        gap = " " * (max(column - width(formula), 0) + 3) if aside else ""
        lines.append(f"{number}{formula}{gap}{aside}")
    return lines


def _long_sum(number: str, block: Formula, total: Sum, aside: str, ascii: bool) -> list[str]:
    """A sum broken before signs, its lines one below the other."""
    head = f"{number}{text(block.left, ascii=ascii)} = "
    first = text(Sum(total.terms[:1]), ascii=ascii)
    x = Name("x")
    rest = (text(Sum(((1, x), term)), ascii=ascii).removeprefix("x ") for term in total.terms[1:])
    pieces = (piece.replace(" ", HELD) for piece in (first, *rest))
    lines = wrapped(" ".join(pieces), " " * width(head))
    lines[0] = head + lines[0].lstrip()
    return [*lines[:-1], lines[-1] + (f"   {aside}" if aside else "")]


def _numbers_text(block: Numbers, ascii: bool) -> list[str]:
    """name = a matrix in brackets, row by row; what is said of it behind the last row."""
    name, aside = text(block.left, ascii=ascii), plain(block.aside, ascii)
    rows = matrix_rows(block.array)
    head = f"       {name} = "
    lines = [(head if i == 0 else " " * width(head)) + row for i, row in enumerate(rows)]
    return [*lines[:-1], lines[-1] + (f"   {aside}" if aside else "")]


MOST_NUMBERS = 48
"""Larger arrays are described, not printed."""


def matrix_rows(array: NDArray[Any]) -> list[str]:
    """The rows of a matrix as text, in columns; of more axes, one matrix after the other."""
    if array.size > MOST_NUMBERS or array.size == 0:
        return ["×".join(map(str, array.shape)) + " …"]
    if array.ndim == 0:
        return [number_words(array[()])]
    if array.ndim > 2:
        return [row for i, part in enumerate(array) for row in _labelled(i, matrix_rows(part))]
    cells = [[number_words(x) for x in row] for row in np.atleast_2d(array)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return ["[ " + "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) + " ]" for row in cells]


def _labelled(index: int, rows: list[str]) -> list[str]:
    label = f"{index}: "
    return [(label if i == 0 else " " * len(label)) + row for i, row in enumerate(rows)]


def number_words(value: Any) -> str:
    """Four figures: 0.2689, −1.5, 1.2e-05."""
    return (
        str(value) if isinstance(value, (bool, np.bool_, int, np.integer)) else f"{float(value) + 0.0:.4g}"
    )  # never -0


def wrapped(line: str, indent: str, columns: int = COLUMNS) -> list[str]:
    """`line` broken at spaces, and between Chinese characters, into lines of at most `columns`."""
    lines, current, used = list[str](), "", len(indent)
    for word in _words(line):
        if current and used + width(word.rstrip()) > columns:
            lines.append(current)
            current, used = "", len(indent)
            word = word.lstrip()
        current, used = current + word, used + width(word)
    return [indent + each.rstrip().replace(HELD, " ") for each in (*lines, current)]


def _words(line: str) -> list[str]:
    """Pieces after which a line may break; never before closing punctuation."""
    pieces = [""]
    for here, following in zip(line, [*line[1:], ""], strict=True):
        pieces[-1] += here
        wide = unicodedata.east_asian_width(here) in "WF" and unicodedata.east_asian_width(following or "a") in "WF"
        if here == " " or (wide and following not in "，。；：、）" and here != "（"):
            pieces.append("")
    return pieces


def as_markdown(sections: Sequence[Section]) -> str:
    """Sections as Markdown with `$maths$`."""
    lines: list[str] = []
    for section in sections:
        lines += [f"### {joined(section.title, _dollars, str)}", ""]
        for block in section.blocks:
            if isinstance(block, Numbers):
                aside = joined(block.aside, _dollars, _markdown)
                lines += [f"  - ${latex(block.left)} = {latex_matrix(block.array)}$ {aside}".rstrip(), ""]
            elif isinstance(block, Remark):
                lines += [("  " if block.below else "") + "- " + joined(block.words, _dollars, _markdown), ""]
            else:
                aside = joined(block.aside, _dollars, _markdown)
                lines += [f"{_number(block)}${latex(block.tree)}$ {aside}".rstrip(), ""]
    return "\n".join(lines)


def latex_matrix(array: NDArray[Any]) -> str:
    """A matrix in LaTeX; of more axes, one matrix after the other."""
    if array.size > MOST_NUMBERS or array.size == 0:
        return r" \times ".join(map(str, array.shape)) + r"\ \dots"
    if array.ndim == 0:
        return _latex_number(array[()])
    if array.ndim > 2:
        return r",\ ".join(latex_matrix(part) for part in array)
    rows = (" & ".join(map(_latex_number, row)) for row in np.atleast_2d(array))
    return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"


def _latex_number(value: Any) -> str:
    mantissa, _, exponent = number_words(value).partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def as_html(sections: Sequence[Section], ascii: bool = False) -> str:
    """Sections as HTML that needs no script: maths is Unicode text."""

    def written(words: Sentence) -> str:
        return joined(words, lambda t: f"<i>{html.escape(text(t, ascii=ascii))}</i>", html.escape)

    lines = ['<div class="backgraph-explanation">']
    for section in sections:
        lines.append(f"<h3>{written(section.title)}</h3>")
        for block in section.blocks:
            if isinstance(block, Numbers):
                rows = html.escape("\n".join(_numbers_text(block, ascii)))
                lines.append(f'<pre style="margin:0 0 0 1em">{rows}</pre>')
            elif isinstance(block, Remark):
                lines.append(f'<p style="margin:0 0 0 {"3em" if block.below else "0"}">{written(block.words)}</p>')
            else:
                formula = html.escape(text(block.tree, ascii=ascii))
                lines.append(f"<p>{_number(block)}<b>{formula}</b> <small>{written(block.aside)}</small></p>")
    return "\n".join([*lines, "</div>\n"])


def _number(block: Formula) -> str:
    return f"({block.number}) " if block.number is not None else ""


def _dollars(tree: Tree) -> str:
    return f"${latex(tree)}$"


def _markdown(prose: str) -> str:
    return "".join("\\" + c if c in "\\`*_{}[]<>#|$" else c for c in prose)


def shape_words(shape: Shape, words: Mapping[str, str]) -> Sentence:
    """m×h, or the word for a scalar; an open shape is said by the names that have it."""
    if isinstance(shape, Open):
        names = listed([Name(name) for name in sorted(shape.names)], words["comma"], words["comma"])
        return fill(words["shape_of"], list=names)
    return (words["scalar"] if shape == () else subscribed(shape_text(shape)),)


def subscribed(shape: str) -> str:
    """Numbers of sizes below the line: m×h₁."""
    return SIZE_NUMBER.sub(lambda digits: digits[0].translate(SUBSCRIPTS), shape)
