"""Angles: x = k π/2 + r with |r| ≤ π/4, for every finite float64.

Below 2⁴⁵ the first part of π/2 in three parts leaves no rounding at all: x − k P₁ is a multiple of 2⁻⁵³ below 1, so
the fused multiply-add is exact (Cody and Waite's method; Muller, Elementary Functions, section 11.2). From 2⁴⁵ on, x
= M 2ᴱ is multiplied by 192 binary digits of 2/π in integers, beginning where they stop adding whole turns (Payne and
Hanek's method, section 11.4). Such lanes are so rare that they are done one by one, behind a branch.

The branch lives in a function of its own in the module, because who calls an elementary function writes straight code.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from backgraph.compiler.coefficients import DIGITS_OF_TWO_OVER_PI, HALF_PI, TWO_OVER_PI
from backgraph.compiler.lanes import DOUBLE, I64, ROUNDING, Lanes

I32, I128, POINTER = ir.IntType(32), ir.IntType(128), ir.PointerType()
LIMIT = 2.0**45
DIGITS = "backgraph.digits_of_two_over_pi"


def reduced_angle(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """k (as integers, its two lowest bits count), r and what r lacks: x = k π/2 + r + rest. NaN for ±∞ and NaN."""
    wide = (x.wide(I64), x.wide(DOUBLE), x.wide(DOUBLE))
    name = f"backgraph.reduced_angle.{x.count or 'scalar'}"
    function = x.builder.module.globals.get(name)
    if function is None:
        function = _declared(x.builder.module, name, ir.LiteralStructType(wide), x.value.type)
        function.attributes.add("alwaysinline")  # a quarter off the time of sin: r stays in registers
        _emit_reduction(function)
    parts = x.builder.call(function, [x.value])
    return tuple(x.new(x.builder.extract_value(parts, i)) for i in range(3))  # pyright: ignore[reportReturnType]


def _declared(module: ir.Module, name: str, result: ir.Type, argument: ir.Type) -> ir.Function:
    function = ir.Function(module, ir.FunctionType(result, [argument]), name)
    function.linkage = "internal"
    return function


def _emit_reduction(function: ir.Function) -> None:
    """The quick way for all lanes; then, if any is too large, the slow way for each that is."""
    builder = ir.IRBuilder(function.append_basic_block("quick"))
    x = Lanes(builder, function.args[0])
    parts = _quick(x)
    large = abs(x) >= LIMIT
    any_large = large.value
    if x.count:
        mask = ir.IntType(x.count)
        any_large = builder.icmp_unsigned("!=", builder.bitcast(large.value, mask), mask(0))
    start, slow, done = builder.block, builder.append_basic_block("slow"), builder.append_basic_block("done")
    builder.cbranch(any_large, slow, done)
    builder.position_at_end(slow)
    slow_parts = _slow_lanes(builder, x, parts) if x.count else _slow_call(builder, x.value)
    end = builder.block
    builder.branch(done)
    builder.position_at_end(done)
    phis = [builder.phi(part.value.type) for part in parts]
    for phi, quick, other in zip(phis, parts, slow_parts, strict=True):
        phi.add_incoming(quick.value, start)
        phi.add_incoming(other, end)
    _return(builder, phis)


def _return(builder: ir.IRBuilder, parts: Sequence[ir.Value]) -> None:
    """Return several values as one structure."""
    result = ir.Constant(builder.function.ftype.return_type, ir.Undefined)
    for i, part in enumerate(parts):
        result = builder.insert_value(result, part, i)
    builder.ret(result)


def _quick(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    rounded = x.fma(TWO_OVER_PI[0], ROUNDING)
    k = rounded - ROUNDING
    first = k.fma(-HALF_PI[0], x)
    second = k * -HALF_PI[1]
    beyond = k.fma(-HALF_PI[1], -second)
    r, lost = two_sum(first, second)
    rest = k.fma(-HALF_PI[2], lost + beyond)
    return rounded.bits(), *two_sum(r, rest)


def two_sum(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """a + b rounded, and what the rounding lost, exactly (Knuth; no order of sizes needed)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _slow_lanes(builder: ir.IRBuilder, x: Lanes, parts: tuple[Lanes, Lanes, Lanes]) -> list[ir.Value]:
    """The parts with those of large lanes replaced, one after the other."""
    results = [part.value for part in parts]
    head, body, after = (builder.append_basic_block(name) for name in ("lane", "replace", "after"))
    before = builder.block
    builder.branch(head)
    builder.position_at_end(head)
    lane = builder.phi(I32)
    lane.add_incoming(I32(0), before)
    phis = [builder.phi(value.type) for value in results]
    builder.cbranch(builder.icmp_unsigned("<", lane, I32(x.count)), body, after)
    builder.position_at_end(body)
    single = Lanes(builder, builder.extract_element(x.value, lane))
    large = (abs(single) >= LIMIT).value
    # Of small lanes the digits would begin before the table.
    slow = _slow_call(builder, builder.select(large, single.value, DOUBLE(LIMIT)))
    kept = [builder.select(large, new, builder.extract_element(phi, lane)) for new, phi in zip(slow, phis, strict=True)]
    replaced = [builder.insert_element(phi, value, lane) for phi, value in zip(phis, kept, strict=True)]
    for phi, first, following in zip(phis, results, replaced, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(following, body)
    lane.add_incoming(builder.add(lane, I32(1)), body)
    builder.branch(head)
    builder.position_at_end(after)
    return list(phis)


def _slow_call(builder: ir.IRBuilder, x: ir.Value) -> list[ir.Value]:
    name = "backgraph.reduced_large_angle"
    function = builder.module.globals.get(name)
    if function is None:
        function = _declared(builder.module, name, ir.LiteralStructType([I64, DOUBLE, DOUBLE]), DOUBLE)
        _emit_large(function)
    parts = builder.call(function, [x])
    return [builder.extract_value(parts, i) for i in range(3)]


def _emit_large(function: ir.Function) -> None:
    """For |x| ≥ 2⁴⁵: x · 2/π modulo 4 as a fraction of 192 bits, of which the top two are the quadrant."""
    b = ir.IRBuilder(function.append_basic_block("large"))
    x = Lanes(b, function.args[0])
    bits = x.bits()
    exponent = (bits >> 52) & 0x7FF
    mantissa = (bits & ((1 << 52) - 1)) | (1 << 52)
    # Bit i of the digits weighs 2**(E − i), E = exponent − 1075; those with E − i ≥ 2 only add whole turns. The table
    # begins 64 bits before the first, so the window of digits begins at bit (E − 1) − 1 + 64.
    turns = _product_of_window(b, mantissa.value, exponent.plus(-1075 - 2 + 64).value)
    quadrant = b.trunc(b.lshr(turns, I128(126)), I64)
    fraction = b.shl(turns, I128(2))
    above_half = b.icmp_signed("<", fraction, I128(0))
    k = b.add(quadrant, b.zext(above_half, I64))
    negative = b.xor(above_half, b.icmp_signed("<", bits.value, I64(0)))
    high, low = _as_doubles(b, b.select(above_half, b.neg(fraction), fraction))
    r = high * HALF_PI[0]
    rest = high.fma(HALF_PI[0], -r) + high * HALF_PI[1] + low * HALF_PI[0]
    finite = (abs(x) < float("inf")).value
    parts = [b.select(b.icmp_signed("<", bits.value, I64(0)), b.neg(k), k)]
    for part in (r, rest):
        signed = b.select(negative, (-part).value, part.value)
        parts.append(b.select(finite, signed, DOUBLE(float("nan"))))
    _return(b, parts)


def _product_of_window(b: ir.IRBuilder, mantissa: ir.Value, position: ir.Value) -> ir.Value:
    """The upper 128 bits of (mantissa × 192 digits from bit `position` on) modulo 2**192."""
    table = _digits(b.module)
    word, shift = b.lshr(position, I64(6)), b.and_(position, I64(63))
    words = [b.load(b.gep(table, [b.add(word, I64(i))], source_etype=I64), typ=I64) for i in range(4)]
    window = [_joined(b, words[i], words[i + 1], shift) for i in range(3)]
    wide = b.zext(mantissa, I128)
    low = b.mul(wide, b.zext(window[2], I128))
    middle = b.add(b.mul(wide, b.zext(window[1], I128)), b.lshr(low, I128(64)))
    return b.add(b.shl(b.mul(wide, b.zext(window[0], I128)), I128(64)), middle)


def _joined(b: ir.IRBuilder, high: ir.Value, low: ir.Value, shift: ir.Value) -> ir.Value:
    """64 bits of two words, from bit `shift` of the first on."""
    both = b.or_(b.shl(b.zext(high, I128), I128(64)), b.zext(low, I128))
    return b.trunc(b.lshr(b.shl(both, b.zext(shift, I128)), I128(64)), I64)


def _as_doubles(b: ir.IRBuilder, fraction: ir.Value) -> tuple[Lanes, Lanes]:
    """A fraction of 128 bits (the point to the left of them) as a sum of two float64."""
    top = b.trunc(b.lshr(fraction, I128(64)), I64)
    # The closest float64 multiple of π/2 is 2**−62 away, so one of the first 64 bits is set.
    zeros = b.ctlz(top, ir.IntType(1)(0))
    aligned = b.shl(fraction, b.zext(zeros, I128))
    scale = Lanes(b, b.shl(b.sub(I64(1023 - 53), zeros), I64(52))).from_bits()
    first = b.trunc(b.lshr(aligned, I128(75)), I64)
    second = b.and_(b.trunc(b.lshr(aligned, I128(22)), I64), I64((1 << 53) - 1))
    high, low = (Lanes(b, b.sitofp(part, DOUBLE)) * scale for part in (first, second))
    return high, low * 2.0**-53


def _digits(module: ir.Module) -> ir.GlobalVariable:
    found = module.globals.get(DIGITS)
    if found is None:
        kind = ir.ArrayType(I64, len(DIGITS_OF_TWO_OVER_PI))
        found = ir.GlobalVariable(module, kind, DIGITS)
        found.linkage, found.global_constant = "internal", True
        found.initializer = ir.Constant(kind, list(DIGITS_OF_TWO_OVER_PI))
    return found
