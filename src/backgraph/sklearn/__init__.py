"""Multilayer perceptrons as estimators of scikit-learn: `MLPClassifier` and `MLPRegressor`.

They take what scikit-learn's own take, and more: tables with categories and missing values, weights of examples and
classes, dropout, schedules, early stopping on any metric, losses and activations written in the graph language. Needs
the extra `backgraph[sklearn]`; raises UsageError BG602 where scikit-learn is not installed.
"""

from __future__ import annotations

from backgraph.errors import UsageError

try:
    import sklearn as _sklearn
except ImportError as missing:
    raise UsageError(
        "BG602", "backgraph.sklearn", "scikit-learn is not installed", hint="type: pip install 'backgraph[sklearn]'"
    ) from missing

from backgraph.sklearn.classifier import MLPClassifier
from backgraph.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]

del _sklearn
