"""Elementary functions in float64, within 2 units in the last place.

Where a result would lose more than that to roundings in between, a value is carried as a sum of two: what rounding
took is found exactly by fused multiply-add and added again in the last step.

Sources: Muller, Elementary Functions, chapters 3, 10 and 11; Dekker (1971) for sums of two; coefficients by
scripts/make_polynomials.py.
"""

from __future__ import annotations

from backgraph.compiler.angle import reduced_angle, two_sum
from backgraph.compiler.coefficients import (
    COS_FLOAT64,
    EXP_FLOAT64,
    LN2,
    LOG2_E,
    LOG_FLOAT64,
    POWER_FLOAT64,
    SIN_FLOAT64,
    THIRD,
)
from backgraph.compiler.lanes import ROUNDING, Lanes, polynomial, power_of_two
from backgraph.compiler.reduction import in_quadrant, log_edges, mantissa

SMALLEST_NORMAL = 2.0**-1022

Pair = tuple[Lanes, Lanes]


def quick_two_sum(a: Lanes, b: Lanes) -> Pair:
    """a + b rounded, and what the rounding lost, for |a| ≥ |b|."""
    total = a + b
    return total, b - (total - a)


def two_product(a: Lanes, b: Lanes) -> Pair:
    """a · b rounded, and what the rounding lost."""
    product = a * b
    return product, a.fma(b, -product)


def quotient(numerator: Pair, denominator: Pair) -> Lanes:
    """A quotient of sums of two, rounded about once: one division, and its remainder divided again."""
    inverse = 1.0 / denominator[0]
    first = numerator[0] * inverse
    remainder = (-first).fma(denominator[0], numerator[0]) + (-first).fma(denominator[1], numerator[1])
    return remainder.fma(inverse, first)


def _reduced(x: Lanes, lost: Lanes | None = None) -> tuple[Lanes, Lanes, Lanes]:
    """The sum that holds k, and r with what r lost: x = k log 2 + r. The first product leaves no rounding at all."""
    rounded = x.fma(LOG2_E[0], ROUNDING)
    k = rounded - ROUNDING
    first = k.fma(-LN2[0], x)
    r = k.fma(-LN2[1], first)
    rest = k.fma(-LN2[1], first - r)
    return rounded, *quick_two_sum(r, rest if lost is None else rest + lost)


def _expm1_of(r: Lanes, rest: Lanes) -> Pair:
    """e^r − 1 as a sum of two, for |r| ≤ log(2) / 2."""
    square = r * r
    return quick_two_sum(r, (polynomial(r, EXP_FLOAT64) * square) + r.fma(rest, rest))


def _exp_of(r: Lanes, rest: Lanes) -> Lanes:
    """e^r, rounded about once."""
    high, low = _expm1_of(r, rest)
    total, lost = quick_two_sum(high.like(1.0), high)
    return total + (lost + low)


def _scaled(rounded: Lanes, value: Lanes) -> Lanes:
    """value · 2ᵏ by two factors, so that overflow and subnormal results round once."""
    k = rounded - ROUNDING
    half = k.fma(0.5, ROUNDING)
    other = (k - (half - ROUNDING)) + ROUNDING
    return value * power_of_two(half) * power_of_two(other)


def exp(x: Lanes) -> Lanes:
    """eˣ."""
    rounded, r, rest = _reduced(x.at_least(-750.0).at_most(710.0))
    return _scaled(rounded, _exp_of(r, rest))


def _exp_pair(x: Lanes) -> Pair:
    """eˣ as a sum of two, for x ≤ 0."""
    rounded, r, rest = _reduced(x.at_least(-750.0))
    high, low = _expm1_of(r, rest)
    total, lost = quick_two_sum(high.like(1.0), high)
    return _scaled(rounded, total), _scaled(rounded, lost + low)


def _expm1_pair(x: Lanes) -> Pair:
    """eˣ − 1 as a sum of two, for −40 ≤ x ≤ 700: (2ᵏ − 1) + 2ᵏ (e^r − 1)."""
    rounded, r, rest = _reduced(x)
    high, low = _expm1_of(r, rest)
    scale = power_of_two(rounded)
    whole, lost = two_sum(scale, scale.like(-1.0))
    total, again = two_sum(whole, scale * high)
    return total, scale.fma(low, lost + again)


def expm1(x: Lanes) -> Lanes:
    """eˣ − 1. Above 50 the 1 is lost in rounding; small and large share one reduction of a halved scale."""
    rounded, r, rest = _reduced(x.at_least(-40.0).at_most(710.0))
    high, low = _expm1_of(r, rest)
    scale = power_of_two(rounded + -1.0)
    whole, lost = two_sum(scale, scale.like(-0.5))
    total, again = two_sum(whole, scale * high)
    return (abs(x) < 2.0**-54).choose(x, (total + scale.fma(low, lost + again)) * 2.0)


def _split(x: Lanes) -> Pair:
    """k and f with x = 2ᵏ (1 + f), sqrt(1/2) ≤ 1 + f < sqrt(2), for every positive finite x."""
    subnormal = x < SMALLEST_NORMAL
    exponent, f = mantissa(subnormal.choose(x * 2.0**54, x))
    return subnormal.choose(exponent - 54.0, exponent), f


