"""Philox 4×32-10 as LLVM: the word that decides an element of a random mask, for one element or 16 lanes."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from backgraph.compiler.llvm import I32, I64, LANES, integer, is_vector, joined, shuffled, splat, vector_of
from backgraph.language.ops.random import MULTIPLIERS, ROUNDS, WEYL, WORD

WORDS = 4
"""Of one counter, for as many neighbours."""


def mask_word(b: ir.IRBuilder, key: ir.Value, stream: ir.Value, line: ir.Value, place: ir.Value) -> ir.Value:
    """As `language.ops.random.mask_word`, lane by lane; all operands are 64-bit integers of one width."""

    def number(value: int) -> ir.Constant:
        return ir.Constant(key.type, [value] * LANES if is_vector(key) else value)

    word, *others = _words(b, key, stream, line, b.lshr(place, number(2)))
    which = b.and_(place, number(WORDS - 1))
    for n, other in enumerate(others, 1):
        word = b.select(b.icmp_unsigned("==", which, number(n)), other, word)
    return word


def mask_words(b: ir.IRBuilder, key: ir.Value, stream: ir.Value, line: ir.Value, place: ir.Value) -> ir.Value:
    """The words of 16 places from `place` on, which is a multiple of 4; all operands are scalars.

    That takes a quarter of the counters which `mask_word` takes.
    """
    counters = LANES // WORDS
    ahead = key, stream, line, b.lshr(place, integer(2))
    key, stream, line, first = (splat(b, each, counters) for each in ahead)
    block = b.add(first, ir.Constant(first.type, list(range(counters))))
    words = [b.trunc(word, vector_of(I32, counters)) for word in _words(b, key, stream, line, block)]
    together = joined(b, words)
    turned = [counters * (lane % WORDS) + lane // WORDS for lane in range(LANES)]
    return b.zext(shuffled(b, together, together, turned), vector_of(I64))


def _words(b: ir.IRBuilder, key: ir.Value, stream: ir.Value, line: ir.Value, block: ir.Value) -> Sequence[ir.Value]:
    """All four words, 32 bits each, held in 64."""

    def number(value: int) -> ir.Constant:
        return ir.Constant(key.type, [value] * key.type.count if is_vector(key) else value)

    def low(x: ir.Value) -> ir.Value:
        return b.and_(x, number(WORD))

    def high(x: ir.Value) -> ir.Value:
        return b.lshr(x, number(32))

    c0, c1, c2, c3 = block, low(line), stream, high(line)
    k0, k1 = low(key), high(key)
    for _ in range(ROUNDS):
        p0, p1 = b.mul(c0, number(MULTIPLIERS[0])), b.mul(c2, number(MULTIPLIERS[1]))
        c0, c1, c2, c3 = b.xor(b.xor(high(p1), c1), k0), low(p1), b.xor(b.xor(high(p0), c3), k1), low(p0)
        k0, k1 = low(b.add(k0, number(WEYL[0]))), low(b.add(k1, number(WEYL[1])))
    return c0, c1, c2, c3
