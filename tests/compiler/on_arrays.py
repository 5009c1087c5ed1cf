"""Elementary functions as loops over arrays: what the tests of functions.py and jit.py compile."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from backgraph.compiler.functions import FUNCTIONS
from backgraph.compiler.jit import Library
from backgraph.compiler.target import host_target

ELEMENTS: dict[str, Any] = {"float32": ir.FloatType(), "float64": ir.DoubleType()}
I64, POINTER = ir.IntType(64), ir.PointerType()
Call = Callable[..., NDArray[Any]]


def emit_loop(module: ir.Module, name: str, dtype: str, lanes: int) -> None:
    """`NAME_DTYPE(inputs…, output, count)`: so many lanes at a time, 0 for scalars; count must be a multiple."""
    element, arity = ELEMENTS[dtype], 2 if name == "pow" else 1
    signature = ir.FunctionType(ir.VoidType(), [POINTER] * (arity + 1) + [I64])
    function = ir.Function(module, signature, f"{name}_{dtype}")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    before, body, done = b.block, b.append_basic_block("body"), b.append_basic_block("done")
    b.branch(body)
    b.position_at_end(body)
    index = b.phi(I64)
    index.add_incoming(I64(0), before)
    places = [b.gep(pointer, [index], source_etype=element) for pointer in function.args[:-1]]
    align = 4 if dtype == "float32" else 8
    kind = ir.VectorType(element, lanes) if lanes else element
    inputs = [b.load(place, typ=kind, align=align) for place in places[:-1]]
    b.store(FUNCTIONS[name](b, *inputs), places[-1], align=align)
    following = b.add(index, I64(lanes or 1))
    index.add_incoming(following, b.block)
    b.cbranch(b.icmp_signed("<", following, function.args[-1]), body, done)
    b.position_at_end(done)
    b.ret_void()


def functions_on_arrays(
    lanes: int = 16, isa: str | None = None, level: int = 3, names: tuple[str, ...] = tuple(FUNCTIONS)
) -> Call:
    """A callable (name, *arrays) → array, of both dtypes."""
    module = ir.Module("functions")
    for name in names:
        for dtype in ELEMENTS:
            emit_loop(module, name, dtype, lanes)
    library = Library(module, host_target(isa), level)

    def call(name: str, *arrays: NDArray[Any]) -> NDArray[Any]:
        result = np.empty_like(arrays[0])
        pointers = [ctypes.c_void_p] * (len(arrays) + 1)
        function = library.function(f"{name}_{result.dtype.name}", None, *pointers, ctypes.c_int64)
        function(*(a.ctypes.data for a in arrays), result.ctypes.data, result.size)
        return result

    return call
