"""Formulas set in type: what stands where, and that nothing is lost or invented."""

from __future__ import annotations

import pytest

from backgraph.language.notation import Apply, Gradient, Name, Power, Product, Quotient, Sum, Transposed, Tree
from backgraph.show.glyphs import glyphs, italic
from backgraph.show.typeset import Line, dimension, markup, set_markup

W2, G = Name("W2"), Name("G")


def letters(line: Line) -> str:
    return "".join(mark.letter for mark in line.marks)


def set_tree(tree: Tree) -> Line:
    return set_markup(markup(tree))


def test_a_layer_and_a_transpose_share_the_raised_line() -> None:
    marks = set_tree(Transposed(W2)).marks
    assert [mark.letter for mark in marks] == [italic("W"), "(", "2", ")", "⊤"]
    assert all(mark.scale == 0.7 and mark.y > 300 for mark in marks[1:])


def test_a_subscript_stands_under_a_superscript() -> None:
    marks = set_tree(Power(Name("x_1"), Name("n"))).marks
    low, high = marks[1], marks[2]
    assert low.y < 0 < high.y
    assert low.x == high.x


def test_the_bar_of_a_fraction_is_as_wide_as_its_wider_part() -> None:
    line = set_tree(Quotient(Sum(((1, G), (-1, W2))), Name("m")))
    (bar,) = [mark for mark in line.marks if not mark.letter]
    assert 0 < bar.x < bar.x + bar.width < line.width
    assert line.height > 900
    assert line.depth > 200


def test_a_line_is_as_wide_as_its_parts() -> None:
    a, b = set_markup("∇"), set_markup("=")
    assert set_markup("∇=").width == a.width + b.width


def test_a_shape_has_italic_letters_and_small_powers() -> None:
    assert letters(set_markup(dimension("m×h²"))) == italic("m") + "×" + italic("h") + "2"


@pytest.mark.parametrize("name", ["权重", "é", "\x01\x02", "\x03", "<b>", "a\u202eb", "𝔚", "\ud800"])
def test_any_name_can_be_set(name: str) -> None:
    line = set_tree(Product("matrix", (Name(name), Transposed(Name(name)), Gradient(Name(name), Name("J")))))
    assert line.width > 0
    assert all(mark.letter.isprintable() for mark in line.marks)


def test_every_sign_of_notation_has_an_outline() -> None:
    known = glyphs()
    signs = "−×·⊙⊤∇∂∑∏√∞≤≥≠′()[]|,=<>0123456789⁻"[:-1]
    assert all(sign in known for sign in signs)
    assert all(italic(letter) in known for letter in "abcxyzhABCXYZαβγδεζηθλμπρστφχψωΓΔΘΛΞΠΣΦΨΩ")


def test_functions_stand_upright() -> None:
    assert letters(set_tree(Apply("relu", (G,)))) == "relu(" + italic("G") + ")"
