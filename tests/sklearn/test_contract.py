"""The contract of scikit-learn: its own suite of checks on both estimators; nothing is expected to fail."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from backgraph.sklearn import MLPClassifier, MLPRegressor

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]

SMALL: dict[str, Any] = {"hidden_layer_sizes": (32,), "n_threads": 1}
RAW: dict[str, Any] = {**SMALL, "preparation": None}


@pytest.mark.nightly
@parametrize_with_checks([MLPClassifier(**SMALL), MLPRegressor(**SMALL)])
def test_small_networks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_the_defaults(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.nightly
@parametrize_with_checks([MLPClassifier(**RAW), MLPRegressor(**RAW)])
def test_without_preparation(estimator: Any, check: Any) -> None:
    check(estimator)
