"""Lowering of elementwise operations: the scalar expression for each card, one line where one line will do.

`SCALAR` names the cards; whoever adds an elementwise card adds a line here (see docs/adding-an-operation.md).
"""

from __future__ import annotations

from collections.abc import Callable

from backgraph.compiler.nest import Call, Expr, Literal


def call(name: str, *arguments: Expr) -> Expr:
    """A scalar operation; comparisons give booleans, all else the dtype of the last operand."""
    dtype = "bool" if name in ("gt", "lt", "ge", "le", "eq", "ne", "isnan", "and", "or") else arguments[-1].dtype
    return Call(name, arguments, dtype)


def number(value: float, like: Expr) -> Expr:
    """A literal of the dtype of `like`."""
    return Literal(value, like.dtype)


def choose(condition: Expr, a: Expr, b: Expr) -> Expr:
    """a where the condition holds, else b."""
    return Call("select", (condition, a, b), a.dtype)


def negative(x: Expr) -> Expr:
    """−x."""
    return call("neg", x)


def _relu(x: Expr) -> Expr:
    return choose(call("le", x, number(0, x)), number(0, x), x)


def _magnitude(x: Expr) -> Expr:
    return call("abs", x)


def _sign(x: Expr) -> Expr:
    below = choose(call("lt", x, number(0, x)), number(-1, x), x)
    return choose(call("gt", x, number(0, x)), number(1, x), below)


def _elu(x: Expr, s: Expr) -> Expr:
    return choose(call("gt", x, number(0, x)), x, call("mul", s, call("expm1", x)))


def _gelu(x: Expr) -> Expr:
    cube = call("mul", call("mul", x, x), x)
    inside = call("mul", number(1.5957691216057308, x), call("add", x, call("mul", number(0.044715, x), cube)))
    return call("mul", x, call("sigmoid", inside))


def _huber(e: Expr, d: Expr) -> Expr:
    size = _magnitude(e)
    inner = call("mul", call("mul", e, e), number(0.5, e))
    return choose(call("le", size, d), inner, call("mul", d, call("sub", size, call("mul", d, number(0.5, e)))))


def _xlogy(x: Expr, y: Expr) -> Expr:
    nothing = call("and", call("eq", x, number(0, x)), call("eq", y, y))
    return call("mul", x, choose(nothing, number(0, y), call("log", y)))


def _xdivy(x: Expr, y: Expr) -> Expr:
    nothing = call("and", call("eq", x, number(0, x)), call("eq", y, number(0, y)))
    return call("div", x, choose(nothing, number(1, y), y))


def _plain(name: str) -> Callable[..., Expr]:
    return lambda *arguments: call(name, *arguments)


SCALAR: dict[str, Callable[..., Expr]] = {
    name: _plain(name)
    for name in (
        *("add", "sub", "mul", "div", "neg", "abs", "sqrt", "exp", "log"),
        *("log1p", "expm1", "sin", "cos", "tanh", "sigmoid", "softplus"),
    )
} | {
    "power": _plain("pow"),
    "square": lambda x: call("mul", x, x),
    "relu": _relu,
    "leaky_relu": lambda x, s: choose(call("gt", x, number(0, x)), x, call("mul", s, x)),
    "elu": _elu,
    "silu": lambda x: call("mul", x, call("sigmoid", x)),
    "gelu": _gelu,
    "sign": _sign,
    "stop_gradient": lambda x: x,
    "maximum": _plain("max"),
    "minimum": _plain("min"),
    "clip": lambda x, low, high: call("min", call("max", x, low), high),
    "huber": _huber,
    "xlogy": _xlogy,
    "xdivy": _xdivy,
    "where": choose,
    "greater": _plain("gt"),
    "less": _plain("lt"),
    "greater_equal": _plain("ge"),
    "less_equal": _plain("le"),
    "equal": _plain("eq"),
    "not_equal": _plain("ne"),
}
"""The scalar meaning of every elementwise card."""
