"""Losses: of examples, then reduced by mean (the default), sum, or not at all.

The mean over a minibatch is the convention of section 6.5.7; with `weights` it is Σ w_i l_i / Σ w_i. Cross-entropy
takes unnormalised log-probabilities (any real numbers u; the probabilities are softmax(u)) and is computed stably from
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backgraph.errors import BackgraphError, DataError, GraphError
from backgraph.language import notation
from backgraph.language.check import here, mismatch
from backgraph.language.decimals import complement
from backgraph.language.dims import Dim, Shape, as_dim
from backgraph.language.node import FLOATS, Node, Operand
from backgraph.language.op import Array, Elementwise, Operation, Parametrised, found_at, total
from backgraph.language.ops import reduce
from backgraph.language.ops.elementwise import absolute, clip, exp, maximum, softplus, square, xlogy
from backgraph.language.ops.shape import expand


@dataclass(frozen=True)
class OneHot(Parametrised):
    """Row i has a 1 in column y_i and 0 elsewhere: `()->(k)`, k classes. A label outside 0 … k−1 is refused."""

    name: ClassVar[str] = "one_hot"
    signature: ClassVar[str] = "()->(k)"

    depth: Dim
    to: str

    def shape(self, *inputs: Node) -> Shape:
        if inputs[0].dtype != "int64":
            raise mismatch(self.name, self.signature, inputs, f"labels must be integers, not {inputs[0].dtype}")
        return (*inputs[0].shape, self.depth)  # type: ignore[misc]

    def dtype(self, *inputs: Node) -> str:
        return self.to

    def numpy(self, *arrays: Array) -> Array:
        (y,) = arrays
        depth = int(self.depth)  # type: ignore[arg-type]  # concrete when evaluated
        return (self.inside(y, depth)[..., None] == np.arange(depth)).astype(self.to)

    def indexed(self, inputs: tuple[Node, ...]) -> tuple[Node, Dim] | None:
        return inputs[0], self.depth

    def outside(self, index: int, at: tuple[int, ...], size: int) -> BackgraphError:
        expected = f"0 … {size - 1}"
        return DataError("BG206", self.name, "a label is not a class", got=found_at(index, at), expected=expected)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return None

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        return None

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Apply("onehot", trees)


@dataclass(frozen=True)
class CrossEntropy(Operation):
    """−Σ_k t_k log softmax(u)_k of unnormalised log-probabilities u and target probabilities t: `(k),(k)->()`.

    A logit of −∞ where the target is 0 contributes 0. Section 6.2.2.3.
    """

    name: ClassVar[str] = "cross_entropy"
    signature: ClassVar[str] = "(k),(k)->()"

    def numpy(self, *arrays: Array) -> Array:
        u, t = arrays
        logs = reduce.LogSoftmax().numpy(u)
        return -np.sum(t * np.where((t == 0) & np.isneginf(np.real(logs)), 0, logs), axis=-1)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        u, t = inputs
        spread = expand(G, (u.rank - 1,), u.shape)
        if position == 1:
            return -(reduce.log_softmax(u) * spread)
        return (reduce.softmax(u) * expand(reduce.sum(t, axis=-1), (u.rank - 1,), u.shape) - t) * spread

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        u, t = inputs
        into_u, into_t = tangents
        parts: list[Node] = []
        if into_u is not None:
            slope = reduce.softmax(u) * expand(reduce.sum(t, axis=-1), (u.rank - 1,), u.shape) - t
            parts.append(reduce.sum(slope * into_u, axis=-1))
        if into_t is not None:
            parts.append(-reduce.sum(reduce.log_softmax(u) * into_t, axis=-1))
        return total(parts)


huber = Elementwise(
    "huber", "e²/2 if |e| ≤ δ else δ (|e| − δ/2)",
    lambda e, d: np.where(abs(e.real) <= d.real, e * e / 2, d * (np.where(e.real < 0, -e, e) - d / 2)),
    lambda G, y, e, d: clip(e, -d, d) * G, lambda G, y, e, d: maximum(absolute(e) - d, 0.0) * G,
    ties="both branches agree at |e| = δ", domain="real, positive", source="Huber (1964)",
)  # fmt: skip


def one_hot(y: Node, depth: Dim | str, dtype: str = "float64") -> Node:
    """Indices as rows of zeros with a single one; `depth` is the number of classes."""
    return OneHot(as_dim(depth), dtype).apply(y)


def reduced(losses: Node, reduction: str, weights: Node | None = None) -> Node:
    """Losses of examples, weighted, then "mean", "sum" or "none". Raises GraphError BG109."""
    if reduction not in ("mean", "sum", "none"):
        raise GraphError("BG109", f"{here()} loss", "unknown reduction", got=reduction, expected="mean, sum or none")
    weighted = losses if weights is None else weights * losses
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return reduce.sum(weighted)
    return reduce.mean(weighted) if weights is None else reduce.sum(weighted) / reduce.sum(weights)


def as_distribution(like: Node, y: Node, label_smoothing: float = 0.0) -> Node:
    """Labels (indices, one-hot rows or soft targets) as target probabilities in the shape of `like`."""
    if not 0 <= label_smoothing < 1:
        where_ = f"{here()} cross_entropy"
        raise GraphError("BG109", where_, "label_smoothing out of range", got=label_smoothing, expected="0 ≤ s < 1")
    target = one_hot(y, like.shape[-1], like.dtype) if y.dtype not in FLOATS else y  # type: ignore[index]
    if target.shape != like.shape:
        raise mismatch("cross_entropy", "(m,k),(m)->()", [like, y], "labels and logits do not match")
    if not label_smoothing:
        return target
    classes = reduce.count_of(like, axis=-1)
    return complement(label_smoothing) * target + label_smoothing / classes


def cross_entropy(
    U: Node, y: Node, reduction: str = "mean", weights: Node | None = None, label_smoothing: float = 0.0
) -> Node:
    """Cross-entropy of labels under softmax(U); U are unnormalised log-probabilities, one row an example.

    `y`: integer indices (m), one-hot or soft targets (m, k). Minimising it is maximum likelihood. Section 6.5.7.
    """
    return reduced(CrossEntropy().apply(U, as_distribution(U, y, label_smoothing)), reduction, weights)


def nll(p: Node, y: Node, reduction: str = "mean", weights: Node | None = None) -> Node:
    """C = −log p_y, the negative log-likelihood of labels under probabilities `p`; ∇_p C = [0 … −1/p_y … 0]ᵀ."""
    return reduced(-reduce.sum(xlogy(as_distribution(p, y), p), axis=-1), reduction, weights)


def squared_error(prediction: Node, target: Node, reduction: str = "mean", weights: Node | None = None) -> Node:
    """(prediction − target)²."""
    return reduced(square(prediction - target), reduction, weights)


def absolute_error(prediction: Node, target: Node, reduction: str = "mean", weights: Node | None = None) -> Node:
    """|prediction − target|."""
    return reduced(absolute(prediction - target), reduction, weights)


def huber_loss(
    prediction: Node, target: Node, delta: Operand = 1.0, reduction: str = "mean", weights: Node | None = None
) -> Node:
    """Quadratic near 0, linear beyond `delta`."""
    return reduced(huber(prediction - target, delta), reduction, weights)


def quantile_loss(
    prediction: Node, target: Node, q: float = 0.5, reduction: str = "mean", weights: Node | None = None
) -> Node:
    """max(q e, (q − 1) e) with e = target − prediction; its minimiser is the q-quantile. Koenker and Bassett (1978)."""
    if not 0 < q < 1:
        raise GraphError("BG109", f"{here()} quantile_loss", "q out of range", got=q, expected="0 < q < 1")
    error = target - prediction
    return reduced(maximum(q * error, -complement(q) * error), reduction, weights)


def poisson_loss(u: Node, target: Node, reduction: str = "mean", weights: Node | None = None) -> Node:
    """exp(u) − target u: the negative log-likelihood of counts with log-rate u, less a constant."""
    return reduced(exp(u) - target * u, reduction, weights)


def binary_cross_entropy(u: Node, target: Node, reduction: str = "mean", weights: Node | None = None) -> Node:
    """softplus(u) − target u: cross-entropy of 0/1 targets under sigmoid(u), from the logit u, stable."""
    return reduced(softplus(u) - target * u, reduction, weights)
