"""The estimators' default net in PyTorch: same widths, activation, dropout, AdamW, schedule, minibatches and epochs.

Written as its users write it, without a data loader: permuted indices, one step after the other, `torch.no_grad` for
the validation part, the weights of the best epoch kept. Values come from the defaults of `backgraph.sklearn`.
"""

from __future__ import annotations

import importlib
import itertools
import math
from typing import Any

import numpy as np

from benchmarks.score_data import CLASSES


class TorchNet:
    """An estimator: fit, score."""

    def __init__(self, kind: str, seed: int, budget: int | None) -> None:
        self.kind, self.seed, self.budget = kind, seed, budget
        torch = self.torch = importlib.import_module("torch")
        torch.optim.AdamW(torch.nn.Linear(1, 1).parameters())  # imports what an optimiser needs, which takes seconds

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=True))

    def fit(self, X: Any, y: Any) -> TorchNet:
        """Train; X: rows × inputs, y: labels or numbers (rows)."""
        torch = self.torch
        torch.manual_seed(self.seed)
        self._learn_target(y)
        train, rest = self._split(len(y), y)
        self.X, self.y = torch.from_numpy(np.asarray(X, "float32")), self._target(y)
        self.net = self._net(X.shape[1], len(train))
        self._train(torch.from_numpy(train), torch.from_numpy(rest))
        return self

    def score(self, X: Any, y: Any) -> float:
        """Accuracy or R²."""
        with self.torch.no_grad():
            says = self.net.eval()(self.torch.from_numpy(np.asarray(X, "float32"))).numpy()
        if self.kind == CLASSES:
            return float((self.classes[says.argmax(axis=1)] == y).mean())
        found = says[:, 0] * self.scale + self.centre
        return float(1 - ((y - found) ** 2).sum() / ((y - y.mean()) ** 2).sum())

    def _learn_target(self, y: Any) -> None:
        self.plan = defaults(self.kind)
        if self.kind == CLASSES:
            self.classes = np.unique(y)
        else:
            self.centre, self.scale = float(np.mean(y)), float(np.std(y))

    def _target(self, y: Any) -> Any:
        if self.kind == CLASSES:
            return self.torch.from_numpy(np.searchsorted(self.classes, y))
        return self.torch.from_numpy(((y - self.centre) / self.scale).astype("float32")[:, None])

    def _split(self, rows: int, y: Any) -> tuple[Any, Any]:
        """As many rows held out as ours does."""
        from sklearn.model_selection import train_test_split

        from backgraph.sklearn.method import stops_early

        if not stops_early(self.plan, rows):
            return np.arange(rows), np.arange(0)
        share, strata = self.plan.validation_fraction, y if self.kind == CLASSES else None
        return tuple(train_test_split(np.arange(rows), test_size=share, random_state=self.seed, stratify=strata))  # pyright: ignore[reportReturnType]

    def _net(self, inputs: int, rows: int) -> Any:
        from backgraph.sklearn.method import dropout_of

        nn, rate = self.torch.nn, dropout_of(self.plan, rows)
        outputs = len(self.classes) if self.kind == CLASSES else 1
        widths, layers = (inputs, *self.plan.hidden_layer_sizes), []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.SiLU(), *([nn.Dropout(rate)] if rate else [])]
        return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))

    def _train(self, train: Any, rest: Any) -> None:
        from backgraph.models.rates import Span, smoothing_for
        from backgraph.sklearn.method import batch_of, epochs_of
        from backgraph.sklearn.solvers import decay_of, schedule_of

        torch, e = self.torch, self.plan
        batch = batch_of(e, len(train))
        e.max_iter = self.budget
        per_epoch, smoothing = math.ceil(len(train) / batch), 0.0
        if self.kind == CLASSES:
            smoothing = smoothing_for(len(train), np.bincount(self.y[train].numpy()))
        epochs = epochs_of(e, per_epoch)
        rate = schedule_of(e, Span(len(train), per_epoch, epochs * per_epoch, self.X.shape[1]))
        optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=float(rate(0)), betas=(e.beta_1, e.beta_2), weight_decay=decay_of(e, len(train))
        )
        best, kept, step, stale = math.inf, None, 0, 0
        for _ in range(epochs):
            self.net.train()
            for rows in train[torch.randperm(len(train))].split(batch):
                optimizer.param_groups[0]["lr"] = float(rate(step))
                optimizer.zero_grad()
                self._loss(rows, smoothing).backward()
                optimizer.step()
                step += 1
            if len(rest):
                loss = self._judged(rest)
                stale = 0 if loss < best - e.tol else stale + 1
                if loss < best:
                    best, kept = loss, {name: t.clone() for name, t in self.net.state_dict().items()}
                if stale >= e.n_iter_no_change:
                    break
        if kept is not None:
            self.net.load_state_dict(kept)

    def _loss(self, rows: Any, smoothing: float) -> Any:
        says, functional = self.net(self.X[rows]), self.torch.nn.functional
        if self.kind == CLASSES:
            return functional.cross_entropy(says, self.y[rows], label_smoothing=smoothing)
        return functional.mse_loss(says, self.y[rows]) / 2

    def _judged(self, rows: Any) -> float:
        self.net.eval()
        with self.torch.no_grad():
            return float(self._loss(rows, 0.0))


def defaults(kind: str) -> Any:
    """Our estimator, not fitted: its parameters are the defaults."""
    from backgraph.sklearn import MLPClassifier, MLPRegressor

    return (MLPClassifier if kind == CLASSES else MLPRegressor)()
