"""Checking gradients against derivatives computed from values alone.

    at="targets"   the gradient that back-propagation built for each target, element by element
    at="nodes"     the rule on every edge of G', in the order in which the backward pass uses them: each operation
                   stands alone, with the values and the incoming gradient that it meets in this graph; the first edge
                   that fails names the wrong rule, whatever it spoils further down
    error          |rule − numerical| / M, with M the size of the terms (`calculus.numerical`), so that cancellation
                   raises no false alarm
    at a kink      the slopes to the left and to the right differ, hence no number is the derivative; no failure, and
                   said even where the rule gives one of the two: the gradient jumps near by, and both sides are asked

Source: section 11.5; reliability by complex step where the operations allow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from backgraph.calculus.backprop import Gradients, gradient
from backgraph.calculus.jacobian import standing_alone
from backgraph.calculus.numerical import (
    NotAnalytic,
    Values,
    along,
    central_difference,
    complex_step,
    extended,
    one_sided,
    size_of_terms,
)
from backgraph.errors import CalculusError
from backgraph.evaluate import Bindings, bind, evaluate
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import input
from backgraph.language.ops.reduce import sum
from backgraph.language.walk import consumers, substitute, topological_order

TOLERANCE = {"float64": 1e-13, "float32": 2e-5}
"""How much of M a gradient may be off, by dtype."""
DIFFERENCE_TOLERANCE = 1e-9
"""The same where only differences serve: they keep fewer digits."""
KINK = 1e-6
"""The slopes at both sides of a smooth point agree better than this, relative to M."""
NEAR = 1e-9
"""How far from a point its two sides are asked, relative to its coordinates."""

Method: TypeAlias = Literal["complex step", "central differences"]
Status: TypeAlias = Literal["right", "wrong", "at a kink", "not finite"]


@dataclass(frozen=True)
class Element:
    """One element of a gradient, by its index, with what the rule and the numbers say; `error` is relative to M."""

    index: tuple[int, ...]
    by_rule: float
    by_numbers: float
    error: float
    status: Status = "right"


Compared: TypeAlias = tuple[Method, tuple[Element, ...]]


@dataclass(frozen=True)
class Check:
    """The elements checked of one gradient: of a target, or of the input `position` of `consumer`'s operation."""

    of: Node
    method: Method
    elements: tuple[Element, ...]
    consumer: Node | None = None
    position: int | None = None

    @property
    def worst(self) -> Element | None:
        """The element with the largest error among those with the gravest status."""
        gravity = ("right", "at a kink", "not finite", "wrong")
        return max(self.elements, key=lambda e: (gravity.index(e.status), np.nan_to_num(e.error)), default=None)

    @property
    def status(self) -> Status:
        """The gravest status of its elements; right if there are none."""
        return self.worst.status if self.worst else "right"

    def __str__(self) -> str:
        name = str(self.of.op) if self.consumer is None else f"{self.consumer.op}, input {self.position}"
        if self.worst is None:
            return f"{name}: empty"
        e = self.worst
        facts = f"by rule {e.by_rule:.17g}, by {self.method} {e.by_numbers:.17g}"
        return f"{name}: {e.status}; worst of {len(self.elements)} at {list(e.index)}: {facts}, error {e.error:.1e} M"


@dataclass(frozen=True)
class Report:
    """What was checked; `str` gives one line for each check and the verdict."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong; kinks are not held against a rule."""
        return self.first_wrong is None

    @property
    def first_wrong(self) -> Check | None:
        """The first check that failed: at="nodes" the first in the order of the backward pass."""
        return next((check for check in self.checks if check.status in ("wrong", "not finite")), None)

    @property
    def error(self) -> float:
        """The largest error of all elements that are right or wrong, relative to M."""
        judged = [e.error for check in self.checks for e in check.elements if e.status != "at a kink"]
        return max(judged, default=0.0)

    def verdict(self) -> str:
        """One sentence."""
        wrong = self.first_wrong
        kinks = np.sum([e.status == "at a kink" for check in self.checks for e in check.elements], dtype=int)
        besides = f"; {kinks} elements at a kink" if kinks else ""
        if wrong is None:
            return f"all {len(self.checks)} gradients agree, largest error {self.error:.1e} M{besides}"
        if wrong.consumer is None:
            return f"the gradient of {wrong.of.op} is {wrong.status}{besides}"
        rule = f"the rule of {wrong.consumer.op} for its input {wrong.position}"
        return f"{rule} is the first that is {wrong.status}{besides}"

    def __str__(self) -> str:
        return "\n".join([*map(str, self.checks), self.verdict()])

    def require(self) -> Report:
        """The report itself. Raises CalculusError BG303 unless it passed."""
        if self.first_wrong is not None:
            wrong = self.first_wrong
            of = wrong.of if wrong.consumer is None else wrong.consumer
            raise CalculusError("BG303", str(of.op), self.verdict(), hint="print the report")
        return self


