"""What the estimators do beyond the contract: each claim on a small table."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import backgraph as bg
from backgraph.errors import BackgraphError, TrainingError
from backgraph.optim.schedules import Cosine
from backgraph.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
CLASSES = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
NUMBERS = X[:, 0] - 2 * X[:, 1] + 5.0
SMALL: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0, "learning_rate_init": 0.02}


def classifier(**changes: Any) -> MLPClassifier:
    return MLPClassifier(**SMALL | changes)


def regressor(**changes: Any) -> MLPRegressor:
    return MLPRegressor(**SMALL | changes)


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True))


def test_the_same_seed_gives_the_same_bits_with_any_number_of_threads() -> None:
    assert same(classifier(n_threads=1).fit(X, CLASSES), classifier(n_threads=2).fit(X, CLASSES))
    assert not same(classifier().fit(X, CLASSES), classifier(random_state=1).fit(X, CLASSES))


def test_a_memory_budget_changes_no_bit() -> None:
    assert same(classifier().fit(X, CLASSES), classifier(memory="64KiB").fit(X, CLASSES))


def test_a_row_has_the_bits_it_has_among_others() -> None:
    fitted = classifier(max_iter=3).fit(X, CLASSES)
    alone = np.concatenate([fitted.predict_proba(row[None]) for row in X[:20]])
    assert np.array_equal(alone, fitted.predict_proba(X)[:20])


def test_early_stopping_keeps_the_best_weights() -> None:
    fitted = classifier(early_stopping=True, max_iter=200, n_iter_no_change=5, monitor="log loss", tol=0.0)
    fitted.fit(X, CLASSES, X_val=X[:30], y_val=CLASSES[::-1][:30])
    curve = fitted.history_["validation log loss"]
    assert fitted.best_validation_score_ == min(curve) == curve[fitted.best_iter_ - 1]
    assert len(curve) == fitted.n_iter_ == fitted.best_iter_ + 5
    p = fitted.predict_proba(X[:30])[np.arange(30), np.searchsorted(fitted.classes_, CLASSES[::-1][:30])]
    assert -np.log(p).mean() == pytest.approx(min(curve), rel=1e-12)


@pytest.mark.parametrize("monitor", ["loss", "accuracy", "AUC", "F1", "balanced accuracy", "log loss"])
@pytest.mark.parametrize("y", [CLASSES, CLASSES == "a"], ids=["three classes", "two"])
def test_every_metric_can_be_monitored(monitor: str, y: Any) -> None:
    fitted = classifier(early_stopping=True, max_iter=3, monitor=monitor, metrics=("AUC",)).fit(X, y)
    assert len(fitted.validation_scores_) == 3
    assert {"loss", "validation loss", "validation accuracy", "validation AUC"} <= set(fitted.history_)


def test_weights_of_classes_shift_the_decision() -> None:
    y = (X[:, 0] + RNG.normal(size=90) > 1.2).astype(int)
    plain, heavy = classifier().fit(X, y), classifier(class_weight={1: 50.0}).fit(X, y)
    assert plain.predict(X).sum() < heavy.predict(X).sum()
    counts = np.bincount(y)
    balanced = dict(enumerate(90 / (2 * counts)))
    assert same(classifier(class_weight="balanced").fit(X, y), classifier(class_weight=balanced).fit(X, y))
    by_row = classifier(preparation=None).fit(X, y, sample_weight=np.array([balanced[each] for each in y]))
    assert same(by_row, classifier(preparation=None, class_weight="balanced").fit(X, y))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_every_loss_of_numbers_learns(loss: str) -> None:
    fitted = regressor(loss=loss, max_iter=120).fit(X, NUMBERS)
    assert fitted.score(X, NUMBERS) > 0.9


def test_quantiles_are_quantiles() -> None:
    y = RNG.exponential(size=90)
    high = MLPRegressor((), loss="quantile", quantile=0.9, max_iter=600, learning_rate_init=0.05, random_state=0)
    assert (y <= high.fit(np.ones((90, 1)), y).predict(np.ones((90, 1)))).mean() == pytest.approx(0.9, abs=0.03)


def test_counts_are_predicted_as_rates() -> None:
    rates = np.exp(X[:, 0] / 2)
    y = RNG.poisson(rates)
    fitted = regressor(loss="poisson", max_iter=100).fit(X, y)
    assert (fitted.predict(X) > 0).all()
    assert np.corrcoef(fitted.predict(X), rates)[0, 1] > 0.6
    with pytest.raises(BackgraphError, match="BG206"):
        regressor(loss="poisson").fit(X, -y - 1)


def cubic(U: bg.Node, y: bg.Node) -> bg.Node:
    return bg.absolute(U - y) ** 3


def wave(U: bg.Node) -> bg.Node:
    return bg.sin(U) + 0.1 * U


def test_losses_and_activations_of_one_s_own() -> None:
    fitted = regressor(loss=cubic, activation=[wave, "tanh"], hidden_layer_sizes=(8, 6), max_iter=200).fit(X, NUMBERS)
    assert fitted.score(X, NUMBERS) > 0.9
    assert same(pickle.loads(pickle.dumps(fitted)), fitted)
    assert "sin" in str(fitted.explain())


def test_several_labels_and_several_numbers() -> None:
    labels = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    fitted = classifier(max_iter=150).fit(X, labels)
    assert fitted.predict(X).shape == fitted.predict_proba(X).shape == (90, 2)
    assert (fitted.predict(X) == labels).mean() > 0.95
    both = np.stack([NUMBERS, 1000 * NUMBERS**2], axis=1)
    assert regressor(max_iter=150).fit(X, both).predict(X).shape == (90, 2)


SCHEDULES = ["constant", "invscaling", "adaptive", "cosine", "flat_cosine", "one_cycle", "step", "inverse_time"]


@pytest.mark.parametrize("schedule", [*SCHEDULES, Cosine(0.02, 20)], ids=str)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_schedule_trains(schedule: Any) -> None:
    fitted = classifier(learning_rate=schedule, warmup=0.1).fit(X, CLASSES)
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]


@pytest.mark.parametrize("solver", ["adamw", "adam", "sgd", "rmsprop", "adagrad"])
def test_every_solver_trains(solver: str) -> None:
    fitted = classifier(solver=solver).fit(X, CLASSES)
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]


def test_a_loss_that_has_not_settled_is_told() -> None:
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        classifier(learning_rate="constant", max_iter=3).fit(X, CLASSES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(learning_rate="constant", max_iter=300, tol=0.5).fit(X, CLASSES)


def test_dropout_smoothing_and_clipping_change_training_alone() -> None:
    plain = classifier().fit(X, CLASSES)
    for changes in ({"dropout": 0.4}, {"label_smoothing": 0.3}, {"clip_norm": 1e-3}, {"clip_value": 1e-4}):
        changed = classifier(**changes).fit(X, CLASSES)
        assert not same(plain, changed)
        assert np.array_equal(changed.predict_proba(X), changed.predict_proba(X))
        assert same(changed, classifier(**changes).fit(X, CLASSES))


def test_a_warm_start_goes_on_and_early_stopping_remembers() -> None:
    fitted = classifier(warm_start=True, max_iter=5)
    before = fitted.fit(X, CLASSES).loss_curve_[-1]
    assert fitted.fit(X, CLASSES).loss_ < before
    assert len(fitted.loss_curve_) == 10
    good = classifier(warm_start=True, early_stopping=True, max_iter=100).fit(X, CLASSES)
    weights = [array.copy() for array in good.coefs_]
    good.set_params(learning_rate_init=50.0, max_iter=2).fit(X, CLASSES)
    assert all(np.array_equal(a, b) for a, b in zip(weights, good.coefs_, strict=True))


def test_parts_go_on_where_the_last_ended() -> None:
    """Two halves by turns: the state of Adam goes on, and the first call's classes may come later."""
    fitted = classifier(learning_rate="constant")
    for _ in range(40):
        fitted.partial_fit(X[:45], CLASSES[:45], classes=["a", "b", "c"]).partial_fit(X[45:], CLASSES[45:])
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 80
    assert fitted.score(X, CLASSES) > 0.8
    with pytest.raises(BackgraphError, match="BG206"):
        fitted.partial_fit(X[:3], ["a", "z", "b"])


