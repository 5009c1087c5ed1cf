"""Engines run training steps: many in one call, arrays in and out.

The seam between what training means and how it is run. An engine takes the step's graph, the arrays that training
changes (in place), the data, and for every step its rows and its scalars; it returns the losses. The NumPy engine is
the reference, step by step through the evaluator.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from backgraph.errors import DivergenceError
from backgraph.evaluate import evaluate
from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.train.interrupt import Interrupt
from backgraph.train.step import Step


class Engine(Protocol):
    """Runs steps."""

    def run(
        self,
        step: Step,
        variables: Sequence[Array],
        data: Mapping[Node, Array],
        *,
        index: Array,
        scalars: Array,
        interrupt: Interrupt,
    ) -> Array:
        """Run as many steps as `index` (int64, steps × m) has rows; each row names the examples of a step.

        `variables` are the arrays of `step.variables`, C-contiguous, changed in place and whole after every step;
        `data` holds all examples of `step.rows` and the whole of `step.fixed`; `scalars` (float64, steps × scalars)
        are rounded once to the dtype of their leaves. Returns the values of `step.outputs` as float64, one row for
        each step that was done: all of them, or fewer where `interrupt` was requested, or where the next step would
        put a NaN or infinity into an output or a variable. That step leaves `variables` as they were before it.
        """
        ...


class NumpyEngine:
    """The reference: one evaluation of the whole step for every minibatch."""

    def run(
        self,
        step: Step,
        variables: Sequence[Array],
        data: Mapping[Node, Array],
        *,
        index: Array,
        scalars: Array,
        interrupt: Interrupt,
    ) -> Array:
        """As `Engine.run` says."""
        outputs: list[list[float]] = []
        for rows, numbers in zip(index, scalars, strict=True):
            if interrupt.requested:
                break
            results = evaluate([*step.outputs, *step.updates], bindings(step, variables, data, rows, numbers))
            if not all(np.isfinite(result).all() for result in results):
                break
            for array, new in zip(variables, _apart(step, results[len(step.outputs) :]), strict=True):
                np.copyto(array, new)
            outputs.append([float(result) for result in results[: len(step.outputs)]])
        return np.array(outputs, "float64").reshape(len(outputs), len(step.outputs))


def default_engine() -> Engine:
    """The native engine; where llvmlite is not installed, the NumPy engine, with one clear line on standard error."""
    try:
        from backgraph.train.native import NativeEngine
    except ModuleNotFoundError as missing:
        if missing.name != "llvmlite":
            raise
        print(f"backgraph: no native code without {missing.name}; training with NumPy, slower", file=sys.stderr)
        return NumpyEngine()
    return NativeEngine()


def bindings(
    step: Step, variables: Sequence[Array], data: Mapping[Node, Array], rows: Array, scalars: Array
) -> dict[Node, Array]:
    """The values of all leaves in one step: the examples `rows`, and `scalars` rounded once."""
    values = {node: data[node][rows] for node in step.rows} | {node: data[node] for node in step.fixed}
    rounded = {node: np.asarray(x, node.dtype) for node, x in zip(step.scalars, scalars, strict=True)}
    return values | dict(zip(step.variables, variables, strict=True)) | rounded


def _apart(step: Step, news: Sequence[Array]) -> list[Array]:
    """The new values, none a view of an array that is about to change: an update may be an old value of another."""
    return [
        new.copy() if node.op.is_variable or not new.flags.owndata else new
        for node, new in zip(step.updates, news, strict=True)
    ]


def divergence(step: Step, values: Mapping[Node, Array], t: int) -> DivergenceError:
    """The error that names the first tensor, in the order of evaluation, that is not finite in step `t`."""
    found: list[str] = []

    def look(node: Node, value: Array) -> Array:
        if not found and value.dtype.kind == "f" and not np.isfinite(value).all():
            kind = "NaN" if np.isnan(value).any() else "infinite"
            found.append(f"{_name(node, step)} ({shape_text(value.shape)}) is {kind}")
        return value

    for node, value in values.items():
        look(node, value)
    evaluate([*step.outputs, *step.updates], values, watch=look)
    what = found[0] if found else "a value is no longer finite"
    return DivergenceError("BG451", f"step {t}", what, hint="lower the learning rate, or clip the gradients")


def _name(node: Node, step: Step) -> str:
    """What a tensor is called: its own name, the gradient or the new value of something, or its operation."""
    if node.op.is_variable:
        return str(node.op)
    if node in step.outputs[:1]:
        return "the cost"
    named = {change.new: f"the new {change.old.op}" for change in step.changes}
    named |= {g: f"the gradient of {p.op}" for p, g in zip(step.gradients.targets, step.gradients.nodes, strict=True)}
    return named.get(node, f"the result of {node.op}")