def _log_of(exponent: Lanes, f: Lanes, rest: Lanes | float = 0.0) -> Lanes:
    """k log 2 + log(1 + f) + rest. With s = f / (2 + f), 2 s = f − f²/2 + s f²/2: f enters without a rounding."""
    s = f / (f + 2.0)
    z = s * s
    half, lost = two_product(f * 0.5, f)
    tail = (polynomial(z, LOG_FLOAT64) * z + half) * s
    high, low = two_product(exponent, exponent.like(LN2[0]))
    low = exponent.fma(LN2[1], low)
    first, again = two_sum(high, f)
    total, more = two_sum(first, -half)
    return total + (tail + (((again + more) - lost) + (low + rest)))


def log(x: Lanes) -> Lanes:
    """log x."""
    return log_edges(x, _log_of(*_split(x)))


def _log1p(x: Lanes, rest: Lanes | float = 0.0) -> Lanes:
    """log(1 + x + rest) for −1 < x < ∞. Where 1 + x needs no scaling, x itself is f."""
    total, lost = two_sum(x, x.like(1.0))
    exponent, f = _split(total)
    near = exponent.equals(0.0)
    correction = near.choose(x.like(rest), lost + rest) / total
    return _log_of(exponent, near.choose(x, f), correction)


def log1p(x: Lanes) -> Lanes:
    """log(1 + x)."""
    return x.equals(0.0).choose(x, log_edges(x + 1.0, _log1p(x)))


def tanh(x: Lanes) -> Lanes:
    """(e²ˣ − 1) / (e²ˣ + 1) on |x|; from 20 on it rounds to 1. The sign comes last, so tanh is exactly odd."""
    high, low = _expm1_pair((abs(x) * 2.0).at_most(44.0))
    below, lost = two_sum(high, high.like(2.0))
    return quotient((high, low), (below, lost + low)).with_sign_of(x)


def sigmoid(x: Lanes) -> Lanes:
    """1 / (1 + e^−|x|) above 0 and e^−|x| / (1 + e^−|x|) below."""
    small, rest = _exp_pair(-abs(x))
    below, lost = quick_two_sum(small.like(1.0), small)
    positive = x >= 0.0
    above = (positive.choose(1.0, small), positive.choose(0.0, rest))
    return quotient(above, (below, lost + rest))


def softplus(x: Lanes) -> Lanes:
    """max(x, 0) + log(1 + e^−|x|)."""
    return (x <= 0.0).choose(0.0, x) + _log1p(*_exp_pair(-abs(x)))


def _wave(x: Lanes, quarter: int) -> Lanes:
    """sin(x + quarter · π/2): in each quarter turn ± one of two polynomials of the angle left over."""
    quadrant, r, rest = reduced_angle(x)
    quadrant, z = quadrant.plus(quarter), r * r
    # The derivatives carry the rest: sin(r + rest) = sin r + rest · cos r.
    sine = r + (polynomial(z, SIN_FLOAT64) * (z * r) + z.fma(-0.5, 1.0) * rest)
    half = z * 0.5
    first = 1.0 - half
    lost = (1.0 - first) - half
    cosine = first + (lost + (polynomial(z, COS_FLOAT64) * (z * z) - r * rest))
    return in_quadrant(quadrant, sine, cosine)


def sin(x: Lanes) -> Lanes:
    """sin x; sums of zeros would make +0 of −0."""
    return x.equals(0.0).choose(x, _wave(x, 0))


def cos(x: Lanes) -> Lanes:
    """cos x."""
    return _wave(x, 1)


def _log_pair(x: Lanes) -> Pair:
    """log x within 2⁻⁶⁵ of itself, for positive finite x: 2 s (1 + z/3 + …) with s and z as sums of two."""
    exponent, f = _split(x)
    below, lost = quick_two_sum(f.like(2.0), f)
    s = f / below
    s_rest = ((-s).fma(below, f) - s * lost) / below
    z, z_rest = two_product(s, s)
    z_rest = s.fma(s_rest * 2.0, z_rest)
    third, third_rest = two_product(z, z.like(THIRD[0]))
    third_rest = z.fma(THIRD[1], z_rest.fma(THIRD[0], third_rest))
    u, u_rest = quick_two_sum(third, polynomial(z, POWER_FLOAT64).fma(z * z, third_rest))
    product, product_rest = two_product(s, u)
    product_rest = s.fma(u_rest, s_rest.fma(u, product_rest)) + s_rest
    whole, whole_rest = two_product(exponent, exponent.like(LN2[0]))
    whole_rest = exponent.fma(LN2[1], whole_rest)
    half, half_rest = quick_two_sum(s, product)
    total, total_rest = two_sum(whole, half * 2.0)
    return quick_two_sum(total, (half_rest + product_rest).fma(2.0, total_rest + whole_rest))


def power(x: Lanes, y: Lanes) -> Lanes:
    """|x|ʸ = exp(y log |x|), the logarithm as a sum of two; signs and special cases are the caller's."""
    size = abs(x)
    high, low = _log_pair(size)
    high = log_edges(size, high)
    product, lost = two_product(y, high)
    lost = y.fma(low, lost)
    # Beyond ±800 the result is 0 or ∞, and so it is for ±∞, where what was lost is NaN.
    lost = (abs(product) < 800.0).choose(lost, 0.0)
    rounded, r, rest = _reduced(product.at_least(-800.0).at_most(800.0), lost)
    return _scaled(rounded, _exp_of(r, rest))
