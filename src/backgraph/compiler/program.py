"""A scheduled program as LLVM modules: one for every nest, and one with `run`, which threads enter together.

    run(pointers, strides, steps, batch, block, scratch, shared, thread, threads)

`pointers[v]` is the memory of value v, moved by `strides[v]` bytes from step to step (a row of shuffled indices, a
learning rate, a place for the loss). A phase is cut into parts, ranges of the shared axis: every thread runs all nests
of the phase over its own part, then over whatever parts are left; then a barrier. Phases of a body of row blocks
(`compiler.blocks`) run once for every `block` rows of the batch. `scratch` is memory that each thread uses as its own
(`scratch_size` bytes). `shared` holds the barrier and the stop flag; the last thread to arrive at a barrier decides for
all whether to stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from backgraph.compiler.blocking import expected, scratch_bytes
from backgraph.compiler.emit import Emitter
from backgraph.compiler.jit import Part
from backgraph.compiler.llvm import BYTES, I8, I32, I64, POINTER, integer, intrinsic, loop, stack
from backgraph.compiler.nest import Axis, Nest, Value, storage
from backgraph.compiler.nest_function import NestFunction, nest_functions
from backgraph.compiler.phases import Phase
from backgraph.compiler.target import Target
from backgraph.language.dims import Dim, product

COUNT, GENERATION, STOP, DECIDED, TAKEN = 0, 16, 32, 33, 48
"""Places in the array of 32-bit integers that threads share, on cache lines of their own."""
SHARED_INTEGERS = 64
SPINS = 2000
GRAIN, MOST_PARTS = 224, 4
"""Steps of the shared axis that a part must have before threads get more than one each, and how many at most."""
MXCSR = 0x1F80
"""The control word of SSE arithmetic: all exceptions masked, round to nearest, subnormal numbers kept."""


@dataclass(frozen=True)
class Body:
    """Which phases run block by block, the number of all rows, and the values that hold one block of them only."""

    phases: range = range(0)
    rows: Dim = 0
    local: frozenset[Value] = frozenset()


WHOLE = Body()
"""All rows at once."""


def build(
    phases: Sequence[Phase], values: Sequence[Value], target: Target, body: Body = WHOLE, level: int = 3
) -> list[Part]:
    """The modules of a program whose memory pieces are `values`; whatever is not among them stays in registers."""
    module = ir.Module("backgraph")
    module.triple = target.triple
    kind = ir.FunctionType(I64, [POINTER, POINTER, I64, I64, I64, POINTER, I32.as_pointer(), I64, I64])
    run = ir.Function(module, kind, "run")
    functions, parts = nest_functions(module, phases, set(values), target, level)
    Driver(run, phases, values, functions, body=body, scratch=scratch_size(phases, target)).emit()
    return [Part(lambda: module), *parts]


def scratch_size(phases: Sequence[Phase], target: Target) -> int:
    """Bytes of its own that each thread needs."""
    return max((scratch_bytes(nest, target) for phase in phases for nest in phase.nests), default=0)


def work(nest: Nest) -> int:
    """Points of a nest, the batch taken for a chunk."""
    sizes = [axis.size for axis in nest.axes] + ([nest.reduce.size] if nest.reduce is not None else [])
    return math.prod(map(expected, sizes))


class Driver:
    """Emits `run`."""

    def __init__(
        self,
        run: ir.Function,
        phases: Sequence[Phase],
        values: Sequence[Value],
        functions: dict[int, NestFunction],
        *,
        body: Body,
        scratch: int,
    ) -> None:
        self.scratch_size = scratch
        self.run, self.phases, self.values, self.functions, self.body = run, phases, values, functions, body
        self.b = ir.IRBuilder(run.append_basic_block("entry"))
        self.pointers, self.strides, self.steps, self.batch, self.block, self.scratch, *others = run.args
        self.shared, self.thread, self.threads = others
        self.rows: tuple[ir.Value, ir.Value] = (integer(0), self.batch)
        self.inside = False
        self.part = self.parts = integer(0)
        self.parts_of: dict[int, ir.Value] = {}

    def emit(self) -> None:
        """The loop over steps; returns how many were done."""
        b = self.b
        before = self.set_rounding()
        done = b.alloca(I64)
        b.store(integer(0), done)
        for number, phase in enumerate(self.phases):
            self.parts_of[id(phase)] = self.number_of_parts(phase, number in self.body.phases)
        leave = self.run.append_basic_block("leave")
        with loop(b, integer(0), self.steps) as step:
            first, end = (self.body.phases.start, self.body.phases.stop)
            self.run_phases(self.phases[:first], step.index)
            if self.body.phases:
                self.run_blocks(self.phases[first:end], step.index)
            self.run_phases(self.phases[end:], step.index)
            b.store(b.add(step.index, integer(1)), done)
            go_on = self.run.append_basic_block("go_on")
            b.cbranch(b.icmp_unsigned("!=", self.word(DECIDED), ir.Constant(I32, 0)), leave, go_on)
            b.position_at_end(go_on)
        b.branch(leave)
        b.position_at_end(leave)
        self.restore_rounding(before)
        b.ret(b.load(done))

    def run_phases(self, phases: Sequence[Phase], step: ir.Value) -> None:
        """Phase after phase, a barrier behind each."""
        for phase in phases:
            self.run_parts(phase, step)
            self.barrier()

    def run_parts(self, phase: Phase, step: ir.Value) -> None:
        """This thread's own part of a phase, then others that nobody has begun: a thread that was held up waits less.

        Rows that depend on each other are in one part, so whoever takes it, no bit changes.
        """
        b = self.b
        self.parts = self.parts_of[id(phase)]
        functions = [self.functions[id(nest)] for nest in phase.nests]
        places = {v: self.memory(v, step) for v in dict.fromkeys(v for each in functions for v in each.values)}
        own = b.gep(self.scratch, [b.mul(self.thread, integer(self.scratch_size))], source_etype=I8)
        before = b.block
        head, body, after = (b.append_basic_block(name) for name in ("part", "work", "all_parts"))
        b.branch(head)
        b.position_at_end(head)
        part = b.phi(I64)
        part.add_incoming(self.thread, before)
        b.cbranch(b.icmp_signed("<", part, self.parts), body, after)
        b.position_at_end(body)
        self.part = part
        shares = {axis.size: self.share(axis) for each in functions if (axis := each.axis) is not None}
        for each in functions:
            self.call(each, shares, [own, *(places[value] for value in each.values)])
        taken = b.atomic_rmw("add", self.place(TAKEN), ir.Constant(I32, 1), "acq_rel")
        part.add_incoming(b.add(b.zext(taken, I64), self.threads), b.block)
        b.branch(head)
        b.position_at_end(after)

    def number_of_parts(self, phase: Phase, inside: bool) -> ir.Value:
        """One for each thread; several where the shared axis of the longest nest is long."""
        b = self.b
        axis = self.functions[id(max(phase.nests, key=work))].axis
        if axis is None:
            return self.threads
        size = self.block if inside and axis.size == self.body.rows else Emitter(b, {}, self.batch).dim(axis.size)
        grains = b.sdiv(size, b.mul(self.threads, integer(GRAIN)))
        each = b.select(b.icmp_signed("<", grains, integer(1)), integer(1), self.least(grains, integer(MOST_PARTS)))
        alone = b.icmp_signed("==", self.threads, integer(1))
        return b.select(alone, integer(1), b.mul(each, self.threads))

    def run_blocks(self, phases: Sequence[Phase], step: ir.Value) -> None:
        """The phases of the body, for every block of rows."""
        whole = self.rows
        with loop(self.b, integer(0), self.batch, self.block) as this:
            self.rows = (this.index, self.least(self.b.add(this.index, self.block), self.batch))
            self.inside = True
            self.run_phases(phases, step)
        self.rows, self.inside = whole, False

    def set_rounding(self) -> ir.Value | None:
        """Round to nearest, flush nothing to zero, whatever the process had set; returns where that is kept."""
        if not self.run.module.triple.startswith(("x86", "i686")):
            return None
        before, ours = stack(self.b, I32), stack(self.b, I32)
        intrinsic(self.b, "llvm.x86.sse.stmxcsr", ir.VoidType(), [before])
        self.b.store(ir.Constant(I32, MXCSR), ours, align=4)
        intrinsic(self.b, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [ours])
        return before

    def restore_rounding(self, before: ir.Value | None) -> None:
        """Give the process its own setting back."""
        if before is not None:
            intrinsic(self.b, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [before])

    def place(self, number: int) -> ir.Value:
        """The address of one of the shared integers."""
        return self.b.gep(self.shared, [integer(number)])

    def word(self, number: int) -> ir.Value:
        """One of the shared integers."""
        return self.b.load_atomic(self.place(number), "acquire", 4)

    def call(
        self, called: NestFunction, shares: dict[Dim, tuple[ir.Value, ir.Value]], pointers: Sequence[ir.Value]
    ) -> None:
        """A part of a nest; without a shared axis the first part is all of it."""
        b = self.b
        if called.axis is None:
            with b.if_then(b.icmp_signed("==", self.part, integer(0))):
                b.call(called.function, [self.batch, *self.rows, integer(0), integer(1), *pointers])
            return
        low, high = shares[called.axis.size]
        with b.if_then(b.icmp_signed("<", low, high)):
            b.call(called.function, [self.batch, *self.rows, low, high, *pointers])

    def memory(self, value: Value, step: ir.Value) -> ir.Value:
        """The memory of a value at a step; of a local one, where row 0 would be if it held all rows."""
        piece = storage(value)
        b, number = self.b, integer(self.values.index(piece))
        base = b.load(b.gep(self.pointers, [number], source_etype=POINTER), typ=POINTER, align=8)
        stride = b.load(b.gep(self.strides, [number], source_etype=I64), typ=I64, align=8)
        moved = b.mul(stride, step)
        if piece in self.body.local:
            row = Emitter(b, {}, self.batch).dim(product(piece.shape[1:]) * BYTES[piece.dtype])
            moved = b.sub(moved, b.mul(self.rows[0], row))
        return b.gep(base, [moved], source_etype=I8)

    def share(self, axis: Axis) -> tuple[ir.Value, ir.Value]:
        """The range of an axis in this part: equal parts, whole vectors where the axis is long."""
        b = self.b
        first, end = self.extent(axis)
        size = b.sub(end, first)
        part = b.sdiv(b.add(size, b.sub(self.parts, integer(1))), self.parts)
        rounded = b.and_(b.add(part, integer(15)), integer(-16))
        part = b.select(b.icmp_signed(">=", part, integer(32)), rounded, part)
        low = self.least(b.add(first, b.mul(self.part, part)), end)
        return low, self.least(b.add(low, part), end)

    def extent(self, axis: Axis) -> tuple[ir.Value, ir.Value]:
        """Where an axis begins and ends: in a body, the rows of the block."""
        if self.inside and axis.size == self.body.rows:
            return self.rows
        return integer(0), Emitter(self.b, {}, self.batch).dim(axis.size)

    def least(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The smaller of two."""
        return self.b.select(self.b.icmp_signed("<", x, y), x, y)

    def barrier(self) -> None:
        """Wait for all threads; the last one copies the stop flag for all to see, then opens the gate."""
        b = self.b
        generation = self.word(GENERATION)
        before = b.atomic_rmw("add", self.place(COUNT), ir.Constant(I32, 1), "acq_rel")
        last = b.icmp_signed("==", b.zext(before, I64), b.sub(self.threads, integer(1)))
        with b.if_else(last) as (opens, waits):
            with opens:
                b.store_atomic(ir.Constant(I32, 0), self.place(COUNT), "release", 4)
                b.store_atomic(ir.Constant(I32, 0), self.place(TAKEN), "release", 4)
                b.store_atomic(self.word(STOP), self.place(DECIDED), "release", 4)
                b.store_atomic(b.add(generation, ir.Constant(I32, 1)), self.place(GENERATION), "release", 4)
            with waits:
                self.wait(generation)

    def wait(self, generation: ir.Value) -> None:
        """Spin for a while, then give the processor away between looks."""
        b = self.b
        head, more, out = (b.append_basic_block(name) for name in ("wait", "patience", "opened"))
        entry = b.block
        b.branch(head)
        b.position_at_end(head)
        turns = b.phi(I64)
        turns.add_incoming(integer(0), entry)
        b.cbranch(b.icmp_signed("==", self.word(GENERATION), generation), more, out)
        b.position_at_end(more)
        with b.if_then(b.icmp_signed(">", turns, integer(SPINS))):
            intrinsic(b, "sched_yield", I32, [])
        turns.add_incoming(b.add(turns, integer(1)), b.block)
        b.branch(head)
        b.position_at_end(out)
