"""Validation on examples that are not trained on, for any graph: what is evaluated after each epoch, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from backgraph.evaluate import evaluate
from backgraph.language.node import Node

if TYPE_CHECKING:
    from backgraph.train.loop import Training


@dataclass(frozen=True)
class HeldOut:
    """Scalar nodes by name, such as {"validation loss": J}, and the `data` (by node or name) to evaluate them on.

    Scheduled scalars have the value of the coming step. Raises CalculusError BG302 where data is missing.
    """

    outputs: Mapping[str, Node]
    data: Mapping[Any, ArrayLike]

    def __call__(self, training: Training) -> dict[str, float]:
        """The values now."""
        step = training.step
        t = training.first_step + training.done
        scheduled = {node: np.asarray(schedule(t), node.dtype) for node, schedule in step.scheduled.items()}
        values: dict[Any, Any] = scheduled | dict(training.parameters) | dict(self.data)
        results = evaluate(list(self.outputs.values()), values)
        return {name: float(result) for name, result in zip(self.outputs, results, strict=True)}
