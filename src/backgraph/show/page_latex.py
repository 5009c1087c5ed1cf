r"""Pages as LaTeX documents that compile as they stand: English with pdflatex, Chinese with xelatex and `ctex`.

Formulas are set in lines of text, so that TeX may break a long one; the shape stands behind it, the number in front.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backgraph.language.notation import Tree
from backgraph.show.latex import escaped, latex, word
from backgraph.show.names import SPELLED
from backgraph.show.page import Numbers, Remark, Section, joined, latex_matrix, lowered, raised

ENGLISH = r"""\documentclass{article}
\usepackage[T1]{fontenc}
"""
CHINESE = r"""% !TEX program = xelatex
% Compile with xelatex; pdflatex has no Chinese fonts. ctex comes with texlive-lang-chinese.
\documentclass[fontset=fandol]{ctexart}
"""
BOTH = r"""\usepackage{amsmath,amssymb}
\usepackage[margin=2.5cm]{geometry}
\setlength{\parindent}{0pt}
\emergencystretch=3em
\newcommand{\formula}[3]{\par\medskip\hangindent=2em\makebox[2em][l]{#1}\(\displaystyle #2\)\qquad{\small #3}\par}
\newcommand{\remark}[1]{\par{\leftskip=2em #1\par}}
\begin{document}
"""
"""Preambles."""

MARKS = {"×": r"\times", "·": r"\cdot", "−": "-", "⊙": r"\odot", "∇": r"\nabla", "Σ": r"\sum", "∂": r"\partial",
         "≤": r"\le", "≥": r"\ge", "√": r"\surd", "∞": r"\infty", "ℓ": r"\ell", "±": r"\pm", "½": r"\tfrac12",
         "…": r"\dots", "⁻": "^{-}", "<": "<", ">": ">", "≠": r"\ne"}  # fmt: skip
KEPT = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}", "'": "'", '"': "''"}
TIMES = r" \times "
SHAPE = re.compile(r"(?<![\w×·])(?:[A-Za-z0-9_²³₀-₉]+|\([^()]*\))(?:[×·](?:[A-Za-z0-9_²³₀-₉]+|\([^()]*\)))+")
"""m×h, (d·h)×k, and polynomials such as d·h."""


def as_latex(sections: Sequence[Section], chinese: bool = False) -> str:
    """Sections as a document that compiles as it stands, with pdflatex, or in Chinese with xelatex."""
    lines = [(CHINESE if chinese else ENGLISH) + BOTH]
    for section in sections:
        lines.append(rf"\section*{{{joined(section.title, _brackets, prose)}}}")
        for block in section.blocks:
            if isinstance(block, Numbers):
                maths = f"{latex(block.left)} = {latex_matrix(block.array)}"
                lines.append(rf"\remark{{\({maths}\)\quad {joined(block.aside, _brackets, prose)}}}")
            elif isinstance(block, Remark):
                written = joined(block.words, _brackets, prose)
                lines.append(rf"\remark{{{written}}}" if block.below else rf"{written}\par")
            else:
                number = "" if block.number is None else f"{block.number}."
                lines.append(rf"\formula{{{number}}}{{{latex(block.tree)}}}{{{joined(block.aside, _brackets, prose)}}}")
    return "\n".join([*lines, r"\end{document}", ""])


def _brackets(tree: Tree) -> str:
    return rf"\({latex(tree)}\)"


def prose(words: str) -> str:
    """Prose for LaTeX; shapes are maths, Chinese characters stay."""
    pieces, at = list[str](), 0
    for found in SHAPE.finditer(words):
        pieces += [*map(_character, words[at : found.start()]), _shape(found[0])]
        at = found.end()
    return "".join([*pieces, *map(_character, words[at:])])


def _shape(text: str) -> str:
    sides = ("".join(_symbol(c) for c in re.findall(r"[A-Za-z]+|.", side)) for side in text.split("×"))
    return rf"\({TIMES.join(sides)}\)"


def _symbol(text: str) -> str:
    if text in MARKS:
        return MARKS[text] + " "
    if small := lowered(text):
        return f"_{{{small}}}"
    return f"^{{{raised(text)}}}" if raised(text) else word(text) if text.isalpha() else escaped(text)


def _character(c: str) -> str:
    if c in MARKS or c in SPELLED:
        return f"${MARKS.get(c) or chr(92) + SPELLED[c]}$"
    if small := raised(c):
        return f"$^{{{small}}}$"
    if small := lowered(c):
        return f"$_{{{small}}}$"
    return KEPT.get(c) or (escaped(c) if c.isascii() else c)
