"""What the compiled program of a cost and its gradients takes: loops, phases, memory as planned and as allocated.

loops      operations that run together in one pass over their elements
phases     groups of loops between which threads wait for each other
arena      the memory of temporaries: planned from lifetimes, allocated once for a call
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backgraph.compiler.budget import rows_in_block
from backgraph.compiler.call import Call
from backgraph.compiler.function import compile, new_array
from backgraph.compiler.memory import bytes_of, concrete, plan
from backgraph.compiler.nest import Nest, storage
from backgraph.compiler.schedule_text import labels
from backgraph.language.dims import product
from backgraph.language.node import Node
from backgraph.language.walk import leaves, topological_order
from backgraph.show.cost_page import CostPage, table
from backgraph.show.page import wrapped

SHOWN = 110
"""So many columns a line has."""


@dataclass(frozen=True)
class CompiledCost:
    """The compiled program in numbers. `phases` has the loops of each phase by the operations they compute."""

    operations: int
    phases: tuple[tuple[str, ...], ...]
    work: int
    stored: int
    planned: int
    side_by_side: int
    allocated: int
    scratch: int
    block: int | None

    @property
    def loops(self) -> int:
        """How many loops there are in all."""
        return sum(map(len, self.phases))

    @property
    def fused(self) -> list[str]:
        """Loops that compute several values."""
        return [loop for phase in self.phases for loop in phase if " + " in loop]

    def lines(self, page: CostPage) -> list[str]:
        """The section of the page."""
        facts = page.say("compiled_phases", operations=self.operations, loops=self.loops, phases=len(self.phases))
        rows = [(page.say("compiled_phase", n=n), ", ".join(loops)) for n, loops in enumerate(self.phases, start=1)]
        sentences = [
            page.say("compiled_work", n=f"{self.work:,}") + page.verdict(self.work == page.work, f"{page.work:,}")
        ]
        if self.fused:
            sentences.append(page.say("compiled_fused", list=page.say("comma").join(self.fused)))
        sentences.append(page.say("compiled_stored", n=self.stored))
        sentences.append(page.say("compiled_arena", n=f"{self.planned:,}", sum=f"{self.side_by_side:,}"))
        if self.scratch:
            sentences.append(page.say("compiled_scratch", n=f"{self.scratch:,}"))
        if self.block is not None:
            sentences.append(page.say("compiled_blocks", rows=self.block))
        body = [line for sentence in sentences for line in wrapped(sentence, "  ", SHOWN)]
        phases = [line for row in table(rows) for line in _folded(row)]
        return [page.say("compiled_title"), *wrapped(facts, "  ", SHOWN), *phases, *body]

    def measured(self, page: CostPage) -> str:
        """The line that compares the allocated arena with the planned one."""
        planned = self.planned + self.scratch
        words = page.say("measured_arena", n=f"{self.allocated:,}")
        return words + page.verdict(self.allocated == planned, f"{planned:,}")

    def to_json(self) -> dict[str, Any]:
        """As data."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def compiled_cost(outputs: Sequence[Node], sizes: Mapping[str, int], memory: str | None = None) -> CompiledCost:
    """Compile `outputs` for these sizes, make the memory of a call with one thread, and count.

    Raises what `backgraph.compile` raises.
    """
    inputs = leaves(outputs)
    function = compile(inputs, list(outputs), memory=memory)
    native = function.program({name: size for name, size in sizes.items() if name != function.batch})
    compiled, known = native.compiled, {function.batch or "": sizes.get(function.batch or "", 1)}
    given = {
        value: new_array(value, known)
        for value in (*compiled.outputs, *compiled.guards.values, *native.arguments.values())
    }
    call = Call(compiled, given, known, threads=1, memory=native.memory)
    lives = [life for life in compiled.lives if life.value not in given]
    block = rows_in_block(lives, compiled.body, known, native.memory, compiled.scratch)
    planned = plan(lives, known, compiled.body.local, block)[1]
    nests = [nest for phase in compiled.phases for nest in phase.nests]
    stored = {storage(life.value) for life in lives} | {storage(value) for value in compiled.outputs}
    operations = [node for node in topological_order(outputs) if node.inputs and not node.op.is_view]
    rows = {v: block if v in compiled.body.local else None for v in (life.value for life in lives)}
    return CompiledCost(
        operations=len(operations),
        phases=tuple(tuple(_loop(nest, names) for nest in phase.nests)
                     for names in [labels(nests)] for phase in compiled.phases),
        work=sum(_multiply_adds(nest, known) for nest in nests),
        stored=len(stored),
        planned=planned,
        side_by_side=sum(bytes_of(value, known, count) for value, count in rows.items()),
        allocated=call.arena.nbytes,
        scratch=compiled.scratch,
        block=block if compiled.body.phases else None,
    )  # fmt: skip


def _loop(nest: Nest, names: Mapping[Any, str]) -> str:
    """What a loop writes: `matmul + relu`."""
    return " + ".join(names[write.value] for write in nest.writes)


def _multiply_adds(nest: Nest, sizes: Mapping[str, int]) -> int:
    """Points of a loop that sums products; other loops count nothing, as in the accounts."""
    if nest.reduction != "fma" or nest.reduce is None:
        return 0
    return concrete(product([*(axis.size for axis in nest.axes), nest.reduce.size]), sizes)


def _folded(line: str) -> list[str]:
    return wrapped(line.strip(), "  ", SHOWN)
