"""The multilayer perceptron: section 6.5.7 of Goodfellow et al. (2016), of any depth and width.

    X          design matrix of the minibatch, m × n, one example a row; y labels (m) or targets (m × k)
    U⁽ℓ⁾       H⁽ℓ⁻¹⁾ W⁽ℓ⁾ (+ b⁽ℓ⁾), with H⁽⁰⁾ = X; the last U are unnormalised log-probabilities, or the prediction
    H⁽ℓ⁾       the activation of U⁽ℓ⁾: max{0, U⁽ℓ⁾} in the book
    J          the mean cross-entropy or squared error, plus λ (Σ(W⁽¹⁾)² + Σ(W⁽²⁾)² + …); biases do not decay

λ is α/(2m) of scikit-learn's MLP and weight_decay/2 of PyTorch's SGD.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from backgraph.errors import DataError, TrainingError
from backgraph.evaluate import evaluate
from backgraph.language.dims import shape_text
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array, total
from backgraph.language.ops.elementwise import square
from backgraph.language.ops.leaf import input as data_input
from backgraph.language.ops.leaf import labels, parameter
from backgraph.language.ops.loss import cross_entropy, squared_error
from backgraph.language.ops.reduce import softmax
from backgraph.language.ops.reduce import sum as summed
from backgraph.models.activations import Activation, function_of, initial_weights
from backgraph.optim.limits import not_negative, whole

TASKS = ("classification", "regression")
ROWS_AT_ONCE = 4096
"""Examples predicted together: bounds memory, whatever the number of rows."""


@dataclass(frozen=True)
class Network:
    """The graph of a network: its leaves, the last U, the cost, and everything that has a name."""

    X: Node
    y: Node
    decay: Node | None
    weights: tuple[Node, ...]
    biases: tuple[Node, ...]
    output: Node
    probabilities: Node
    cost: Node
    names: Mapping[str, Node]

    @property
    def parameters(self) -> tuple[Node, ...]:
        """Weights, then biases."""
        return self.weights + self.biases


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron: sizes, activations, and what they are trained for.

    `hidden` are the widths of the hidden layers (none: a linear model); `activation` a name or function for all of
    them, or one for each; `decay` is λ. Raises TrainingError BG401 for what is out of range.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    task: str = "classification"
    activation: Activation | tuple[Activation, ...] = "relu"
    biases: bool = True
    decay: float = 0.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name, value in (("inputs", self.inputs), ("outputs", self.outputs), *(("hidden", n) for n in self.hidden)):
            whole(name, value)
        not_negative("decay", self.decay)
        for name, value, known in (("task", self.task, TASKS), ("dtype", self.dtype, FLOATS)):
            if value not in known:
                raise TrainingError("BG401", name, "unknown", got=value, expected=" or ".join(known))
        if len(self.activations) != len(self.hidden):
            expected = f"one, or one for each of {len(self.hidden)} hidden layers"
            raise TrainingError("BG401", "activation", "wrong number", got=len(self.activations), expected=expected)
        for activation in self.activations:
            function_of(activation)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """One for each hidden layer."""
        return self.activation if isinstance(self.activation, tuple) else (self.activation,) * len(self.hidden)

    @property
    def widths(self) -> tuple[int, ...]:
        """Of all layers, the input layer first."""
        return (self.inputs, *self.hidden, self.outputs)

    @cached_property
    def network(self) -> Network:
        """The graph; built once."""
        return build(self)

    def initial(self, seed: int = 0) -> dict[Node, Array]:
        """Weights to begin with, keyed by `seed` and layer and independent of any data; biases begin at 0."""
        network = self.network
        drawn = [
            initial_weights(W.shape, activation, seed, layer, self.dtype)  # type: ignore[arg-type]  # two numbers
            for layer, (W, activation) in enumerate(zip(network.weights, (*self.activations, "identity"), strict=True))
        ]
        zeros = [np.zeros(b.shape, self.dtype) for b in network.biases]  # type: ignore[arg-type]  # one number
        return dict(zip(network.parameters, [*drawn, *zeros], strict=True))

    def data(self, X: Array, y: Array) -> dict[Node, Array]:
        """Data for `train.loop.fit`. X: rows × inputs; y: class numbers (rows) or targets (rows or rows × outputs)."""
        network = self.network
        targets = np.asarray(y, network.y.dtype)
        if self.task == "regression" and targets.ndim == 1:
            targets = targets[:, None]
        fixed = {} if network.decay is None else {network.decay: np.asarray(self.decay, self.dtype)}
        return {network.X: self.design_matrix(X), network.y: targets, **fixed}

    def design_matrix(self, X: Array) -> Array:
        """X in the network's dtype. Raises DataError BG207 unless it is rows × inputs."""
        if X.ndim != 2 or X.shape[1] != self.inputs:
            expected = f"rows×{self.inputs}"
            raise DataError("BG207", "X", "does not fit the network", got=shape_text(X.shape), expected=expected)
        return np.ascontiguousarray(X, self.dtype)

    def scores(self, parameters: Mapping[Node, Array], X: Array) -> Array:
        """The last U for each row of X: rows × outputs."""
        return self._each(self.network.output, parameters, X)

    def predict_proba(self, parameters: Mapping[Node, Array], X: Array) -> Array:
        """Probabilities of the classes, rows × outputs; softmax of the scores."""
        return self._each(self.network.probabilities, parameters, X)

    def predict(self, parameters: Mapping[Node, Array], X: Array) -> Array:
        """The number of the most probable class (rows), or the prediction (rows, or rows × outputs if several)."""
        scores = self.scores(parameters, X)
        if self.task == "classification":
            return scores.argmax(axis=1)
        return scores[:, 0] if self.outputs == 1 else scores

    def _each(self, node: Node, parameters: Mapping[Node, Array], X: Array) -> Array:
        rows = self.design_matrix(X)
        parts = [rows[first : first + ROWS_AT_ONCE] for first in range(0, max(len(rows), 1), ROWS_AT_ONCE)]
        values: dict[Any, Array] = dict(parameters)
        return np.concatenate([evaluate(node, values | {self.network.X: part}) for part in parts])