def test_parts_have_the_bits_of_a_fit() -> None:
    """Without shuffling, k parts that are the whole data are k epochs, where nothing depends on the number of rows."""
    settings: dict[str, Any] = {"learning_rate": "constant", "shuffle": False, "tol": 0.0, "max_iter": 4}
    settings |= {"weight_decay": 0.1, "label_smoothing": 0.0, "dropout": 0.0}
    whole, parts = classifier(**settings), classifier(**settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole.fit(X, CLASSES)
    for call in range(4):
        parts.partial_fit(X, CLASSES)
        if call == 1:
            parts = pickle.loads(pickle.dumps(parts))
    assert same(whole, parts)
    assert parts.loss_curve_ == whole.loss_curve_


def test_parts_stop_early() -> None:
    fitted = classifier(learning_rate="constant", n_iter_no_change=3, tol=0.0, learning_rate_init=0.3)
    for _ in range(60):
        fitted.partial_fit(X[:45], CLASSES[:45], X_val=X[45:], y_val=CLASSES[45:])
    curve = fitted.history_["validation loss"]
    assert fitted.stopped_
    assert len(curve) == fitted.best_iter_ + 3 < 60
    assert min(curve) == fitted.best_validation_score_


def test_frames_with_categories_and_gaps() -> None:
    pd = pytest.importorskip("pandas")
    town = np.where(X[:, 0] > 0, "north", "south").astype(object)
    town[:5] = None
    many = np.array([f"place {k}" for k in RNG.integers(0, 15, 90)])
    gaps = np.where(RNG.random(90) < 0.2, np.nan, X[:, 1])
    frame = pd.DataFrame({"town": town, "size": gaps, "place": many, "rest": X[:, 2].astype("float32")})
    fitted = classifier(max_iter=100).fit(frame, CLASSES)
    assert fitted.score(frame, CLASSES) > 0.7
    assert list(fitted.feature_names_in_) == list(frame)
    assert [table.shape[1] for table in fitted.embeddings_] == [8]
    unseen = frame.assign(town="east", place="elsewhere")
    assert np.isfinite(fitted.predict_proba(unseen)).all()
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame.rename(columns={"town": "city"}))
    assert classifier(max_iter=2).fit(frame[["rest"]], CLASSES).coefs_[0].dtype == "float32"


