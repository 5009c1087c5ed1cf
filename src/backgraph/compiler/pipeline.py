"""The pipeline: from nodes to a native library, one tuple of passes.

    graph → lower → inline → reorder → fuse → pack → drop_unread → place_updates → phases → LLVM → machine code

Every pass takes a `Program` and returns one that computes the same bits; tests check that at each boundary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from backgraph.compiler import schedule
from backgraph.compiler.blocks import row_blocks
from backgraph.compiler.jit import Library
from backgraph.compiler.lower import lower
from backgraph.compiler.memory import Lifetime, lifetimes
from backgraph.compiler.nest import Axis, Lookup, Nest, Read, Value, Write, along, storage
from backgraph.compiler.phases import Phase, phases
from backgraph.compiler.program import WHOLE, Body, build, scratch_size
from backgraph.compiler.schedule import Program, writers
from backgraph.compiler.target import Target, host_target
from backgraph.language.dims import Dim
from backgraph.language.node import Node


@dataclass(frozen=True)
class Pass:
    """A named step from program to program, and what it ensures."""

    name: str
    run: Callable[[Program], Program]
    ensures: str


PASSES: tuple[Pass, ...] = (
    Pass("inline", schedule.inline, "no index map is in memory unless it must be"),
    Pass("reorder", schedule.reorder, "operands of maps come before reductions"),
    Pass("fuse", schedule.fuse, "maps of one place run together"),
    Pass("pack", schedule.pack, "every contraction reads vectors of columns"),
    Pass("drop unread", schedule.drop_unread, "every value in memory has a reader"),
    Pass("place updates", schedule.place_updates, "no old value is overwritten before its last reader"),
)


@dataclass(frozen=True)
class Compiled:
    """A native program: its library, phases, the values in memory in the order of the pointer table."""

    library: Library
    program: Program
    phases: tuple[Phase, ...]
    values: tuple[Value, ...]
    lives: tuple[Lifetime, ...]
    outputs: tuple[Value, ...]
    body: Body = WHOLE
    scratch: int = 0

    @cached_property
    def lookups(self) -> tuple[tuple[Value, Dim], ...]:
        """The memory that indices are read from, each with the size of the axis that they look up."""
        table = writers(self.program.nests)
        places = [place for nest in self.program.nests for place in (*nest.reads, *nest.writes)]
        found = [
            (_origin(index.read, table), size)
            for place in places
            for index, size in zip(place.index, place.value.shape, strict=True)
            if isinstance(index, Lookup)
        ]
        return tuple(dict.fromkeys(found))


def _origin(read: Read, table: dict[Value, list[Nest]]) -> Value:
    """Where an index was read first: rows of a minibatch are a copy of those that the caller gave."""
    while True:
        source = storage(read.value)
        bodies = [w.body for nest in table.get(source, []) for w in nest.writes if storage(w.value) is source]
        if len(bodies) != 1 or not isinstance(bodies[0], Read):
            return source
        read = bodies[0]


def lowered(
    outputs: Sequence[Node], arguments: Mapping[Node, Value], in_place: Mapping[int, Node]
) -> tuple[Program, tuple[Value, ...]]:
    """The program before any pass. Output number o shall take the memory of `in_place[o]`."""
    nests, values = lower(outputs, dict(arguments))
    seen: set[Value] = set()
    results: list[Value] = []
    for value in values:
        if storage(value).role != "temporary" or value.base is not None or value in seen:
            value = _copied(nests, value)  # outputs are values of their own, never an argument or one another
        seen.add(value)
        results.append(value)
    places = {results[o]: arguments[node] for o, node in in_place.items()}
    return Program(tuple(nests), tuple(results), places), tuple(results)


def _copied(nests: list[Nest], value: Value) -> Value:
    fresh = Value(value.label, value.shape, value.dtype)
    axes = tuple(Axis(f"i{n}", dim) for n, dim in enumerate(value.shape))
    index = tuple(map(along, axes))
    nests.append(Nest(axes, (Write(fresh, index, Read(value, index)),), label="copy"))
    return fresh


def scheduled(program: Program) -> Program:
    """The program after all passes."""
    for each in PASSES:
        program = each.run(program)
    return program


def compile_program(
    outputs: Sequence[Node],
    arguments: Mapping[Node, Value],
    in_place: Mapping[int, Node] | None = None,
    *,
    target: Target | None = None,
    level: int = 3,
    blocked: str | None = None,
) -> Compiled:
    """Native code that computes `outputs` from `arguments`; `blocked` names the dimension to take in row blocks."""
    program, _ = lowered(outputs, arguments, in_place or {})
    program, groups, body = in_phases(scheduled(program), blocked)
    place = dict(program.in_place)
    values = in_memory(program, list(arguments.values()))
    module = build(groups, values, target or host_target(), body)
    library = Library(module, target or host_target(), level, frozenset({"sched_yield"}))
    ends = [v for v in program.kept if v not in place]
    lives = tuple(life for life in lifetimes(groups, ends, body.phases, body.local) if life.value in values)
    return Compiled(
        library, program, groups, values, lives, program.kept, body, scratch_size(groups, target or host_target())
    )


def in_phases(program: Program, blocked: str | None) -> tuple[Program, tuple[Phase, ...], Body]:
    """The program's nests in phases, and which of them run block by block."""
    place = dict(program.in_place)
    if blocked is None:
        return program, tuple(phases(program.nests, place)), WHOLE
    program, blocks = row_blocks(program, blocked)
    before, body, after = (phases(part, place) for part in (blocks.before, blocks.body, blocks.after))
    inside = range(len(before), len(before) + len(body))
    return program, (*before, *body, *after), Body(inside, blocks.rows, blocks.local)


def in_memory(program: Program, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """Arguments, constants, and whatever one nest writes and another reads, or that must last."""
    kept = {storage(value) for value in program.kept}
    table = writers(program.nests)
    result: dict[Value, None] = dict.fromkeys(arguments)
    for nest in program.nests:
        for read in nest.reads:
            own = table.get(storage(read.value), [])
            if not (len(own) == 1 and own[0] is nest) or nest.reduction == "scatter":
                result[storage(read.value)] = None
        for write in nest.writes:
            if storage(write.value) in kept:
                result[storage(write.value)] = None
    return tuple(result)
