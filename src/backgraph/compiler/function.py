"""Compiled functions: `compile(inputs, outputs)` gives a callable; arrays in, arrays out.

All dimensions are constants of the machine code except the batch, which is a run-time count. Other symbolic dimensions
take their sizes from the first call that shows them; each new combination is compiled once.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from backgraph.compiler.budget import byte_count, rows_in_block
from backgraph.compiler.memory import concrete, plan
from backgraph.compiler.nest import Value
from backgraph.compiler.pipeline import Compiled, compile_program
from backgraph.compiler.processors import available_processors
from backgraph.compiler.program import SHARED_INTEGERS
from backgraph.compiler.target import Target
from backgraph.compiler.threads import Request, run_threads
from backgraph.errors import CalculusError
from backgraph.evaluate import bind
from backgraph.language.dims import Polynomial, product, symbols
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import Variable
from backgraph.language.walk import topological_order

LINE = 64


def batch_symbol(leaves: Sequence[Node]) -> str | None:
    """The dimension that stays a run-time count: the symbol that leads most inputs and is in no parameter."""
    fixed = {s for x in leaves if isinstance(x.op, Variable) and x.op.role == "parameter" for s in symbols(x.shape)}
    votes: dict[str, int] = {}
    for leaf in leaves:
        if isinstance(leaf.shape, tuple) and leaf.shape and isinstance(leaf.shape[0], Polynomial):
            for name in leaf.shape[0].symbols - fixed:
                votes[name] = votes.get(name, 0) + 1
    return max(votes, key=lambda name: votes[name]) if votes else None


class Function:
    """Outputs of a graph as a native function of its inputs.

    Call it with values by position (the order of `inputs`) or by name; it returns one array, or a list. `threads`
    limits the number of threads; small problems run on one. The result has the same bits for any number.
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        *,
        single: bool,
        threads: int | None = None,
        target: Target | None = None,
        level: int = 3,
        memory: int | str | None = None,
    ) -> None:
        self.inputs, self.outputs, self.single = tuple(inputs), tuple(outputs), single
        self.threads, self.target, self.level = threads, target, level
        self.memory = None if memory is None else byte_count(memory)
        self.order = topological_order(outputs)
        needed = {node for node in self.order if isinstance(node.op, Variable)}
        missing = [str(node.op) for node in needed if node not in self.inputs]
        if missing:
            raise CalculusError("BG302", "compile", "an output depends on a leaf not among the inputs", got=missing[0])
        self.batch = batch_symbol(self.inputs)
        self.programs: dict[tuple[tuple[str, Any], ...], NativeProgram] = {}
        self._lock = threading.Lock()

    def __call__(self, *arrays: ArrayLike, **named: ArrayLike) -> Any:
        """The outputs for these inputs. Raises what the evaluator does: CalculusError BG302 for a misfit, GraphError
        BG103 or DataError BG206 for an index or label outside its range, be it given or computed.
        """
        values: dict[Any, ArrayLike] = {**dict(zip(self.inputs, arrays, strict=False)), **named}
        table, sizes = bind([*self.inputs], values)
        results = self.program(sizes)(table, sizes)
        return results[0] if self.single else results

    def program(self, sizes: Mapping[str, Any]) -> NativeProgram:
        """The native program for these sizes (all but the batch)."""
        fixed = tuple(sorted((name, size) for name, size in sizes.items() if name != self.batch))
        with self._lock:
            if fixed not in self.programs:
                self.programs[fixed] = NativeProgram(self, dict(fixed), sizes)
            return self.programs[fixed]


def specialised(
    outputs: Sequence[Node], leaves: Sequence[Node], sizes: Mapping[str, Any]
) -> tuple[list[Node], dict[Node, Node]]:
    """`outputs` with every known dimension put in, and the new leaf for each old one."""
    new: dict[Node, Node] = {}
    for leaf in leaves:
        card = leaf.op
        assert isinstance(card, Variable)
        shape = sizes.get(f"shape of {card.label}") if not isinstance(leaf.shape, tuple) else leaf.shape
        assert shape is not None
        known = tuple(d.at(sizes) if isinstance(d, Polynomial) else d for d in shape)
        new[leaf] = Variable(card.label, card.role, known, card.of_dtype).apply()
    for node in topological_order(outputs):
        if node not in new:
            new[node] = node.op.at(sizes).apply(*(new[x] for x in node.inputs))
    return [new[x] for x in outputs], {leaf: new[leaf] for leaf in leaves}


