"""Nesterov's momentum: Nesterov (1983), as Sutskever et al. (2013) write it; algorithm 8.3 of Goodfellow et al. (2016).

v ← α v + g;  θ ← θ − ε (g + α v). Here θ is the point looked ahead to, so that its gradient is the one at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from backgraph.language.node import Node
from backgraph.optim.momentum import Momentum
from backgraph.optim.optimizer import Nodes, Update


@dataclass(frozen=True, kw_only=True)
class Nesterov(Momentum):
    """v ← α v + g;  θ ← θ − ε (g + α v)."""

    def rule(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        v = self.momentum * state["velocity"] + g
        return scalars["learning_rate"] * (g + self.momentum * v), {"velocity": v}
