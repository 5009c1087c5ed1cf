"""The random mask in JAX: Philox 4×32-10 in 32-bit words, so that it needs no 64-bit integers.

The words are those of `language.ops.random`: four for four neighbours along the last axis.
"""

from __future__ import annotations

import math
from typing import Any

from backgraph.jax_bridge.extra import jnp
from backgraph.language.ops.random import MULTIPLIERS, ROUNDS, WEYL, WORD

Array = Any


def random_mask(op: Any, key: Array) -> Array:
    """What the card `random_mask` makes of a key."""
    words = _words(key, op.stream, math.prod(op.to), op.to[-1] if op.to else 1).reshape(op.to)
    kept = (words >= jnp.uint32(min(op.threshold, WORD))) & (op.threshold <= WORD)
    return kept.astype(op.of_dtype)


def _words(key: Array, stream: int, elements: int, length: int) -> Array:
    """The words of all elements, of lines of this length."""
    number = jnp.arange(elements, dtype=jnp.uint32)
    line, place = number // length, number % length
    zero = jnp.zeros_like(number)
    c0, c1, c2, c3 = place // 4, line, zero + jnp.uint32(stream), zero
    k0, k1 = _halves(key)
    for _ in range(ROUNDS):
        p0, p1 = _product(MULTIPLIERS[0], c0), _product(MULTIPLIERS[1], c2)
        c0, c1, c2, c3 = p1[0] ^ c1 ^ k0, p1[1], p0[0] ^ c3 ^ k1, p0[1]
        k0, k1 = k0 + jnp.uint32(WEYL[0]), k1 + jnp.uint32(WEYL[1])
    return jnp.choose((place % 4).astype(jnp.int32), [c0, c1, c2, c3], mode="clip")


def _halves(key: Array) -> tuple[Array, Array]:
    """The low and the high word of a 64-bit integer, or of a 32-bit one as if it had 64."""
    high = key >> 32 if key.dtype.itemsize == 8 else key >> 31
    return key.astype(jnp.uint32), high.astype(jnp.uint32)


def _product(a: int, b: Array) -> tuple[Array, Array]:
    """The high and the low word of a · b, by halves of 16 bits."""
    a0, a1 = jnp.uint32(a & 0xFFFF), jnp.uint32(a >> 16)
    b0, b1 = b & 0xFFFF, b >> 16
    middle = a1 * b0 + (a0 * b0 >> 16)
    other = a0 * b1 + (middle & 0xFFFF)
    return a1 * b1 + (middle >> 16) + (other >> 16), jnp.uint32(a) * b
