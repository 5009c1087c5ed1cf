"""How every operation is written in NumPy: one line for each card, in the table `SPELLING`.

    term       a piece of Python with how tightly it binds, so that brackets stand only where they are needed
    weak       a Python number: it takes the dtype of the array that it meets
    helper     a function of several lines that a spelling calls; its source is in `numpy_helpers`

A card without a line (one that a user registered) has no NumPy source; the error says what to add.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from backgraph.language.dims import Dim, Polynomial, Shape
from backgraph.language.node import Node
from backgraph.language.ops.leaf import literal
from backgraph.language.ops.loss import OneHot
from backgraph.language.ops.random import RandomMask
from backgraph.language.ops.reduce import CumSum, Sum
from backgraph.language.ops.shape import Bounds, Cast, Concatenate, Place, Reshape, Slice, Transpose

COMPARISON, ADDITION, PRODUCT, SIGN, POWER, ATOM = range(6)
"""How tightly Python's operators bind."""
RECIPROCAL = re.compile(r"1\.0 / (\w+)")


class Term(NamedTuple):
    """A piece of Python."""

    text: str
    binds: int = ATOM
    weak: bool = False

    def at(self, level: int) -> str:
        """The text, in brackets if it binds less tightly than `level`."""
        return self.text if self.binds >= level else f"({self.text})"


class Writing(Protocol):
    """What a spelling may ask of whoever writes the source."""

    def dim(self, dim: Dim) -> Term:
        """A dimension."""
        ...

    def shape(self, shape: Shape) -> str:
        """A shape as a tuple."""
        ...

    def helper(self, name: str) -> str:
        """The name of a helper, which is then put into the source."""
        ...

    def array(self, node: Node) -> str:
        """The name of a constant array, which is then put into the source."""
        ...


Spelling: TypeAlias = Callable[[Writing, Node, Sequence[Term]], Term]


def _short(term: Term) -> Term:
    """2 for 2.0, beside an array."""
    return term._replace(text=term.text.removesuffix(".0")) if term.weak else term