class NativeProgram:
    """Machine code for one set of sizes, callable with any batch."""

    def __init__(self, function: Function, sizes: dict[str, Any], expected: Mapping[str, Any]) -> None:
        outputs, leaves = specialised(function.outputs, function.inputs, sizes)
        self.arguments = {
            leaf: Value(str(leaf.op), new.shape, new.dtype, "argument")  # type: ignore[arg-type]
            for leaf, new in leaves.items()
        }
        values = {leaves[leaf]: value for leaf, value in self.arguments.items()}
        self.batch, self.threads, self.memory = function.batch, function.threads, function.memory
        blocked = None if self.memory is None else self.batch
        self.compiled: Compiled = compile_program(
            outputs, values, target=function.target, level=function.level, blocked=blocked,
            sizes={self.batch: expected[self.batch]} if self.batch is not None and self.batch in expected else None,
        )  # fmt: skip
        self.run = native_run(self.compiled)

    def __call__(self, table: Mapping[Node, Array], sizes: Mapping[str, Any]) -> list[Array]:
        """Arrays for the outputs; `table` has one for every input."""
        batch = sizes.get(self.batch, 1) if self.batch else 1
        known, guards = {self.batch or "": batch}, self.compiled.guards
        given = {value: plain(table[leaf], value.dtype) for leaf, value in self.arguments.items()}
        guards.before(given, known)
        given |= {value: new_array(value, known) for value in (*self.compiled.outputs, *guards.values)}
        threads = number_of_threads(self.compiled, known, self.threads, 1)
        call = Call(self.compiled, given, known, threads=threads, memory=self.memory)
        call(self.run, 1, batch)
        fault = guards.fault(given, known, 1)
        if fault is not None:
            raise fault[1]
        return [given[value] for value in self.compiled.outputs]


def native_run(compiled: Compiled) -> Any:
    """`run` of the library as a ctypes function."""
    p, i = ctypes.c_void_p, ctypes.c_int64
    return compiled.library.function("run", i, p, p, i, i, i, p, p, i, i)


def plain(array: Array, dtype: str) -> Array:
    """The array as native code reads it: row-major, aligned, in the byte order of this machine; a copy if need be."""
    return np.require(array, dtype, ["C", "A"])


def new_array(value: Value, sizes: Mapping[str, int]) -> Array:
    """Memory for an output."""
    return np.empty(tuple(concrete(d, sizes) for d in value.shape), value.dtype)


def new_arena(size: int) -> Array:
    """Memory for temporaries, from the start of a cache line on; what it holds is undefined."""
    block = np.empty(size + LINE, np.uint8)
    start = -block.ctypes.data % LINE
    return block[start : start + size]


@dataclass(frozen=True)
class Layout:
    """Where the values of a program are for some sizes: `block` rows at a time; the temporaries of the pointer table
    (their `numbers` in it) at `offsets` from the start of an arena of `size` bytes.
    """

    block: int
    numbers: Array
    offsets: Array
    size: int


def _layout(
    compiled: Compiled, inside: Sequence[bool], sizes: Mapping[str, int], memory: int | None, scratch: int
) -> Layout:
    lives = [life for life, is_inside in zip(compiled.lives, inside, strict=True) if is_inside]
    block = rows_in_block(lives, compiled.body, sizes, memory, scratch)
    offsets, size = plan(lives, sizes, compiled.body.local, block)
    table = [(number, offsets[value]) for number, value in pointer_table(compiled) if value in offsets]
    numbers, at = np.array(table, np.int64).reshape(-1, 2).T
    return Layout(block, numbers, at, size)


def pointer_table(compiled: Compiled) -> list[tuple[int, Value]]:
    """The number of each entry of the pointer table, and the value whose memory it points to."""
    place = compiled.program.in_place
    return list(enumerate(place.get(value, value) for value in compiled.values))


def _places(compiled: Compiled) -> dict[Value, list[int]]:
    """The numbers of each value in the pointer table."""
    places: dict[Value, list[int]] = {}
    for number, value in pointer_table(compiled):
        places.setdefault(value, []).append(number)
    return places


def _constants(compiled: Compiled) -> Array:
    """A pointer table with constants only; the program holds their bytes."""
    table = [
        np.frombuffer(v.bits, np.uint8).ctypes.data if v.role == "constant" else 0 for _, v in pointer_table(compiled)
    ]
    return np.array(table, np.uintp)


