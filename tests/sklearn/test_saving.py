"""Estimators in files: what was saved predicts the same bits and goes on the same; other files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone

from backgraph.errors import FileError, UsageError
from backgraph.sklearn import MLPClassifier, MLPRegressor
from backgraph.train.files import load_tensors, pack

pytestmark = pytest.mark.oracle

R = np.random.default_rng(0)
X = R.normal(size=(90, 3))
WORDS = np.where(X[:, 0] > 0, "yes", "no")
SMALL: dict[str, Any] = {"hidden_layer_sizes": (4, 3), "max_iter": 4, "random_state": 1, "n_threads": 1}
CASES: dict[str, tuple[Any, Any]] = {
    "words": (MLPClassifier(**SMALL), WORDS),
    "three numbers": (MLPClassifier(**SMALL, class_weight={0: 2.0, 5: 1.0}), R.choice([0, 5, 9], 90)),
    "labels": (MLPClassifier(**SMALL, preparation=None), (X > 0).astype(int)),
    "stopped": (MLPClassifier(**SMALL, early_stopping=True, metrics=("accuracy",)), WORDS),
    "a number": (MLPRegressor(**SMALL, loss="huber"), X[:, 0]),
    "numbers": (MLPRegressor(**SMALL, dtype="float32", warm_start=True), X[:, :2] * 1e6),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_bits_after_loading(tmp_path: Path, name: str) -> None:
    estimator, y = CASES[name]
    fitted = clone(estimator).fit(X, y)
    fitted.save(tmp_path / "m")
    again = type(fitted).load(tmp_path / "m")
    assert repr(again.get_params()) == repr(fitted.get_params())
    assert again.predict(X).tobytes() == fitted.predict(X).tobytes()
    assert again.predict(X).dtype == fitted.predict(X).dtype
    assert again.history_ == fitted.history_
    known = {key for key in vars(fitted) if key.endswith("_") and not key.startswith("__")}
    assert known == {key for key in vars(again) if key.endswith("_") and not key.startswith("__")}
    fitted.partial_fit(X, y)
    again.partial_fit(X, y)
    assert again.predict(X).tobytes() == fitted.predict(X).tobytes()


def test_frames_with_categories_and_what_stops_parts(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"a": X[:, 0], "b": R.choice(["u", "v", None], 90), "c": [f"level {k % 12}" for k in range(90)]}
    )
    fitted = MLPClassifier(**SMALL).partial_fit(frame, WORDS, X_val=frame, y_val=WORDS)
    fitted.save(tmp_path / "m")
    again = MLPClassifier.load(tmp_path / "m")
    for each in (fitted, again):
        each.partial_fit(frame, WORDS, X_val=frame, y_val=WORDS)
    assert again.predict_proba(frame).tobytes() == fitted.predict_proba(frame).tobytes()
    assert again.feature_names_in_.tolist() == ["a", "b", "c"]


def test_before_a_fit(tmp_path: Path) -> None:
    MLPRegressor(alpha=0.5).save(tmp_path / "m")
    assert MLPRegressor.load(tmp_path / "m").get_params() == MLPRegressor(alpha=0.5).get_params()


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    for estimator in (
        MLPRegressor(loss=lambda U, y: (U - y) ** 2),
        MLPClassifier(random_state=np.random.RandomState(0)),
    ):
        with pytest.raises(UsageError, match="BG601"):
            estimator.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    MLPClassifier(**SMALL).fit(X, WORDS).save(tmp_path / "m")
    with pytest.raises(FileError, match="BG502"):
        MLPRegressor.load(tmp_path / "m")
    tensors, metadata = load_tensors(tmp_path / "m")
    hostile: list[dict[str, Any]] = [
        {"attributes": {"__class__": 1}},
        {"attributes": {"coefs_": [{"array": ["numbers", "t99"]}]}},
        {"attributes": {"mlp_": {"mlp": {"table": [["inputs", -1]]}}}},
        {"attributes": {"mlp_": {"eval": "1"}}},
        {"parameters": {"nothing": 1}},
        {"parameters": []},
        {"kind": "mlp"},
        {"class": 3},
    ]
    for changes in hostile:
        (tmp_path / "m").write_bytes(pack(tensors, metadata | changes))
        with pytest.raises(FileError, match="BG502") as caught:
            MLPClassifier.load(tmp_path / "m")
        assert len(str(caught.value).splitlines()) == 1
