"""Native code sets the rounding mode it is defined for, and gives the process its own back."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler.function import compile

TO_ZERO = 0x0C00
libm = ctypes.CDLL("libm.so.6") if sys.platform == "linux" else None


@pytest.mark.skipif(libm is None, reason="fesetround is looked up in glibc")
def test_a_process_that_rounds_to_zero_gets_the_same_bits() -> None:
    assert libm is not None
    x = bg.input("x", (64,))
    function, values = compile(x, bg.sum(x / 3.0)), np.random.default_rng(0).normal(size=64)
    expected = function(values)
    usual = libm.fegetround()
    try:
        assert libm.fesetround(TO_ZERO) == 0
        found = function(values)
        assert libm.fegetround() == TO_ZERO
    finally:
        libm.fesetround(usual)
    assert found == expected
