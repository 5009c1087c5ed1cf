"""Elementary functions as LLVM code: exp, log, … of one number or of n lanes, the same bits in each lane.

`FUNCTIONS[name](builder, x)` appends instructions and returns the result; `pow` takes two. float32 is computed in
float64 and rounded once (within 1 unit in the last place, everywhere), float64 is within 2. Nothing calls a library,
nothing branches but sin and cos of angles from 2⁴⁵ on, in a function of their own. NaN, ±∞, ±0 and subnormal numbers
follow NumPy.

What is fused is written as `fma`: targets without it call the C library's exact one and get the same bits.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from backgraph.compiler import functions_float32, functions_float64
from backgraph.compiler.lanes import FLOAT, Lanes
from backgraph.compiler.reduction import INFINITY

Function = Callable[..., ir.Value]
NAMES = ("exp", "log", "log1p", "expm1", "sin", "cos", "tanh", "sigmoid", "softplus")
WHOLE = 2.0**52
"""From here on every float64 is an integer."""


def _is_single(value: ir.Value) -> bool:
    kind = value.type
    return (kind.element if isinstance(kind, ir.VectorType) else kind) == FLOAT


def _function(name: str) -> Function:
    single, double = getattr(functions_float32, name), getattr(functions_float64, name)

    def emit(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
        lanes = Lanes(builder, x)
        return single(lanes.double()).single().value if _is_single(x) else double(lanes).value

    return emit


def _is_integer(size: Lanes) -> Lanes:
    """Where a number ≥ 0 has no fraction: adding 2⁵² rounds it away."""
    rounded = (size + WHOLE) - WHOLE
    return (size >= WHOLE) | rounded.equals(size)


def _signed_power(x: Lanes, y: Lanes, size: Lanes) -> Lanes:
    """xʸ from |x|ʸ: negative for odd y, NaN for fractions of negative numbers, 1 for y = 0 and x = 1."""
    integer, even = _is_integer(abs(y)), _is_integer(abs(y) * 0.5)
    minus_one = x.like(-1.0)
    odd_sign = (integer & (even ^ even.like(1))).choose(x, minus_one * minus_one)
    result = size.with_sign_of(odd_sign)
    undefined = (x < 0.0) & (x > -INFINITY) & (integer ^ integer.like(1))
    result = undefined.choose(float("nan"), result)
    one = abs(x).equals(1.0) & ((x > 0.0) | abs(y).equals(INFINITY))
    result = (x.is_nan() | y.is_nan()).choose(float("nan"), result)
    return (one | y.equals(0.0)).choose(1.0, result)


def power(builder: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """xʸ as numpy.power has it: 0⁰ = 1, 1ʸ = 1, (−2)³ = −8, (−2)^½ = NaN."""
    single = _is_single(x)
    base, exponent = Lanes(builder, x), Lanes(builder, y)
    if single:
        base, exponent = base.double(), exponent.double()
    size = (functions_float32 if single else functions_float64).power(base, exponent)
    result = _signed_power(base, exponent, size)
    return (result.single() if single else result).value


FUNCTIONS: dict[str, Function] = {name: _function(name) for name in NAMES} | {"pow": power}
"""Every elementary function by name."""
