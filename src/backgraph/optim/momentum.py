"""Momentum, the heavy ball: Polyak (1964); algorithm 8.2 of Goodfellow et al. (2016).

v ← α v + g;  θ ← θ − ε v. The velocity gathers gradients and ε scales the step, as in PyTorch and Optax; the book has
ε inside the velocity, which is the same for a constant rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from backgraph.language.node import Node
from backgraph.optim.limits import fraction
from backgraph.optim.optimizer import Nodes, Optimizer, Update


@dataclass(frozen=True, kw_only=True)
class Momentum(Optimizer):
    """v ← α v + g;  θ ← θ − ε v."""

    momentum: float = 0.9

    def check(self) -> None:
        fraction("momentum", self.momentum)

    def state(self, parameter: Node) -> dict[str, float]:
        return {"velocity": 0.0}

    def rule(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        v = self.momentum * state["velocity"] + g
        return scalars["learning_rate"] * v, {"velocity": v}
