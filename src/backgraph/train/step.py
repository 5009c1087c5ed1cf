"""The training step: cost, gradients and update as one graph.

    J, g = ∇J     the cost of a minibatch and its gradients, simplified by the rewrite rules
    θ', s'        what parameters θ and the optimiser's state s become

Nothing is hidden: inputs are data, parameters, state and the scalars of the step (learning rate and the like); outputs
are the cost, the metrics, and the updates. Whoever runs it (`train.engine`) needs to know no optimiser.

A scalar of the cost that changes from step to step (a λ that decays, the key of a dropout) is *scheduled*: a function
of the number of the step gives it, as it gives the learning rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from backgraph.calculus.backprop import Gradients, gradient
from backgraph.collector import uncollected
from backgraph.errors import CalculusError, GraphError, UsageError
from backgraph.language.dims import shape_text, symbol
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import variable
from backgraph.language.walk import leaves
from backgraph.optim.clipping import Clip
from backgraph.optim.optimizer import Optimizer
from backgraph.optim.schedules import Schedule
from backgraph.rules import UPDATE_RULES, simplify
from backgraph.train.block import together


@dataclass(frozen=True)
class Change:
    """What one step does to one variable: `old` becomes `new`; before the first step it is filled with `start`.

    `of` is the parameter that a state belongs to; a parameter belongs to itself and has no start of its own.
    """

    old: Node
    new: Node
    of: Node
    start: float | None = None


@dataclass(frozen=True)
class Step:
    """One minibatch of training as graph.

    `rows` are the data leaves that a minibatch takes rows of, `fixed` those given whole; `outputs` are the cost and the
    metrics; `changes` the parameters' first, then the state's; `scalars` are fed anew in every step: the optimiser's by
    its own account, the others as `scheduled` says.
    """

    cost: Node
    rows: tuple[Node, ...]
    fixed: tuple[Node, ...]
    scalars: tuple[Node, ...]
    outputs: tuple[Node, ...]
    changes: tuple[Change, ...]
    gradients: Gradients
    optimizer: Optimizer
    scheduled: Mapping[Node, Schedule] = field(default_factory=dict[Node, Schedule])

    @property
    def variables(self) -> tuple[Node, ...]:
        """Parameters, then state: what training changes."""
        return tuple(change.old for change in self.changes)

    @property
    def parameters(self) -> tuple[Node, ...]:
        """What is learned."""
        return tuple(change.old for change in self.changes if change.start is None)

    @property
    def updates(self) -> tuple[Node, ...]:
        """What `variables` become."""
        return tuple(change.new for change in self.changes)

    def schedule(self, first: int, steps: int) -> Array:
        """The scalars of `steps` steps from step `first` on: float64, steps × scalars, not yet rounded."""
        own = self.optimizer.scalars
        fed = [(str(node.op), self.scheduled.get(node)) for node in self.scalars]
        rows = [
            [scalars[name] if schedule is None else float(schedule(t)) for name, schedule in fed]
            for t in range(first, first + steps)
            for scalars in (own(t),)
        ]
        return np.array(rows, "float64").reshape(steps, len(self.scalars))

    def arrays(self, parameters: Mapping[Node, Array]) -> list[Array]:
        """Fresh arrays for `variables`: copies of `parameters`, and the state as it begins; each kind lies together.

        Raises CalculusError BG302 for a parameter that is missing or does not fit.
        """
        fitting = {node: _fitting(node, parameters) for node in self.parameters}
        kept = together([fitting[change.old] for change in self.changes if change.start is None])
        begun = [np.full_like(fitting[c.of], c.start) for c in self.changes if c.start is not None]
        parts = {True: iter(kept), False: iter(together(begun))}
        return [next(parts[change.start is None]) for change in self.changes]


@uncollected
def training_step(
    cost: Node,
    parameters: Sequence[Node],
    optimizer: Optimizer,
    *,
    batch: str = "m",
    clip: Clip | None = None,
    decayed: Sequence[Node] | None = None,
    metrics: Sequence[Node] = (),
    gradients: Mapping[Node, Node] | None = None,
    scheduled: Mapping[Node, Schedule] | None = None,
) -> Step:
    """The step that lowers `cost` in `parameters`; leaves whose first dimension is `batch` are fed row by row.

    `decayed` are the parameters that the optimiser's weight decay applies to (all, unless said otherwise). `gradients`
    replaces the gradient of a parameter by another node of its shape; what it does not name is derived. `scheduled`
    gives scalar leaves their values at step t = 0, 1, 2 … Raises GraphError BG102 for parameters that differ in dtype,
    BG108 and CalculusError BG301 as `gradient`, UsageError BG601 where a parameter is no leaf or a gradient does not
    fit, or what is scheduled is no scalar leaf.
    """
    _check(parameters, optimizer)
    timed = _scheduled(scheduled or {})
    derived = _gradients(cost, parameters, gradients or {})
    simple = simplify([cost, *metrics, *derived.nodes]).nodes
    outputs, simplified = simple[: 1 + len(metrics)], simple[1 + len(metrics) :]
    scalars = {name: variable(name, (), parameters[0].dtype, "scalar") for name in optimizer.scalars(0)}
    changes: list[Change] = []
    for theta, g in zip(parameters, clip(simplified) if clip else simplified, strict=True):
        own = optimizer if decayed is None or theta in decayed else optimizer.without_decay()
        changes += _changes(theta, g, own, scalars)
    news = simplify([change.new for change in changes], UPDATE_RULES).nodes
    changes = [replace(change, new=new) for change, new in zip(changes, news, strict=True)]
    changes.sort(key=lambda change: change.start is not None)
    anew = (*scalars.values(), *timed)
    data = _data([*outputs, *(change.new for change in changes)], {*anew, *(c.old for c in changes)})
    rows = tuple(leaf for leaf in data if isinstance(leaf.shape, tuple) and leaf.shape[:1] == (symbol(batch),))
    fixed = tuple(leaf for leaf in data if leaf not in rows)
    return Step(cost, rows, fixed, anew, outputs, tuple(changes), derived, optimizer, timed)


def _gradients(cost: Node, parameters: Sequence[Node], edited: Mapping[Node, Node]) -> Gradients:
    """Derived where they are not given; a cost need not reach a parameter whose gradient is."""
    for theta, g in edited.items():
        if theta not in parameters or g.shape != theta.shape or g.dtype != theta.dtype:
            got, expected = f"{shape_text(g.shape)} {g.dtype}", f"{shape_text(theta.shape)} {theta.dtype}"
            raise UsageError("BG601", f"gradient of {theta.op}", "does not fit", got=got, expected=expected)
    missing = [theta for theta in parameters if theta not in edited]
    derived = gradient(cost, missing)
    table = dict(zip(missing, derived.nodes, strict=True)) | dict(edited)
    return replace(derived, targets=tuple(parameters), nodes=tuple(table[theta] for theta in parameters))


def _scheduled(scheduled: Mapping[Node, Schedule]) -> dict[Node, Schedule]:
    for leaf, schedule in scheduled.items():
        if not leaf.op.is_variable or leaf.shape != () or not callable(schedule):
            hint = "a scalar input, and a function of the number of the step"
            raise UsageError("BG601", "scheduled", "cannot be scheduled", got=str(leaf.op), expected=hint)
    return dict(scheduled)


def _changes(theta: Node, g: Node, optimizer: Optimizer, scalars: Mapping[str, Node]) -> list[Change]:
    start = optimizer.state(theta)
    state = {name: variable(f"{name} of {theta.op}", theta.shape, theta.dtype, "state") for name in start}
    new_theta, new_state = optimizer.step(theta, g, state, scalars)
    olds, news = [theta, *state.values()], [new_theta, *(new_state[name] for name in state)]
    return [Change(old, new, theta, n) for old, new, n in zip(olds, news, [None, *start.values()], strict=True)]


def _data(outputs: Sequence[Node], known: set[Node]) -> list[Node]:
    return [leaf for leaf in leaves(outputs) if leaf not in known]


def _check(parameters: Sequence[Node], optimizer: Optimizer) -> None:
    if not isinstance(optimizer, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]  (users write names)
        raise UsageError("BG601", "optimizer", "not an optimiser", got=optimizer, expected="SGD(), Adam() or another")
    if not parameters:
        raise UsageError("BG601", "parameters", "there is nothing to train", hint="name at least one parameter")
    for theta in parameters:
        if not theta.op.is_variable:
            raise UsageError(
                "BG601", "parameters", "not a leaf of the graph", got=str(theta.op), expected="parameter()"
            )
        if theta.dtype != parameters[0].dtype:
            got = f"{parameters[0].op} {parameters[0].dtype}, {theta.op} {theta.dtype}"
            raise GraphError("BG102", "parameters", "they differ in dtype", got=got, expected="one dtype")


def _fitting(node: Node, parameters: Mapping[Node, Array]) -> Array:
    if node not in parameters:
        raise CalculusError("BG302", str(node.op), "no initial value is given for this parameter")
    array = np.asarray(parameters[node], order="C")
    if array.shape != node.shape or array.dtype.name != node.dtype:
        got, expected = f"{shape_text(array.shape)} {array.dtype.name}", f"{shape_text(node.shape)} {node.dtype}"
        raise CalculusError("BG302", str(node.op), "the initial value does not fit", got=got, expected=expected)
    return array
