"""RMSProp: Tieleman and Hinton (2012), lecture 6.5; algorithm 8.5 of Goodfellow et al. (2016).

r ← ρ r + (1 − ρ) g²;  θ ← θ − ε g / √(δ + r).
"""

from __future__ import annotations

from dataclasses import dataclass

from backgraph.language.node import Node
from backgraph.language.ops.elementwise import sqrt, square
from backgraph.optim.limits import fraction, positive
from backgraph.optim.optimizer import Nodes, Optimizer, Update
from backgraph.optim.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class RMSProp(Optimizer):
    """r ← ρ r + (1 − ρ) g²;  θ ← θ − ε g / √(δ + r)."""

    learning_rate: float | Schedule = 0.001
    rho: float = 0.9
    delta: float = 1e-6

    def check(self) -> None:
        fraction("rho", self.rho)
        positive("delta", self.delta)

    def state(self, parameter: Node) -> dict[str, float]:
        return {"squares": 0.0}

    def rule(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        r = self.rho * state["squares"] + (1 - self.rho) * square(g)
        return scalars["learning_rate"] * (g / sqrt(self.delta + r)), {"squares": r}
