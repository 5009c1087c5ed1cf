"""What a trained network computes for rows, as a graph of its own: kept as text in the model file, and run from it.

    inputs      X (rows × features) and the codes c1, c2, … of embedded columns
    parameters  every other leaf, by name: W1, b1, E1, …
    outputs     "scores", the last U, and "says": probabilities of classes or of labels, or the prediction

So a model does not depend on how a later version would build the same network: it carries its own meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backgraph.evaluate import evaluate
from backgraph.language.graphtext import graph_text, read_graph
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import Variable
from backgraph.language.walk import leaves
from backgraph.models.forward import ROWS_AT_ONCE
from backgraph.models.losses import CLASSIFICATION, REGRESSION
from backgraph.models.mlp import MLP

SCORES, SAYS = "scores", "says"
PARAMETER = "parameter"


@dataclass(frozen=True)
class Prediction:
    """The graph of a prediction; `task` says what its outputs mean."""

    task: str
    scores: Node
    says: Node

    @classmethod
    def of(cls, mlp: MLP) -> Prediction:
        """That of a network."""
        return cls(mlp.task, mlp.network.output, mlp.network.probabilities)

    @classmethod
    def read(cls, text: str, task: str) -> Prediction:
        """That which `text` wrote. Raises GraphError BG110, KeyError where an output is missing."""
        outputs = read_graph(text)
        return cls(task, outputs[SCORES], outputs[SAYS])

    @property
    def text(self) -> str:
        """As text. Raises GraphError BG110 for an operation that cannot be found by its name."""
        return graph_text({SCORES: self.scores, SAYS: self.says})

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """All leaves, in the order of first use."""
        return tuple(leaves([self.scores, self.says]))

    @property
    def inputs(self) -> tuple[Node, ...]:
        """X, then the codes in the order of their numbers."""
        own = [leaf for leaf in self.leaves if _variable(leaf).role != PARAMETER]
        return tuple(sorted(own, key=lambda leaf: (leaf.rank != 2, len(str(leaf.op)), str(leaf.op))))

    @property
    def parameters(self) -> tuple[Node, ...]:
        """What was learned."""
        return tuple(leaf for leaf in self.leaves if _variable(leaf).role == PARAMETER)

    @cached_property
    def _program(self) -> Callable[..., Sequence[Array]]:
        arguments, outputs = [*self.inputs, *self.parameters], [self.scores, self.says]
        try:
            from backgraph.compiler.function import compile
        except ModuleNotFoundError as missing:
            if missing.name != "llvmlite":
                raise
            return lambda *arrays: evaluate(outputs, dict(zip(arguments, arrays, strict=True)))
        return compile(arguments, outputs)

    def forward(self, parameters: Mapping[str, Array], X: Array, codes: Array | None = None) -> tuple[Array, Array]:
        """Scores and what the network says, each rows × outputs. A row alone has the same bits as among others."""
        columns = [] if codes is None else list(np.ascontiguousarray(codes.T, "int64"))
        tables = [np.ascontiguousarray(X, self.inputs[0].dtype), *columns]
        learned = [parameters[str(leaf.op)] for leaf in self.parameters]
        parts = [
            self._program(*(table[first : first + ROWS_AT_ONCE] for table in tables), *learned)
            for first in range(0, max(len(X), 1), ROWS_AT_ONCE)
        ]
        scores, says = zip(*parts, strict=True)
        return np.concatenate(scores), np.concatenate(says)

    def decided(self, scores: Array, says: Array) -> Array:
        """The number of the class (rows), the prediction (rows, or rows × outputs), or 0 and 1 for each label."""
        if self.task == CLASSIFICATION:
            return scores.argmax(axis=1)
        if self.task == REGRESSION:
            return says[:, 0] if says.shape[1] == 1 else says
        return (scores > 0).astype("int64")


def _variable(leaf: Node) -> Variable:
    assert isinstance(leaf.op, Variable)
    return leaf.op
