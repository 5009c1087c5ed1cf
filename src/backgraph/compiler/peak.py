"""The machine's own peak: a loop of fused multiply-adds that stays in registers, run on so many threads.

That is the most that any product of matrices can reach on this machine now; benchmarks are told as parts of it.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

from llvmlite import ir

from backgraph.compiler.jit import Library
from backgraph.compiler.llvm import BYTES, ELEMENT, I32, I64, float_call, integer, loop
from backgraph.compiler.target import Target, host_target
from backgraph.compiler.threads import run_threads

CHAINS = 12
"""Accumulators: more than latency × units (4 × 2, or 5 × 2) of today's processors, and they fit into 16 registers."""
ROUNDS = 1 << 20


def fma_peak(dtype: str = "float32", threads: int = 1, target: Target | None = None, turns: int = 5) -> float:
    """The most GFLOP/s of `turns` turns in which `threads` threads do nothing but fused multiply-adds of `dtype`."""
    import numpy as np

    target = target or host_target()
    lanes = target.lanes(BYTES[dtype] * 8)
    run = Library(peak_module(dtype, lanes), target).function("peak", ctypes.c_double, ctypes.c_int64)
    seconds: list[float] = []
    for _ in range(turns):
        start = time.perf_counter()
        run_threads(lambda _: int(run(ROUNDS) > 0), threads, np.zeros(1))
        seconds.append(time.perf_counter() - start)
    return 2.0 * CHAINS * lanes * ROUNDS * threads / min(seconds) / 1e9


def peak_module(dtype: str, lanes: int) -> ir.Module:
    """`peak(rounds)`: every round one fma in each of the chains; returns a number that depends on all of them."""
    module = ir.Module("peak")
    function = ir.Function(module, ir.FunctionType(ir.DoubleType(), [I64]), "peak")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    kind = ir.VectorType(ELEMENT[dtype], lanes)
    start = _vector(b, kind, b.sitofp(function.args[0], ELEMENT[dtype]))
    # The factor is not known before the run, or LLVM would fold the loop.
    factor = b.fdiv(start, b.fadd(start, ir.Constant(kind, [1.0] * lanes)))
    with loop(b, integer(0), function.args[0], 1, [start] * CHAINS) as this:
        this.next = [float_call(b, "fma", chain, factor, start) for chain in this.carried]
    total = this.carried[0]
    for chain in this.carried[1:]:
        total = b.fadd(total, chain)
    first: Any = b.extract_element(total, ir.Constant(I32, 0))
    b.ret(first if dtype == "float64" else b.fpext(first, ir.DoubleType()))
    return module


def _vector(b: ir.IRBuilder, kind: Any, value: ir.Value) -> ir.Value:
    """The same number in all lanes."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = b.insert_element(undefined, value, ir.Constant(I32, 0))
    return b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))
