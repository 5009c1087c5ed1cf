"""Elementary functions with float32 results, computed in float64 and rounded once.

Thanks to 29 spare bits none of the tricks of float64 is needed: a polynomial within 1e-11 is off by less than 0.501
units in the last place after rounding. Subnormal float32 numbers are ordinary in float64, and the final rounding
makes overflow, subnormal results and infinities right. Every function here takes and returns float64 lanes that hold
a float32 problem.

Sources: Muller, Elementary Functions, chapters 3 (polynomials), 11 (range reduction); coefficients by
scripts/make_polynomials.py.
"""

from __future__ import annotations

from backgraph.compiler.angle import reduced_angle
from backgraph.compiler.coefficients import COS_FLOAT32, EXP_FLOAT32, LN2, LOG2_E, LOG_FLOAT32, SIN_FLOAT32
from backgraph.compiler.lanes import ROUNDING, Lanes, polynomial, power_of_two
from backgraph.compiler.reduction import in_quadrant, log_edges, mantissa


def _exp_parts(x: Lanes) -> tuple[Lanes, Lanes]:
    """2ᵏ and e^r − 1, where x = k log 2 + r and |r| ≤ log(2) / 2."""
    rounded = x.fma(LOG2_E[0], ROUNDING)
    r = (rounded - ROUNDING).fma(-LN2[0], x)
    return power_of_two(rounded), polynomial(r, EXP_FLOAT32).fma(r * r, r)


def exp(x: Lanes) -> Lanes:
    """eˣ; beyond ±110 float32 has only 0 and ∞."""
    scale, rest = _exp_parts(x.at_least(-110.0).at_most(110.0))
    return scale.fma(rest, scale)


def expm1(x: Lanes) -> Lanes:
    """eˣ − 1 = 2ᵏ (e^r − 1) + (2ᵏ − 1); exact at small x, where k = 0."""
    scale, rest = _exp_parts(x.at_least(-40.0).at_most(110.0))
    return x.equals(0.0).choose(x, scale.fma(rest, scale - 1.0))


def _log_of(exponent: Lanes, f: Lanes) -> Lanes:
    """k log 2 + log(1 + f), by s = f / (2 + f): log(1 + f) = 2 atanh(s)."""
    s = f / (f + 2.0)
    z = s * s
    return exponent.fma(LN2[0], polynomial(z, LOG_FLOAT32).fma(z, 2.0) * s)


def log(x: Lanes) -> Lanes:
    """log x."""
    return log_edges(x, _log_of(*mantissa(x)))


def _log1p(x: Lanes) -> Lanes:
    """log(1 + x) for x > −1 and finite; where 1 + x needs no scaling, x itself is f, without the rounding of 1 + x."""
    exponent, f = mantissa(x + 1.0)
    return _log_of(exponent, exponent.equals(0.0).choose(x, f))


def log1p(x: Lanes) -> Lanes:
    """log(1 + x)."""
    return x.equals(0.0).choose(x, log_edges(x + 1.0, _log1p(x)))


def tanh(x: Lanes) -> Lanes:
    """(e²ˣ − 1) / (e²ˣ + 1) on |x|; from 10 on it rounds to 1. The sign comes last, so tanh is exactly odd."""
    scale, rest = _exp_parts((abs(x) * 2.0).at_most(20.0))
    less_one = scale.fma(rest, scale - 1.0)
    return (less_one / (less_one + 2.0)).with_sign_of(x)


def sigmoid(x: Lanes) -> Lanes:
    """1 / (1 + e⁻ˣ); float64 has room for e¹¹⁰."""
    return 1.0 / (exp(-x) + 1.0)


def softplus(x: Lanes) -> Lanes:
    """max(x, 0) + log(1 + e^−|x|)."""
    return (x <= 0.0).choose(0.0, x) + _log1p(exp(-abs(x)))


def _wave(x: Lanes, quarter: int) -> Lanes:
    """sin(x + quarter · π/2): in each quarter turn ± one of two polynomials of the angle left over."""
    quadrant, r, _ = reduced_angle(x)
    quadrant, z = quadrant.plus(quarter), r * r
    sine = (polynomial(z, SIN_FLOAT32) * z).fma(r, r)
    cosine = polynomial(z, COS_FLOAT32).fma(z * z, z.fma(-0.5, 1.0))
    return in_quadrant(quadrant, sine, cosine)


def sin(x: Lanes) -> Lanes:
    """sin x; sums of zeros would make +0 of −0."""
    return x.equals(0.0).choose(x, _wave(x, 0))


def cos(x: Lanes) -> Lanes:
    """cos x."""
    return _wave(x, 1)


def power(x: Lanes, y: Lanes) -> Lanes:
    """|x|ʸ = exp(y log |x|); signs and special cases are the caller's."""
    return exp(y * log(abs(x)))
