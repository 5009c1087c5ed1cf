"""Activation functions by name, and the range that the initial weights in front of each are drawn from.

Rectifiers pass half of what they get, so their weights begin larger: He et al. (2015); the others as Glorot and Bengio
(2010). A function of nodes written in the graph language serves as well as a name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from backgraph.errors import TrainingError, nearest
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops import elementwise

Activation: TypeAlias = str | Callable[[Node], Node]

ACTIVATIONS: dict[str, Callable[[Node], Node]] = {
    "relu": elementwise.relu,
    "leaky_relu": lambda x: elementwise.leaky_relu(x, 0.01),
    "elu": lambda x: elementwise.elu(x, 1.0),
    "gelu": elementwise.gelu,
    "silu": elementwise.silu,
    "softplus": elementwise.softplus,
    "tanh": elementwise.tanh,
    "sigmoid": elementwise.sigmoid,
    "identity": lambda x: x,
}
"""Every activation that has a name."""

RECTIFIERS = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu"})

STREAM = 0x5745494748545300
"""Last word of the random counter for initial weights, so that they share no random number with the shuffling."""


def function_of(activation: Activation) -> Callable[[Node], Node]:
    """The function for a name, or the function itself. Raises TrainingError BG401 with the nearest name."""
    if callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        hint = nearest(activation, list(ACTIVATIONS))
        raise TrainingError(
            "BG401", "activation", "unknown", got=activation, expected=", ".join(ACTIVATIONS), hint=hint
        )
    return ACTIVATIONS[activation]


def initial_weights(shape: tuple[int, int], activation: Activation, seed: int, layer: int, dtype: str) -> Array:
    """Weights (inputs × outputs) uniform in ±√(6/inputs) before a rectifier, else ±√(6/(inputs + outputs)).

    They depend on seed, layer and shape alone, not on the data nor on the version of NumPy.
    """
    n_inputs, n_outputs = shape
    fan = n_inputs if activation in RECTIFIERS else n_inputs + n_outputs
    words = np.random.Philox(counter=[0, 0, 0, STREAM], key=[seed, layer]).random_raw(n_inputs * n_outputs)
    unit = (words >> np.uint64(11)) * 2.0**-53
    return ((2 * unit - 1) * math.sqrt(6 / fan)).astype(dtype).reshape(shape)
