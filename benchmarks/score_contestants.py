"""The contestants of `benchmarks.score`: each a function from the kind of data, seed and budget to an estimator.

A budget is a number of epochs or trees; None: what the contestant does by itself. Gradient boosting and our estimators
take the table as it is; the nets of scikit-learn and PyTorch stand behind the preparation that their users write.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.score_data import CLASSES

Budget = int | None


def ours(kind: str, seed: int, budget: Budget) -> Any:
    """backgraph's estimator."""
    for module in ("backgraph.train.native", "backgraph.compiler.pipeline", "backgraph.compiler.jit", "narwhals"):
        importlib.import_module(module)
    from backgraph.sklearn import MLPClassifier, MLPRegressor

    return (MLPClassifier if kind == CLASSES else MLPRegressor)(random_state=seed, max_iter=budget)


def trees(kind: str, seed: int, budget: Budget) -> Any:
    """scikit-learn's gradient boosting, which knows categories of a data frame by their dtype."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = HistGradientBoostingClassifier if kind == CLASSES else HistGradientBoostingRegressor
    return made(random_state=seed, **({} if budget is None else {"max_iter": budget}))


def lightgbm(kind: str, seed: int, budget: Budget) -> Any:
    """LightGBM by its scikit-learn interface."""
    module = importlib.import_module("lightgbm")
    made = module.LGBMClassifier if kind == CLASSES else module.LGBMRegressor
    return made(random_state=seed, verbose=-1, **({} if budget is None else {"n_estimators": budget}))


def their_net(kind: str, seed: int, budget: Budget) -> Any:
    """scikit-learn's MLP behind a preparation."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    net = MLPClassifier if kind == CLASSES else MLPRegressor
    return Prepared(net(random_state=seed, **({} if budget is None else {"max_iter": budget})))


def torch_net(kind: str, seed: int, budget: Budget) -> Any:
    """Our net, our optimiser and our number of steps in PyTorch, behind the same preparation."""
    from benchmarks.score_torch import TorchNet

    return Prepared(TorchNet(kind, seed, budget))


class Prepared:
    """A net behind medians and indicators for gaps, scaling, and one-hot categories."""

    def __init__(self, net: Any) -> None:
        self.net = net

    def fit(self, X: Any, y: Any) -> Prepared:
        """See scikit-learn."""
        from sklearn.pipeline import make_pipeline

        self.pipeline = make_pipeline(preparation(X), self.net).fit(X, y)
        return self

    def score(self, X: Any, y: Any) -> float:
        """Accuracy or R²."""
        return self.pipeline.score(X, y)


def preparation(X: Any) -> Any:
    """Scaled numbers with medians for gaps, and one-hot categories of a data frame."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    if isinstance(X, np.ndarray):
        return numbers
    levels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (levels, make_column_selector(dtype_include="category")),
        (numbers, make_column_selector(dtype_include="number")),
    )


CONTESTANTS: dict[str, tuple[Callable[[str, int, Budget], Any], tuple[Budget, ...]]] = {
    "backgraph": (ours, (None, 2, 6)),
    "HistGradientBoosting": (trees, (None, 10, 30)),
    "LightGBM": (lightgbm, (None, 10, 30)),
    "PyTorch": (torch_net, (None, 2, 6)),
    "scikit-learn MLP": (their_net, (None, 5, 20)),
}
"""By name: the function, and its budgets; the first is the default."""
