"""Drawings for print: they fit a page, in type that can be read; long formulas go on several lines."""

from __future__ import annotations

import re

import pytest

from backgraph.language.parse import parse
from backgraph.show.breaking import MOST_LINES, broken
from backgraph.show.draw import draw, draw_text
from backgraph.show.render import render
from backgraph.show.typeset import MEDIUM, markup, set_markup
from tests.show.drawn import gallery
from tests.show.geometry import faults
from tests.show.networks import page

GALLERY = gallery()
BOOK = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"
PAGE = 468
"""The width of text on a page, in points: 6.5 inches."""


@pytest.mark.parametrize(
    ("text", "wrt"), [("mean((X@w - z)**2)", ["w"]), (BOOK, ["W1", "W2"]), ("sum(P@Q@P@Q@P)", ["P", "Q"])]
)
def test_no_drawing_is_wider_than_a_page(text: str, wrt: list[str]) -> None:
    found = draw_text(text, wrt, paper=True)
    (width,) = re.findall(r'<svg[^>]* width="(\d+)pt"', found.svg)
    assert float(width) == round(min(found.picture.width / 2, PAGE)), "type of 17 units is set in 8.5 points"


def test_the_example_of_the_book_can_be_read_on_a_page() -> None:
    assert PAGE / draw_text(BOOK, ["W1", "W2"], paper=True).picture.width * 17 > 6.7


@pytest.mark.parametrize("name", [*page(), "example", "attention", "update", "residual", "chinese"])
def test_paper_is_sound_and_narrower(name: str) -> None:
    case = GALLERY[name]
    found, natural = (draw(case.cost, case.wrt, case.names, paper=paper) for paper in (True, False))
    assert faults(found.picture) == []
    assert found.picture.width / found.look.size < natural.picture.width / natural.look.size


@pytest.mark.parametrize(
    "text", ["sum(A*A) + sum(B*B) + sum(A*B)", "cross_entropy(U, y)", "sum(relu(A)*relu(B)*relu(A + B))"]
)
def test_long_formulas_go_on_several_lines(text: str) -> None:
    program = parse(text)
    whole = markup(render(program.cost, {node: name for name, node in program.names.items()}))
    found = broken(whole, 7000)
    assert len(found) > 1
    assert "".join("".join(found).split()) == "".join(whole.split()), "nothing is lost"
    assert max(set_markup(line).width for line in found) <= max(7000, 0.9 * set_markup(whole).width)
    assert broken(whole, set_markup(whole).width) == [whole]


def test_a_single_name_is_left_whole() -> None:
    assert broken("parameter", 100) == ["parameter"]
    assert broken("", 100) == [""]


def test_a_sum_of_400_terms_is_broken_in_equal_parts() -> None:
    """Not by trying all ways, of which there are 80,000."""
    plus = f"{MEDIUM}+{MEDIUM}"
    lines = broken(plus.join(["a"] * 400), 1000.0)
    assert len(lines) == MOST_LINES
    assert sum(line.count("a") for line in lines) == 400
    assert all(line.startswith("+") for line in lines[1:])
    widths = [set_markup(line).width for line in lines]
    assert max(widths) < 1.02 * min(widths)
