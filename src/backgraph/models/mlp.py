"""The multilayer perceptron: section 6.5.7 of Goodfellow et al. (2016), of any depth and width.

    X          design matrix of the minibatch, m × n, one example a row; y labels (m) or targets (m × k)
    c1, E1     codes (m) and table of an embedded column (`models.inputs`); their vectors stand beside X
    U⁽ℓ⁾       H⁽ℓ⁻¹⁾ W⁽ℓ⁾ (+ b⁽ℓ⁾), with H⁽⁰⁾ = X; the last U are unnormalised log-probabilities, or the prediction
    H⁽ℓ⁾       the activation of U⁽ℓ⁾: max{0, U⁽ℓ⁾} in the book; with dropout, some elements 0 in training
    w          weights of the examples (m), where they have any: the mean is then Σ w l / Σ w
    J          the mean of the losses, plus λ (Σ(W⁽¹⁾)² + Σ(W⁽²⁾)² + …); biases and tables do not decay

λ is α/(2m) of scikit-learn's MLP and weight_decay/2 of PyTorch's SGD. `alpha` is scikit-learn's α: then λ = α/(2m) with
the m of each minibatch, or the sum of its weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from backgraph.errors import DataError, TrainingError
from backgraph.language.dims import shape_text
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array, total
from backgraph.language.ops.elementwise import square
from backgraph.language.ops.leaf import input as data_input
from backgraph.language.ops.leaf import labels, parameter, size
from backgraph.language.ops.loss import reduced
from backgraph.language.ops.random import dropout
from backgraph.language.ops.reduce import mean
from backgraph.language.ops.reduce import sum as summed
from backgraph.models.activations import Activation, function_of, initial_weights
from backgraph.models.forward import forward
from backgraph.models.inputs import TableInputs, initial_tables, table_inputs
from backgraph.models.losses import CLASSIFICATION, REGRESSION, TASKS, LossName, Settings, loss_of
from backgraph.optim.limits import fraction, not_negative, positive, whole
from backgraph.optim.schedules import Schedule
from backgraph.train.shuffle import random_words


@dataclass(frozen=True)
class Network:
    """The graph of a network: its leaves, the last U, the cost, and everything that has a name.

    `weighted` is the leaf with the weights of the examples, `key` that of the random masks, `decay` λ or α, each None
    where it has none. `output` and `probabilities` (what the network says) are without dropout.
    """

    inputs: TableInputs
    X: Node
    y: Node
    decay: Node | None
    weighted: Node | None
    key: Node | None
    weights: tuple[Node, ...]
    biases: tuple[Node, ...]
    output: Node
    probabilities: Node
    cost: Node
    names: Mapping[str, Node]

    @property
    def parameters(self) -> tuple[Node, ...]:
        """Weights, then biases, then embedding tables."""
        return self.weights + self.biases + self.inputs.tables


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron: sizes, activations, and what they are trained for.

    `hidden` are the widths of the hidden layers (none: a linear model); `activation` and `dropout` one for all of them,
    or one for each; `loss` a name of `losses.LOSSES` or a function of (U, y); `decay` is λ, `alpha` instead of it
    scikit-learn's; `embeddings` has (codes, size) for each embedded column; `weighted` says whether examples have
    weights. Raises TrainingError BG401 for what is out of range.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    task: str = CLASSIFICATION
    activation: Activation | tuple[Activation, ...] = "relu"
    biases: bool = True
    decay: float = 0.0
    dtype: str = "float32"
    loss: LossName | None = None
    dropout: float | tuple[float, ...] = 0.0
    label_smoothing: float = 0.0
    delta: float = 1.0
    quantile: float = 0.5
    alpha: float = 0.0
    embeddings: tuple[tuple[int, int], ...] = ()
    weighted: bool = False

    def __post_init__(self) -> None:
        for name, value in (("inputs", self.inputs), ("outputs", self.outputs), *(("hidden", n) for n in self.hidden)):
            whole(name, value)
        for name, value in (("decay", self.decay), ("alpha", self.alpha)):
            not_negative(name, value)
        for name, value, known in (("task", self.task, TASKS), ("dtype", self.dtype, FLOATS)):
            if value not in known:
                raise TrainingError("BG401", name, "unknown", got=value, expected=" or ".join(known))
        self._check_layers()
        self._check_loss()

    def _check_layers(self) -> None:
        for name, each in (("activation", self.activations), ("dropout", self.rates)):
            if len(each) != len(self.hidden):
                expected = f"one, or one for each of {len(self.hidden)} hidden layers"
                raise TrainingError("BG401", name, "wrong number", got=len(each), expected=expected)
        for activation in self.activations:
            function_of(activation)
        for rate in self.rates:
            fraction("dropout", rate)

    def _check_loss(self) -> None:
        loss_of(self.loss, self.task)
        fraction("label_smoothing", self.label_smoothing)
        positive("delta", self.delta)
        positive("quantile", fraction("quantile", self.quantile))
        if self.label_smoothing and (self.task == REGRESSION or callable(self.loss)):
            hint = "leave it out: it is for classes, with their own loss"
            raise TrainingError("BG401", "label_smoothing", "has no meaning", got=self.label_smoothing, hint=hint)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """One for each hidden layer."""
        return self.activation if isinstance(self.activation, tuple) else (self.activation,) * len(self.hidden)

    @property
    def rates(self) -> tuple[float, ...]:
        """The rate of dropout of each hidden layer."""
        return self.dropout if isinstance(self.dropout, tuple) else (self.dropout,) * len(self.hidden)

    @property
    def widths(self) -> tuple[int, ...]:
        """Of all layers, the input layer (with the vectors of embedded columns) first."""
        return (self.inputs + sum(size for _, size in self.embeddings), *self.hidden, self.outputs)

    @property
    def network(self) -> Network:
        """The graph; networks that are equal share it, and so do their programs."""
        return build(self)

    def initial(self, seed: int = 0) -> dict[Node, Array]:
        """Weights to begin with, keyed by `seed` and layer and independent of any data; biases begin at 0."""
        network = self.network
        drawn = [
            initial_weights(W.shape, activation, seed, layer, self.dtype)  # type: ignore[arg-type]  # two numbers
            for layer, (W, activation) in enumerate(zip(network.weights, (*self.activations, "identity"), strict=True))
        ]
        zeros = [np.zeros(b.shape, self.dtype) for b in network.biases]  # type: ignore[arg-type]  # one number
        start = dict(zip(network.weights + network.biases, [*drawn, *zeros], strict=True))
        return start | initial_tables(network.inputs, seed)

    def data(self, X: Array, y: Array, codes: Array | None = None, weights: Array | None = None) -> dict[Node, Array]:
        """Data for `train.loop.fit`. X: rows × inputs; y: class numbers (rows) or targets (rows or rows × outputs).

        `codes` (rows × embeddings) where columns are embedded, `weights` (rows) where examples have them.
        """
        network = self.network
        data = network.inputs.data(self.design_matrix(X), codes) | {network.y: self.targets(y)}
        if network.weighted is not None:
            data[network.weighted] = np.asarray(np.ones(len(X)) if weights is None else weights, self.dtype)
        if network.decay is not None:
            data[network.decay] = np.asarray(self.alpha or self.decay, self.dtype)
        return data

    def targets(self, y: Array) -> Array:
        """y in the dtype and the shape of the network's."""
        targets = np.asarray(y, self.network.y.dtype)
        return targets[:, None] if self.task != CLASSIFICATION and targets.ndim == 1 else targets

    def scheduled(self, seed: int) -> dict[Node, Schedule]:
        """The key of each step's dropout: a function of seed and step alone; nothing without dropout."""
        key = self.network.key
        start = int(random_words(1, (seed,))[0] >> np.uint64(43)) << 32
        return {} if key is None else {key: lambda t: start + t}

    def design_matrix(self, X: Array) -> Array:
        """X in the network's dtype. Raises DataError BG207 unless it is rows × inputs."""
        if X.ndim != 2 or X.shape[1] != self.inputs:
            expected = f"rows×{self.inputs}"
            raise DataError("BG207", "X", "does not fit the network", got=shape_text(X.shape), expected=expected)
        return np.ascontiguousarray(X, self.dtype)

    def forward(self, parameters: Mapping[Node, Array], X: Array, codes: Array | None = None) -> tuple[Array, Array]:
        """The last U and what the network says, each rows × outputs. A row alone has the same bits as among others."""
        return forward(self, parameters, self.network.inputs.data(self.design_matrix(X), codes))

    def scores(self, parameters: Mapping[Node, Array], X: Array, codes: Array | None = None) -> Array:
        """The last U for each row of X: rows × outputs."""
        return self.forward(parameters, X, codes)[0]

    def predict_proba(self, parameters: Mapping[Node, Array], X: Array, codes: Array | None = None) -> Array:
        """What the network says, rows × outputs: probabilities of classes, of each label, or the prediction."""
        return self.forward(parameters, X, codes)[1]

    def predict(self, parameters: Mapping[Node, Array], X: Array, codes: Array | None = None) -> Array:
        """The number of the most probable class (rows), or the prediction (rows, or rows × outputs if several).

        Of labels that are not exclusive: 1 where the probability is above a half, rows × outputs.
        """
        scores, says = self.forward(parameters, X, codes)
        if self.task == CLASSIFICATION:
            return scores.argmax(axis=1)
        if self.task == REGRESSION:
            return says[:, 0] if self.outputs == 1 else says
        return (scores > 0).astype("int64")


