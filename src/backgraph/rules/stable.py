"""Stability: expressions that overflow, underflow or cancel become operations that do not (section 4.1).

    log softmax(x)  →  log_softmax(x)    softmax underflows to 0, whose logarithm is −∞
    log(1 + eˣ)     →  softplus(x)       eˣ overflows
    eˣ − 1          →  expm1(x)          near 0 all digits cancel

The equations are exact; only the rounding differs. `extreme` gives a value of x (of every hole, if there are several)
at which the left side fails in float64 and the right side is right.
"""

from __future__ import annotations

from backgraph.language.node import Node
from backgraph.language.ops.elementwise import exp, expm1, log, log1p, sigmoid, silu, softplus, xdivy, xlogy
from backgraph.language.ops.loss import CrossEntropy
from backgraph.language.ops.reduce import log_softmax, logsumexp, softmax, sum
from backgraph.language.ops.shape import expand
from backgraph.rules.rule import Hole, Rule, Sides, positive, rules_into

STABLE: list[Rule] = []
rule = rules_into(STABLE)


@rule(U="m k", extreme={"U": 1e4})
def log_of_softmax(U: Node) -> Sides:
    """log softmax(U) = log_softmax(U)."""
    return log(softmax(U)), log_softmax(U)


@rule(U="m k", extreme={"U": 1e4})
def log_of_sum_of_exp(U: Node) -> Sides:
    """log Σ_k eᵘ = logsumexp(U)."""
    return log(sum(exp(U), axis=-1)), logsumexp(U)


@rule(U="m k", extreme={"U": 1e4})
def softmax_written_out(U: Node) -> Sides:
    """eᵘ / Σ_k eᵘ = softmax(U)."""
    return exp(U) / _copied(sum(exp(U), axis=-1), U), softmax(U)


@rule(U="m k", g="m", extreme={"U": 1e4})
def softmax_as_slope(U: Node, g: Node) -> Sides:
    """(g / Σ_k eᵘ) eᵘ = g softmax(U): the gradient of g log Σ eᵘ."""
    return _copied(g / sum(exp(U), axis=-1), U) * exp(U), _copied(g, U) * softmax(U)


@rule(U="m k")
def less_logsumexp(U: Node) -> Sides:
    """U − logsumexp(U) = log_softmax(U)."""
    return U - _copied(logsumexp(U), U), log_softmax(U)


@rule(U="m k")
def exp_of_log_softmax(U: Node) -> Sides:
    """exp log_softmax(U) = softmax(U)."""
    return exp(log_softmax(U)), softmax(U)


@rule(U="m k", T=Hole("m k", "any", "distribution"), extreme={"U": 1e4})
def cross_entropy_of_softmax(U: Node, T: Node) -> Sides:
    """−Σ_k t log softmax(U) = cross_entropy(U, T)."""
    return sum(xlogy(T, softmax(U)), axis=-1), -CrossEntropy().apply(U, T)


@rule(U="m k", T=Hole("m k", "any", "distribution"))
def cross_entropy_of_log_softmax(U: Node, T: Node) -> Sides:
    """−Σ_k t log_softmax(U) = cross_entropy(U, T)."""
    return sum(T * log_softmax(U), axis=-1), -CrossEntropy().apply(U, T)


@rule(p=positive("m k"), T="m k")
def times_ratio(p: Node, T: Node) -> Sides:
    """p (T/p) = T."""
    return p * xdivy(T, p), T


@rule(p=positive("m k"), T="m k")
def times_one_less_ratio(p: Node, T: Node) -> Sides:
    """p (1 − T/p) = p − T: the gradient of −Σ T log p through a softmax."""
    return p * (1.0 - xdivy(T, p)), p - T


@rule(p=positive("m k"), T="m k")
def times_ratio_less_one(p: Node, T: Node) -> Sides:
    """p (T/p − 1) = T − p."""
    return p * (xdivy(T, p) - 1.0), T - p


@rule(x="m n", extreme={"x": -1e4})
def log_of_sigmoid(x: Node) -> Sides:
    """log σ(x) = −softplus(−x)."""
    return log(sigmoid(x)), -softplus(-x)


@rule(x="m n", extreme={"x": 1e4})
def log_of_one_less_sigmoid(x: Node) -> Sides:
    """log(1 − σ(x)) = −softplus(x)."""
    return log(1.0 - sigmoid(x)), -softplus(x)


@rule(x=positive("m n"))
def log_of_one_more(x: Node) -> Sides:
    """log(1 + x) = log1p(x)."""
    return log(1.0 + x), log1p(x)


@rule(x="m n")
def exp_less_one(x: Node) -> Sides:
    """eˣ − 1 = expm1(x)."""
    return exp(x) - 1.0, expm1(x)


@rule(x="m n", extreme={"x": 1e4})
def log_of_one_more_exp(x: Node) -> Sides:
    """log1p(eˣ) = softplus(x)."""
    return log1p(exp(x)), softplus(x)


@rule(x="m n", extreme={"x": 1e4})
def log_of_exp(x: Node) -> Sides:
    """log eˣ = x."""
    return log(exp(x)), x


@rule(x="m n")
def sigmoid_written_out(x: Node) -> Sides:
    """1 / (1 + e⁻ˣ) = σ(x)."""
    return 1.0 / (1.0 + exp(-x)), sigmoid(x)


@rule(x="m n")
def silu_written_out(x: Node) -> Sides:
    """x σ(x) = silu(x)."""
    return x * sigmoid(x), silu(x)


def _copied(x: Node, like: Node) -> Node:
    return expand(x, (like.rank - 1,), like.shape)
