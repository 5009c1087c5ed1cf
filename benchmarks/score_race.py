"""Seconds to the same validation loss: the same net, minibatch and optimiser in backgraph, scikit-learn and PyTorch.

One hidden layer of 100 units, relu, Adam with rate 0.001, minibatches of 200, no decay: what scikit-learn's own
MLPClassifier does, in float32. The three take an epoch in turn, A B C A B C, so that the load of the machine meets
all; only epochs are timed, not the validation after them. The loss to be reached is the worst of the three best ones,
so that each reaches it; they start from different random weights. Compilation is in our seconds, and told beside them.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.score_contestants import preparation
from benchmarks.score_data import Parts

Probabilities = Callable[[Any], Any]
HIDDEN, RATE, BATCH = 100, 0.001, 200


@dataclass
class Runner:
    """A net in training: `epoch` trains it once over all rows, `says` gives probabilities, rows × classes."""

    epoch: Callable[[], None]
    says: Probabilities
    seconds: list[float] = field(default_factory=list[float])
    losses: list[float] = field(default_factory=list[float])

    def turn(self, X_new: Any, y_new: Any) -> None:
        """An epoch, timed, and the loss after it."""
        began = time.perf_counter()
        self.epoch()
        self.seconds.append(time.perf_counter() - began)
        p = np.asarray(self.says(X_new), "float64")[np.arange(len(y_new)), y_new]
        self.losses.append(float(-np.log(np.maximum(p, 1e-12)).mean()))

    def until(self, loss: float) -> float:
        """The seconds of the epochs until the loss was reached."""
        return sum(self.seconds[: first_at_most(self.losses, loss) + 1])


def first_at_most(losses: list[float], bound: float) -> int:
    """The place of the first of `losses` that is at most `bound`. StopIteration where there is none."""
    return next(place for place, loss in enumerate(losses) if loss <= bound)


def shared_loss(runners: list[list[float]]) -> float:
    """The worst of the best losses: all reach it."""
    return max(min(losses) for losses in runners)


def ours(X: Any, y: Any, seed: int) -> Runner:
    """backgraph, by `partial_fit`."""
    from backgraph.sklearn import MLPClassifier

    net = MLPClassifier(
        (HIDDEN,), "relu", solver="adam", learning_rate="constant", learning_rate_init=RATE, batch_size=BATCH,
        beta_2=0.999, label_smoothing=0.0, dropout=0.0, preparation=None, random_state=seed,
    )  # fmt: skip
    return Runner(lambda: net.partial_fit(X, y, classes=np.unique(y)), net.predict_proba)


def theirs(X: Any, y: Any, seed: int) -> Runner:
    """scikit-learn, by `partial_fit`."""
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier((HIDDEN,), alpha=0.0, learning_rate_init=RATE, batch_size=BATCH, random_state=seed)
    return Runner(lambda: net.partial_fit(X, y, classes=np.unique(y)), net.predict_proba)


def torchs(X: Any, y: Any, seed: int) -> Runner:
    """PyTorch, in the loop that its users write."""
    torch = importlib.import_module("torch")
    torch.manual_seed(seed)
    classes = len(np.unique(y))
    net = torch.nn.Sequential(torch.nn.Linear(X.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, classes))
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    rows, labels = torch.from_numpy(X), torch.from_numpy(y)

    def epoch() -> None:
        for chosen in torch.randperm(len(rows)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(rows[chosen]), labels[chosen]).backward()
            optimizer.step()

    def says(X_new: Any) -> Any:
        with torch.no_grad():
            return torch.softmax(net(torch.from_numpy(X_new)), 1).numpy()

    return Runner(epoch, says)


RACERS = {"backgraph": ours, "scikit-learn MLP": theirs, "PyTorch": torchs}
EPOCHS = {"digits": 40, "towns": 30, "fashion": 8}
"""The sets that are raced on, and how many epochs."""


def race(parts: Parts, epochs: int, seed: int) -> dict[str, Any]:
    """Seconds of each to the shared loss, of our first epoch (compilation included) and of a later one."""
    known = preparation(parts.X).fit(parts.X)
    X, X_new = (np.ascontiguousarray(known.transform(each), "float32") for each in (parts.X, parts.X_new))
    classes, y = np.unique(parts.y, return_inverse=True)
    runners = {name: make(X, y, seed) for name, make in RACERS.items()}
    for _ in range(epochs):
        for runner in runners.values():
            runner.turn(X_new, np.searchsorted(classes, parts.y_new))
    loss = shared_loss([runner.losses for runner in runners.values()])
    return {
        "loss": loss,
        "seconds": {name: runner.until(loss) for name, runner in runners.items()},
        "epoch": {name: float(np.median(runner.seconds[1:])) for name, runner in runners.items()},
        "first": runners["backgraph"].seconds[0],
    }
