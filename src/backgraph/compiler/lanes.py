"""Lanes: LLVM values that are written like numbers, so that an elementary function reads like its formula.

    s = f / (2 + f)                 →  fadd, fdiv on one number or on n lanes alike
    r = k.fma(-HALF_PI, x)          →  k * (-HALF_PI) + x, rounded once
    (x < 0).choose(a, b)            →  a where x < 0, else b

A Python number takes the type of the lanes beside it. Every operation acts on each lane by itself, so a lane of a
vector and a scalar get the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, TypeAlias

from llvmlite import ir

FLOAT, DOUBLE, I64 = ir.FloatType(), ir.DoubleType(), ir.IntType(64)
ROUNDING = 1.5 * 2.0**52
"""Adding it to a double below 2**51 rounds it to an integer, which then stands in the lowest bits."""

Like: TypeAlias = "Lanes | float | int"


class Lanes:
    """One LLVM value, scalar or vector, with the builder that extends it."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    @property
    def count(self) -> int:
        """How many lanes; 0 for a scalar."""
        return self.value.type.count if isinstance(self.value.type, ir.VectorType) else 0

    def wide(self, element: ir.Type) -> ir.Type:
        """The type of as many lanes of `element`."""
        return ir.VectorType(element, self.count) if self.count else element

    def new(self, value: ir.Value) -> Self:
        """Another value at the same builder."""
        return type(self)(self.builder, value)

    def like(self, number: Like) -> Self:
        """A Python number in every lane, of the type of this value."""
        if isinstance(number, Lanes):
            return self.new(number.value)
        return self.new(ir.Constant(self.value.type, [number] * self.count if self.count else number))

    def _do(self, instruction: str, other: Like) -> Self:
        return self.new(getattr(self.builder, instruction)(self.value, self.like(other).value))

    def _intrinsic(self, name: str, *others: Like) -> Self:
        kind = self.value.type
        suffix = "f32" if (kind.element if self.count else kind) == FLOAT else "f64"
        full = f"llvm.{name}.v{self.count}{suffix}" if self.count else f"llvm.{name}.{suffix}"
        values = [self.value, *(self.like(other).value for other in others)]
        declared = self.builder.module.globals.get(full)
        if declared is None:
            signature = ir.FunctionType(kind, [kind] * len(values))
            declared = ir.Function(self.builder.module, signature, full)
        return self.new(self.builder.call(declared, values))

    def __add__(self, other: Like) -> Self:
        return self._do("fadd", other)

    def __sub__(self, other: Like) -> Self:
        return self._do("fsub", other)

    def __mul__(self, other: Like) -> Self:
        return self._do("fmul", other)

    def __truediv__(self, other: Like) -> Self:
        return self._do("fdiv", other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: float) -> Self:
        return self.like(other) - self

    def __rtruediv__(self, other: float) -> Self:
        return self.like(other) / self

    def __neg__(self) -> Self:
        return self.new(self.builder.fneg(self.value))

    def __abs__(self) -> Self:
        return self._intrinsic("fabs")

    def fma(self, factor: Like, addend: Like) -> Self:
        """self * factor + addend, rounded once."""
        return self._intrinsic("fma", factor, addend)

    def with_sign_of(self, other: Like) -> Self:
        """The magnitude of this with the sign of the other, also of −0 and NaN."""
        return self._intrinsic("copysign", other)

    def _compare(self, symbol: str, other: Like) -> Self:
        return self.new(self.builder.fcmp_ordered(symbol, self.value, self.like(other).value))

    def __lt__(self, other: Like) -> Self:
        return self._compare("<", other)

    def __le__(self, other: Like) -> Self:
        return self._compare("<=", other)

    def __gt__(self, other: Like) -> Self:
        return self._compare(">", other)

    def __ge__(self, other: Like) -> Self:
        return self._compare(">=", other)

    def equals(self, other: Like) -> Self:
        """Where both are the same number; false at NaN."""
        return self._compare("==", other)

    def is_nan(self) -> Self:
        """Where this is not a number."""
        return self.new(self.builder.fcmp_unordered("uno", self.value, self.value))

    def choose(self, yes: Like, no: Like) -> Self:
        """`yes` where this condition holds, else `no`; one of the two is a value."""
        like = yes if isinstance(yes, Lanes) else no
        assert isinstance(like, Lanes)
        return self.new(self.builder.select(self.value, like.like(yes).value, like.like(no).value))

    def at_least(self, low: float) -> Self:
        """The larger of this and `low`; NaN stays."""
        return (self < low).choose(low, self)

    def at_most(self, high: float) -> Self:
        """The smaller of this and `high`; NaN stays."""
        return (self > high).choose(high, self)

    def plus(self, other: Like) -> Self:
        """The sum of integers, modulo 2**64."""
        return self._do("add", other)

    def __and__(self, other: Like) -> Self:
        return self._do("and_", other)

    def __or__(self, other: Like) -> Self:
        return self._do("or_", other)

    def __xor__(self, other: Like) -> Self:
        return self._do("xor", other)

    def __lshift__(self, other: int) -> Self:
        return self._do("shl", other)

    def __rshift__(self, other: int) -> Self:
        """Zeros come in from the left."""
        return self._do("lshr", other)

    def is_zero(self) -> Self:
        """Where an integer is 0."""
        return self.new(self.builder.icmp_unsigned("==", self.value, self.like(0).value))

    def bits(self) -> Self:
        """The bits of doubles as integers."""
        return self.new(self.builder.bitcast(self.value, self.wide(I64)))

    def from_bits(self) -> Self:
        """Integers as the bits of doubles."""
        return self.new(self.builder.bitcast(self.value, self.wide(DOUBLE)))

    def double(self) -> Self:
        """Single precision made double: exact."""
        return self.new(self.builder.fpext(self.value, self.wide(DOUBLE)))

    def single(self) -> Self:
        """Double precision rounded to single, subnormal numbers and overflow included."""
        return self.new(self.builder.fptrunc(self.value, self.wide(FLOAT)))


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """c₀ + c₁ x + c₂ x² + … as a chain of fma (Horner's rule)."""
    total = x.like(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total.fma(x, coefficient)
    return total


def power_of_two(exponent: Lanes) -> Lanes:
    """2**k for the integer k that `ROUNDING` left in the lowest bits of a sum; −1023 < k < 1024."""
    return (exponent.bits().plus(1023) << 52).from_bits()
