"""What watches the epochs of an estimator: lines on the screen, scikit-learn's own rule to stop, and its callbacks.

Callbacks of estimators: scikit-learn enhancement proposal 23, in scikit-learn 1.9 and later. Where they are not there,
`CallbackSupport` is an empty class and `with_callbacks` changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from backgraph.sklearn.solvers import Adaptive
from backgraph.train.callbacks import Callback, State
from backgraph.train.loop import Training

__all__ = ["CallbackSupport", "Lines", "Tasks", "Tolerance", "with_callbacks"]

if TYPE_CHECKING or find_spec("sklearn.callback"):
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
    from sklearn.callback import with_callbacks
else:  # scikit-learn before 1.9

    class CallbackSupport:
        """Nothing: this scikit-learn has no callbacks."""

    def with_callbacks(method: Any) -> Any:
        """The method as it is."""
        return method


class Tolerance(Callback):
    """Ends training when the loss has not fallen by `tol` for more than `patience` epochs in a row; or lowers the rate.

    This is scikit-learn's rule, without early stopping: each epoch is compared with the best before it.
    """

    def __init__(self, tol: float, patience: float, schedule: Any = None) -> None:
        self.tol, self.patience, self.schedule = tol, patience, schedule
        self.best, self.stalled = float("inf"), 0

    def epoch_done(self, training: Training) -> bool:
        """Whether the loss has stalled, and the rate, if it adapts, is at its lowest."""
        loss = training.history[-1]["loss"]
        self.stalled = self.stalled + 1 if loss > self.best - self.tol else 0
        self.best = min(self.best, loss)
        if self.stalled <= self.patience:
            return False
        if isinstance(self.schedule, Adaptive) and self.schedule.divide():
            self.stalled = 0
            return False
        return True

    def state(self) -> State:
        """The best loss, the count, and the rate."""
        rate = self.schedule.rate if isinstance(self.schedule, Adaptive) else None
        return {"best": self.best, "stalled": self.stalled, "rate": rate}

    def restore(self, state: State) -> None:
        """See Callback."""
        self.best, self.stalled = float(state["best"]), int(state["stalled"])
        if isinstance(self.schedule, Adaptive):
            self.schedule.rate = float(state["rate"])


class Lines(Callback):
    """A line on the screen for each epoch."""

    def epoch_done(self, training: Training) -> None:
        """`Iteration 3, loss = 0.12345678, validation loss = 0.13`."""
        scores = ", ".join(f"{name} = {value:.8g}" for name, value in training.history[-1].items())
        print(f"Iteration {training.epoch}, {scores}")


class Tasks(Callback):
    """Tells scikit-learn's callbacks of each epoch; one of them may end training.

    `context` is that of the whole fit; `fitted(training)` gives the attributes with which the estimator can predict.
    """

    def __init__(
        self, estimator: Any, context: Any, told: dict[str, Any], fitted: Callable[[Training], dict[str, Any]]
    ) -> None:
        self.estimator, self.context, self.told, self.fitted = estimator, context, told, fitted
        self.epoch: Any = None

    def begin(self, training: Training) -> None:
        """The first epoch."""
        self._begin(training)

    def steps_done(self, training: Training) -> None:
        """A later epoch is told of with its first steps: only then is it known that there is one."""
        if self.epoch is None:
            self._begin(training)

    def epoch_done(self, training: Training) -> bool:
        """The end of an epoch."""
        stop, self.epoch = self._end(training), None
        return stop

    def _begin(self, training: Training) -> None:
        self.epoch = self.context.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(
            estimator=self.estimator, reconstruction_attributes=lambda: self.fitted(training), **self.told
        )

    def _end(self, training: Training) -> bool:
        return bool(
            self.epoch.call_on_fit_task_end(
                estimator=self.estimator, reconstruction_attributes=lambda: self.fitted(training), **self.told
            )
        )