@lru_cache(maxsize=64)
def build(mlp: MLP) -> Network:
    """The graph of a network, in the book's names."""
    inputs = table_inputs(mlp.inputs, mlp.embeddings, mlp.dtype)
    sizes = list(enumerate(zip(mlp.widths, mlp.widths[1:], strict=False), start=1))
    weights = [parameter(f"W{layer}", pair, mlp.dtype) for layer, pair in sizes]
    biases = [parameter(f"b{layer}", (k,), mlp.dtype) for layer, (_, k) in sizes if mlp.biases]
    key = data_input("key", (), "int64") if any(mlp.rates) else None
    named = _layers(mlp, inputs.joined, weights, biases, key)
    last = f"U{len(sizes)}"
    output = named[last] if key is None else _layers(mlp, inputs.joined, weights, biases, None)[last]
    y = labels("y") if mlp.task == CLASSIFICATION else data_input("y", ("m", mlp.outputs), mlp.dtype)
    weighted = data_input("w", ("m",), mlp.dtype) if mlp.weighted else None
    J, decay = _cost(mlp, named[last], y, weighted, weights)
    leaves = [inputs.X, *inputs.codes, y, *weights, *biases, *inputs.tables, weighted, decay, key]
    names = {str(leaf.op): leaf for leaf in leaves if leaf is not None} | named | {"J": J}
    says = loss_of(mlp.loss, mlp.task).says(output)
    return Network(inputs, inputs.X, y, decay, weighted, key, tuple(weights), tuple(biases), output, says, J, names)


