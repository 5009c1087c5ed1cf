"""The pipeline: from nodes to a native library, one tuple of passes.

    graph → lower → inline → reorder → fuse → pack → drop_unread → place_updates → share → phases → LLVM → machine code

Every pass takes a `Program` and returns one that computes the same bits; tests check that at each boundary.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from backgraph.compiler import schedule
from backgraph.compiler.blocks import row_blocks
from backgraph.compiler.common import common
from backgraph.compiler.fingerprint import fingerprint
from backgraph.compiler.guards import Guards, guards
from backgraph.compiler.inline import inline
from backgraph.compiler.jit import Library
from backgraph.compiler.lower import lower
from backgraph.compiler.memory import Lifetime, lifetimes
from backgraph.compiler.nest import Axis, Nest, Read, Value, Write, along, storage
from backgraph.compiler.phases import Phase, phases
from backgraph.compiler.program import WHOLE, Body, build, scratch_size
from backgraph.compiler.schedule import Program, writers
from backgraph.compiler.share import share
from backgraph.compiler.target import Target, host_target
from backgraph.language.node import Node

T = TypeVar("T")
REMEMBERED = 32
"""Answers that a program keeps; all are dropped for one more."""


@dataclass(frozen=True)
class Pass:
    """A named step from program to program, and what it ensures."""

    name: str
    run: Callable[[Program], Program]
    ensures: str


PASSES: tuple[Pass, ...] = (
    Pass("inline", inline, "no index map is in memory unless it must be"),
    Pass("common", common, "no costly function is computed twice of the same elements in maps"),
    Pass("reorder", schedule.reorder, "operands of maps come before reductions"),
    Pass("fuse", schedule.fuse, "maps of one place run together"),
    Pass("pack", schedule.pack, "every contraction reads vectors of columns"),
    Pass("drop unread", schedule.drop_unread, "every value in memory has a reader"),
    Pass("place updates", schedule.place_updates, "no old value is overwritten before its last reader"),
    Pass("share", share, "threads share out the axis for which less is moved between their caches"),
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
    guards: Guards = field(default_factory=Guards)
    known: dict[Any, Any] = field(default_factory=dict[Any, Any], compare=False, repr=False)
    """What was worked out for the sizes of the last calls; see `remembered`."""

    def remembered(self, key: Hashable, work_out: Callable[[], T]) -> T:
        """What `work_out` gives, which depends on this program and on `key` alone."""
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            found = self.known[key] = work_out()
        return found


def lowered(
    outputs: Sequence[Node], arguments: Mapping[Node, Value], in_place: Mapping[int, Node]
) -> tuple[Program, Guards]:
    """The program before any pass, and its guards. Output number o shall take the memory of `in_place[o]`.

    The program keeps the values of the outputs, then those of the guards.
    """
    found = lower(outputs, dict(arguments))
    more, watched = guards(found)
    nests = [*found.nests, *more]
    seen: set[Value] = set()
    results: list[Value] = []
    for value in found.values:
        if storage(value).role != "temporary" or value.base is not None or value in seen:
            value = _copied(nests, value)  # outputs are values of their own, never an argument or one another
        seen.add(value)
        results.append(value)
    places = {results[o]: arguments[node] for o, node in in_place.items()}
    return Program(tuple(nests), (*results, *watched.values), places), watched


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
    sizes: Mapping[str, int] | None = None,
) -> Compiled:
    """Native code that computes `outputs` from `arguments`; `blocked` names the dimension to take in row blocks.

    `sizes` are those to expect of dimensions that stay open: the code is right for all, and made to be fast for these.
    """
    program, watched = lowered(outputs, arguments, in_place or {})
    expected = sizes or {} if blocked is None else None  # blocks are of rows, so threads share rows as well
    program, groups, body = in_phases(scheduled(replace(program, expected=expected)), blocked)
    place = dict(program.in_place)
    values = in_memory(program, list(arguments.values()))
    target = target or host_target()
    key = fingerprint(groups, values, body, target, level)
    parts = partial(build, groups, values, target, body, level)
    library = Library(parts, target, level, frozenset({"sched_yield"}), key)
    ends = [v for v in program.kept if v not in place]
    lives = tuple(life for life in lifetimes(groups, ends, body.phases, body.local) if life.value in values)
    scratch = scratch_size(groups, target)
    results = program.kept[: len(outputs)]
    return Compiled(library, program, groups, values, lives, results, body, scratch, watched)


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
