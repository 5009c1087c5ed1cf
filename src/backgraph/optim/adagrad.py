"""AdaGrad: Duchi, Hazan and Singer (2011); algorithm 8.4 of Goodfellow et al. (2016).

r ← r + g²;  θ ← θ − ε g / (δ + √r).
"""

from __future__ import annotations

from dataclasses import dataclass

from backgraph.language.node import Node
from backgraph.language.ops.elementwise import sqrt, square
from backgraph.optim.limits import not_negative, positive
from backgraph.optim.optimizer import Nodes, Optimizer, Update


@dataclass(frozen=True, kw_only=True)
class AdaGrad(Optimizer):
    """r ← r + g²;  θ ← θ − ε g / (δ + √r)."""

    delta: float = 1e-7
    initial: float = 0.0

    def check(self) -> None:
        positive("delta", self.delta)
        not_negative("initial", self.initial)

    def state(self, parameter: Node) -> dict[str, float]:
        return {"squares": self.initial}

    def rule(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        r = state["squares"] + square(g)
        return scalars["learning_rate"] * (g / (self.delta + sqrt(r))), {"squares": r}
