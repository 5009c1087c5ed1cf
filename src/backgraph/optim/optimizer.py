"""What an optimiser is: hyper-parameters, the state it keeps for a parameter, and its step as graph.

    θ, g       a parameter and its gradient, nodes of one shape and dtype
    state      what is remembered from step to step, by name: arrays like θ that begin filled with a number
    scalars    ε_t and what else depends on the number of steps t, computed in float64 and rounded once

Weight decay exists both ways. `decay` = λ adds λ Σθ² to the cost, hence 2λθ to the gradient before anything else is
done with it. `decoupled_decay` = w shrinks θ by ε_t w θ beside the step (Loshchilov and Hutter, 2019). For plain SGD
2λ = w is the same; for all others it is not. Note λ = weight_decay/2 of PyTorch's SGD, and w = weight_decay of AdamW.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from backgraph.language.node import Node
from backgraph.optim.limits import not_negative
from backgraph.optim.schedules import Schedule, as_schedule, rate_at

Nodes: TypeAlias = Mapping[str, Node]
Update: TypeAlias = tuple[Node, dict[str, Node]]
"""What θ becomes, and what each state becomes."""


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """Base of all optimisers: a learning rate (a number or a schedule) and weight decay."""

    learning_rate: float | Schedule = 0.01
    decay: float = 0.0
    decoupled_decay: float = 0.0

    def __post_init__(self) -> None:
        as_schedule(self.learning_rate)
        not_negative("decay", self.decay)
        not_negative("decoupled_decay", self.decoupled_decay)
        self.check()

    def check(self) -> None:  # noqa: B027  # an optimiser may have no hyper-parameters of its own
        """Refuse hyper-parameters outside their range: TrainingError BG401."""

    def state(self, parameter: Node) -> dict[str, float]:
        """Names of the arrays kept for a parameter, of its shape and dtype, each with the number it begins with."""
        return {}

    def scalars(self, t: int) -> dict[str, float]:
        """The scalars of step t, counted from 0."""
        rate = rate_at(self.learning_rate, t)
        shrink = {"shrink": rate * self.decoupled_decay} if self.decoupled_decay else {}
        return {"learning_rate": rate, **shrink}

    def step(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        """The whole step: decay, if any, around the `rule`."""
        if self.decay:
            g = g + 2 * self.decay * theta
        change, new_state = self.rule(theta, g, state, scalars)
        if self.decoupled_decay:
            change = scalars["shrink"] * theta + change
        return theta - change, new_state

    @abstractmethod
    def rule(self, theta: Node, g: Node, state: Nodes, scalars: Nodes) -> Update:
        """What the paper says: the amount that θ loses in this step, and the new state."""

    def without_decay(self) -> Optimizer:
        """The same for a parameter that is not to decay, such as a bias."""
        return dataclasses.replace(self, decay=0.0, decoupled_decay=0.0)
