"""One call of native code: the table of addresses that it works on, its arena, and how many threads it deserves."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backgraph.compiler.address import LINE, address, from_a_line
from backgraph.compiler.budget import rows_in_block
from backgraph.compiler.memory import concrete, plan
from backgraph.compiler.nest import Value
from backgraph.compiler.pipeline import Compiled
from backgraph.compiler.processors import available_processors
from backgraph.compiler.program import SHARED_INTEGERS
from backgraph.compiler.threads import Request, run_threads
from backgraph.language.dims import product
from backgraph.language.op import Array


def native_run(compiled: Compiled) -> Any:
    """`run` of the library as a ctypes function."""
    p, i = ctypes.c_void_p, ctypes.c_int64
    return compiled.library.function("run", i, p, p, i, i, i, p, p, i, i)


def plain(array: Array, dtype: str) -> Array:
    """The array as native code reads it: row-major, aligned, in the byte order of this machine; a copy if need be."""
    return np.require(array, dtype, ["C", "A"])


def new_arena(size: int) -> Array:
    """Memory for temporaries, from the start of a cache line on; what it holds is undefined."""
    return from_a_line(np.empty(size + LINE, np.uint8))


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
        address(np.frombuffer(v.bits, np.uint8)) if v.role == "constant" else 0 for _, v in pointer_table(compiled)
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
        self.compiled, self.sizes, self.memory = compiled, sizes, memory
        self.threads, scratch = threads, threads * compiled.scratch
        inside = tuple(life.value not in given for life in compiled.lives)
        key = "layout", *sorted(sizes.items()), memory, scratch, inside
        self.layout = compiled.remembered(key, lambda: _layout(compiled, inside, sizes, memory, scratch))
        self.block, self.arena_bytes = self.layout.block, self.layout.size + scratch
        self.arena = new_arena(self.arena_bytes)
        start = address(self.arena)
        self.scratch = start + self.layout.size
        self.points = points(compiled, sizes)
        self.places = places = compiled.remembered("places", lambda: _places(compiled))
        self.pointers = compiled.remembered("constants", lambda: _constants(compiled)).copy()
        self.pointers[self.layout.numbers] = (self.layout.offsets + start).astype(np.uintp)
        self.point(given)
        self.strides = np.zeros(len(self.pointers), np.int64)
        for value, stride in (strides or {}).items():
            for number in places.get(value, ()):
                self.strides[number] = stride
        self.shared = np.zeros(SHARED_INTEGERS + 16, np.int32)
        self.tables = address(self.pointers), address(self.strides)
        self.rest = self.block, self.scratch, address(self.shared)

    def point(self, given: Mapping[Value, Array]) -> None:
        """Point to these arrays of the caller, and hold them while the call runs."""
        self.given = given
        self.put([self.places.get(value, ()) for value in given], given.values())

    def put(self, places: Iterable[Sequence[int]], arrays: Iterable[Array]) -> None:
        """Point to arrays, each from its places in the table; the caller holds them while the call runs."""
        pointers = self.pointers
        for numbers, array in zip(places, arrays, strict=True):
            at = address(array)
            for number in numbers:
                pointers[number] = at

    def end(self) -> None:
        """Let go of the caller's arrays."""
        self.given = {}

    def __call__(self, run: Any, steps: int, batch: int, request: Request | None = None) -> int:
        """Run; returns the number of steps done."""
        self.shared.fill(0)
        common = (*self.tables, steps, batch, *self.rest)
        short = steps * self.points < SHORT
        if short and self.threads == 1 and request is None:
            return run(*common, 0, 1)
        return run_threads(
            lambda thread: run(*common, thread, self.threads), self.threads, self.shared, request, short=short
        )


WORK_PER_THREAD = 100_000
"""Points of loops in a step below which a second thread costs more, at barriers, than it brings."""
START = 20
"""Starting a second thread, about 50 µs, costs as much as so many times that work."""
SHORT = 100_000_000
"""Points of loops in a call that takes less than 0.1 s, whatever is done at each point."""


def number_of_threads(compiled: Compiled, sizes: Mapping[str, int], limit: int | None, steps: int | None = None) -> int:
    """How many threads so many steps deserve; None: as many as it takes to forget what starting a thread costs."""
    if limit == 1:
        return 1
    work = points(compiled, sizes)
    deserved = (
        work // WORK_PER_THREAD
        if steps is None
        else min(work // WORK_PER_THREAD, work * steps // (START * WORK_PER_THREAD))
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
