"""The native engine: all steps of a call in one native loop.

Gather by shuffled index, forward, backward and update are one program; Python sees a whole epoch. Every variable is
updated in its own memory after its last reader (decision 10). Where a step goes wrong (NaN, infinity, an index that it
computed outside its range), the call is taken back and repeated up to the step before, which gives the same bits, so
that variables are as `Engine.run` promises.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np

from backgraph.collector import uncollected
from backgraph.compiler.budget import byte_count
from backgraph.compiler.call import Call, native_run, number_of_threads, plain
from backgraph.compiler.function import specialised
from backgraph.compiler.nest import Value
from backgraph.compiler.pace import Pace
from backgraph.compiler.pipeline import Compiled, compile_program
from backgraph.compiler.processors import available_processors
from backgraph.compiler.target import Target
from backgraph.errors import BackgraphError
from backgraph.language.dims import Polynomial, symbols
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import variable
from backgraph.language.ops.shape import take
from backgraph.language.walk import substitute
from backgraph.train.block import blocks
from backgraph.train.interrupt import Interrupt
from backgraph.train.step import Step

ROWS = "m"
"""The batch, a run-time count."""


class NativeEngine:
    """Compiles a step once for each shape of the data and runs it; `threads` limits the threads.

    `target` forces an instruction set; `memory` ("8MiB" or bytes) bounds what a step needs beside data, parameters and
    state, by taking the minibatch in blocks of rows. None of them changes a bit of the result.
    """

    def __init__(
        self,
        threads: int | None = None,
        target: Target | None = None,
        level: int = 3,
        memory: int | str | None = None,
    ) -> None:
        self.threads, self.target, self.level = threads, target, level
        self.memory = None if memory is None else byte_count(memory)

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
        loop = self.loop(step, data, index.shape[1])
        own = blocks(variables) or variables
        before = [each.copy() for each in own]
        outputs, fault = loop(variables, data, index, scalars, interrupt=interrupt, threads=self.threads)
        good = min(_finite_steps(outputs), len(outputs) if fault is None else fault[0])
        if good == len(outputs) and _are_finite(own):
            return outputs
        for steps in range(good, -1, -1):
            for each, old in zip(own, before, strict=True):
                each[...] = old
            again = index[:steps], scalars[:steps]
            outputs, _ = loop(variables, data, *again, interrupt=interrupt, threads=self.threads)
            if _are_finite(own):
                break
        if fault is not None and fault[0] == len(outputs):
            raise fault[1]
        return outputs

    def loop(self, step: Step, data: Mapping[Node, Array], rows: int | None = None) -> NativeLoop:
        """The native loop for these data, compiled at the first call; those used last are kept, for all engines.

        It takes minibatches of any size, and is made to be fast for the `rows` of that first call.
        Steps of one graph share it, whatever their schedules: a search over parameters or folds compiles once.
        """
        leaves = (*step.rows, *step.fixed)
        graph = (step.outputs, step.updates, step.variables, step.scalars, leaves)
        key = (*graph, *(data[node].shape for node in leaves), self.target, self.level, self.memory)
        with _LOCK:
            loop = _LOOPS.pop(key, None) or NativeLoop(
                step, data, target=self.target, level=self.level, memory=self.memory, rows=rows
            )
            _LOOPS[key] = loop
            while len(_LOOPS) > KEPT:
                del _LOOPS[next(iter(_LOOPS))]
        return loop


KEPT = 8
"""Loops that are kept."""
_LOOPS: dict[Any, NativeLoop] = {}
_LOCK = Lock()


def _are_finite(arrays: Sequence[Array]) -> bool:
    return all(np.isfinite(some).all() for some in arrays)


def _finite_steps(outputs: Array) -> int:
    """How many steps come before the first output that is not finite."""
    bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
    return int(bad[0]) if bad.size else len(outputs)


class NativeLoop:
    """One compiled training loop."""

    @uncollected
    def __init__(
        self,
        step: Step,
        data: Mapping[Node, Array],
        *,
        target: Target | None = None,
        level: int = 3,
        memory: int | None = None,
        rows: int | None = None,
    ) -> None:
        self.step, self.memory = step, memory
        self.index = variable("index", (ROWS,), "int64", "index")
        whole = {leaf: variable(f"all {leaf.op}", data[leaf].shape, leaf.dtype, "data") for leaf in step.rows}
        outputs = substitute(
            [*step.outputs, *step.updates], {leaf: take(table, self.index) for leaf, table in whole.items()}
        )
        leaves = [*whole.values(), self.index, *step.fixed, *step.scalars, *step.variables]
        sizes = _sizes(step, data)
        outputs, new = specialised(outputs, leaves, sizes)
        value = {leaf: Value(str(leaf.op), new[leaf].shape, leaf.dtype, "argument") for leaf in leaves}  # type: ignore[arg-type]
        first = len(step.outputs)
        in_place = {first + n: new[leaf] for n, leaf in enumerate(step.variables)}
        arguments = {new[leaf]: value[leaf] for leaf in leaves}
        self.compiled: Compiled = compile_program(
            outputs, arguments, in_place, target=target, level=level, blocked=None if memory is None else ROWS,
            sizes={} if rows is None else {ROWS: rows},
        )  # fmt: skip
        self.tables = {value[table]: leaf for leaf, table in whole.items()}
        self.value = value
        self.native = native_run(self.compiled)
        self.arena_bytes = 0
        self.paces: dict[tuple[int, int, int], Pace] = {}

    def __call__(
        self,
        variables: Sequence[Array],
        data: Mapping[Node, Array],
        index: Array,
        scalars: Array,
        *,
        interrupt: Interrupt | None = None,
        threads: int | None = None,
    ) -> tuple[Array, tuple[int, BackgraphError] | None]:
        """Run the steps of `index`; returns the outputs of those that were done, and the first of these steps that
        computed an index outside its range, with the error, or None.
        """
        (steps, rows), guards = index.shape, self.compiled.guards
        outputs = self.compiled.outputs[: len(self.step.outputs)]
        given = {value: np.zeros(steps, value.dtype) for value in (*outputs, *guards.values)}
        moves = {value: column.itemsize for value, column in given.items()}
        table = plain(index, "int64")
        given[self.value[self.index]], moves[self.value[self.index]] = table, rows * table.itemsize
        for number, leaf in enumerate(self.step.scalars):
            column = scalars[:, number].astype(leaf.dtype)
            given[self.value[leaf]], moves[self.value[leaf]] = column, column.itemsize
        given |= {value: plain(data[leaf], leaf.dtype) for value, leaf in self.tables.items()}
        given |= {self.value[leaf]: plain(data[leaf], leaf.dtype) for leaf in self.step.fixed}
        given |= {self.value[leaf]: array for leaf, array in zip(self.step.variables, variables, strict=True)}
        guards.before(given | {self.value[self.index]: table.reshape(-1)}, {ROWS: rows}, {ROWS: index.size})
        pace, done = self.pace(threads or available_processors(), steps, rows), 0
        while done < steps:
            count, some = pace.next(steps - done)
            piece = given | {value: given[value][done : done + some] for value in moves}
            call = Call(self.compiled, piece, {ROWS: rows}, moves, threads=count, memory=self.memory)
            self.arena_bytes = call.arena_bytes
            begin = time.perf_counter()
            whole = call(self.native, some, rows, interrupt)
            done += whole
            if whole < some:
                break
            pace.took(count, some, time.perf_counter() - begin)
        columns = np.stack([given[value] for value in outputs], axis=1)
        return columns[:done].astype("float64"), guards.fault(given, {ROWS: rows}, done)

    def pace(self, limit: int, steps: int, rows: int) -> Pace:
        """What steps of minibatches of so many rows have taken, in calls of about so many steps."""
        key = limit, steps.bit_length(), rows
        found = self.paces.get(key)
        if found is None:
            if len(self.paces) >= KEPT:
                self.paces.clear()
            suggested = number_of_threads(self.compiled, {ROWS: rows}, limit, steps)
            found = self.paces[key] = Pace(limit, suggested)
        return found


def _sizes(step: Step, data: Mapping[Node, Array]) -> dict[str, int]:
    """Sizes of the symbols that are not the batch, read off the data."""
    sizes: dict[str, int] = {}
    for leaf in (*step.rows, *step.fixed):
        assert isinstance(leaf.shape, tuple)
        for dim, n in zip(leaf.shape, data[leaf].shape, strict=True):
            if isinstance(dim, Polynomial) and symbols((dim,)) != frozenset({ROWS}):
                sizes[str(dim)] = n
    return sizes
