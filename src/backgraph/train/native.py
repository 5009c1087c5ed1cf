"""The native engine: all steps of a call in one native loop.

Gather by shuffled index, forward, backward and update are one program; Python sees a whole epoch. Every variable is
updated in its own memory after its last reader (decision 10). Where a step goes wrong (NaN, infinity, an index that it
computed outside its range), the call is taken back and repeated up to the step before, which gives the same bits, so
that variables are as `Engine.run` promises.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from itertools import zip_longest
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
        self.bound: Bound | None = None

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
        # Taken while it is in use: calls of another thread with this engine find none, and make their own.
        bound, self.bound = self.bound, None
        if bound is None or not bound.is_of(step, variables, data):
            bound = Bound(self.loop(step, data, index.shape[1]), step, variables, data)
        outputs = self._finite(bound, index, scalars, interrupt)
        self.bound = bound
        return outputs

    def _finite(self, bound: Bound, index: Array, scalars: Array, interrupt: Interrupt) -> Array:
        """The outputs of the steps before the first one that goes wrong; variables as they were before that one."""
        own = bound.blocks
        before = [each.copy() for each in own]
        outputs, fault = bound(index, scalars, interrupt=interrupt, threads=self.threads)
        good = min(_finite_steps(outputs), len(outputs) if fault is None else fault[0])
        if good == len(outputs) and _are_finite(own):
            return outputs
        for steps in range(good, -1, -1):
            for each, old in zip(own, before, strict=True):
                each[...] = old
            outputs, _ = bound(index[:steps], scalars[:steps], interrupt=interrupt, threads=self.threads)
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
LARGEST_KEPT = 1 << 22
"""Bytes of an arena up to which a call is kept for the next one: of larger ones a step takes longer than making it."""
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
        return Bound(self, self.step, variables, data)(index, scalars, interrupt=interrupt, threads=threads)

    def by_step(self, index: Array, scalars: Array) -> dict[Value, Array]:
        """What steps bring with them and leave behind: arrays with a row, or a number, for each step."""
        steps, outputs = len(index), self.compiled.outputs[: len(self.step.outputs)]
        table = {value: np.zeros(steps, value.dtype) for value in (*outputs, *self.compiled.guards.values)}
        table[self.value[self.index]] = plain(index, "int64")
        for number, leaf in enumerate(self.step.scalars):
            table[self.value[leaf]] = scalars[:, number].astype(leaf.dtype)
        return table

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


class Bound:
    """A native loop with the variables and data of a training: what holds from call to call is worked out once.

    It holds them; and calls, where they need little memory, with their tables of addresses.
    """

    def __init__(self, loop: NativeLoop, step: Step, variables: Sequence[Array], data: Mapping[Node, Array]) -> None:
        self.loop, self.step, self.variables = loop, step, tuple(variables)
        self.data = {leaf: data[leaf] for leaf in (*step.rows, *step.fixed)}
        self.blocks = blocks(variables) or self.variables
        self.given = {value: plain(data[leaf], leaf.dtype) for value, leaf in loop.tables.items()}
        self.given |= {loop.value[leaf]: plain(data[leaf], leaf.dtype) for leaf in step.fixed}
        self.copied = any(given is not own for given, own in zip(self.given.values(), self.data.values(), strict=True))
        self.given |= {loop.value[leaf]: array for leaf, array in zip(step.variables, variables, strict=True)}
        self.calls: dict[tuple[int, int], Call] = {}

    def is_of(self, step: Step, variables: Sequence[Array], data: Mapping[Node, Array]) -> bool:
        """Whether it would be made of these again: the same objects, and none had to be copied, for that may change."""
        return (
            self.step is step and not self.copied
            and all(mine is other for mine, other in zip_longest(self.variables, variables))
            and all(data.get(leaf) is array for leaf, array in self.data.items())
        )  # fmt: skip

    def __call__(
        self, index: Array, scalars: Array, *, interrupt: Interrupt | None = None, threads: int | None = None
    ) -> tuple[Array, tuple[int, BackgraphError] | None]:
        """As `NativeLoop` says."""
        loop, (steps, rows) = self.loop, index.shape
        moving, guards = loop.by_step(index, scalars), loop.compiled.guards
        place = loop.value[loop.index]
        guards.before(self.given | {place: moving[place].reshape(-1)}, {ROWS: rows}, {ROWS: index.size})
        pace, done = loop.pace(threads or available_processors(), steps, rows), 0
        while done < steps:
            count, some = pace.next(steps - done)
            piece = {value: array[done : done + some] for value, array in moving.items()}
            call = self.call(count, rows, piece)
            begin = time.perf_counter()
            whole = call(loop.native, some, rows, interrupt)
            done += whole
            if whole < some:
                break
            pace.took(count, some, time.perf_counter() - begin)
        columns = np.stack([moving[value] for value in loop.compiled.outputs[: len(loop.step.outputs)]], axis=1)
        return columns[:done].astype("float64"), guards.fault(self.given | moving, {ROWS: rows}, done)

    def call(self, threads: int, rows: int, piece: dict[Value, Array]) -> Call:
        """A call for minibatches of so many rows, of the steps that bring `piece`, which the caller holds."""
        call = self.calls.get((threads, rows))
        if call is not None:
            call.put([call.places.get(value, ()) for value in piece], piece.values())
            return call
        strides = {value: array.itemsize * math.prod(array.shape[1:]) for value, array in piece.items()}
        call = Call(
            self.loop.compiled, self.given | piece, {ROWS: rows}, strides, threads=threads, memory=self.loop.memory
        )
        self.loop.arena_bytes = call.arena_bytes
        if call.arena_bytes <= LARGEST_KEPT:
            call.given = self.given
            self.calls[threads, rows] = call
        return call


def _sizes(step: Step, data: Mapping[Node, Array]) -> dict[str, int]:
    """Sizes of the symbols that are not the batch, read off the data."""
    sizes: dict[str, int] = {}
    for leaf in (*step.rows, *step.fixed):
        assert isinstance(leaf.shape, tuple)
        for dim, n in zip(leaf.shape, data[leaf].shape, strict=True):
            if isinstance(dim, Polynomial) and symbols((dim,)) != frozenset({ROWS}):
                sizes[str(dim)] = n
    return sizes
