"""Gradient clipping as graph: Pascanu, Mikolov and Bengio (2013); section 10.11.1 of Goodfellow et al. (2016).

Clipping by global norm needs every gradient before the first parameter can be updated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from backgraph.language.node import Node
from backgraph.language.op import total
from backgraph.language.ops.elementwise import clip, maximum, sqrt, square
from backgraph.language.ops.reduce import sum as summed
from backgraph.optim.limits import positive


@dataclass(frozen=True)
class Clip(ABC):
    """Base: makes gradients that are at most `limit` in some sense."""

    limit: float

    def __post_init__(self) -> None:
        positive("clipping limit", self.limit)

    @abstractmethod
    def __call__(self, gradients: Sequence[Node]) -> list[Node]:
        """The clipped gradients, in order."""


@dataclass(frozen=True)
class ClipByValue(Clip):
    """Every element between −limit and limit."""

    def __call__(self, gradients: Sequence[Node]) -> list[Node]:
        return [clip(g, -self.limit, self.limit) for g in gradients]


@dataclass(frozen=True)
class ClipByGlobalNorm(Clip):
    """All gradients scaled by limit / max(‖g‖, limit), where ‖g‖ is the norm of all of them together."""

    def __call__(self, gradients: Sequence[Node]) -> list[Node]:
        if not gradients:
            return []
        norm = sqrt(total([summed(square(g)) for g in gradients], gradients[0]))
        scale = self.limit / maximum(norm, self.limit)
        return [scale * g for g in gradients]
