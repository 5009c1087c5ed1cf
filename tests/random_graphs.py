"""Random graphs for Hypothesis: valid in shape and domain, away from kinks, of 1 to 40 nodes, over all cards.

`graphs()` draws `(outputs, values)`: outputs[0] is a scalar cost, the others are the nodes it was summed from; values
bind every leaf. A step that does not fit (shapes, domain, a kink nearby, numbers too large) is left out, so that what
fails shrinks by leaving out more.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

import backgraph as bg
from backgraph.errors import GraphError
from backgraph.evaluate import evaluate
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import CARDS, Array, Elementwise
from backgraph.language.ops.leaf import Constant, SizeOf, eye, size
from backgraph.language.ops.linear import outer
from backgraph.language.ops.random import random_mask
from backgraph.language.ops.reduce import CumSum, ProdOfOthers
from backgraph.language.ops.shape import Place, Slice, SumTo
from backgraph.language.walk import topological_order

Draw = Callable[[st.SearchStrategy[object]], object]
Values = dict[Node, Array]
Graph = tuple[list[Node], Values]

MARGIN = 1e-3
"""How far from a kink or the edge of a domain every operand stays."""
LARGEST = 50.0
BATCH = 4
"""The size of the symbolic dimension m."""
DIMS: tuple[int | str, ...] = (1, 2, 3, "m", "m")


def _gap(x: Array) -> Array:
    """The distance of the largest element to the next along the last axis."""
    ordered = np.sort(x, axis=-1)
    return ordered[..., -1] - ordered[..., -2] if x.shape[-1] > 1 else np.ones(1)


KINKS: Mapping[str, Callable[..., object]] = {
    **dict.fromkeys(("relu", "abs", "sign"), lambda x: x),
    **dict.fromkeys(("leaky_relu", "elu"), lambda x, s: x),
    **dict.fromkeys(("maximum", "minimum"), lambda a, b: a - b),
    **dict.fromkeys(("greater", "less", "greater_equal", "less_equal", "equal", "not_equal"), lambda a, b: a - b),
    "clip": lambda x, low, high: [np.ravel(x - low), np.ravel(x - high), np.ravel(high - low)],
    "huber": lambda e, d: [np.ravel(np.abs(e) - d), np.ravel(e)],
    "max": _gap,
    "argmax": _gap,
}
"""Functions of the operands of an operation that vanish at its kinks."""
DOMAINS: Mapping[str, Callable[..., object]] = {
    **dict.fromkeys(("sqrt", "log"), lambda x: np.minimum(x - 0.1, 1)),
    "log1p": lambda x: x + 0.9,
    "div": lambda a, b: np.abs(b) - 0.1,
    "power": lambda a, b: a - 0.1,
    "xlogy": lambda x, y: [np.ravel(y - 0.1), np.ravel(np.abs(x))],
    "xdivy": lambda x, y: [np.ravel(y - 0.1), np.ravel(np.abs(x))],
    "huber": lambda e, d: d - 0.1,
}
"""Functions of the operands that are positive inside the domain."""


Pick = Callable[[], Node]
SPREAD = (0.5, -1.25, 0.875)
"""Factors that tell elements apart, so that the largest is not there twice."""


def _numbers_like(x: Node, *numbers: float) -> Node:
    return bg.constant(np.array(numbers if len(numbers) > 1 else numbers[0], x.dtype))


def _with_axes(pick: Pick) -> Node:
    """What is picked, as a vector if it is a scalar."""
    x = pick()
    return x if x.rank else bg.broadcast(x, (3,)) * _numbers_like(x, *SPREAD)


def _table(pick: Pick) -> Node:
    """What is picked as n rows of three different elements."""
    x = pick()
    if x.rank == 2 and x.shape[-1] == 3:
        return x
    return outer(bg.reshape(x, (-1,)), _numbers_like(x, *SPREAD))


def _pair(pick: Pick) -> tuple[Node, Node]:
    """Two that fit together, the second summed if need be."""
    x, y = pick(), pick()
    return (x, y) if x.shape == y.shape or () in (x.shape, y.shape) else (x, bg.sum(y))


def _elementwise(card: Elementwise) -> Callable[..., Node]:
    if card.name == "where":
        return lambda draw, pick: card((x := pick()) + 0.34375 > bg.sin(x), x, -0.5)
    if card.name == "clip":
        return lambda draw, pick: card(pick(), -0.71875, 0.84375)
    if card.name == "huber":
        return lambda draw, pick: card(x := pick(), bg.sigmoid(x) + 0.5)
    if card._result == "bool":
        return lambda draw, pick: bg.cast(card(bg.sin(x := pick()), x + 0.34375), x.dtype) * x
    if card.name in ("maximum", "minimum"):
        return lambda draw, pick: card((x := pick()) + 0.34375, bg.cos(x))
    positive = card.domain == "positive"
    picked: Callable[[Pick], Sequence[Node]] = _pair if len(card.rules) == 2 else lambda pick: [pick()]
    return lambda draw, pick: card(*(bg.square(x) + 0.25 if positive else x for x in picked(pick)))


def _of_one(function: Callable[[Node], Node]) -> Callable[..., Node]:
    return lambda draw, pick: function(pick())


def _with_axis(function: Callable[..., Node]) -> Callable[..., Node]:
    def build(draw: Draw, pick: Pick) -> Node:
        x = _with_axes(pick)
        return function(x, axis=draw(st.integers(-x.rank, x.rank - 1)))  # type: ignore[arg-type]

    return build


def _slice(draw: Draw, pick: Pick) -> Node:
    x = _with_axes(pick)
    choices = [slice(None), slice(None, None, -1), slice(1, None), slice(None, None, 2), 0, -1]
    index = [draw(st.sampled_from(choices)) if isinstance(dim, int) else slice(None) for dim in x.shape]
    return x[tuple(index)]


def _take(draw: Draw, pick: Pick) -> Node:
    x = _with_axes(pick)
    rows = x.shape[0]
    if rows == 0:
        raise GraphError("BG103", "random", "no rows")
    index = draw(st.lists(st.integers(0, rows - 1 if isinstance(rows, int) else BATCH - 1), min_size=1, max_size=3))
    return bg.take(x, bg.constant(np.array(index)))


def _take_computed(draw: Draw, pick: Pick) -> Node:
    """Rows whose places are computed, as whole numbers."""
    places = bg.cast(bg.argmax(x := _table(pick), axis=-1), x.dtype)
    return bg.take(eye(3, x.dtype) * bg.sum(pick()), bg.cast(places, "int64"))


def _hot(draw: Draw, pick: Pick) -> Node:
    return bg.cross_entropy(x := _table(pick), bg.argmax(-x, axis=-1))


def _scatter(draw: Draw, pick: Pick) -> Node:
    """A take that has been differentiated: scatter_add in the forward graph."""
    x = _table(pick)
    (slope,) = bg.gradient(bg.sum(bg.square(bg.take(x, bg.constant(np.array([0, 0]))))), x)
    return slope


def _place(draw: Draw, pick: Pick) -> Node:
    x = _with_axes(pick)
    return Place((*x.shape[:-1], 7), (*((0, dim, 1) for dim in x.shape[:-1]), (5, x.shape[-1], -1))).apply(x)


def _sum_to(draw: Draw, pick: Pick) -> Node:
    x, like = pick(), pick()
    return SumTo(like.shape).apply(bg.broadcast(like, (2, *like.shape)) * bg.sum(x), like)


def _first(draw: Draw, pick: Pick) -> Node:
    x = _with_axes(pick)
    return Slice((*((0, dim, 1) for dim in x.shape[:-1]), (0, 1, 1))).apply(x)


def _size(draw: Draw, pick: Pick) -> Node:
    x = pick()
    known = [dim for dim in x.shape if not isinstance(dim, int)]  # type: ignore[union-attr]
    return x / size(known[0] if known else 5, x.dtype)


BUILDERS: dict[str, Callable[..., Node]] = {
    name: _elementwise(card) for name, card in CARDS.items() if isinstance(card, Elementwise)
} | {
    "constant": lambda draw, pick: pick() * draw(st.sampled_from([-1.5, 0.5, 3])),
    "size": _size,
    "size_of": lambda draw, pick: pick() / SizeOf().apply(pick()),
    "eye": lambda draw, pick: eye(3, (x := pick()).dtype) * bg.sum(x),
    "random_mask": lambda draw, pick: (x := pick()) * random_mask(bg.constant(np.array(5)), x.shape, 0.25, 0, x.dtype),
    "matmul": lambda draw, pick: pick() @ pick(),
    "product": lambda draw, pick: (
        bg.transpose(_table(pick)) @ bg.transpose(bg.sum(_table(pick)) * eye(3, pick().dtype))
    ),
    "gram": lambda draw, pick: bg.transpose(x := _table(pick)) @ bg.sin(x),
    "matvec": lambda draw, pick: (x := _table(pick)) @ bg.sum(x, axis=0),
    "vecmat": lambda draw, pick: bg.sum(x := _table(pick), axis=1) @ x,
    "vecdot": _of_one(lambda x: bg.reshape(x, (-1,)) @ bg.reshape(bg.sin(x), (-1,))),
    "outer": lambda draw, pick: outer(*(bg.reshape(pick(), (-1,)) for _ in range(2))),
    "sum": _with_axis(bg.sum),
    "mean": _with_axis(bg.mean),
    "max": _with_axis(bg.max),
    "min": _with_axis(bg.min),
    "argmax": lambda draw, pick: bg.cast(bg.argmax(x := _table(pick), axis=-1), x.dtype),
    "logsumexp": _with_axis(bg.logsumexp),
    "softmax": _with_axis(bg.softmax),
    "log_softmax": _with_axis(bg.log_softmax),
    "cumsum": _with_axis(bg.cumsum),
    "cumsum_reverse": lambda draw, pick: CumSum(True).apply(_with_axes(pick)),
    "prod": _with_axis(bg.prod),
    "prod_of_others": lambda draw, pick: ProdOfOthers().apply(_with_axes(pick)),
    "broadcast": _of_one(lambda x: bg.broadcast(x, (2, *x.shape))),
    "sum_to": _sum_to,
    "transpose": lambda draw, pick: bg.transpose(_table(pick)),
    "reshape": lambda draw, pick: bg.reshape(pick(), (-1,)),
    "slice": _slice,
    "first": _first,
    "place": _place,
    "concatenate": lambda draw, pick: bg.concatenate(x := _with_axes(pick), bg.sin(x), axis=-1),
    "take": _take,
    "take_computed": _take_computed,
    "scatter_add": _scatter,
    "cross_entropy": _hot,
    "squared_error": lambda draw, pick: bg.squared_error(pick(), pick()),
    "poisson": lambda draw, pick: bg.poisson_loss(bg.tanh(pick()), pick()),
}
"""One step each: what a step may build from nodes picked at random. Most fit whatever is picked."""
STEPS = 2**16


def _named(builders: Sequence[str], numbers: Sequence[int], salt: int) -> list[str]:
    """Which steps numbers mean: scattered, as Hypothesis likes some numbers, and likes to repeat them.

    A step stays what it is when others are left out (but for repetitions), so that graphs shrink.
    """
    keys = [f"{number} {numbers[:i].count(number)} {salt}" for i, number in enumerate(numbers)]
    return [builders[zlib.crc32(key.encode()) % len(builders)] for key in keys]


def _numbers(draw: Draw, shape: tuple[int | str, ...]) -> Array:
    seed = draw(st.integers(0, 2**16))
    sizes = tuple(BATCH if dim == "m" else int(dim) for dim in shape)
    magnitude = np.random.default_rng(seed).uniform(0.1, 1.5, sizes)  # type: ignore[arg-type]
    return magnitude * np.where(np.random.default_rng(seed + 1).uniform(size=sizes) < 0.4, -1, 1)  # type: ignore[operator]


def sound(node: Node, values: Values) -> bool:
    """Whether all values on the way to `node` are moderate, within their domains, and away from kinks."""
    order = topological_order([node])
    try:
        table = dict(zip(order, evaluate(order, values), strict=True))
    except (ValueError, IndexError):
        return False
    for each in order:
        operands = [table[given] for given in each.inputs]
        value = table[each]
        if each.dtype in FLOATS and not np.all(np.abs(value) < LARGEST):
            return False
        kink, domain = KINKS.get(each.op.name), DOMAINS.get(each.op.name)
        if kink and not all(np.all(np.abs(part) > MARGIN) for part in _parts(kink(*operands))):
            return False
        if domain and not all(np.all(part > MARGIN) for part in _parts(domain(*operands))):
            return False
    return True


def _parts(margins: object) -> Sequence[Array]:
    return margins if isinstance(margins, list) else [np.asarray(margins)]


@st.composite
def graphs(draw: Draw, largest: int = 40, builders: Sequence[str] = tuple(BUILDERS), dtype: str = "float64") -> Graph:
    """A random graph of at most about `largest` nodes, by steps named in `builders`: `(outputs, values)`."""
    values: Values = {}
    pool: list[Node] = []
    for i in range(draw(st.integers(1, 3))):  # type: ignore[arg-type]
        dims = tuple(draw(st.lists(st.sampled_from(DIMS), max_size=3)))  # type: ignore[arg-type]
        leaf = bg.parameter(f"x{i}", dims, dtype)
        values[leaf] = _numbers(draw, dims).astype(dtype)
        pool.append(leaf)
    salt = draw(st.integers(0, 2**64 - 1))
    numbers = draw(st.lists(st.integers(0, STEPS - 1), min_size=1, max_size=largest))
    for step in _named(builders, numbers, salt):  # type: ignore[arg-type]
        node = _stepped(draw, BUILDERS[step], pool)
        if node is None or node.dtype != dtype or node in pool or len(topological_order([*pool, node])) > largest - 6:
            continue
        if sound(node, {leaf: x.astype("float64") for leaf, x in values.items()} if dtype == "float64" else values):
            pool.append(node)
    used = {given for node in topological_order(pool) for given in node.inputs}
    sinks = [node for node in pool if node not in used] or pool[-1:]
    cost = bg.sum(sinks[0])
    for sink in sinks[1:]:
        cost = cost + bg.sum(sink)
    known = set(topological_order([cost]))
    return [cost, *sinks], {leaf: x for leaf, x in values.items() if leaf in known}


def _stepped(draw: Draw, build: Callable[..., Node], pool: list[Node]) -> Node | None:
    def pick() -> Node:
        return pool[-1 - draw(st.integers(0, len(pool) - 1))]  # type: ignore[operator]

    try:
        return build(draw, pick)
    except (GraphError, IndexError, bg.BackgraphError):
        return None


def leaves_in(values: Values) -> list[Node]:
    """The floating-point leaves."""
    return [leaf for leaf in values if leaf.dtype in FLOATS and not isinstance(leaf.op, Constant)]
