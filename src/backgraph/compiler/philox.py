"""Philox 4×32-10 as LLVM: the word that decides an element of a random mask, for one element or 16 lanes."""

from __future__ import annotations

from llvmlite import ir

from backgraph.compiler.llvm import LANES, is_vector
from backgraph.language.ops.random import MULTIPLIERS, ROUNDS, WEYL, WORD


def first_word(b: ir.IRBuilder, key: ir.Value, stream: ir.Value, element: ir.Value) -> ir.Value:
    """As `language.ops.random.first_word`; all operands are 64-bit integers of one width."""

    def number(value: int) -> ir.Constant:
        return ir.Constant(key.type, [value] * LANES if is_vector(key) else value)

    def low(x: ir.Value) -> ir.Value:
        return b.and_(x, number(WORD))

    def high(x: ir.Value) -> ir.Value:
        return b.lshr(x, number(32))

    c0, c1, c2, c3 = low(element), high(element), stream, number(0)
    k0, k1 = low(key), high(key)
    for _ in range(ROUNDS):
        p0, p1 = b.mul(c0, number(MULTIPLIERS[0])), b.mul(c2, number(MULTIPLIERS[1]))
        c0, c1, c2, c3 = b.xor(b.xor(high(p1), c1), k0), low(p1), b.xor(b.xor(high(p0), c3), k1), low(p0)
        k0, k1 = low(b.add(k0, number(WEYL[0]))), low(b.add(k1, number(WEYL[1])))
    return c0
