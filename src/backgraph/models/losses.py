"""Losses by name: what each example costs, given the last U and the target, and what the network says from U.

    U          m × k: unnormalised log-probabilities, logits, or the prediction itself
    y          classification: class numbers (m); multilabel: zeros and ones (m × k); regression: numbers (m × k)
    losses     one for each example (m), or for each example and output (m × k); the cost is their mean

A function of (U, y) written in the graph language serves as well as a name. Sources: section 6.2.2 of Goodfellow et al.
(2016); label smoothing: Szegedy et al. (2016), section 7.5.1; the others are named at their operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from backgraph.errors import GraphError, TrainingError, nearest
from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.ops import loss
from backgraph.language.ops.elementwise import exp, sigmoid
from backgraph.language.ops.reduce import softmax
from backgraph.language.ops.reduce import sum as summed

Losses: TypeAlias = Callable[[Node, Node], Node]
LossName: TypeAlias = str | Losses

CLASSIFICATION, MULTILABEL, REGRESSION = "classification", "multilabel", "regression"
TASKS = (CLASSIFICATION, REGRESSION, MULTILABEL)


@dataclass(frozen=True)
class Settings:
    """Numbers that some losses have: the share of label smoothing, Huber's δ, the quantile."""

    smoothing: float = 0.0
    delta: float = 1.0
    quantile: float = 0.5


@dataclass(frozen=True)
class Loss:
    """`losses(U, y, settings)` of the examples, for a task; `says(U)` is what is predicted."""

    task: str
    losses: Callable[[Node, Node, Settings], Node]
    says: Callable[[Node], Node]


def identity(U: Node) -> Node:
    """A network for regression says U itself."""
    return U


def _smoothed(target: Node, share: float) -> Node:
    """Zeros and ones drawn towards a half."""
    return (1 - share) * target + share / 2 if share else target


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss(
        CLASSIFICATION, lambda U, y, s: loss.cross_entropy(U, y, "none", label_smoothing=s.smoothing), softmax
    ),
    "binary_cross_entropy": Loss(
        MULTILABEL,
        lambda U, y, s: summed(loss.binary_cross_entropy(U, _smoothed(y, s.smoothing), "none"), axis=1),
        sigmoid,
    ),
    "squared_error": Loss(REGRESSION, lambda U, y, _: loss.squared_error(U, y, "none"), identity),
    "half_squared_error": Loss(
        REGRESSION, lambda U, y, _: 0.5 * summed(loss.squared_error(U, y, "none"), axis=1), identity
    ),
    "absolute_error": Loss(REGRESSION, lambda U, y, _: loss.absolute_error(U, y, "none"), identity),
    "huber": Loss(REGRESSION, lambda U, y, s: loss.huber_loss(U, y, s.delta, "none"), identity),
    "quantile": Loss(REGRESSION, lambda U, y, s: loss.quantile_loss(U, y, s.quantile, "none"), identity),
    "poisson": Loss(REGRESSION, lambda U, y, _: loss.poisson_loss(U, y, "none"), exp),
}
"""Every loss that has a name. half_squared_error is scikit-learn's: ‖y − U‖²/2 of each example."""

DEFAULT: Mapping[str, str] = {
    CLASSIFICATION: "cross_entropy",
    MULTILABEL: "binary_cross_entropy",
    REGRESSION: "squared_error",
}

UNSCALED = frozenset({"poisson"})
"""Losses of counts: their targets are not standardised."""


def loss_of(name: LossName | None, task: str) -> Loss:
    """The loss for a task: by name, the task's own for None, or a function of (U, y).

    Raises TrainingError BG401 with the names that serve.
    """
    if callable(name):
        function = name
        return Loss(task, lambda U, y, _: _checked(function(U, y), U), LOSSES[DEFAULT[task]].says)
    chosen = name or DEFAULT[task]
    known = [each for each, one in LOSSES.items() if one.task == task]
    if chosen not in known:
        hint = nearest(chosen, known)
        raise TrainingError("BG401", "loss", f"unknown for {task}", got=chosen, expected=", ".join(known), hint=hint)
    return LOSSES[chosen]


def _checked(losses: Node, U: Node) -> Node:
    """A user's losses must be per example, or weights of examples could not enter. Raises GraphError BG108."""
    if losses.shape not in (U.shape, U.shape[:1]):  # type: ignore[index]  # U is m × k
        got = shape_text(losses.shape)
        raise GraphError("BG108", "loss", "is not one number for each example", got=got, expected="m or m×k")
    return losses
