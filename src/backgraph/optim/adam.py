"""Adam: Kingma and Ba (2015), algorithm 1; algorithm 8.7 of Goodfellow et al. (2016).

s ← ρ₁ s + (1 − ρ₁) g;  r ← ρ₂ r + (1 − ρ₂) g²;  ŝ = s/(1 − ρ₁ᵗ);  r̂ = r/(1 − ρ₂ᵗ);  θ ← θ − ε ŝ / (√r̂ + δ).

The corrections of bias depend on t alone; they are computed in float64 on the host and enter as two scalars.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from backgraph.language.node import Node
from backgraph.language.ops.elementwise import sqrt, square
from backgraph.optim.limits import fraction, positive
from backgraph.optim.optimizer import Nodes, Optimizer, Update
from backgraph.optim.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """θ ← θ − ε ŝ / (√r̂ + δ), with moments s and r of the gradient, corrected for their start at 0."""

    learning_rate: float | Schedule = 0.001
    rho1: float = 0.9
    rho2: float = 0.999
    delta: float = 1e-8

    def check(self) -> None:
        fraction("rho1", self.rho1)
        fraction("rho2", self.rho2)
        positive("delta", self.delta)

    def state(self, parameter: Node) -> dict[str, float]:
        return {"first_moment": 0.0, "second_moment": 0.0}

    def scalars(self, t: int) -> dict[str, float]:
        """ε/(1 − ρ₁ᵗ) in place of the learning rate and 1/√(1 − ρ₂ᵗ), with t counted from 1 as in the paper."""
        scalars = super().scalars(t)
        scalars["learning_rate"] /= 1 - self.rho1 ** (t + 1)
        return scalars | {"root_correction": 1 / math.sqrt(1 - self.rho2 ** (t + 1))}

    def rule(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        s = self.rho1 * state["first_moment"] + (1 - self.rho1) * g
        r = self.rho2 * state["second_moment"] + (1 - self.rho2) * square(g)
        root = scalars["root_correction"] * sqrt(r)
        return scalars["learning_rate"] * (s / (root + self.delta)), {"first_moment": s, "second_moment": r}