class Call:
    """Pointer table, strides and arena of one call: they belong to it, so that one program serves many threads.

    The arena holds what the plan says, then the scratch memory of each of `threads` threads.
    """

    def __init__(
        self, compiled: Compiled, given: Mapping[Value, Array], sizes: Mapping[str, int],
        strides: Mapping[Value, int] | None = None, *, threads: int, memory: int | None = None,
    ) -> None:  # fmt: skip
        self.threads, scratch = threads, threads * compiled.scratch
        inside = tuple(life.value not in given for life in compiled.lives)
        key = "layout", *sorted(sizes.items()), memory, scratch, inside
        self.layout = compiled.remembered(key, lambda: _layout(compiled, inside, sizes, memory, scratch))
        self.block, self.arena_bytes = self.layout.block, self.layout.size + scratch
        self.arena = new_arena(self.arena_bytes)
        start = self.arena.ctypes.data
        self.scratch = start + self.layout.size
        self.given, self.points = given, points(compiled, sizes)
        places = compiled.remembered("places", lambda: _places(compiled))
        self.pointers = compiled.remembered("constants", lambda: _constants(compiled)).copy()
        self.pointers[self.layout.numbers] = (self.layout.offsets + start).astype(np.uintp)
        for value, array in given.items():
            for number in places.get(value, ()):
                self.pointers[number] = array.ctypes.data
        self.strides = np.zeros(len(self.pointers), np.int64)
        for value, stride in (strides or {}).items():
            for number in places.get(value, ()):
                self.strides[number] = stride
        self.shared = np.zeros(SHARED_INTEGERS + 16, np.int32)

    def __call__(self, run: Any, steps: int, batch: int, request: Request | None = None) -> int:
        """Run; returns the number of steps done."""
        self.shared[:] = 0
        short = steps * self.points < SHORT
        tables = self.pointers.ctypes.data, self.strides.ctypes.data
        common = (*tables, steps, batch, self.block, self.scratch, self.shared.ctypes.data)
        return run_threads(
            lambda thread: run(*common, thread, self.threads), self.threads, self.shared, request, short=short
        )


WORK_PER_THREAD = 100_000
"""Points of loops in a step below which a second thread costs more, at barriers, than it brings."""
WORK_PER_START = 2_000_000
"""Points of loops in a call below which it is not worth to start a second thread: that takes about 50 µs."""
SHORT = 100_000_000
"""Points of loops in a call that takes less than 0.1 s, whatever is done at each point."""


def number_of_threads(compiled: Compiled, sizes: Mapping[str, int], limit: int | None, steps: int | None = None) -> int:
    """How many threads so many steps deserve; None: as many as it takes to forget what starting a thread costs."""
    if limit == 1:
        return 1
    work = points(compiled, sizes)
    deserved = (
        work // WORK_PER_THREAD if steps is None else min(work // WORK_PER_THREAD, work * steps // WORK_PER_START)
    )
    return max(1, min(limit or available_processors(), deserved))


def points(compiled: Compiled, sizes: Mapping[str, int]) -> int:
    """How often the bodies of all loops of a step run."""
    return compiled.remembered(("work", *sorted(sizes.items())), lambda: _points(compiled, sizes))


def _points(compiled: Compiled, sizes: Mapping[str, int]) -> int:
    return sum(
        concrete(product([a.size for a in n.axes] + ([n.reduce.size] if n.reduce else [])), sizes)
        for phase in compiled.phases for n in phase.nests
    )  # fmt: skip


def compile(
    inputs: Node | Sequence[Node],
    outputs: Node | Sequence[Node],
    *,
    threads: int | None = None,
    target: Target | None = None,
    level: int = 3,
    memory: int | str | None = None,
) -> Function:
    """A native function of `inputs` that computes `outputs`.

    `outputs` a node: it returns an array; a sequence: a list. `target` forces an instruction set, `level` is LLVM's
    optimisation level, `memory` bounds the temporaries of a call ("8MiB" or bytes) by taking the batch in blocks of
    rows; none of them changes a bit of the result. A call raises TrainingError BG401 where `memory` is too little.
    """
    ins = [inputs] if isinstance(inputs, Node) else list(inputs)
    single = isinstance(outputs, Node)
    outs = [outputs] if isinstance(outputs, Node) else list(outputs)
    return Function(ins, outs, single=single, threads=threads, target=target, level=level, memory=memory)
