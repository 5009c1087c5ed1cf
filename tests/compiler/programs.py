"""Graphs that tests of the compiler share: the example of section 6.5.7, and some that no network resembles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import backgraph as bg
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.optim import OPTIMIZERS
from backgraph.train.step import Step, training_step

Graph = tuple[list[Node], dict[Node, Array]]
"""Outputs, and a value for every leaf."""


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def example(
    optimizer: str = "sgd", dtype: str = "float64", **options: Any
) -> tuple[Step, list[Array], dict[Node, Array]]:
    """Section 6.5.7 with weight decay: the step, starting arrays, and 60 examples."""
    r = rng()
    X, y = bg.input("X", ("m", 7), dtype), bg.labels("y")
    W1, W2 = bg.parameter("W1", (7, 33), dtype), bg.parameter("W2", (33, 5), dtype)
    J = bg.cross_entropy(bg.relu(X @ W1) @ W2, y) + 1e-3 * (bg.sum(W1**2) + bg.sum(W2**2))
    step = training_step(J, [W1, W2], OPTIMIZERS[optimizer](**({"learning_rate": 0.1} | options)))
    start = {W: (r.normal(size=W.shape) * 0.3).astype(dtype) for W in (W1, W2)}
    return step, step.arrays(start), {X: r.normal(size=(60, 7)).astype(dtype), y: r.integers(0, 5, 60)}


def batches(steps: int, rows: int = 16, examples: int = 60) -> Array:
    return np.random.default_rng(6).integers(0, examples, (steps, rows))


def with_gradients(cost: Node, values: dict[Node, Array], *more: Node) -> Graph:
    """The cost, its gradients in all float leaves, and `more`, simplified."""
    wrt = [leaf for leaf in values if leaf.dtype != "int64"]
    outputs = [cost, *bg.gradient(cost, wrt).nodes, *more]
    return list(bg.simplify(outputs).nodes), values


def values_of(*leaves: Node, **sizes: int) -> dict[Node, Array]:
    r = rng()
    shapes = {leaf: tuple(n if isinstance(n, int) else sizes[str(n)] for n in leaf.shape) for leaf in leaves}  # type: ignore[union-attr]
    return {leaf: r.normal(size=shape).astype(leaf.dtype) for leaf, shape in shapes.items()}


def attention_block() -> Graph:
    """softmax(QKᵀ/√d)V, a residual connection, and layer norm; Ba et al. (2016), Vaswani et al. (2017)."""
    X = bg.input("X", ("m", 6))
    Q, K, V = (bg.parameter(name, (6, 6)) for name in "QKV")
    attended = bg.softmax((X @ Q) @ (X @ K).T * 6**-0.5) @ (X @ V) + X
    centred = attended - bg.mean(attended, axis=1, keepdims=True)
    normed = centred / bg.sqrt(bg.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return with_gradients(bg.sum(normed**3), values_of(X, Q, K, V, m=9))


def matrix_factorisation() -> Graph:
    """Σ (R − P Qᵀ)² with decay."""
    R, P, Q = bg.input("R", (20, 18)), bg.parameter("P", (20, 4)), bg.parameter("Q", (18, 4))
    return with_gradients(bg.sum((R - P @ Q.T) ** 2) + 0.1 * (bg.sum(P**2) + bg.sum(Q**2)), values_of(R, P, Q))


def affine_logsumexp() -> Graph:
    A, x, b = bg.parameter("A", (21, 8)), bg.input("x", (8,)), bg.parameter("b", (21,))
    return with_gradients(bg.logsumexp(A @ x + b), values_of(A, x, b))


def pieces() -> Graph:
    """Slices, and the places their gradients go to."""
    x, y = bg.input("x", (9, 5)), bg.input("y", (4, 5))
    return with_gradients(bg.sum(bg.exp(x[1:9:2] * y)) + bg.sum(x[2, 1:] ** 3), values_of(x, y))


def joined() -> Graph:
    x, y = bg.input("x", ("m", 3)), bg.input("y", ("m", 2))
    both = bg.concatenate(x, y, x * 2.0, axis=1)
    return with_gradients(bg.sum(bg.tanh(both) ** 2), values_of(x, y, m=6), both)


def rows_taken() -> Graph:
    """Rows taken twice: their gradients add up."""
    T, i = bg.parameter("T", (7, 3)), bg.input("i", ("m",), "int64")
    values = values_of(T) | {i: np.array([0, 6, 2, 2, 2, 1])}
    return with_gradients(bg.sum(bg.sin(bg.take(T, i)) ** 2), values)


def rows_computed() -> Graph:
    """Which rows is itself computed."""
    T, x = bg.parameter("T", (7, 3)), bg.input("x", ("m",))
    places = bg.cast(bg.square(x) * 6.5, "int64")
    values = values_of(T) | {x: np.array([0.1, 0.9, 0.7, 0.5, 0.5, 1.0])}
    return with_gradients(bg.sum(bg.sin(bg.take(T, places)) * bg.one_hot(places, 7)[:, :3]) + bg.sum(x**2), values)


def running_sums() -> Graph:
    x = bg.input("x", (4, 6))
    return with_gradients(bg.sum(bg.cumsum(x, axis=1) ** 2) + bg.sum(bg.prod(x, axis=1)), values_of(x))


def chosen() -> Graph:
    x, y = bg.input("x", ("m", 17)), bg.input("y", (17,))
    cost = bg.sum(bg.where(x > y, x**2, bg.exp(y))) + bg.sum(bg.max(x, axis=1))
    return with_gradients(cost, values_of(x, y, m=5), bg.argmax(x, axis=1))


def three_axes() -> Graph:
    a, b = bg.input("a", (3, 4, 5)), bg.input("b", (3, 5, 6))
    return with_gradients(bg.sum(bg.sigmoid(bg.einsum("bij,bjk->bik", a, b)).T ** 2), values_of(a, b))


def regression() -> Graph:
    X, t, w, c = bg.input("X", ("m", 5)), bg.input("t", ("m",)), bg.parameter("w", (5,)), bg.parameter("c")
    return with_gradients(bg.huber_loss(X @ w + c, t), values_of(X, t, w, c, m=11))


def entropies() -> Graph:
    U = bg.input("U", ("m", 6))
    return with_gradients(-bg.sum(bg.softmax(U) * bg.log_softmax(U)), values_of(U, m=7))


def gated() -> Graph:
    """Two layers of silu: each needs σ for its value and for its derivative."""
    X, W, V = bg.input("X", ("m", 5)), bg.parameter("W", (5, 4)), bg.parameter("V", (4, 3))
    return with_gradients(bg.sum(bg.silu(bg.silu(X @ W) @ V) ** 2), values_of(X, W, V, m=7))


def one_step() -> Graph:
    """The cost of the example and all its updates, of one minibatch."""
    step, variables, data = example("adam")
    values = {node: array[:13] for node, array in data.items()}
    values |= dict(zip(step.variables, variables, strict=True))
    values |= {node: np.asarray(x) for node, x in zip(step.scalars, step.schedule(2, 1)[0], strict=True)}
    return [*step.outputs, *step.updates], values


PROGRAMS: dict[str, Callable[[], Graph]] = {
    each.__name__: each
    for each in (
        one_step, attention_block, matrix_factorisation, affine_logsumexp, pieces, joined, rows_taken, rows_computed,
        running_sums, chosen, three_axes, regression, entropies, gated,
    )
}  # fmt: skip
"""A dozen, by name."""
