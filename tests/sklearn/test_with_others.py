"""Inside what other people wrote: pipelines, searches, ensembles, routing of metadata, callbacks, skrub."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from backgraph.sklearn import MLPClassifier, MLPRegressor

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]


def classifier(**changes: Any) -> MLPClassifier:
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (8,),
        "max_iter": 150,
        "random_state": 0,
        "learning_rate_init": 0.02,
    }
    return MLPClassifier(**settings | changes)


def test_a_pipeline_with_frames_between() -> None:
    pd = pytest.importorskip("pandas")
    pipeline = make_pipeline(StandardScaler(), PolynomialFeatures(2), classifier()).set_output(transform="pandas")
    pipeline.fit(pd.DataFrame(X, columns=list("pqrs")), Y)
    assert "p q" in pipeline[-1].feature_names_in_
    assert pipeline.score(pd.DataFrame(X, columns=list("pqrs")), Y) > 0.85


def test_a_search_in_two_processes() -> None:
    grid = {"dropout": [0.0, 0.2], "hidden_layer_sizes": [(4,), (8, 8)]}
    search = GridSearchCV(classifier(), grid, cv=3, n_jobs=2).fit(X, Y)
    alone = GridSearchCV(classifier(), grid, cv=3).fit(X, Y)
    assert search.best_score_ > 0.8
    assert np.array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_folds() -> None:
    assert cross_val_score(classifier(), X, Y, cv=3).mean() > 0.8
    numbers = cross_val_score(MLPRegressor((16,), max_iter=200, random_state=0), X, X[:, 0] * 3 + X[:, 1], cv=3)
    assert numbers.mean() > 0.9


def test_a_calibrated_classifier() -> None:
    fitted = CalibratedClassifierCV(classifier(), cv=3).fit(X, Y)
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1)


def test_a_vote() -> None:
    vote = VotingClassifier([("net", classifier()), ("line", LogisticRegression())], voting="soft").fit(X, Y)
    assert vote.score(X, Y) > 0.85


def test_weights_are_routed() -> None:
    weights = RNG.uniform(0.1, 2, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        asked = classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        found = cross_validate(asked, X, Y, params={"sample_weight": weights}, cv=3)
        plain = cross_validate(classifier(), X, Y, cv=3)
    assert not np.array_equal(found["test_score"], plain["test_score"])


def test_scikit_learn_s_callbacks_see_each_epoch() -> None:
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    fitted = classifier(max_iter=5).set_callbacks(monitor)
    fitted.fit(X, Y)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 5
    assert scores[-1] == fitted.score(X, Y) != scores[0]


def test_a_callback_may_end_training() -> None:
    pytest.importorskip("sklearn.callback")

    class Enough:
        epochs = 0

        def setup(self, estimator: Any, context: Any) -> None: ...

        def teardown(self, estimator: Any, context: Any) -> None: ...

        def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
            self.epochs += context.task_name == "epoch"

        def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
            return context.task_name == "epoch" and self.epochs == 3

    enough = Enough()
    fitted = classifier().set_callbacks(enough).fit(X, Y)
    assert fitted.n_iter_ == enough.epochs == 3


def test_skrub_s_pipeline_for_tables() -> None:
    skrub, pd = pytest.importorskip("skrub"), pytest.importorskip("pandas")
    frame = pd.DataFrame({"number": X[:, 0], "town": np.where(X[:, 1] > 0, "north", "south")})
    pipeline = skrub.tabular_pipeline(classifier()).fit(frame, Y)
    assert pipeline.score(frame, Y) > 0.8
