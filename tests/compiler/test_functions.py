"""Elementary functions: errors in units in the last place against long double, special values, and bits."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backgraph.compiler.functions import FUNCTIONS
from backgraph.compiler.target import host_levels
from tests.compiler.on_arrays import Call, functions_on_arrays

Array = NDArray[Any]
Exact = np.longdouble
UNARY = tuple(name for name in FUNCTIONS if name != "pow")
SPECIAL = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, 88.73, -103.9, -104.1, 709.79, -745.2,
     1e-45, -1e-45, 1e-38, 3.4e38, -3.4e38, 16777216.0, 16777217.0, 5e-324, -5e-324, 1e-310, 1.7e308, -1.7e308,
     2.0**52 + 1, 2.0**53 - 1, 1 - 2.0**53, 2.0**53 + 2, 1 + 2.0**-23, 1 - 2.0**-24, 2.0**45, 1e22, 1e-300]
)  # fmt: skip
LIMITS = {"float32": 0.51, "float64": 1.5}
"""In units in the last place; the promises are 1 and 2."""


def _sigmoid(x: Array) -> Array:
    small = np.exp(-abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def _softplus(x: Array) -> Array:
    return np.where(x <= 0, 0, x) + np.log1p(np.exp(-abs(x)))


EXACT = {name: getattr(np, name, None) for name in UNARY} | {
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "pow": np.power,
}


@cache
def _call(lanes: int = 16, isa: str | None = None, level: int = 3) -> Call:
    return functions_on_arrays(lanes, isa, level)


def errors(got: Array, exact: Array) -> Array:
    """Distances in units in the last place; infinite where NaN, infinities or signs of zeros differ."""
    rounded = exact.astype(got.dtype)
    unit = np.spacing(abs(np.where(np.isfinite(rounded), rounded, got.dtype.type(1)))).astype(Exact)
    distance = np.where(np.isfinite(got) & np.isfinite(rounded), abs(got.astype(Exact) - exact) / unit, np.inf)
    alike = (got == rounded) & (np.signbit(got) == np.signbit(rounded)) | np.isnan(got) & np.isnan(rounded)
    zero_of_other_sign = (got == 0) & (rounded == 0) & ~alike
    special = ~np.isfinite(rounded) | ~np.isfinite(got)
    return np.where(alike & special, 0, np.where(zero_of_other_sign, np.inf, distance))


def _samples(dtype: str, count: int) -> Array:
    """All exponents alike, then the middle range, then special values."""
    source = np.random.default_rng(7)
    bits = source.integers(0, 2**64, count, dtype=np.uint64)
    everywhere = bits.view(np.float64) if dtype == "float64" else bits.view(np.float32)[: 2 * count]
    scale = 10.0 ** source.uniform(-3, 3, count)
    middle = (source.standard_normal(count) * scale).astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([everywhere, middle, np.resize(SPECIAL, 48).astype(dtype)])


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", UNARY)
def test_error_is_within_the_promise(name: str, dtype: str) -> None:
    x = _samples(dtype, 2**14)
    _assert_accurate(name, x)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", UNARY)
def test_error_is_within_the_promise_on_a_million_inputs(name: str, dtype: str) -> None:
    _assert_accurate(name, _samples(dtype, 2**19))


def _assert_accurate(name: str, *inputs: Array) -> None:
    with np.errstate(all="ignore"):
        error = errors(_call()(name, *inputs), EXACT[name](*(x.astype(Exact) for x in inputs)))
    worst = int(np.argmax(error))
    assert error[worst] <= LIMITS[inputs[0].dtype.name], [x[worst] for x in inputs]


@pytest.mark.parametrize("dtype", LIMITS)
def test_powers_are_within_the_promise(dtype: str) -> None:
    source = np.random.default_rng(8)
    for spread, size in ((8, 10), (0.01, 1000), (0.3, 100)):
        base = np.exp(source.standard_normal(2**13) * spread).astype(dtype)
        _assert_accurate("pow", base, (source.standard_normal(2**13) * size).astype(dtype))


@pytest.mark.parametrize("dtype", LIMITS)
def test_powers_of_special_values_are_numpys(dtype: str) -> None:
    with np.errstate(all="ignore"):
        values = SPECIAL.astype(dtype)
    x, y = (grid.ravel().copy() for grid in np.meshgrid(values, values))
    _assert_accurate("pow", x, y)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_angles_beside_multiples_of_half_a_turn(name: str) -> None:
    # The last is the double closest to a multiple of π/2 (Muller, table 11.1).
    turns = np.arange(1, 2**12, dtype=np.float64) * (np.pi / 2)
    x = np.concatenate([turns, [6381956970095103.0 * 2.0**797]])
    _assert_accurate(name, np.resize(x, 2**12))


def test_closest_double_to_a_multiple_of_half_pi() -> None:
    x = np.full(16, 6381956970095103.0 * 2.0**797)
    assert _call()("cos", x)[0] == -4.68716592425462761112e-19


def test_tanh_and_sin_are_odd() -> None:
    x = _samples("float32", 2**12)
    x = x[~np.isnan(x)]
    x = x[: len(x) // 16 * 16]
    for name in ("tanh", "sin"):
        assert np.array_equal(_call()(name, -x), -_call()(name, x), equal_nan=True)


def _bits(call: Call) -> list[bytes]:
    """All results on a sample; any NaN is like any other."""
    found: list[bytes] = []
    for dtype in LIMITS:
        x = _samples(dtype, 2**10)
        for name in FUNCTIONS:
            y = call(name, x, x[::-1].copy()) if name == "pow" else call(name, x)
            found.append(np.where(np.isnan(y), 7, y).tobytes())
    return found


@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.parametrize("lanes", [0, 16])
@pytest.mark.parametrize("isa", ["avx512", "avx2", "baseline"])
def test_bits_depend_neither_on_lanes_nor_target_nor_level(isa: str, lanes: int, level: int) -> None:
    if isa not in host_levels():
        pytest.skip(f"this machine lacks {isa}")
    assert _bits(_call(lanes, isa, level)) == _bits(_call())
