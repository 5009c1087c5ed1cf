"""Stochastic gradient descent: Robbins and Monro (1951); algorithm 8.1 of Goodfellow et al. (2016).

θ ← θ − ε g. A decay is not folded into (1 − 2ελ) θ, which misstates a small one by 1–11 % in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

from backgraph.language.node import Node
from backgraph.optim.optimizer import Nodes, Optimizer, Update
from backgraph.optim.schedules import rate_at


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """θ ← θ − ε g."""

    def scalars(self, t: int) -> dict[str, float]:
        rate = rate_at(self.learning_rate, t)
        shrink = rate * (2 * self.decay + self.decoupled_decay)
        return {"learning_rate": rate, "shrink": shrink} if shrink else {"learning_rate": rate}

    def step(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        """θ − (c θ + ε g) with c = ε (2λ + w) rounded once: here both decays are the same thing."""
        change, new_state = self.rule(theta, g, state, scalars)
        if self.decay or self.decoupled_decay:
            change = scalars["shrink"] * theta + change
        return theta - change, new_state

    def rule(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        return scalars["learning_rate"] * g, {}
