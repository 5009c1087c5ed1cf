"""The hidden layers of an estimator: widths and activations as users of scikit-learn write them."""

from __future__ import annotations

from typing import Any

from backgraph.optim.limits import whole

ALIASES = {"logistic": "sigmoid"}
"""Activations by the names that scikit-learn has for them."""


def widths_of(sizes: Any) -> tuple[int, ...]:
    """The widths of the hidden layers from 100 or (100, 50). Raises TrainingError BG401, UsageError BG601."""
    listed = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    return tuple(whole("hidden_layer_sizes", size) for size in listed)


def activations_of(activation: Any) -> Any:
    """A name, a function, or one of them for each layer, with the names that backgraph has."""
    if isinstance(activation, (list, tuple)):
        return tuple(activations_of(each) for each in activation)
    return ALIASES.get(activation, activation) if isinstance(activation, str) else activation
