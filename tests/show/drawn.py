"""What is drawn in tests: the shared costs, and others whose graphs have shapes of their own."""

from __future__ import annotations

from typing import Any, NamedTuple

import backgraph as bg
from backgraph.language.node import Node
from backgraph.optim import SGD, Adam
from tests.show.networks import Case, deep, example, page, three_layers


class Drawn(NamedTuple):
    """Costs, targets and names as `draw` takes them, and its options."""

    cost: Node | list[Node]
    wrt: list[Node]
    names: dict[Node, str]
    options: dict[str, Any]


def gallery() -> dict[str, Drawn]:
    """Everything that is looked at."""
    cases = {"example": example(), **page(), "three_layers": three_layers(), **others()}
    drawn = {name: Drawn(*case, {}) for name, case in cases.items()}
    book, several = example(), two_costs()
    drawn |= {
        "forward": Drawn(book.cost, [], book.names, {}),
        "update": Drawn(*book, {"update": SGD(learning_rate=0.1)}),
        "adam": Drawn(*example(False), {"update": Adam()}),
        "paper": Drawn(*book, {"paper": True}),
        "chinese": Drawn(*book, {"lang": "zh"}),
        "dark": Drawn(*book, {"dark": True}),
        "two_costs": Drawn(*several, {}),
        "two_costs_forward": Drawn(several[0], [], several[2], {}),
        "fifty_layers": Drawn(*deep(50), {}),
        "fifty_decayed": Drawn(*decayed(50), {"update": SGD()}),
        "recurrent": Drawn(*recurrent(50), {}),
    }
    return drawn


def others() -> dict[str, Case]:
    """Attention, several losses in one cost, derivatives of derivatives, branches, parameters used in many places."""
    X, y, T = bg.input("X", ("n", "d")), bg.labels("y", ("n",)), bg.input("T", ("n", "d"))
    Q, K, V = (bg.parameter(f"W_{name}", ("d", "d")) for name in "QKV")
    A = bg.softmax((X @ Q) @ (X @ K).T / bg.sqrt(bg.size("d")))
    attention = bg.squared_error(A @ (X @ V), T)
    S, R, w = bg.parameter("S", ("d", "h")), bg.parameter("R", ("h", "k")), bg.parameter("w", ("h",))
    z, mu = bg.input("z", ("n",)), bg.input("mu")
    H = bg.relu(X @ S)
    classes, value = bg.cross_entropy(H @ R, y), bg.squared_error(H @ w, z)
    x, B = bg.parameter("x", ("d",)), bg.input("B", ("d", "d"))
    potential = bg.sum(bg.exp(bg.tanh(B @ x)))
    (slope,) = bg.gradient(potential, x)
    a, b = bg.parameter("a"), bg.parameter("b")
    E, u, v = bg.parameter("E", ("k", "d")), bg.input("u", ("d",)), bg.input("v", ("h",))
    G = bg.relu(X @ Q)
    gated = G * bg.sigmoid(G @ K) + X * (1 - bg.sigmoid(G @ K))
    return {
        "attention": Case(attention, [Q, K, V], {A: "A"}),
        "two_losses": Case(classes + mu * value, [S, R, w], {H: "H", classes: "J_c", value: "J_v"}),
        "penalised_gradient": Case(potential + mu * bg.sum(slope**2), [x], {slope: "g"}),
        "second_derivative": Case(bg.sum(slope * u), [x], {}),
        "scalars": Case(a * b + bg.sin(a), [a, b], {}),
        "bilinear": Case(u @ S @ v, [S], {}),
        "embedding": Case(bg.cross_entropy(bg.take(E, y) @ S @ R, y), [E, S], {}),
        "highway": Case(bg.squared_error(gated, T), [Q, K], {}),
    }


def two_costs() -> tuple[list[Node], list[Node], dict[Node, str]]:
    """Two costs of one network, each with its own gradient."""
    X, y, z = bg.input("X", ("m", "n")), bg.labels("y"), bg.input("z", ("m",))
    W, V, w = bg.parameter("W", ("n", "h")), bg.parameter("V", ("h", "k")), bg.parameter("w", ("h",))
    H = bg.relu(X @ W)
    return [bg.cross_entropy(H @ V, y), bg.squared_error(H @ w, z)], [W, V, w], {H: "H"}


def decayed(layers: int) -> Case:
    """A net of so many layers whose weights decay."""
    H, parameters = bg.input("X", ("m", "d")), list[Node]()
    for layer in range(1, layers + 1):
        W = bg.parameter(f"W{layer}", ("d" if layer == 1 else "h", "k" if layer == layers else "h"))
        parameters.append(W)
        H = bg.relu(H @ W) if layer < layers else H @ W
    decay = bg.sum(parameters[0] ** 2)
    for W in parameters[1:]:
        decay = decay + bg.sum(W**2)
    return Case(bg.cross_entropy(H, bg.labels("y")) + bg.input("lam") * decay, parameters, {})


def recurrent(steps: int) -> Case:
    """A recurrent net unrolled: one weight used in every step."""
    W, V, h = bg.parameter("W", ("h", "h")), bg.parameter("V", ("d", "h")), bg.input("h0", ("m", "h"))
    names: dict[Node, str] = {}
    for step in range(1, steps + 1):
        h = bg.tanh(h @ W + bg.input(f"x{step}", ("m", "d")) @ V)
        names[h] = f"h{step}"
    return Case(bg.squared_error(h, bg.input("t", ("m", "h"))), [W, V], names)
