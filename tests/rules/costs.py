"""Twenty-one costs that people write, each with the leaves its gradient is wanted for."""

from __future__ import annotations

from collections.abc import Callable

import backgraph as bg
from backgraph.language.node import Node

Case = tuple[Node, list[Node]]


def two_layers() -> Case:
    X, y, lam = bg.input("X", ("m", "d")), bg.labels("y"), bg.input("lam")
    W1, W2 = bg.parameter("W1", ("d", "h")), bg.parameter("W2", ("h", "k"))
    U2 = bg.relu(X @ W1) @ W2
    return bg.cross_entropy(U2, y) + lam * (bg.sum(W1**2) + bg.sum(W2**2)), [W1, W2]


def deep_net() -> Case:
    X, y = bg.input("X", ("m", "d")), bg.labels("y")
    shapes = (("d", "h"), ("h", "h"), ("h", "k"))
    W = [bg.parameter(f"W{i}", shape) for i, shape in enumerate(shapes, 1)]
    b = [bg.parameter(f"b{i}", shape[1:]) for i, shape in enumerate(shapes, 1)]
    H = bg.relu(bg.relu(X @ W[0] + b[0]) @ W[1] + b[1])
    return bg.cross_entropy(H @ W[2] + b[2], y), [*W, *b]


def tied_weights() -> Case:
    X, W = bg.input("X", ("m", "d")), bg.parameter("W", ("d", "h"))
    return bg.mean((bg.tanh(X @ W) @ W.T - X) ** 2), [W]


def softmax_with_temperature() -> Case:
    U, y, T = bg.parameter("U", ("m", "k")), bg.labels("y"), bg.input("T")
    return bg.nll(bg.softmax(U / T), y), [U]


def gated_linear_unit() -> Case:
    X, Y = bg.input("X", ("m", "d")), bg.input("Y", ("m", "k"))
    V, W = bg.parameter("V", ("d", "k")), bg.parameter("W", ("d", "k"))
    return bg.mean(((X @ V) * bg.sigmoid(X @ W) - Y) ** 2), [V, W]


def layer_norm() -> Case:
    x, t = bg.parameter("x", ("m", "h")), bg.input("t", ("m", "h"))
    g = bg.parameter("g", ("h",))
    centred = x - bg.mean(x, axis=-1, keepdims=True)
    deviation = (bg.mean(centred**2, axis=-1, keepdims=True) + 1e-5) ** 0.5
    return bg.sum((g * centred / deviation) * t), [x, g]


def bilinear() -> Case:
    x, y, A = bg.input("x", ("n",)), bg.input("y", ("k",)), bg.parameter("A", ("n", "k"))
    return x @ A @ y, [A]


def matrix_factorisation() -> Case:
    R = bg.input("R", ("m", "n"))
    P, Q = bg.parameter("P", ("m", "r")), bg.parameter("Q", ("n", "r"))
    return bg.sum((R - P @ Q.T) ** 2) + 0.1 * (bg.sum(P**2) + bg.sum(Q**2)), [P, Q]


def logsumexp_of_affine() -> Case:
    A, x, b = bg.input("A", ("k", "n")), bg.parameter("x", ("n",)), bg.input("b", ("k",))
    return bg.log(bg.sum(bg.exp(A @ x + b))), [x]


def poisson() -> Case:
    X, y, w = bg.input("X", ("m", "d")), bg.input("y", ("m",)), bg.parameter("w", ("d",))
    return bg.poisson_loss(X @ w, y), [w]


def huber() -> Case:
    X, y, w = bg.input("X", ("m", "d")), bg.input("y", ("m",)), bg.parameter("w", ("d",))
    return bg.huber_loss(X @ w, y, 1.5), [w]


def l1() -> Case:
    w = bg.parameter("w", ("d",))
    return 0.1 * bg.sum(abs(w)), [w]


def x_to_the_x() -> Case:
    x = bg.parameter("x", ("n",))
    return bg.sum(x**x), [x]


def logistic_regression() -> Case:
    X, y, w = bg.input("X", ("m", "d")), bg.input("y", ("m",)), bg.parameter("w", ("d",))
    return bg.binary_cross_entropy(X @ w, y), [w]


def ridge() -> Case:
    X, y, w, lam = bg.input("X", ("m", "d")), bg.input("y", ("m",)), bg.parameter("w", ("d",)), bg.input("lam")
    return bg.mean((X @ w - y) ** 2) + lam * bg.sum(w**2), [w]


def attention() -> Case:
    Q, K, V = (bg.parameter(name, ("n", "d")) for name in "QKV")
    return bg.sum(bg.softmax(Q @ K.T / bg.size("d") ** 0.5) @ V), [Q, K, V]


def elastic_net() -> Case:
    X, y, w = bg.input("X", ("m", "d")), bg.input("y", ("m",)), bg.parameter("w", ("d",))
    a, b = bg.input("a"), bg.input("b")
    return bg.mean((X @ w - y) ** 2) / 2 + a * bg.sum(abs(w)) + b / 2 * bg.sum(w**2), [w]


def radial_basis() -> Case:
    x, c, g = bg.parameter("x", ("n",)), bg.parameter("c", ("n",)), bg.input("g")
    return bg.exp(-g * bg.sum((x - c) ** 2)), [x, c]


def quantile() -> Case:
    X, y, w = bg.input("X", ("m", "d")), bg.input("y", ("m",)), bg.parameter("w", ("d",))
    return bg.quantile_loss(X @ w, y, 0.9), [w]


def label_smoothing() -> Case:
    U, y = bg.parameter("U", ("m", "k")), bg.labels("y")
    return bg.cross_entropy(U, y, label_smoothing=0.1), [U]


def residual_block() -> Case:
    X, T = bg.input("X", ("m", "h")), bg.input("T", ("m", "h"))
    V, W = bg.parameter("V", ("h", "h")), bg.parameter("W", ("h", "h"))
    return bg.mean((X + bg.relu(X @ V) @ W - T) ** 2), [V, W]


COSTS: tuple[Callable[[], Case], ...] = (
    two_layers, deep_net, tied_weights, softmax_with_temperature, gated_linear_unit, layer_norm, bilinear,
    matrix_factorisation, logsumexp_of_affine, poisson, huber, l1, x_to_the_x, logistic_regression, ridge, attention,
    elastic_net, radial_basis, quantile, label_smoothing, residual_block,
)  # fmt: skip
