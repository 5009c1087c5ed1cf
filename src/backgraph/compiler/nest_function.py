"""Nests as LLVM functions `nest(batch, first, end, low, high, scratch, pointers…)`, each in a module of its own.

`first` … `end` are the rows of a block, `low` … `high` the part of the shared axis, `scratch` the thread's own memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from llvmlite import ir

from backgraph.compiler.blocking import is_packed
from backgraph.compiler.contract import FEW, Contraction, Shape, needs_packing, roles
from backgraph.compiler.digest import digest
from backgraph.compiler.emit import Emitter
from backgraph.compiler.jit import Part
from backgraph.compiler.llvm import I64, POINTER, integer
from backgraph.compiler.nest import Axis, Nest, Value, storage
from backgraph.compiler.packed import PackedContraction
from backgraph.compiler.phases import Phase, shared_axis
from backgraph.compiler.spelling import Spelling
from backgraph.compiler.target import Target


@dataclass(frozen=True)
class NestFunction:
    """The LLVM function of a nest as another module calls it, and the values whose memory it takes."""

    function: ir.Function
    values: list[Value]
    axis: Axis | None


def nest_functions(
    caller: ir.Module, phases: Sequence[Phase], stored: set[Value], target: Target, level: int
) -> tuple[dict[int, NestFunction], list[Part]]:
    """For every nest, by its identity, its function, declared in `caller`; and the parts that define these.

    Nests alike but for their memory, as in layers of one width, share a function; so do those of two programs.
    """
    found: dict[int, NestFunction] = {}
    declared: dict[str, ir.Function] = {}
    parts: list[Part] = []
    for nest in (nest for phase in phases for nest in phase.nests):
        values = memory_of(nest, stored)
        key = digest(f"{Spelling()((nest, values, level, target))}")
        if key not in declared:
            declared[key] = _declared(caller, key, len(values))
            parts.append(Part(partial(emitted, nest, key, values, target), key))
        found[id(nest)] = NestFunction(declared[key], values, shared_axis(nest))
    return found, parts


def _declared(module: ir.Module, key: str, values: int) -> ir.Function:
    kind = ir.FunctionType(ir.VoidType(), [I64, I64, I64, I64, I64, POINTER, *[POINTER] * values])
    return ir.Function(module, kind, f"nest_{key[:32]}")


def emitted(nest: Nest, key: str, values: Sequence[Value], target: Target) -> ir.Module:
    """The module with the function of one nest."""
    module = ir.Module("nest")
    module.triple = target.triple
    function = _declared(module, key, len(values))
    b = ir.IRBuilder(function.append_basic_block("entry"))
    batch, first, end, low, high, scratch, *pointers = function.args
    axis = shared_axis(nest)
    emitter = Emitter(b, dict(zip(values, pointers, strict=True)), batch, (first, end))
    shape = roles(nest)
    if shape is None:
        emitter.nest(nest, axis, low, high)
    elif shape.row is None or isinstance(shape.row.size, int) or needs_packing(nest) is not None:
        _several(emitter, nest, shape, target, scratch).emit(axis, low, high)
    else:
        several = _several(emitter, nest, shape, target, scratch)
        few = Contraction(emitter, nest, shape, target, few=True)
        rows = b.sub(high, low) if axis is shape.row else emitter.dim(shape.row.size)
        with b.if_else(b.icmp_signed("<=", rows, integer(FEW))) as (then, otherwise):
            with then:
                few.emit(axis, low, high)
            with otherwise:
                several.emit(axis, low, high)
    b.ret_void()
    return module


def _several(
    emitter: Emitter, nest: Nest, shape: Shape, target: Target, scratch: ir.Value
) -> Contraction | PackedContraction:
    """The kernel for many rows."""
    if is_packed(nest, target):
        return PackedContraction(emitter, nest, shape, target, scratch)
    return Contraction(emitter, nest, shape, target)


def memory_of(nest: Nest, stored: set[Value]) -> list[Value]:
    """The values in memory that a nest touches, in order of mention."""
    mentioned = [*(r.value for r in nest.reads), *(w.value for w in nest.writes)]
    return [v for v in dict.fromkeys(mentioned) if storage(v) in stored]
