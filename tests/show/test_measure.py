"""The accounts agree with what is measured: multiply-adds exactly, bytes alive exactly."""

from __future__ import annotations

import pytest

import backgraph as bg
from backgraph.errors import CalculusError
from backgraph.language.dims import at
from backgraph.show.cost import accounts
from backgraph.show.measure import measure
from tests.show.networks import deep, example, page, three_layers

PAGE = {"example": example(), "three_layers": three_layers(), "deep": deep(6), **page()}
SIZES = {"m": 7, "n": 3, "h": 5, "k": 4, "b": 6, "d": 3, "p": 2, "q": 5, "c": 3, "a": 4, "r": 2}


@pytest.mark.parametrize("name", PAGE)
def test_accounts_are_what_is_measured(name: str) -> None:
    case = PAGE[name]
    found = accounts(*case)
    measured = measure(found, SIZES)
    assert at(found.forward, SIZES) == measured.forward
    assert at(found.backward, SIZES) == measured.backward
    assert found.peak(SIZES)[1] == measured.peak


def test_a_size_that_is_missing() -> None:
    x = bg.parameter("x", ("n",))
    with pytest.raises(CalculusError, match="a size is not given"):
        measure(accounts(bg.sum(x**2), [x]), {})
    program = bg.parse("mean(a*b)", wrt=["a"])
    with pytest.raises(CalculusError, match="open"):
        measure(accounts(program.cost, [program.names["a"]]), {})