def check_gradient(
    cost: Node,
    wrt: Node | Sequence[Node],
    values: Bindings,
    *,
    at: Literal["targets", "nodes"] = "targets",
    at_most: int = 256,
    tolerance: float | None = None,
) -> Report:
    """The gradient of `cost` compared with numerical derivatives at `values`, in at most `at_most` elements each.

    `tolerance` is relative to M; by default 1e-13 in float64 and 2e-5 in float32. Raises what `gradient` and `evaluate`
    raise; a disagreement is reported, and raised (BG303) only by `report.require()`.
    """
    gradients = gradient(cost, wrt)
    limits = Limits(at_most, tolerance)
    if at == "targets":
        given = bind(topological_order([cost, *gradients.targets]), values)[0]
        return Report(tuple(_check_target(gradients, i, given, limits) for i in range(len(gradients))))
    if at == "nodes":
        return Report(tuple(_check_edges(gradients, values, limits)))
    raise CalculusError("BG303", "check_gradient", "unknown place", got=at, expected="targets or nodes")


@dataclass(frozen=True)
class Limits:
    """How many elements of a gradient are checked, and how much of M they may be off."""

    at_most: int
    tolerance: float | None


@dataclass(frozen=True)
class Function:
    """`cost` as a function of `leaf`, near `start`; `slope` is its gradient by the rules, a function of `leaf` too."""

    cost: Node
    leaf: Node
    start: Values
    slope: Node

    def jumps(self) -> Array:
        """Where the gradient differs on both sides of `start`, in a direction in which every element moves."""
        x = np.asarray(self.start[self.leaf])
        step = NEAR * np.random.default_rng(0).uniform(0.5, 1.0, x.shape) * np.maximum(np.abs(x), 2.0**-6)
        wide = extended(self.start)
        left, right = (evaluate(self.slope, {**wide, self.leaf: wide[self.leaf] + sign * step}) for sign in (-1, 1))
        with np.errstate(invalid="ignore"):
            return np.abs(right - left) > KINK * np.maximum(np.abs(right), np.abs(left))

    def line(self, index: tuple[int, ...]) -> tuple[Callable[[Any], Array], float]:
        """The cost along one element, and the scale of a step there."""
        x = np.asarray(self.start[self.leaf])
        return along(self.cost, self.leaf, self.start, _unit(x.shape, index)), max(abs(float(x[index])), 2.0**-6)

    def slopes(self, indices: Sequence[tuple[int, ...]]) -> tuple[Method, list[Array]]:
        """The derivatives in some elements, by the best method that serves."""
        shape = np.shape(self.start[self.leaf])
        try:
            units = [_unit(shape, index) for index in indices]
            return "complex step", [complex_step(self.cost, self.leaf, self.start, unit) for unit in units]
        except NotAnalytic:
            return "central differences", [central_difference(*self.line(index))[0] for index in indices]


def _check_target(gradients: Gradients, which: int, given: Values, limits: Limits) -> Check:
    target, slope = gradients.targets[which], gradients.nodes[which]
    leaf = target if target.op.is_variable else input(str(target.op), target.shape, target.dtype)
    cost, as_function = substitute([gradients.cost, slope], {target: leaf})
    function = Function(cost, leaf, {**given, leaf: evaluate(target, given)}, as_function)
    return Check(target, *_compared(function, slope, given, limits))


