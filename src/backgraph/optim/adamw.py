"""AdamW: Loshchilov and Hutter (2019), algorithm 2: Adam with weight decay decoupled from the gradient.

θ ← θ − ε w θ − ε ŝ / (√r̂ + δ). With Adam, 2λθ in the gradient is divided by √r̂ like all the rest of it, so that
parameters with large gradients hardly decay; here they do.
"""

from __future__ import annotations

from dataclasses import dataclass

from backgraph.optim.adam import Adam


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam, and θ shrinks by ε w θ in each step."""

    decoupled_decay: float = 0.01
