from __future__ import annotations

import sys

import pytest

import backgraph as bg
from backgraph.jax_bridge import from_jax, to_jax
from backgraph.jax_bridge.meaning import OF_CARD, OF_OPERANDS
from backgraph.language.op import BUILT_IN


@pytest.fixture
def no_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("jax", "jax.numpy", "jax.extend.core"):
        monkeypatch.setitem(sys.modules, name, None)


def test_every_card_has_a_meaning_in_jax() -> None:
    assert not OF_OPERANDS.keys() & OF_CARD.keys()
    assert OF_OPERANDS.keys() | OF_CARD.keys() == BUILT_IN - {"variable"}


@pytest.mark.usefixtures("no_jax")
def test_without_jax_the_error_names_the_extra() -> None:
    x = bg.input("x", (3,))
    with pytest.raises(bg.BackgraphError, match=r"BG602.*pip install 'backgraph\[jax\]'"):
        from_jax(abs, 1.0)
    with pytest.raises(bg.BackgraphError, match=r"BG602.*pip install 'backgraph\[jax\]'"):
        to_jax(x * 2, [x])([1.0, 2.0, 3.0])


def test_a_variable_that_is_not_among_the_inputs() -> None:
    x, y = bg.input("x"), bg.input("y")
    with pytest.raises(bg.BackgraphError, match=r"BG302.*y"):
        to_jax(x * y, [x])


def test_the_package_offers_them_too() -> None:
    assert (bg.from_jax, bg.to_jax) == (from_jax, to_jax)
    with pytest.raises(AttributeError, match="no attribute 'from_torch'"):
        _ = bg.from_torch  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
