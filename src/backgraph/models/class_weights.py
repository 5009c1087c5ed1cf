"""Weights of examples by their class: given for each class, or "balanced", so that all classes count alike.

King and Zeng, "Logistic regression in rare events data" (2001): class c of k counts n/(k n_c).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from backgraph.errors import TrainingError, nearest
from backgraph.language.op import Array
from backgraph.optim.limits import not_negative

ClassWeights: TypeAlias = Mapping[Any, float] | str | None
BALANCED = "balanced"


def class_weights(chosen: ClassWeights, labels: Sequence[Any], y: Array, weights: Array | None = None) -> Array | None:
    """The weights of examples (n) with class numbers `y` (n), times `weights`; None where nothing weighs.

    `chosen` maps labels, or their text, to weights (1 for those it leaves out), or is "balanced". Raises TrainingError
    BG401 for another word, an unknown label, or a weight that is negative or no number.
    """
    own = np.ones(len(y)) if weights is None else np.asarray(weights, "float64")
    factors = class_factors(chosen, labels, np.bincount(y, own, len(labels)))
    return weights if factors is None else own * factors[y]


def class_factors(chosen: ClassWeights, labels: Sequence[Any], masses: Array) -> Array | None:
    """The weight of each class (k), whose examples weigh `masses` (k) together; errors of `class_weights`."""
    if chosen is None:
        return None
    if isinstance(chosen, str):
        if chosen != BALANCED:
            raise TrainingError("BG401", "class_weight", "unknown", got=chosen, expected=f"{BALANCED}, or a table")
        occurring = masses > 0
        return np.where(occurring, masses.sum() / (occurring.sum() * np.where(occurring, masses, 1)), 0)
    _check_labels(chosen, labels)
    weights = [chosen.get(label, chosen.get(str(label), 1.0)) for label in labels]
    return np.array([not_negative(f"class_weight of {each}", w) for each, w in zip(labels, weights, strict=True)])


def _check_labels(chosen: Mapping[Any, float], labels: Sequence[Any]) -> None:
    known = [str(label) for label in cast("Sequence[object]", labels)]
    for label in chosen:
        if label not in labels and label not in known:
            hint = nearest(str(label), known)
            expected = ", ".join(known[:5])
            raise TrainingError("BG401", "class_weight", "not a class", got=label, expected=expected, hint=hint)
