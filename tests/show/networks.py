"""Costs that the tests of showing share: the book's example and its relatives, and a page of others."""

from __future__ import annotations

from typing import NamedTuple

import backgraph as bg
from backgraph.language.node import Node


class Case(NamedTuple):
    cost: Node
    wrt: list[Node]
    names: dict[Node, str]


def example(named: bool = True) -> Case:
    """The MLP of section 6.5.7, with names for its intermediates or without."""
    X, y, lam = bg.input("X", ("m", "n")), bg.labels("y"), bg.input("lam")
    W1, W2 = bg.parameter("W1", ("n", "h")), bg.parameter("W2", ("h", "k"))
    U1 = X @ W1
    H = bg.relu(U1)
    U2 = H @ W2
    J = bg.cross_entropy(U2, y) + lam * (bg.sum(W1**2) + bg.sum(W2**2))
    return Case(J, [W1, W2], {U1: "U1", H: "H", U2: "U2", J: "J"} if named else {})


def three_layers() -> Case:
    """A deeper relative with other names, another activation, and biases."""
    data, t, mu = bg.input("A0", ("b", "d")), bg.labels("t", ("b",)), bg.input("mu")
    V1, V2, V3 = (bg.parameter(f"V{i}", s) for i, s in enumerate([("d", "p"), ("p", "q"), ("q", "c")], start=1))
    c1 = bg.parameter("c1", ("p",))
    A1 = bg.tanh(data @ V1 + c1)
    A2 = bg.relu(A1 @ V2)
    L = bg.cross_entropy(A2 @ V3, t) + mu * bg.sum(V3**2)
    return Case(L, [V1, c1, V2, V3], {A1: "A1", A2: "A2", L: "L"})


def page() -> dict[str, Case]:
    """Costs of many kinds."""
    X, y, t = bg.input("X", ("m", "n")), bg.labels("y"), bg.input("t", ("m", "k"))
    z, lam, T = bg.input("z", ("m",)), bg.input("lam"), bg.input("T")
    W1, W2, W = bg.parameter("W1", ("n", "h")), bg.parameter("W2", ("h", "k")), bg.parameter("W", ("n", "n"))
    g, b, w, x = (bg.parameter(name, (dim,)) for name, dim in (("g", "h"), ("b1", "h"), ("w", "n"), ("x", "n")))
    A, Wa, Wb = bg.input("A", ("n", "n")), bg.parameter("Wa", ("n", "h")), bg.parameter("Wb", ("n", "h"))
    P, Q, R = bg.parameter("P", ("a", "r")), bg.parameter("Q", ("b", "r")), bg.input("R", ("a", "b"))
    s, p, q = bg.parameter("s"), bg.parameter("p", (3,)), bg.parameter("q", (2,))
    U = X @ W1
    centred = U - bg.mean(U, axis=-1, keepdims=True)
    scaled = centred / bg.sqrt(bg.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
    H = bg.relu(X @ W)
    return {
        "logistic": Case(bg.mean(bg.log(1 + bg.exp(-z * (X @ w)))) + lam * bg.sum(w * w), [w], {}),
        "tying": Case(bg.cross_entropy(bg.relu(bg.relu(X @ W) @ W) @ bg.transpose(W), y), [W], {}),
        "temperature": Case(bg.nll(bg.softmax(bg.relu(X @ W1) @ W2 / T), y), [W1, T], {}),
        "glu": Case(bg.squared_error((X @ Wa) * bg.sigmoid(X @ Wb) @ W2, t), [Wa, Wb, W2], {}),
        "layer_norm": Case(bg.cross_entropy((scaled * g + b) @ W2, y), [W1, g, b], {}),
        "quadratic": Case(x @ A @ x, [x], {}),
        "factorisation": Case(bg.sum((R - P @ bg.transpose(Q)) ** 2) + lam * (bg.sum(P**2) + bg.sum(Q**2)), [P, Q], {}),
        "log_sum_exp": Case(bg.logsumexp(A @ x + w), [x], {}),
        "poisson": Case(bg.poisson_loss(X @ w, z), [w], {}),
        "huber_l1": Case(bg.huber_loss(X @ w, z) + lam * bg.sum(abs(w)), [w], {}),
        "self_power": Case(s**s, [s], {}),
        "residual": Case(bg.cross_entropy((H + bg.relu(H @ W)) @ W1 @ W2, y), [W], {H: "H"}),
        "diamond": Case(bg.exp(s) * bg.sin(s), [s], {}),
        "maximum": Case(bg.sum(bg.maximum(x, w)), [x, w], {}),
        "slices": Case(bg.sum(bg.square(bg.concatenate(p, q)[1:])), [q], {}),
    }


def deep(layers: int) -> Case:
    """A net with biases of so many layers."""
    H, parameters = bg.input("X", ("m", "n")), list[Node]()
    for layer in range(1, layers + 1):
        W, b = bg.parameter(f"W{layer}", ("n", "n")), bg.parameter(f"b{layer}", ("n",))
        parameters += [W, b]
        H = bg.relu(H @ W + b)
    return Case(bg.cross_entropy(H, bg.labels("y")), parameters, {})