def losses(mlp: MLP, U: Node, y: Node, smoothing: float | None = None) -> Node:
    """What each example costs (m), or each example and output (m × k)."""
    share = mlp.label_smoothing if smoothing is None else smoothing
    return loss_of(mlp.loss, mlp.task).losses(U, y, Settings(share, mlp.delta, mlp.quantile))


def _layers(
    mlp: MLP, joined: Node, weights: Sequence[Node], biases: Sequence[Node], key: Node | None
) -> dict[str, Node]:
    """Every U and H by name; a single hidden layer is H, as in the book. With a key, dropout."""
    named: dict[str, Node] = {}
    below = joined
    for layer, W in enumerate(weights, start=1):
        product = below @ W
        below = named[f"U{layer}"] = product + biases[layer - 1] if mlp.biases else product
        if layer <= len(mlp.hidden):
            below = function_of(mlp.activations[layer - 1])(below)
            named["H" if len(mlp.hidden) == 1 else f"H{layer}"] = below
            rate = mlp.rates[layer - 1]
            below = below if key is None or not rate else dropout(below, key, rate, layer)
    return named


def _cost(mlp: MLP, U: Node, y: Node, weighted: Node | None, weights: Sequence[Node]) -> tuple[Node, Node | None]:
    """J, and λ or α as a leaf."""
    each = losses(mlp, U, y)
    J = reduced(each if weighted is None or each.rank == 1 else mean(each, axis=1), "mean", weighted)
    if not mlp.alpha and not mlp.decay:
        return J, None
    decay = data_input("alpha" if mlp.alpha else "lam", (), mlp.dtype)
    squares = total([summed(square(W)) for W in weights], J)
    if not mlp.alpha:
        return J + decay * squares, decay
    count: Any = size("m", mlp.dtype) if weighted is None else summed(weighted)
    return J + decay / (2 * count) * squares, decay