def _check_edges(gradients: Gradients, values: Bindings, limits: Limits) -> Iterator[Check]:
    """The rule on every edge of G', in the order in which `gradients.of` was filled."""
    order = topological_order([gradients.cost, *gradients.of.values()])
    sizes = bind(order, values)[1]
    value_of = dict(zip(order, evaluate(order, values), strict=True))
    arrows = consumers(node for node in topological_order([gradients.cost]) if node in gradients.of)
    for target in gradients.of:
        for consumer, position in arrows.get(target, []):
            if consumer.dtype in FLOATS and target.dtype in FLOATS:
                alone, leaves = standing_alone(consumer, [value_of[given] for given in consumer.inputs], sizes)
                G = input("G", value_of[consumer].shape, consumer.dtype)
                slope = alone.op.bprop(leaves, position, G)
                given = {leaf: value_of[node] for leaf, node in zip(leaves, consumer.inputs, strict=True)}
                given[G] = value_of[gradients.of[consumer]]
                if slope is not None:
                    function = Function(sum(alone * G), leaves[position], given, slope)
                    yield Check(target, *_compared(function, slope, given, limits), consumer, position)


def _compared(function: Function, slope: Node, given: Values, limits: Limits) -> Compared:
    """`slope` at `given`, which a rule built, against the numbers: the method, and the elements judged."""
    by_rule, size = np.asarray(evaluate(slope, given)), size_of_terms([slope], given)[0]
    chosen = _chosen(by_rule.shape, limits.at_most)
    method, numbers = function.slopes(chosen)
    tolerance = TOLERANCE[slope.dtype] if limits.tolerance is None else limits.tolerance
    if method == "central differences":
        tolerance = max(tolerance, DIFFERENCE_TOLERANCE)
    pairs = zip(chosen, numbers, strict=True)
    raw = [Element(i, float(by_rule[i]), float(n), _error(by_rule[i], n, size[i])) for i, n in pairs]
    jumps = function.jumps() if _may_have_kinks(function) else np.zeros(by_rule.shape, bool)
    return method, tuple(_judged(function, element, tolerance, bool(jumps[element.index])) for element in raw)


def _may_have_kinks(function: Function) -> bool:
    """Whether a card on the way says what happens at a kink."""
    return any(node.op.ties for node in topological_order([function.cost]))


def _error(by_rule: Array, number: Array, size: Array) -> float:
    """The distance relative to M; infinite where one is NaN or infinite and the other is something else."""
    if by_rule == number or (np.isnan(by_rule) and np.isnan(number)):
        return 0.0
    with np.errstate(invalid="ignore"):
        difference = abs(np.longdouble(by_rule) - number)
    M = max(size, abs(number))
    return float(difference / M) if np.isfinite(difference) and M > 0 else float("inf")


def _judged(function: Function, element: Element, tolerance: float, jumps: bool) -> Element:
    agrees = element.error <= tolerance
    if agrees and not jumps:
        return element
    cost = evaluate(function.cost, function.start)
    if not agrees and not np.all(np.isfinite([element.by_rule, element.by_numbers, cost])):
        return replace(element, status="not finite")
    left, right = one_sided(*function.line(element.index))
    M = size_of_terms([function.cost], function.start)[0]
    kink = abs(left - right) > KINK * max(abs(left), abs(right), M * KINK)
    return replace(element, status="at a kink" if kink else "right" if agrees else "wrong")


def _unit(shape: tuple[int, ...], index: tuple[int, ...]) -> Array:
    direction = np.zeros(shape, np.longdouble)
    direction[index] = 1
    return direction


def _chosen(shape: tuple[int, ...], at_most: int) -> list[tuple[int, ...]]:
    """All indices of an array, or `at_most` of them, drawn the same way every time."""
    n = int(np.prod(shape))
    flat = np.arange(n) if n <= at_most else np.sort(np.random.default_rng(0).choice(n, at_most, replace=False))
    return [tuple(int(i) for i in np.unravel_index(k, shape)) for k in flat]
