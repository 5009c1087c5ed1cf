"""What others write is answered with what is written here, and that is in the language."""

from __future__ import annotations

import pytest

from backgraph.errors import GraphError
from backgraph.language.parse import parse
from backgraph.language.text.foreign import CHARACTERS, FUNCTIONS, SIGNS, suggestion
from backgraph.language.text.functions import function_named, function_names


@pytest.mark.parametrize("written", sorted(set(FUNCTIONS.values())))
def test_what_is_proposed_can_be_read(written: str) -> None:
    parse(written, scalar_cost=False)


def test_no_name_of_the_language_is_taken_for_foreign() -> None:
    assert [name for name in FUNCTIONS if function_named(name) is not None] == []


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mse(a, b)", "write mean((a - b)**2)"),
        ("MSELoss(a, b)", "write mean((a - b)**2)"),
        ("norm(w)", "write sqrt(sum(x**2))"),
        ("ReLU(x)", "did you mean relu?"),
        ("crossentropy(U, y)", "did you mean cross_entropy?"),
        ("Σ(x)", "write sum(x)"),
        ("rleu(x)", "did you mean relu?"),
        ("np.sum(x)", "functions stand alone: sum(…)"),
        ("x.sum()", "functions stand alone: sum(…)"),
        ("sum(x^2)", "powers are written **"),
        ("sum(x²)", "powers are written **"),
    ],
)
def test_mistakes_are_answered_with_what_to_type(text: str, hint: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize("sign", sorted(SIGNS))
def test_signs_of_paper_have_an_answer(sign: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse(f"sum(x {sign} 2)")
    assert caught.value.hint in CHARACTERS.values()


def test_what_is_like_nothing_has_no_answer() -> None:
    assert suggestion("zzzz", function_names()) is None
