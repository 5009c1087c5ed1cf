"""partial_fit: one epoch at a time, over data that come in parts.

The state of the optimiser and the number of the step go on from call to call. The program that trains is kept from one
call to the next as long as the parts have as many rows, so that only the first is compiled; it is not pickled.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from backgraph.models.learner import Examples, Learner
from backgraph.sklearn.estimator import BaseMLP
from backgraph.sklearn.given import Given
from backgraph.sklearn.method import engine_of, plan_of_part, stopping_of
from backgraph.train.engine import Engine
from backgraph.train.loop import Training


@dataclass
class Part:
    """What a call leaves for the next: learner and engine, and the parameters that they were made for."""

    learner: Learner
    engine: Engine
    parameters: str


class PartialFit(BaseMLP):
    """An estimator that can be trained in parts."""

    def _in_parts(self, X: Any, y: Any, sample_weight: Any, classes: Any, validation: tuple[Any, Any, Any]) -> Any:
        """A call: the first one learns what the targets and the columns are."""
        begins = not self.__sklearn_is_fitted__()
        if begins:
            self._known_classes = classes
        given = self._given(X, y, sample_weight, reset=begins)
        if begins:
            self._forget()
            self._learn_target(given.y if classes is None else np.asarray(classes), given.weights)
            self._learn_columns(given)
        held_out = None if validation[0] is None else self._given(*validation, reset=False)
        self._one_part(given, held_out)
        return self

    def _one_part(self, given: Given, held_out: Given | None) -> None:
        """An epoch over the rows of `given`; then, with rows to validate on, the best call so far is kept."""
        if self.stopped_:
            return
        examples = self._trained_on(given, sys.maxsize)  # nobody knows how many rows will come
        part = self._part_for(examples)
        training = part.learner.training
        part.learner.held_out = None if held_out is None else self._examples(held_out)
        part.learner.run(1, engine=part.engine)
        self._calls += 1
        self._keep(part.learner, training)
        self.n_iter_ = self._calls
        if held_out is not None:
            self._judge(training)

    def _part_for(self, examples: Examples) -> Part:
        """The learner of the last call with new rows and nothing done, or a new one."""
        known, parameters = getattr(self, "_part", None), repr(sorted(self.get_params().items()))
        same = known is not None and known.parameters == parameters and known.learner.mlp is self.mlp_
        if known is None or not same or len(known.learner.examples) != len(examples):
            how = plan_of_part(self, len(examples), self._seed)
            learner = Learner(self.mlp_, self._start(), examples, None, how.method)
            known = self._part = Part(learner, engine_of(self), parameters)
        known.learner.take(examples)
        training = known.learner.training
        training.done, training.history, training.first_step = 0, [], self._steps
        training.seed = self._seed + self._calls
        if self._state is not None:
            for array, last in zip(training.variables, self._state, strict=True):
                np.copyto(array, last)
        return known

    def _judge(self, training: Training) -> None:
        """Whether this call was the best so far, and whether the patience is at an end."""
        stopping = self._stopping = self._stopping or stopping_of(self)
        parameters = list(training.parameters.values())
        self.stopped_ = stopping.consider(training.history[-1][stopping.monitor], self._calls, parameters)
        vars(self).update(self._named(stopping.best))
        self._keep_scores(stopping)
