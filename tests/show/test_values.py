"""A tiny example worked out: every number at every node, and each gradient checked."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.errors import CalculusError
from backgraph.show.explain import explain, explain_text
from backgraph.show.tiny import tiny_values
from tests.show.networks import example, page, three_layers

PAGE = {"example": example(), "three_layers": three_layers(), **page()}
TEXT = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"


@pytest.mark.parametrize("name", PAGE)
def test_every_gradient_is_computed_and_checked(name: str) -> None:
    case = PAGE[name]
    explanation = explain(*case, values=True)
    data, worked = explanation.to_json()["values"], explanation.worked
    assert worked is not None
    assert {check["status"] for check in data["checks"].values()} == {"right"}
    assert all(check["error"] < 1e-9 for check in data["checks"].values())
    values = tiny_values(case.cost, case.wrt)
    for target, node in zip(case.wrt, bg.gradient(case.cost, case.wrt).nodes, strict=True):
        np.testing.assert_array_equal(
            data["gradients"][explanation.derivation.names[target]], bg.evaluate(node, values)
        )
    assert data["forward"].keys() >= data["checks"].keys()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html"])
def test_every_format_shows_the_numbers(form: str, lang: str) -> None:
    page = str(explain_text(TEXT, ["W1", "W2"], values=True, format=form, lang=lang))
    said = {"en": "checked: ", "zh": "已检验："}[lang]
    assert page.count(said) == 5
    for number in ("1.098", "0.6123", "4.193"):
        assert number in page


def test_what_was_not_asked_for_is_not_computed_and_not_zero() -> None:
    explanation = explain_text(TEXT, ["W1"], values=True)
    assert "Not computed, because not asked for: ∇X J, ∇W⁽²⁾ J and ∇λ J." in explanation.text()
    gradients = explanation.to_json()["values"]["gradients"]
    assert [name for name, gradient in gradients.items() if gradient is None] == ["X", "W2", "y", "lam"]
    assert not re.search(r"∇W⁽²⁾ J = \[", explanation.text())


def test_contributions_add_up() -> None:
    explanation = explain_text(TEXT, ["W1", "W2"], values=True)
    assert explanation.worked is not None
    for step in explanation.derivation.steps:
        parts = sum(explanation.worked.of(arrival.node) for arrival in step.arrivals)
        np.testing.assert_allclose(parts, explanation.worked.gradients[step.of], atol=1e-15)


def test_given_numbers_are_used_and_the_others_fit_them() -> None:
    X = np.arange(8.0).reshape(4, 2) / 10 + 0.05
    explanation = explain_text(TEXT, ["W1", "W2"], values={"X": X})
    assert explanation.worked is not None
    assert explanation.worked.sizes["m"] == 4
    assert explanation.worked.sizes["d"] == 2
    assert "0.75" in explanation.text()
    for wrong in ({"X": np.ones(3)}, {"Q": 1.0}, {"X": X, "y": [0, 1]}):
        with pytest.raises(CalculusError, match="BG302"):
            explain_text(TEXT, ["W1", "W2"], values=wrong)


def test_a_kink_is_said() -> None:
    text = explain_text("sum(relu(x))", ["x"], values={"x": [0.0, 1.0, -1.0]}, shapes="x:3").text()
    assert "1 elements at a kink, where no number is the derivative" in text


def test_a_wrong_rule_is_called_wrong() -> None:
    card = bg.Elementwise("crooked", "2 x", lambda x: 2 * x, lambda G, y, x: G)
    try:
        x = bg.parameter("x", (2,))
        assert "WRONG: 1 by the rule, 2 by complex step" in explain(bg.sum(card(x)), [x], values=True).text()
    finally:
        bg.CARDS.pop("crooked")


def test_numbers_are_the_same_every_time() -> None:
    one, two = (explain_text(TEXT, ["W1"], values=True).text() for _ in range(2))
    assert one == two


def test_large_arrays_are_described() -> None:
    x = bg.parameter("x", (9, 9))
    assert "x = 9×9 …" in explain(bg.sum(x**2), [x], values=True).text()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_golden(golden: Any, lang: str) -> None:
    golden(f"show/values.{lang}.txt", explain_text(TEXT, ["W1", "W2"], values=True, lang=lang).text())
