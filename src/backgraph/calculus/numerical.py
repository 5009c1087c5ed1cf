"""Derivatives from values alone, which judge the rules: complex step, and central differences in long double.

    complex step          f'(x) ≈ Im f(x + i h) / h with h = 10⁻³⁰: no subtraction, so no digits are lost
    central differences   (f(x + h) − f(x − h)) / 2h for falling h, extrapolated to h = 0 (Richardson)
    M                     the size of the terms of a value: how far it moves, relative to ε, when every intermediate
                          result is multiplied by 1 ± ε; the rounding error of a sound computation is a few ULP of M

Sources: Squire and Trapp (1998); Ridders (1982); the book warns of plain differences in section 11.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backgraph.evaluate import evaluate
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import Constant
from backgraph.language.ops.shape import Broadcast, Reshape, Transpose
from backgraph.language.walk import topological_order

STEP = np.longdouble("1e-30")
FLIP = np.longdouble(2) ** -44
"""ε of M: large beside the unit roundoff of long double, 2⁻⁶⁴, small beside everything else."""
COPIES = (Broadcast, Reshape, Transpose)

Values = Mapping[Node, Array]


class NotAnalytic(Exception):  # noqa: N818  # it is no error, it says which method serves
    """An operation lost the imaginary part."""


def extended(values: Values) -> dict[Node, Array]:
    """`values` with floating-point arrays in long double."""
    return {leaf: np.asarray(x, np.longdouble) if leaf.dtype in FLOATS else x for leaf, x in values.items()}


def complex_step(output: Node, wrt: Node, values: Values, direction: Array) -> Array:
    """The derivative of `output` along `direction`, of the shape of `wrt`. Raises NotAnalytic."""
    x = np.asarray(values[wrt], np.longdouble)
    moved = {**extended(values), wrt: x + np.clongdouble(1j) * (STEP * direction)}
    imaginary, lost = {wrt}, list[Node]()

    def watch(node: Node, value: Array) -> Array:
        if value.dtype.kind == "c":
            imaginary.add(node)
        elif node.dtype in FLOATS and not imaginary.isdisjoint(node.inputs):
            lost.append(node)
        return value

    try:
        result = np.asarray(evaluate(output, moved, watch))
    except TypeError as error:
        raise NotAnalytic(str(error)) from error
    if lost:
        raise NotAnalytic(str(lost[0].op))
    return np.imag(result) / STEP


def along(output: Node, wrt: Node, values: Values, direction: Array) -> Callable[[Any], Array]:
    """t ↦ output at x + t · direction, in long double."""
    fixed, x = extended(values), np.asarray(values[wrt], np.longdouble)
    return lambda t: np.asarray(evaluate(output, {**fixed, wrt: x + t * direction}), np.longdouble)


def central_difference(f: Callable[[Any], Array], scale: float = 1.0) -> tuple[Array, Array]:
    """f'(0) by central differences extrapolated to step 0, and an estimate of its error."""
    table: list[Array] = []
    best, error = np.asarray(np.nan), np.asarray(np.inf)
    for row in range(8):
        h = np.longdouble(scale) * np.longdouble(2) ** -(row + 3)
        line = [(f(h) - f(-h)) / (2 * h)]
        for k, previous in enumerate(table, start=1):
            line.append(line[-1] + (line[-1] - previous) / (np.longdouble(4) ** k - 1))
        if row:
            change = np.maximum(abs(line[-1] - line[-2]), abs(line[-1] - table[-1]))
            better = change < error
            best, error = np.where(better, line[-1], best), np.where(better, change, error)
        table = line
    return best, error


def one_sided(f: Callable[[Any], Array], scale: float = 1.0) -> tuple[Array, Array]:
    """The slopes to the left and to the right of 0: at a kink they differ."""
    h = np.longdouble(scale) * np.longdouble(2) ** -30
    here, half = f(0), h / 2
    left, right = ((f(s * half) - here) * 4 - (f(s * h) - here) for s in (-1, 1))
    return -left / h, right / h


def size_of_terms(outputs: list[Node], values: Values, runs: int = 4, seed: int = 0) -> list[Array]:
    """M for every element of each output; decisions (booleans, integers) and constants are held as they
    are: a cube of a negative number must not become its power of 3.00…01.
    """
    wide, decisions, constants = extended(values), dict[Node, Array](), _exact(outputs)

    def remember(node: Node, value: Array) -> Array:
        if node.dtype not in FLOATS:
            decisions[node] = value
        return value

    exact: list[Array] = evaluate(outputs, wide, remember)
    sizes = [abs(value) for value in exact]
    random = np.random.default_rng(seed)

    def jitter(node: Node, value: Array) -> Array:
        if node.dtype not in FLOATS:
            return decisions.get(node, value)
        if node in constants:
            return value
        return value * (1 + FLIP * random.choice((-1, 1), value.shape))

    for _ in range(runs):
        start = {leaf: jitter(leaf, x) if leaf.dtype in FLOATS else x for leaf, x in wide.items()}
        moved = evaluate(outputs, start, jitter)
        with np.errstate(invalid="ignore"):  # ∞ − ∞ of a value that is no number; fmax leaves it out
            sizes = [np.fmax(size, abs(a - b) / FLIP) for size, a, b in zip(sizes, moved, exact, strict=True)]
    return sizes


def _exact(outputs: list[Node]) -> set[Node]:
    """Constants and copies of them, which no rounding has touched."""
    found: set[Node] = set()
    for node in topological_order(outputs):
        if isinstance(node.op, Constant) or (isinstance(node.op, COPIES) and node.inputs[0] in found):
            found.add(node)
    return found