def _infix(symbol: str, binds: int) -> Spelling:
    def spell(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
        weak = all(term.weak for term in terms)
        a, b = terms if weak else map(_short, terms)
        return Term(f"{a.at(max(binds, ADDITION))} {symbol} {b.at(binds + 1)}", binds, weak)

    return spell


def _call(function: str, last_axis: bool = False) -> Spelling:
    axis = ", axis=-1" if last_axis else ""
    return lambda writing, node, terms: Term(f"{function}({', '.join(term.text for term in terms)}{axis})")


def _helper(name: str) -> Spelling:
    return lambda writing, node, terms: Term(f"{writing.helper(name)}({', '.join(term.text for term in terms)})")


def _product(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    """a b; a product with 1/m is a quotient."""
    for one, other in ((terms[0], terms[1]), (terms[1], terms[0])):
        if one.weak and not other.weak and (divisor := RECIPROCAL.fullmatch(one.text)):
            return Term(f"{other.at(PRODUCT)} / {divisor[1]}", PRODUCT)
    return _infix("*", PRODUCT)(writing, node, terms)


def _of_numbers(infix: Spelling, function: str) -> Spelling:
    """Python refuses 1.0 / 0 where NumPy says infinite; two Python numbers are left to NumPy, unless one is a size."""

    def spell(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
        if not all(term.weak for term in terms) or node.inputs[-1].op.name == "size":
            return infix(writing, node, terms)
        return Term(f"{function}({terms[0].text}, {terms[1].text})")

    return spell


def _negative(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    return Term(f"-{terms[0].at(SIGN)}", SIGN, terms[0].weak)


def _power(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    return Term(_raised(terms[0].at(ATOM), terms[1].at(SIGN)), POWER)


def _raised(base: str, exponent: str) -> str:
    simple = base.isidentifier() and exponent.replace(".", "").isalnum()
    return f"{base}**{exponent}" if simple else f"{base} ** {exponent}"


def _constant(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    value: Any = literal(node) if node.shape == () else None
    if node.shape != ():
        return Term(writing.array(node))
    if node.dtype in ("int64", "bool"):
        return Term(repr(node.op.numpy().item()), weak=True)
    special = {"inf": "np.inf", "-inf": "-np.inf", "nan": "np.nan"}
    text = special.get(repr(float(value)), repr(float(value)))
    return Term(text, SIGN if text.startswith("-") else ATOM, weak=True)


def _size(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    return writing.dim(node.op.dim)._replace(weak=True)  # type: ignore[attr-defined]  # a Size


def _matvec(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    if node.rank == 1:
        return _infix("@", PRODUCT)(writing, node, terms)
    return Term(f"({terms[0].at(PRODUCT)} @ {terms[1].at(ATOM)}[..., None])[..., 0]")


def _vecmat(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    if node.rank == 1:
        return _infix("@", PRODUCT)(writing, node, terms)
    return Term(f"({terms[0].at(ATOM)}[..., None, :] @ {terms[1].at(SIGN)})[..., 0, :]")


def _vecdot(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    if node.rank == 0:
        return _infix("@", PRODUCT)(writing, node, terms)
    return Term(f"np.sum({terms[0].at(PRODUCT)} * {terms[1].at(SIGN)}, axis=-1)")


def _outer(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    if node.rank == 2:
        return Term(f"np.outer({terms[0].text}, {terms[1].text})")
    return Term(f"{terms[0].at(ATOM)}[..., :, None] * {terms[1].at(ATOM)}[..., None, :]", PRODUCT)


def _sum(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    axes = node.op.axes if isinstance(node.op, Sum) else None
    if axes is None:
        return Term(f"np.sum({terms[0].text})")
    return Term(f"np.sum({terms[0].text}, axis={axes[0] if len(axes) == 1 else axes})")


def _cumsum(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    (x,) = terms
    if isinstance(node.op, CumSum) and node.op.reverse:
        return Term(f"np.cumsum({x.at(ATOM)}[..., ::-1], axis=-1)[..., ::-1]")
    return Term(f"np.cumsum({x.text}, axis=-1)")


def _one_hot(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    assert isinstance(node.op, OneHot)
    kind = "" if node.dtype == "float64" else f', "{node.dtype}"'
    return Term(f"{writing.helper('one_hot')}({terms[0].text}, {writing.dim(node.op.depth).text}{kind})")


def _mask(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    op = node.op
    assert isinstance(op, RandomMask)
    rest = f'{op.stream}, {op.threshold}, {writing.shape(op.to)}, "{node.dtype}"'
    return Term(f"{writing.helper('random_mask')}({terms[0].text}, {rest})")


def aligned(writing: Writing, node: Node, term: Term) -> Term:
    """The operand of a broadcast, with axes of size 1 where NumPy's own broadcasting needs them."""
    axes: tuple[int, ...] | None = node.op.axes  # type: ignore[attr-defined]  # a Broadcast
    if axes is None or node.inputs[0].shape == () or axes == tuple(range(node.rank - len(axes), node.rank)):
        return term
    ahead = [":" if axis in axes else "None" for axis in range(axes[0], node.rank)]
    return Term(f"{term.at(ATOM)}[{', '.join(ahead)}]")


def _broadcast(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    if terms[0].weak:
        return Term(f'np.full({writing.shape(node.shape)}, {terms[0].text}, "{node.dtype}")')
    return Term(f"np.broadcast_to({aligned(writing, node, terms[0]).text}, {writing.shape(node.shape)})")


def _transpose(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    assert isinstance(node.op, Transpose)
    order = node.op.permutation
    if order == (1, 0):
        return Term(f"{terms[0].at(ATOM)}.T")
    return Term(f"{terms[0].at(ATOM)}.transpose({', '.join(map(str, order))})")


def _reshape(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    assert isinstance(node.op, Reshape)
    return Term(f"{terms[0].at(ATOM)}.reshape({writing.shape(node.op.to)})")


def _index(writing: Writing, bounds: Sequence[Bounds], whole: Sequence[Dim]) -> str:
    return ", ".join(_range(writing, bound, dim) for bound, dim in zip(bounds, whole, strict=True))


def _range(writing: Writing, bound: Bounds, whole: Dim) -> str:
    """Start, stop and step; a stop before the first element is left out, by the reader where only the call knows it."""
    start, length, step = bound
    if bound == (0, whole, 1):
        return ":"
    stop = start + length * step  # type: ignore[operator]
    first, last = writing.dim(start).text, writing.dim(stop).text
    if isinstance(stop, Polynomial) and step < 0:
        return f"slice({first}, {last} if {last} >= 0 else None, {step})"
    return f"{first}:{'' if not isinstance(stop, Polynomial) and stop < 0 else last}" + (
        f":{step}" if step != 1 else ""
    )


def _slice(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    assert isinstance(node.op, Slice)
    return Term(f"{terms[0].at(ATOM)}[{_index(writing, node.op.bounds, node.inputs[0].shape)}]")  # type: ignore[arg-type]


def _place(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    assert isinstance(node.op, Place)
    index = _index(writing, node.op.bounds, node.op.to)  # type: ignore[arg-type]
    return Term(f"{writing.helper('place')}({terms[0].text}, {writing.shape(node.op.to)}, np.s_[{index}])")


def _concatenate(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    assert isinstance(node.op, Concatenate)
    axis = "" if node.op.axis == 0 else f", axis={node.op.axis}"
    return Term(f"np.concatenate([{', '.join(term.text for term in terms)}]{axis})")


def _scatter_add(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    name = writing.helper("scatter_add")
    return Term(f"{name}({terms[0].text}, {terms[1].text}, {writing.shape(node.shape)})")


def _cast(writing: Writing, node: Node, terms: Sequence[Term]) -> Term:
    assert isinstance(node.op, Cast)
    return Term(f'np.asarray({terms[0].text}, "{node.op.to}")')


SPELLING: dict[str, Spelling] = {
    "constant": _constant,
    "size": _size,
    "size_of": lambda writing, node, terms: Term(f"np.size({terms[0].text})", weak=True),
    "eye": lambda writing, node, terms: Term(
        f'np.eye({writing.dim(node.shape[0]).text}, dtype="{node.dtype}")'  # type: ignore[index]
    ),
    "add": _infix("+", ADDITION),
    "sub": _infix("-", ADDITION),
    "mul": _product,
    "div": _of_numbers(_infix("/", PRODUCT), "np.divide"),
    "neg": _negative,
    "power": _of_numbers(_power, "np.power"),
    "square": lambda writing, node, terms: Term(_raised(terms[0].at(ATOM), "2"), POWER),
    "sqrt": _call("np.sqrt"),
    "exp": _call("np.exp"),
    "log": _call("np.log"),
    "log1p": _call("np.log1p"),
    "expm1": _call("np.expm1"),
    "sin": _call("np.sin"),
    "cos": _call("np.cos"),
    "tanh": _call("np.tanh"),
    "sigmoid": _helper("sigmoid"),
    "softplus": _helper("softplus"),
    "relu": lambda writing, node, terms: Term(f"np.maximum({terms[0].text}, 0)"),
    "leaky_relu": _helper("leaky_relu"),
    "elu": _helper("elu"),
    "silu": _helper("silu"),
    "gelu": _helper("gelu"),
    "abs": _call("np.abs"),
    "sign": _call("np.sign"),
    "stop_gradient": lambda writing, node, terms: terms[0],
    "maximum": _call("np.maximum"),
    "minimum": _call("np.minimum"),
    "clip": lambda writing, node, terms: Term(
        f"np.minimum(np.maximum({terms[0].text}, {terms[1].text}), {terms[2].text})"
    ),
    "xlogy": _helper("xlogy"),
    "xdivy": _helper("xdivy"),
    "where": _call("np.where"),
    "greater": _infix(">", COMPARISON),
    "less": _infix("<", COMPARISON),
    "greater_equal": _infix(">=", COMPARISON),
    "less_equal": _infix("<=", COMPARISON),
    "equal": _infix("==", COMPARISON),
    "not_equal": _infix("!=", COMPARISON),
    "huber": _helper("huber"),
    "matmul": _infix("@", PRODUCT),
    "matvec": _matvec,
    "vecmat": _vecmat,
    "vecdot": _vecdot,
    "outer": _outer,
    "sum": _sum,
    "max": _call("np.max", last_axis=True),
    "argmax": _call("np.argmax", last_axis=True),
    "logsumexp": _helper("logsumexp"),
    "softmax": _helper("softmax"),
    "log_softmax": _helper("log_softmax"),
    "cumsum": _cumsum,
    "prod": _call("np.prod", last_axis=True),
    "prod_of_others": _helper("prod_of_others"),
    "cross_entropy": _helper("cross_entropy"),
    "one_hot": _one_hot,
    "random_mask": _mask,
    "broadcast": _broadcast,
    "sum_to": _helper("sum_to"),
    "transpose": _transpose,
    "reshape": _reshape,
    "slice": _slice,
    "place": _place,
    "concatenate": _concatenate,
    "take": _helper("take"),
    "scatter_add": _scatter_add,
    "cast": _cast,
}
"""By the name of the card. A variable is its name, which is no matter of spelling."""