def build(mlp: MLP) -> Network:
    """The graph of a network, in the book's names."""
    X = data_input("X", ("m", mlp.inputs), mlp.dtype)
    layers = list(enumerate(zip(mlp.widths, mlp.widths[1:], strict=False), start=1))
    weights = [parameter(f"W{layer}", sizes, mlp.dtype) for layer, sizes in layers]
    biases = [parameter(f"b{layer}", (k,), mlp.dtype) for layer, (_, k) in layers if mlp.biases]
    named = _layers(mlp, X, weights, biases)
    output = named[f"U{len(layers)}"]
    y, J = _loss(mlp, output)
    decay = data_input("lam", (), mlp.dtype) if mlp.decay else None
    cost = J if decay is None else J + decay * total([summed(square(W)) for W in weights], J)
    leaves = (X, y, *weights, *biases, *(() if decay is None else (decay,)))
    names = {str(leaf.op): leaf for leaf in leaves} | named | {"J": cost}
    return Network(X, y, decay, tuple(weights), tuple(biases), output, softmax(output), cost, names)


def _layers(mlp: MLP, X: Node, weights: Sequence[Node], biases: Sequence[Node]) -> dict[str, Node]:
    """Every U and H by name; a single hidden layer is H, as in the book."""
    named: dict[str, Node] = {}
    below = X
    for layer, W in enumerate(weights, start=1):
        product = below @ W
        below = named[f"U{layer}"] = product + biases[layer - 1] if mlp.biases else product
        if layer <= len(mlp.hidden):
            below = function_of(mlp.activations[layer - 1])(below)
            named["H" if len(mlp.hidden) == 1 else f"H{layer}"] = below
    return named


def _loss(mlp: MLP, U: Node) -> tuple[Node, Node]:
    if mlp.task == "classification":
        y = labels("y")
        return y, cross_entropy(U, y)
    y = data_input("y", ("m", mlp.outputs), mlp.dtype)
    return y, squared_error(U, y)
