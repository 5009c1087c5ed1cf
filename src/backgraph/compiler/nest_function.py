"""Nests as LLVM functions `nest(batch, first, end, low, high, scratch, pointers…)`, one for all that are alike.

`first` … `end` are the rows of a block, `low` … `high` the part of the shared axis, `scratch` the thread's own memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from backgraph.compiler.blocking import is_packed
from backgraph.compiler.contract import Contraction, roles
from backgraph.compiler.emit import Emitter
from backgraph.compiler.llvm import I64, POINTER
from backgraph.compiler.nest import Axis, Nest, Value, storage
from backgraph.compiler.packed import PackedContraction
from backgraph.compiler.phases import Phase, shared_axis
from backgraph.compiler.spelling import Spelling
from backgraph.compiler.target import Target


@dataclass(frozen=True)
class NestFunction:
    """The LLVM function of a nest, and the values whose memory it takes."""

    function: ir.Function
    values: list[Value]
    axis: Axis | None


def nest_functions(
    module: ir.Module, phases: Sequence[Phase], stored: set[Value], target: Target
) -> dict[int, NestFunction]:
    """For every nest, by its identity; nests alike but for their memory, as in layers of one width, share one."""
    found: dict[int, NestFunction] = {}
    made: dict[str, ir.Function] = {}
    for nest in (nest for phase in phases for nest in phase.nests):
        values = memory_of(nest, stored)
        spelling = Spelling()((nest, values))
        if spelling not in made:
            made[spelling] = emitted(module, nest, f"nest_{len(made)}", values, target)
        found[id(nest)] = NestFunction(made[spelling], values, shared_axis(nest))
    return found


def emitted(module: ir.Module, nest: Nest, name: str, values: Sequence[Value], target: Target) -> ir.Function:
    """The function of one nest."""
    kind = ir.FunctionType(ir.VoidType(), [I64, I64, I64, I64, I64, POINTER, *[POINTER] * len(values)])
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    batch, first, end, low, high, scratch, *pointers = function.args
    axis = shared_axis(nest)
    emitter = Emitter(b, dict(zip(values, pointers, strict=True)), batch, (first, end))
    shape = roles(nest)
    if shape is not None and is_packed(nest):
        PackedContraction(emitter, nest, shape, target, scratch).emit(axis, low, high)
    elif shape is not None:
        Contraction(emitter, nest, shape, target).emit(axis, low, high)
    else:
        emitter.nest(nest, axis, low, high)
    b.ret_void()
    return function


def memory_of(nest: Nest, stored: set[Value]) -> list[Value]:
    """The values in memory that a nest touches, in order of mention."""
    mentioned = [*(r.value for r in nest.reads), *(w.value for w in nest.writes)]
    return [v for v in dict.fromkeys(mentioned) if storage(v) in stored]
