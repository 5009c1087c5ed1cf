"""Scalar operations of nest bodies as LLVM, for one element or 16 lanes alike.

Every name that a body may contain stands in `EMIT`. Multiplication and addition are never contracted: `fma` is its own
word and occurs only where the lowering asks for it.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from backgraph.compiler.functions import FUNCTIONS
from backgraph.compiler.llvm import ELEMENT, LANES, float_call, is_vector, vector_of
from backgraph.compiler.philox import mask_word, mask_words

Emit = Callable[..., ir.Value]
FLOAT_TYPES = ("float", "double")


def element_type(value: ir.Value) -> ir.Type:
    """Type of one lane."""
    return value.type.element if is_vector(value) else value.type


def is_float(value: ir.Value) -> bool:
    """Whether the lanes are floating-point numbers."""
    return str(element_type(value)) in FLOAT_TYPES


def _arithmetic(on_floats: str, on_integers: str) -> Emit:
    return lambda b, x, y: getattr(b, on_floats if is_float(x) else on_integers)(x, y)


def _compare(symbol: str) -> Emit:
    def emit(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
        if is_float(x):
            return (b.fcmp_unordered if symbol == "!=" else b.fcmp_ordered)(symbol, x, y)
        return (b.icmp_unsigned if str(element_type(x)) == "i1" else b.icmp_signed)(symbol, x, y)

    return emit


def _is_nan(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
    return b.fcmp_unordered("uno", x, x)


def _extreme(symbol: str) -> Emit:
    """The larger (smaller) of two; NaN if either is."""

    def emit(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
        if not is_float(x):
            return b.select(b.icmp_signed(symbol, x, y), x, y)
        keep = b.or_(b.fcmp_ordered(symbol + "=", x, y), _is_nan(b, x))
        return b.select(keep, x, y)

    return emit


def _negative(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
    return b.fneg(x) if is_float(x) else b.neg(x)


def _function(name: str) -> Emit:
    return FUNCTIONS[name]


EMIT: dict[str, Emit] = {
    "add": _arithmetic("fadd", "add"),
    "sub": _arithmetic("fsub", "sub"),
    "mul": _arithmetic("fmul", "mul"),
    "div": _arithmetic("fdiv", "sdiv"),
    "neg": _negative,
    "abs": lambda b, x: float_call(b, "fabs", x),
    "sqrt": lambda b, x: float_call(b, "sqrt", x),
    "gt": _compare(">"),
    "lt": _compare("<"),
    "ge": _compare(">="),
    "le": _compare("<="),
    "eq": _compare("=="),
    "ne": _compare("!="),
    "and": lambda b, x, y: b.and_(x, y),
    "or": lambda b, x, y: b.or_(x, y),
    "isnan": _is_nan,
    "select": lambda b, c, x, y: b.select(c, x, y),
    "philox": mask_word,
    "max": _extreme(">"),
    "min": _extreme("<"),
} | {
    name: _function(name)
    for name in ("exp", "log", "log1p", "expm1", "sin", "cos", "tanh", "sigmoid", "softplus", "pow")
}
"""How every scalar operation is emitted: a function of the builder and its operands."""

IN_FOURS: dict[str, Emit] = {"philox": mask_words}
"""How those are emitted that cost less for 16 neighbours from a multiple of 4 on: of scalars, the last of which is the
place of the first neighbour."""


def _integer_of(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """A number cut to an integer; −2⁶³ where none of 64 bits holds it, NaN included, as x86 and NumPy there have it."""
    limit = 2.0**63
    low, high, zero = (splat_like(x, n) for n in (-limit, limit, 0.0))
    fits = b.and_(b.fcmp_ordered(">=", x, low), b.fcmp_ordered("<", x, high))
    whole = b.fptosi(b.select(fits, x, zero), vector_of(ELEMENT["int64"]) if is_vector(x) else ELEMENT["int64"])
    return b.select(fits, whole, splat_like(whole, -(2**63)))


def splat_like(value: ir.Value, number: float) -> ir.Constant:
    """A constant of the type of `value`, in all its lanes."""
    return ir.Constant(value.type, [number] * LANES if is_vector(value) else number)


def convert(b: ir.IRBuilder, value: ir.Value, dtype: str) -> ir.Value:
    """The same number in another dtype."""
    source, target = str(element_type(value)), str(ELEMENT[dtype])
    kind = vector_of(ELEMENT[dtype]) if is_vector(value) else ELEMENT[dtype]
    if source == target:
        return value
    if source == "i1":
        return b.uitofp(value, kind) if target in FLOAT_TYPES else b.zext(value, kind)
    if target == "i1":
        zero = ir.Constant(value.type, [0] * LANES if is_vector(value) else 0)
        return b.fcmp_unordered("!=", value, zero) if is_float(value) else b.icmp_signed("!=", value, zero)
    if source == "i64":
        return b.sitofp(value, kind)
    if target == "i64":
        return _integer_of(b, value)
    return b.fpext(value, kind) if target == "double" else b.fptrunc(value, kind)
