"""Sample inputs for every card: what the generic tests of operations, and of the compiler, run over.

A sample is a card with its parameters filled in, and arrays it applies to, within its domain and away from its kinks.
A card without samples fails `test_ops.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from backgraph.language.node import FLOATS, Node
from backgraph.language.op import CARDS, Array, Elementwise, Operation
from backgraph.language.ops import leaf, linear, loss, random, reduce, shape

SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 3), (2, 1, 3), (1,), (0,), (0, 3), (17,))


@dataclass(frozen=True)
class Sample:
    """A card applied to arrays; float arrays may be given in float32 instead."""

    op: Operation
    arrays: tuple[Array, ...]

    def __str__(self) -> str:
        shapes = ",".join("x".join(map(str, x.shape)) or "scalar" for x in self.arrays)
        fields = ",".join(str(v)[:20] for v in vars(self.op).values()) if not isinstance(self.op, Elementwise) else ""
        return f"{self.op.name}[{fields}]({shapes})"

    def build(self, dtype: str = "float64") -> tuple[Node, tuple[Node, ...], dict[Node, Array]]:
        """The node on fresh leaves, the leaves, and their values."""
        arrays = [x.astype(dtype) if x.dtype.name in FLOATS else x for x in self.arrays]
        leaves = tuple(leaf.variable(f"x{i}", x.shape, x.dtype.name, "input") for i, x in enumerate(arrays))
        return self.op.apply(*leaves), leaves, dict(zip(leaves, arrays, strict=True))


def numbers(seed: int, shape: tuple[int, ...], domain: str = "real") -> Array:
    """Random numbers in a domain, apart from each other and from 0 (no ties, no kinks), rounded to float32."""
    random = np.random.default_rng([seed, *shape])
    grid = random.permutation(int(np.prod(shape))) + 0.5 + random.uniform(-0.2, 0.2, int(np.prod(shape)))
    unit = (grid / max(1, grid.size)).reshape(shape)
    if domain == "positive":
        return np.float64(np.float32(0.3 + 1.7 * unit))
    sign = np.where(random.uniform(size=shape) < 0.5, -1, 1)
    return np.float64(np.float32(sign * (0.25 + 1.75 * unit)))


def elementwise(card: Elementwise) -> Iterator[Sample]:
    domains = card.domain.split(", ") if "," in card.domain else [card.domain] * len(card.rules)
    for dims in SHAPES:
        arrays = [numbers(i, dims, domain) for i, domain in enumerate(domains)]
        if card.name == "where":
            arrays[0] = arrays[0] > 0
        if card.name == "clip":
            arrays = [arrays[0], -1 - abs(arrays[1]) / 9, 1 + abs(arrays[2]) / 9]
        yield Sample(card, tuple(arrays))
    if card.name == "clip":
        x = np.array([0.5, 2.0, -3.0, 0.2])
        yield Sample(card, (x, np.array([1.0, 1.5, -2.5, 0.9]), np.array([0.25, 0.75, -4.0, -0.5])))


def x(*dims: int, seed: int = 0) -> Array:
    return numbers(seed, dims)


def last_axis(op: Operation) -> list[Sample]:
    return [Sample(op, (x(*dims),)) for dims in ((4,), (2, 3), (2, 1, 4), (1,), (3, 1), (0, 3))]


def products(op: Operation, *pairs: tuple[tuple[int, ...], tuple[int, ...]]) -> list[Sample]:
    return [Sample(op, (x(*a), x(*b, seed=1))) for a, b in pairs]


def index(*values: int) -> Array:
    return np.array(values, np.int64)


Bounds = tuple[tuple[int, int, int], ...]
BOUNDS: tuple[tuple[tuple[int, ...], Bounds], ...] = (
    ((5,), ((1, 3, 1),)),
    ((5,), ((4, 5, -1),)),
    ((5,), ((3, 2, -2),)),
    ((6,), ((1, 3, 2),)),
    ((2, 5), ((1, 1, 1), (0, 5, 1))),
    ((3, 4), ((2, 3, -1), (3, 2, -3))),
    ((4,), ((0, 0, 1),)),
)


def targets(*dims: int) -> Array:
    e = np.exp(x(*dims, seed=3))
    return e / e.sum(axis=-1, keepdims=True)


SAMPLES: dict[str, list[Sample]] = {
    name: list(elementwise(card)) for name, card in CARDS.items() if isinstance(card, Elementwise)
}
SAMPLES |= {
    "variable": [Sample(leaf.Variable("x", "input", (), "float64"), ())],
    "constant": [Sample(leaf.Constant("float64", dims, x(*dims).tobytes()), ()) for dims in SHAPES],
    "size": [Sample(leaf.Size(5, "float64"), ())],
    "size_of": [Sample(leaf.SizeOf(), (x(*dims),)) for dims in SHAPES],
    "eye": [Sample(leaf.Eye(n, "float64"), ()) for n in (0, 1, 3)],
    "matmul": products(
        linear.MatMul(), ((2, 3), (3, 4)), ((1, 3), (3, 1)), ((2, 2, 3), (2, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
        ((2, 1, 2, 2), (2, 1, 2, 3)), ((5, 1), (1, 5)),
    ),
    "matvec": products(linear.MatVec(), ((2, 3), (3,)), ((2, 4, 3), (2, 3)), ((1, 1), (1,)), ((0, 2), (2,))),
    "vecmat": products(linear.VecMat(), ((3,), (3, 2)), ((2, 3), (2, 3, 4)), ((1,), (1, 1)), ((2,), (2, 0))),
    "vecdot": products(linear.VecDot(), ((3,), (3,)), ((2, 4), (2, 4)), ((1,), (1,)), ((0,), (0,)), ((3, 0), (3, 0))),
    "outer": products(linear.Outer(), ((3,), (2,)), ((2, 3), (2, 4)), ((1,), (1,)), ((0,), (2,))),
    "sum": [
        Sample(reduce.Sum(axes), (x(*dims),))
        for dims, axes in (((), None), ((3,), None), ((2, 3), (0,)), ((2, 3), (1,)), ((2, 3, 4), (0, 2)),
                           ((0, 3), (0,)))
    ],
    "max": last_axis(reduce.Max()),
    "argmax": last_axis(reduce.ArgMax()),
    "logsumexp": last_axis(reduce.LogSumExp()),
    "softmax": last_axis(reduce.Softmax()),
    "log_softmax": last_axis(reduce.LogSoftmax()),
    "cumsum": last_axis(reduce.CumSum(False)) + last_axis(reduce.CumSum(True)),
    "prod": [*last_axis(reduce.Prod()), Sample(reduce.Prod(), (np.array([2.0, 0.0, 3.0]),))],
    "prod_of_others": [*last_axis(reduce.ProdOfOthers()), Sample(reduce.ProdOfOthers(), (np.array([2.0, 0.0, 0.0]),))],
    "broadcast": [
        Sample(shape.Broadcast(to, axes), (x(*dims),))
        for dims, to, axes in (
            ((), (2, 3), ()), ((3,), (2, 3), (1,)), ((2,), (2, 3), (0,)), ((2, 3), (2, 4, 3), (0, 2)), ((), (0,), ()),
            ((3,), (2, 3), None), ((2, 1), (2, 3), None), ((), (), None), ((1, 3), (4, 2, 3), None),
        )
    ],
    "sum_to": [
        Sample(shape.SumTo(to), (x(*dims), x(*to, seed=1)))
        for dims, to in (((2, 3), ()), ((2, 3), (3,)), ((2, 3), (2, 1)), ((3,), (3,)), ((4, 2, 3), (1, 3)),
                         ((0, 3), (3,)))
    ],
    "transpose": [
        Sample(shape.Transpose(order), (x(*dims),))
        for dims, order in (((2, 3), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((0, 3), (1, 0)), ((2, 3, 4), (0, 2, 1)))
    ],
    "reshape": [
        Sample(shape.Reshape(to), (x(*dims),))
        for dims, to in (((2, 3), (6,)), ((6,), (3, 2)), ((1,), ()), ((), (1, 1)), ((0, 3), (0,)), ((2, 3, 4), (4, 6)))
    ],
    "slice": [Sample(shape.Slice(bounds), (x(*dims),)) for dims, bounds in BOUNDS],
    "place": [
        Sample(shape.Place(dims, bounds), (x(*(length for _, length, _ in bounds)),)) for dims, bounds in BOUNDS
    ],
    "concatenate": [
        Sample(shape.Concatenate(0), (x(2), x(3, seed=1))),
        Sample(shape.Concatenate(1), (x(2, 3), x(2, 1, seed=1), x(2, 2, seed=2))),
        Sample(shape.Concatenate(0), (x(0, 2), x(1, 2, seed=1))),
        Sample(shape.Concatenate(0), (x(2),)),
    ],
    "take": [
        Sample(shape.Take(), (x(4), index(1, 1, 3))),
        Sample(shape.Take(), (x(4, 2), index(0, 3, 0, 2))),
        Sample(shape.Take(), (x(4, 2), np.array([[0, 1], [1, 1]]))),
        Sample(shape.Take(), (x(3, 2), np.array(2))),
        Sample(shape.Take(), (x(3), np.zeros(0, np.int64))),
    ],
    "scatter_add": [
        Sample(shape.ScatterAdd((4,)), (x(3), index(1, 1, 3))),
        Sample(shape.ScatterAdd((4, 2)), (x(4, 2), index(0, 3, 0, 2))),
        Sample(shape.ScatterAdd((4, 2)), (x(2, 2, 2), np.array([[0, 1], [1, 1]]))),
        Sample(shape.ScatterAdd((3,)), (x(0), np.zeros(0, np.int64))),
    ],
    "cast": [
        Sample(shape.Cast("float64"), (x(2, 3),)),
        Sample(shape.Cast("float64"), (x(2, 3) > 0,)),
        Sample(shape.Cast("float64"), (index(1, 2),)),
    ],
    "one_hot": [Sample(loss.OneHot(4, "float64"), (index(0, 3, 1),)),
                Sample(loss.OneHot(3, "float64"), (np.array(2),))],
    "random_mask": [Sample(random.RandomMask(dims, 0.5, 3, "float64"), (np.array(5),)) for dims in ((), (3,), (2, 5))],
    "cross_entropy": [
        Sample(loss.CrossEntropy(), (x(*dims), targets(*dims))) for dims in ((3,), (2, 4), (2, 1, 3), (1,), (0, 3))
    ],
}  # fmt: skip

ALL: list[Sample] = [sample for samples in SAMPLES.values() for sample in samples]

LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "rows": lambda a: a,
    "columns": lambda a: np.asfortranarray(a) if a.ndim else a,
    "reversed": lambda a: np.flip(np.flip(a).copy()),
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
}
"""The same array in other places of memory."""
