"""Algorithms 6.3 and 6.4: a fully connected net of L layers, forwards and backwards, as a recurrence in ℓ.

    x, y         one example, a column, and its target
    W⁽ℓ⁾, b⁽ℓ⁾   weights and biases of layer ℓ = 1 … L
    a⁽ℓ⁾, h⁽ℓ⁾   before and after the activation f; h⁽⁰⁾ = x and ŷ = h⁽ᴸ⁾
    λ Ω(θ)       the regulariser of all weights and biases θ
    g            the gradient on its way down

Here the recurrence is written by hand, as the book does before it has a graph; `gradient` has to find the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backgraph.calculus.backprop import backpropagate
from backgraph.language.node import Node, Operand
from backgraph.language.op import Operation
from backgraph.language.ops.leaf import constant, input
from backgraph.language.ops.linear import Outer, matmul
from backgraph.language.ops.reduce import sum
from backgraph.language.ops.shape import swapped, zeros_like
from backgraph.language.walk import substitute

Loss = Callable[[Node, Node], Node]
Penalty = Callable[[Sequence[Node]], Node]

FORWARD = """\
h⁽⁰⁾ = x
for ℓ = 1, …, {L}:
    a⁽ℓ⁾ = b⁽ℓ⁾ + W⁽ℓ⁾ h⁽ℓ⁻¹⁾
    h⁽ℓ⁾ = {f}(a⁽ℓ⁾)
ŷ = h⁽{top}⁾
J = {loss}(ŷ, y) + λ Ω(θ)
"""

BACKWARD = """\
g ← ∇_ŷ {loss}(ŷ, y)
for ℓ = {L}, …, 1:
    g ← ∇_{{a⁽ℓ⁾}} J = g ⊙ {f}′(a⁽ℓ⁾)
    ∇_{{b⁽ℓ⁾}} J = g + λ ∇_{{b⁽ℓ⁾}} Ω(θ)
    ∇_{{W⁽ℓ⁾}} J = g h⁽ℓ⁻¹⁾ᵀ + λ ∇_{{W⁽ℓ⁾}} Ω(θ)
    g ← ∇_{{h⁽ℓ⁻¹⁾}} J = W⁽ℓ⁾ᵀ g
"""

SUPERSCRIPTS = str.maketrans("0123456789L", "⁰¹²³⁴⁵⁶⁷⁸⁹ᴸ")


def squares(theta: Sequence[Node]) -> Node:
    """Ω(θ) = Σ θ², the sum of squared Frobenius norms."""
    total: Node = constant(0.0, theta[0].dtype)
    for each in theta:
        total = total + sum(each * each)
    return total


@dataclass(frozen=True)
class FullyConnected:
    """A net of L layers for one example; `activation` is the card of an elementwise operation of one operand."""

    weights: tuple[Node, ...]
    biases: tuple[Node, ...]
    activation: Operation
    loss: Loss
    decay: Operand = 0.0
    penalty: Penalty = squares

    @property
    def theta(self) -> tuple[Node, ...]:
        """All weights and biases."""
        return self.weights + self.biases

    def regulariser(self) -> Node:
        """λ Ω(θ)."""
        return self.decay * self.penalty(self.theta)


@dataclass(frozen=True)
class Forward:
    """What algorithm 6.3 computes: a⁽ℓ⁾ for ℓ = 1 … L, h⁽ℓ⁾ for ℓ = 0 … L, and J."""

    a: tuple[Node, ...]
    h: tuple[Node, ...]
    J: Node


@dataclass(frozen=True)
class Backward:
    """What algorithm 6.4 computes: ∇_{W⁽ℓ⁾} J and ∇_{b⁽ℓ⁾} J for ℓ = 1 … L."""

    weights: tuple[Node, ...]
    biases: tuple[Node, ...]


def forward(net: FullyConnected, x: Node, y: Node) -> Forward:
    """Algorithm 6.3, line by line."""
    a: list[Node] = []
    h = [x]
    for W, b in zip(net.weights, net.biases, strict=True):
        a.append(b + matmul(W, h[-1]))
        h.append(net.activation(a[-1]))
    J = net.loss(h[-1], y) + net.regulariser()
    return Forward(tuple(a), tuple(h), J)


def backward(net: FullyConnected, done: Forward, y: Node) -> Backward:
    """Algorithm 6.4, line by line; f′ and ∇_ŷ L come from the cards."""
    g = _slope_of_loss(net.loss, done.h[-1], y)
    of_penalty, _ = backpropagate(net.regulariser(), net.theta)
    of_W, of_b = list[Node](), list[Node]()
    for W, b, a, h_below in reversed(list(zip(net.weights, net.biases, done.a, done.h[:-1], strict=True))):
        g = _through(net.activation, a, g)
        of_b.append(g + of_penalty.get(b, zeros_like(b)))
        of_W.append(Outer()(g, h_below) + of_penalty.get(W, zeros_like(W)))
        g = matmul(swapped(W), g)
    return Backward(tuple(reversed(of_W)), tuple(reversed(of_b)))


def recurrence(depth: int | None = None, activation: str = "f", loss: str = "L") -> str:
    """Both algorithms as text, for `depth` layers or for L of them."""
    L = "L" if depth is None else str(depth)
    top = L.translate(SUPERSCRIPTS)
    return "\n".join(part.format(L=L, top=top, f=activation, loss=loss) for part in (FORWARD, BACKWARD))


def _through(activation: Operation, a: Node, g: Node) -> Node:
    slope = activation.bprop((a,), 0, g)
    return zeros_like(a) if slope is None else slope


def _slope_of_loss(loss: Loss, prediction: Node, y: Node) -> Node:
    """∇_ŷ L(ŷ, y), of the loss alone: ŷ is a leaf here."""
    leaf = input("ŷ", prediction.shape, prediction.dtype)
    table, _ = backpropagate(loss(leaf, y), [leaf])
    return substitute([table.get(leaf, zeros_like(leaf))], {leaf: prediction})[0]
