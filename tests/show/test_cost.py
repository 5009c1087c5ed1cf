"""Accounts: the formulas of section 6.5.7, the same numbers counted while evaluating, lifetimes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import backgraph as bg
from backgraph.errors import CalculusError
from backgraph.language.dims import symbol
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.linear import Bilinear
from backgraph.rules import simplify
from backgraph.show.cost import Accounts, accounts

m, d, h, k = (symbol(name) for name in "mdhk")


def example() -> tuple[Node, list[Node], dict[Node, str]]:
    X, y, lam = bg.input("X", ("m", "d")), bg.labels("y"), bg.input("lam")
    W1, W2 = bg.parameter("W1", ("d", "h")), bg.parameter("W2", ("h", "k"))
    U1 = X @ W1
    H = bg.relu(U1)
    U2 = H @ W2
    cost = bg.cross_entropy(U2, y) + lam * (bg.sum(W1**2) + bg.sum(W2**2))
    return cost, [W1, W2], {U1: "U1", H: "H", U2: "U2"}


def deep(layers: int) -> tuple[Node, list[Node]]:
    H, y = bg.input("X", ("m", "n0")), bg.labels("y")
    weights = [bg.parameter(f"W{n + 1}", (f"n{n}", f"n{n + 1}")) for n in range(layers)]
    for W in weights[:-1]:
        H = bg.relu(H @ W)
    return bg.cross_entropy(H @ weights[-1], y), weights


def counted(outputs: Sequence[Node], sizes: dict[str, int]) -> int:
    """Multiply-adds of products, counted from the arrays themselves as the evaluator makes them."""
    seen: dict[Node, Array] = {}
    total = 0

    def watch(node: Node, value: Array) -> Array:
        nonlocal total
        seen[node] = value
        if isinstance(node.op, Bilinear):
            total += value.size * seen.get(node.inputs[0], values.get(node.inputs[0])).shape[-1]  # type: ignore[union-attr]
        return value

    values: dict[Node, Array] = {}
    from backgraph.language.walk import leaves

    for leaf in leaves(outputs):
        shape = [dim.at(sizes) if not isinstance(dim, int) else dim for dim in leaf.shape]  # type: ignore[union-attr]
        values[leaf] = np.zeros(shape, leaf.dtype)  # type: ignore[arg-type]
    bg.evaluate(outputs, values, watch)
    return total


def test_the_example_costs_what_the_section_says() -> None:
    found = accounts(*example())
    assert found.forward == m * (d * h + h * k)
    assert found.backward == m * (d * h + 2 * h * k)


@pytest.mark.parametrize("layers", range(2, 9))
def test_a_net_of_any_depth(layers: int) -> None:
    cost, weights = deep(layers)
    found = accounts(cost, weights)
    w = [symbol(f"n{n}") * symbol(f"n{n + 1}") for n in range(layers)]
    everything = sum(w[1:], start=w[0])
    assert found.forward == m * everything
    assert found.backward == m * (2 * everything - w[0])


@pytest.mark.parametrize("layers", [2, 3, 8])
def test_the_evaluator_counts_the_same(layers: int) -> None:
    cost, weights = deep(layers)
    sizes = {"m": 5, **{f"n{n}": 2 + n % 3 for n in range(layers + 1)}}
    found = accounts(cost, weights)
    outputs = simplify([cost, *bg.gradient(cost, weights).nodes]).nodes
    total = found.forward + found.backward
    assert counted(outputs[:1], sizes) == found.forward.at(sizes)  # type: ignore[union-attr]
    assert counted(outputs, sizes) == total.at(sizes)  # type: ignore[union-attr]


def lifetime(found: Accounts, name: str) -> tuple[int, int]:
    (life,) = [each for each in found.lifetimes if each.name == name]
    return life.made, life.last


def test_what_the_hidden_layer_needs_lives_until_the_backward_pass_returns_to_it() -> None:
    found = accounts(*example())
    made, last = lifetime(found, "U⁽¹⁾")
    assert last == lifetime(found, "H")[0] == made + 1  # relu's mask needs only H
    assert lifetime(found, "H")[1] > lifetime(found, "∇H J")[0] > found.turn
    assert [life.name for life in found.kept] == ["H", "U⁽²⁾", "onehot(y)"]
    (H,) = [life for life in found.kept if life.name == "H"]
    assert H.bytes == 8 * m * h


def test_peak_is_the_most_alive_at_once() -> None:
    found = accounts(*example())
    sizes = {"m": 32, "d": 64, "h": 64, "k": 10}
    step, most = found.peak(sizes)
    live = [found.live(line.step).at(sizes) for line in found.lines]  # type: ignore[union-attr]
    assert most == max(live) == live[step - 1]
    with pytest.raises(CalculusError, match="a size is not given"):
        found.peak({"m": 32})


def test_tables_read_well(golden: object) -> None:
    found = accounts(*example())
    table = f"{found}\n\n{found.table({'m': 32, 'd': 64, 'h': 64, 'k': 10})}\n"
    golden("show/cost.txt", table)  # type: ignore[operator]
