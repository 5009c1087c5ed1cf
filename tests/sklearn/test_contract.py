"""The contract of scikit-learn: its own suite of checks on both estimators; nothing is expected to fail."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from backgraph.sklearn import MLPClassifier, MLPRegressor

pytestmark = [pytest.mark.oracle, pytest.mark.slow, pytest.mark.filterwarnings("default")]

SMALL: dict[str, Any] = {"hidden_layer_sizes": (32,), "n_threads": 1}


@parametrize_with_checks(
    [
        MLPClassifier(),
        MLPRegressor(),
        MLPClassifier(**SMALL, preparation=None),
        MLPRegressor(**SMALL, preparation=None),
    ]
)
def test_scikit_learn_s_checks(estimator: Any, check: Any) -> None:
    check(estimator)
