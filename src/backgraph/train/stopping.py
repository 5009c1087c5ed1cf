"""Early stopping: section 7.8 of Goodfellow et al. (2016), algorithm 7.1.

Training ends when what is monitored has not improved for `patience` epochs; the weights of the best epoch come back.
Prechelt, "Early stopping — but when?" (1998).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from backgraph.errors import TrainingError, nearest
from backgraph.language.op import Array
from backgraph.optim.limits import not_negative, whole
from backgraph.train.callbacks import Callback
from backgraph.train.metrics import more_is_better

if TYPE_CHECKING:
    from backgraph.train.loop import Training


class EarlyStopping(Callback):
    """Remembers the weights of the best epoch by `monitor`, a name in the history: "validation loss", "validation AUC".

    Training ends after `patience` epochs (None: never) without an improvement by more than `min_delta`. `more` says
    whether larger is better; metrics of `train.metrics` know it. A value that is NaN is no improvement. Raises
    TrainingError BG401 for senseless numbers, and for a name that the history does not have.
    """

    def __init__(
        self,
        monitor: str = "validation loss",
        patience: int | None = 16,
        min_delta: float = 0.0,
        more: bool | None = None,
    ) -> None:
        self.monitor = monitor
        self.patience = None if patience is None else whole("patience", patience)
        self.min_delta = not_negative("min_delta", min_delta)
        self.more = more_is_better(monitor) if more is None else more
        self.best: list[Array] = []
        self.best_epoch = self.improved_epoch = 0
        self.best_score = self.improved_score = math.nan

    @property
    def settings(self) -> Mapping[str, object]:
        """See Callback."""
        return {"monitor": self.monitor, "patience": self.patience, "min_delta": self.min_delta, "more": self.more}

    def epoch_done(self, training: Training) -> bool:
        """Whether the patience is at an end."""
        return self.consider(self._score(training), training.epoch, _parameters(training))

    def consider(self, score: float, epoch: int, parameters: Sequence[Array]) -> bool:
        """Remember `parameters` (copies) if they are the best so far; whether the patience is at an end.

        Training that goes on from weights it was given may have them considered first, as epoch 0.
        """
        first = not self.best
        if first or self._gain(score, self.improved_score) > self.min_delta:
            self.improved_epoch, self.improved_score = epoch, score
        if first or self._gain(score, self.best_score) > 0:
            self.best_epoch, self.best_score = epoch, score
            self.best = [array.copy() for array in parameters]
        return self.patience is not None and epoch - self.improved_epoch >= self.patience

    def take_best(self, training: Training) -> None:
        """Put the best weights back; the state of the optimiser stays."""
        for array, best in zip(_parameters(training), self.best, strict=False):
            np.copyto(array, best)

    def state(self) -> Mapping[str, Array]:
        """The best weights, and when and how good they were."""
        numbers = [self.best_epoch, self.best_score, self.improved_epoch, self.improved_score]
        return {"numbers": np.array(numbers, "float64")} | {f"best {n}": array for n, array in enumerate(self.best)}

    def restore(self, state: Mapping[str, Array]) -> None:
        """See Callback."""
        best_epoch, self.best_score, improved_epoch, self.improved_score = map(float, state["numbers"])
        self.best_epoch, self.improved_epoch = int(best_epoch), int(improved_epoch)
        self.best = [state[f"best {number}"] for number in range(len(state) - 1)]

    def _gain(self, score: float, than: float) -> float:
        """How much better `score` is; NaN is worse than any number."""
        if math.isnan(score) or math.isnan(than):
            return math.inf if math.isnan(than) and not math.isnan(score) else -math.inf
        return score - than if self.more else than - score

    def _score(self, training: Training) -> float:
        row = training.history[-1]
        if self.monitor not in row:
            known, hint = ", ".join(row), nearest(self.monitor, list(row))
            raise TrainingError("BG401", "monitor", "not in the history", got=self.monitor, expected=known, hint=hint)
        return row[self.monitor]


def _parameters(training: Training) -> list[Array]:
    return training.variables[: len(training.step.parameters)]
