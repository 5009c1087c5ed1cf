"""Range reduction: what remains of a logarithm, and which polynomial an angle takes. Angles themselves: angle.py.

Source: Muller, Elementary Functions, chapter 11.
"""

from __future__ import annotations

from backgraph.compiler.lanes import Lanes

INFINITY = float("inf")
MANTISSA = (1 << 52) - 1
ONE = 1023 << 52
ROOT_HALF = 0x3FE6A09E667F3BCD
"""The bits of sqrt(1/2): mantissas are taken between it and sqrt(2), so that log(1 + f) has no cancellation."""


def mantissa(x: Lanes) -> tuple[Lanes, Lanes]:
    """k and f with x = 2ᵏ (1 + f), sqrt(1/2) ≤ 1 + f < sqrt(2); for positive normal float64."""
    shifted = x.bits().plus(ONE - ROOT_HALF)
    # The biased exponent becomes the lowest digits of 2**52; no conversion of 64-bit integers, which AVX2 lacks.
    exponent = ((shifted >> 52) | (1075 << 52)).from_bits() - (2.0**52 + 1023.0)
    return exponent, (shifted & MANTISSA).plus(ROOT_HALF).from_bits() - 1.0


def log_edges(x: Lanes, result: Lanes) -> Lanes:
    """The logarithm of 0 is −∞, of ∞ is ∞, of anything negative or NaN is NaN."""
    result = (x < INFINITY).choose(result, x)
    result = x.equals(0.0).choose(-INFINITY, result)
    return (x < 0.0).choose(float("nan"), result)


def in_quadrant(quadrant: Lanes, sine: Lanes, cosine: Lanes) -> Lanes:
    """sin(r + quadrant · π/2) from sin r and cos r: bit 0 chooses, bit 1 is the sign."""
    size = (quadrant & 1).is_zero().choose(sine, cosine)
    return (size.bits() ^ ((quadrant & 2) << 62)).from_bits()