def test_columns_of_numbers_may_be_categories() -> None:
    codes = RNG.integers(0, 4, 90)
    table = np.stack([codes.astype(float), X[:, 0]], axis=1)
    for chosen in ([0], [True, False], ["x0"]):
        fitted = classifier(max_iter=2, categorical_features=chosen).fit(table, CLASSES)
        assert fitted.coefs_[0].shape == (5, 8)


def test_what_an_estimator_says_of_itself() -> None:
    fitted = classifier(max_iter=2).fit(X, CLASSES)
    assert "∇W⁽¹⁾ J" in str(fitted.explain())
    assert "隐藏" in str(fitted.explain(lang="zh")) or "梯度" in str(fitted.explain(lang="zh"))
    assert "MLPClassifier" in fitted._repr_html_()
    with pytest.raises(NotFittedError):
        classifier().explain()


def test_lines_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    classifier(max_iter=2, verbose=True).fit(X, CLASSES)
    assert [line[:11] for line in capsys.readouterr().out.splitlines()] == ["Iteration 1", "Iteration 2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"solver": "adm"},
        {"learning_rate": "cosin"},
        {"activation": "rleu"},
        {"monitor": "acuracy", "early_stopping": True},
        {"class_weight": "balance"},
        {"class_weight": {"d": 2.0}},
        {"loss": "squared_error"},
        {"max_iter": 0},
        {"hidden_layer_sizes": (0,)},
        {"learning_rate_init": -1.0},
        {"dropout": 1.0},
        {"clip_norm": 1.0, "clip_value": 1.0},
    ],
    ids=str,
)
def test_senseless_parameters_are_refused_with_a_hint(changes: Any) -> None:
    with pytest.raises(TrainingError, match="BG401"):
        classifier(**changes).fit(X, CLASSES)


def test_clones_are_equal() -> None:
    assert same(clone(classifier()).fit(X, CLASSES), classifier().fit(X, CLASSES))


def test_rate_and_decay_fit_columns_and_rows() -> None:
    """ "auto" is a number that may as well be given: less of a rate for many columns, less decay for many rows."""
    wide = np.random.default_rng(0).normal(size=(90, 256))
    labels = (wide[:, 0] > 0).astype(int)
    for rows, decay in ((90, 0.5), (len(CLASSES), max(0.01, min(0.5, 250 / len(CLASSES))))):
        data = (wide, labels) if rows == 90 else (X, CLASSES)
        rate = 0.01 * min(1, 64 / data[0].shape[1])
        auto = MLPClassifier((8,), max_iter=3, random_state=0).fit(*data)
        given = clone(auto).set_params(learning_rate_init=rate, weight_decay=decay).fit(*data)
        assert same(auto, given)
        assert not same(auto, clone(given).set_params(weight_decay=2 * decay).fit(*data))
        assert not same(auto, clone(given).set_params(learning_rate_init=2 * rate).fit(*data))


@pytest.mark.parametrize("parameter", ["learning_rate_init", "weight_decay"])
def test_words_in_place_of_numbers_are_refused(parameter: str) -> None:
    with pytest.raises(BackgraphError, match=parameter):
        classifier(**{parameter: "outo"}).fit(X, CLASSES)
