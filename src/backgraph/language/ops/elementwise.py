"""Elementwise operations, one line each: name, formula, NumPy meaning, one rule for each input.

A rule `lambda G, y, x: …` gives the contribution to the gradient of x when G arrives at y = f(x); it uses the output
where that is cheaper (exp, tanh, relu's mask). At ties and kinks the rules do what `ties` says. Parameters such as the
slope of leaky relu are operands too, so they can be learned.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backgraph.language import notation as maths
from backgraph.language.node import OPERATORS, Node, Operand
from backgraph.language.op import Array, Elementwise
from backgraph.language.ops.leaf import literal
from backgraph.language.ops.shape import Broadcast, is_full_of, zeros_like

Write = Callable[..., maths.Tree]


def is_scale(node: Node) -> bool:
    """Whether a factor is a scalar, or a scalar copied to a shape."""
    while isinstance(node.op, Broadcast):
        node = node.inputs[0]
    return node.shape == ()


def _product(inputs: tuple[Node, ...], a: maths.Tree, b: maths.Tree) -> maths.Tree:
    kind = "scale" if any(is_scale(node) for node in inputs) else "hadamard"
    if kind == "scale" and is_scale(inputs[1]) and not is_scale(inputs[0]):
        a, b = b, a
    return maths.times(kind, a, b)


def _where(inputs: tuple[Node, ...], condition: maths.Tree, a: maths.Tree, b: maths.Tree) -> maths.Tree:
    if is_full_of(inputs[2], 0.0):
        bracket = maths.Iverson(condition)
        return bracket if is_full_of(inputs[1], 1.0) else maths.times("hadamard", a, bracket)
    return maths.Apply("where", (condition, a, b))


def _quotient(inputs: tuple[Node, ...], a: maths.Tree, b: maths.Tree) -> maths.Tree:
    return maths.quotient(a, b, "scale" if is_scale(inputs[1]) else "hadamard")


def _infix(symbol: str) -> Write:
    return lambda inputs, a, b: maths.infix(symbol, a, b)


def _relation(symbol: str) -> Write:
    return lambda inputs, a, b: maths.Relation(symbol, a, b)


def _power(exponent: float) -> Write:
    return lambda inputs, a: maths.Power(a, maths.Number(exponent))


def _log_factor(inputs: tuple[Node, ...], a: maths.Tree, b: maths.Tree) -> maths.Tree:
    return _product((inputs[0], inputs[0]), a, maths.Apply("log", (b,)))


def _zero(G: Node, y: Node, *inputs: Node) -> Node:
    return zeros_like(G)


def _undefined(G: Node, y: Node, *inputs: Node) -> None:
    return None


def _real(x: Array) -> Array:
    return np.real(x)


def _sigmoid(x: Array) -> Array:
    small = np.exp(np.where(_real(x) < 0, x, -x))
    return np.where(_real(x) < 0, small, 1) / (1 + small)


def _softplus(x: Array) -> Array:
    return _relu(x) + np.log1p(np.exp(np.where(_real(x) < 0, x, -x)))


def _relu(x: Array) -> Array:
    return np.where(_real(x) <= 0, x.dtype.type(0), x)


def _larger(a: Array, b: Array) -> Array:
    return np.where((_real(a) >= _real(b)) | np.isnan(a), a, b)


def _smaller(a: Array, b: Array) -> Array:
    return np.where((_real(a) <= _real(b)) | np.isnan(a), a, b)


def _xlogy(x: Array, y: Array) -> Array:
    return x * np.where((x == 0) & ~np.isnan(y), y.dtype.type(0), np.log(y))


def _xdivy(x: Array, y: Array) -> Array:
    return x / np.where((x == 0) & (y == 0), y.dtype.type(1), y)


GELU = float(2 * np.sqrt(2 / np.pi)), 0.044715
"""Its two constants, the same float64 numbers in every precision: so value and derivative belong together."""


def _gelu(x: Array) -> Array:
    """x (1 + tanh z)/2 = x sigmoid(2z): where tanh is near −1, the sum would cancel."""
    scale, cubic = (x.dtype.type(constant) for constant in GELU)
    return x * _sigmoid(scale * (x + cubic * x**3))


def _clip(x: Array, low: Array, high: Array) -> Array:
    return _smaller(_larger(x, low), high)


def _masked(condition: Node, G: Node) -> Node:
    return where(condition, G, 0.0)


add = Elementwise(
    "add", "a + b", np.add, lambda G, y, a, b: G, lambda G, y, a, b: G, write=_infix("+"), commutative=True
)
sub = Elementwise("sub", "a − b", np.subtract, lambda G, y, a, b: G, lambda G, y, a, b: -G, write=_infix("-"))
mul = Elementwise(
    "mul", "a b", np.multiply, lambda G, y, a, b: b * G, lambda G, y, a, b: a * G, write=_product, commutative=True
)
div = Elementwise(
    "div", "a / b", np.divide, lambda G, y, a, b: G / b, lambda G, y, a, b: -(G * y / b), domain="nonzero",
    write=_quotient,
)  # fmt: skip
neg = Elementwise("neg", "−x", np.negative, lambda G, y, x: -G, write=lambda inputs, x: maths.negated(x))
power = Elementwise(
    "power", "aᵇ", np.power, lambda G, y, a, b: b * a ** (b - 1) * G, lambda G, y, a, b: xlogy(y, a) * G,
    write=lambda inputs, a, b: maths.Power(a, b), domain="positive",
    ties="0⁰ = 1; its derivatives there are NaN in a, −∞ in b",
)  # fmt: skip
square = Elementwise("square", "x²", np.square, lambda G, y, x: 2 * x * G, write=_power(2))
sqrt = Elementwise("sqrt", "√x", np.sqrt, lambda G, y, x: G / (2 * y), domain="positive", ties="sqrt'(±0) = ±∞")
exp = Elementwise("exp", "eˣ", np.exp, lambda G, y, x: y * G)
log = Elementwise("log", "log x", np.log, lambda G, y, x: G / x, domain="positive")
log1p = Elementwise("log1p", "log(1 + x)", np.log1p, lambda G, y, x: G / (1 + x), domain="positive")
expm1 = Elementwise("expm1", "eˣ − 1", np.expm1, lambda G, y, x: (y + 1) * G)
sin = Elementwise("sin", "sin x", np.sin, lambda G, y, x: cos(x) * G)
cos = Elementwise("cos", "cos x", np.cos, lambda G, y, x: -(sin(x) * G))
tanh = Elementwise("tanh", "tanh x", np.tanh, lambda G, y, x: (1 - square(y)) * G)
sigmoid = Elementwise("sigmoid", "1 / (1 + e⁻ˣ)", _sigmoid, lambda G, y, x: y * (1 - y) * G, source="section 3.10")
softplus = Elementwise("softplus", "log(1 + eˣ)", _softplus, lambda G, y, x: sigmoid(x) * G, source="section 3.10")
relu = Elementwise(
    "relu", "max{0, x}", _relu, lambda G, y, x: _masked(y > 0, G), ties="relu'(0) = 0", source="section 6.3.1"
)
leaky_relu = Elementwise(
    "leaky_relu", "x if x > 0 else s x", lambda x, s: np.where(_real(x) > 0, x, s * x),
    lambda G, y, x, s: where(x > 0, G, s * G), lambda G, y, x, s: where(x > 0, 0.0, x * G),
    ties="slope s at 0", source="section 6.3.1",
)  # fmt: skip
elu = Elementwise(
    "elu", "x if x > 0 else s (eˣ − 1)",
    lambda x, s: np.where(_real(x) > 0, x, s * np.expm1(np.where(_real(x) > 0, 0, x))),
    lambda G, y, x, s: where(x > 0, G, (y + s) * G), lambda G, y, x, s: where(x > 0, 0.0, expm1(minimum(x, 0.0)) * G),
    ties="slope s at 0",
)  # fmt: skip
silu = Elementwise("silu", "x / (1 + e⁻ˣ)", lambda x: x * _sigmoid(x), lambda G, y, x: (sigmoid(x) * (1 - y) + y) * G)
gelu = Elementwise(
    "gelu", "x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2", _gelu, lambda G, y, x: _gelu_slope(x) * G,
    source="Hendrycks and Gimpel (2016)",
)  # fmt: skip
absolute = Elementwise(
    "abs", "|x|", lambda x: np.where(np.signbit(_real(x)), -x, x), lambda G, y, x: sign(x) * G, ties="slope 0 at 0",
    write=lambda inputs, x: maths.Bars(x),
)  # fmt: skip
sign = Elementwise("sign", "−1, 0 or 1", lambda x: np.sign(_real(x)).astype(x.dtype), _zero, ties="sign(0) = 0")
stop_gradient = Elementwise("stop_gradient", "x, taken as constant", lambda x: _real(x).astype(x.dtype), _zero)
maximum = Elementwise(
    "maximum", "max(a, b)", _larger,
    lambda G, y, a, b: _share(a > b, a < b, G), lambda G, y, a, b: _share(b > a, b < a, G),
    ties="a tie is split in halves", commutative=True,
)  # fmt: skip
minimum = Elementwise(
    "minimum", "min(a, b)", _smaller,
    lambda G, y, a, b: _share(a < b, a > b, G), lambda G, y, a, b: _share(b < a, b > a, G),
    ties="a tie is split in halves", commutative=True,
)  # fmt: skip
clip = Elementwise(
    "clip", "min(max(x, low), high)", _clip,
    lambda G, y, x, low, high: where(x < low, 0.0, where(x > high, 0.0, G)),
    lambda G, y, x, low, high: where(x < low, where(low > high, 0.0, G), 0.0),
    lambda G, y, x, low, high: where(maximum(x, low) > high, G, 0.0), ties="slope 1 at the bounds",
)  # fmt: skip
xlogy = Elementwise(
    "xlogy", "x log y, and 0 where x = 0", _xlogy, lambda G, y, a, b: log(b) * G, lambda G, y, a, b: xdivy(a, b) * G,
    domain="positive", write=_log_factor,
)  # fmt: skip
xdivy = Elementwise(
    "xdivy", "x / y, and 0 where x = 0", _xdivy, lambda G, y, a, b: G / b, lambda G, y, a, b: -(xdivy(y, b) * G),
    domain="positive", write=_quotient,
)  # fmt: skip
where = Elementwise(
    "where", "a where the condition holds, else b", np.where, _undefined, lambda G, y, c, a, b: where(c, G, 0.0),
    lambda G, y, c, a, b: where(c, 0.0, G), write=_where, result="branches",
)  # fmt: skip
greater = Elementwise(
    "greater", "a > b", lambda a, b: _real(a) > _real(b), _zero, _zero, write=_relation(">"), result="bool"
)
less = Elementwise("less", "a < b", lambda a, b: _real(a) < _real(b), _zero, _zero, write=_relation("<"), result="bool")
greater_equal = Elementwise(
    "greater_equal", "a ≥ b", lambda a, b: _real(a) >= _real(b), _zero, _zero, write=_relation("≥"), result="bool"
)
less_equal = Elementwise(
    "less_equal", "a ≤ b", lambda a, b: _real(a) <= _real(b), _zero, _zero, write=_relation("≤"), result="bool"
)
equal = Elementwise(
    "equal", "a = b", lambda a, b: _real(a) == _real(b), _zero, _zero, write=_relation("="), result="bool",
    commutative=True,
)  # fmt: skip
not_equal = Elementwise(
    "not_equal", "a ≠ b", lambda a, b: _real(a) != _real(b), _zero, _zero, write=_relation("≠"), result="bool",
    commutative=True,
)  # fmt: skip


def _share(wins: Node, loses: Node, G: Node) -> Node:
    return where(wins, G, where(loses, 0.0, G / 2))


def _gelu_slope(x: Node) -> Node:
    scale, cubic = GELU
    z = scale * (x + cubic * x**3)
    return sigmoid(z) + x * sigmoid(z) * sigmoid(-z) * (scale * (1 + 3 * cubic * square(x)))


def raised(a: Operand, b: Operand) -> Node:
    """a ** b; the exponents 1, 2, ½ and −1 become x, square, sqrt and 1/x."""
    exponent = b if isinstance(b, (int, float)) else literal(b)
    if isinstance(a, Node) and exponent is not None:
        special: dict[float, Callable[[Node], Node]] = {
            1: lambda x: x, 2: square, 0.5: sqrt, -1: lambda x: 1 / x, 0: lambda x: x * 0 + 1,
        }  # fmt: skip
        if exponent in special:
            return special[exponent](a)
    return power(a, b)


OPERATORS.update(
    {"add": add, "sub": sub, "mul": mul, "div": div, "pow": raised, "neg": neg, "abs": absolute}
    | {"greater": greater, "less": less, "greater_equal": greater_equal, "less_equal": less_equal}
)
