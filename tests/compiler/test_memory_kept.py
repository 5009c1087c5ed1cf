"""Compile, call, drop, again and again: nothing is kept but what llvmlite keeps itself, which is measured to the byte.

Bytes in use are those that malloc has given out (mallinfo2): exact, where the resident size depends on how the heap
happens to be cut up. Both are looked at.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler import jit
from backgraph.compiler.function import compile
from backgraph.language.node import interned_count
from backgraph.train.native import NativeEngine
from tests.compiler.programs import batches, example
from tests.compiler.test_native_engine import run

PROCESS = Path("/proc/self")
LIBC = ctypes.CDLL(None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (PROCESS / "statm").exists(), reason="memory is read from /proc"),
    pytest.mark.skipif(not hasattr(LIBC, "mallinfo2"), reason="bytes in use are asked of glibc 2.33 or later"),
]
KEPT = 512
"""Bytes a cycle may keep."""
KEPT_BY_LLVMLITE = 1488
"""Bytes that llvmlite 0.50 keeps of every pass builder, one for each text that is new: the list of callbacks that
LLVMPY_CreatePassBuilder makes and nobody frees. A builder cannot be kept for the next text, as the callbacks of a run
point into its finished stack frame.
"""


class Malloc(ctypes.Structure):
    """struct mallinfo2 of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def in_use() -> int:
    """Bytes that malloc has given out, after a collection."""
    gc.collect()
    LIBC.mallinfo2.restype = Malloc
    found = LIBC.mallinfo2()
    return found.uordblks + found.hblkhd


def resident() -> int:
    """Bytes in memory; what malloc holds back for later goes first, as it comes and goes by hundreds of KiB."""
    gc.collect()
    LIBC.malloc_trim(0)
    return int((PROCESS / "statm").read_text().split()[1]) * 4096


def maps() -> list[str]:
    return (PROCESS / "maps").read_text().splitlines()


def executable_and_writable() -> int:
    """One is there from the start: ctypes, for the callbacks of llvmlite."""
    return sum("rwx" in line for line in maps())


def descriptors() -> int:
    return len(list((PROCESS / "fd").iterdir()))


@pytest.fixture(autouse=True)
def no_cache_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKGRAPH_CACHE", "off")


def cycle(factor: float) -> None:
    x = bg.input("x", ("m", 5))
    cost = bg.sum(bg.square(x) * factor)
    f = compile(x, [cost, bg.gradient(cost, x).nodes[0]])
    f(np.ones((4, 5)))


def texts_compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """How many texts LLVM has optimised since; a new graph brings several, one for each nest that no other has."""
    number, optimize = count(), jit.optimize

    def counted(*given: Any) -> None:
        next(number)
        optimize(*given)

    monkeypatch.setattr(jit, "optimize", counted)
    return number


@pytest.mark.parametrize(
    ("cycles", "different"),
    [
        (1000, False),
        (300, True),
        pytest.param(10_000, False, marks=pytest.mark.nightly),
        pytest.param(10_000, True, marks=pytest.mark.nightly),
    ],
)
def test_compile_and_drop(cycles: int, different: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same graph (its object code is remembered), or a new one each time."""
    for number in range(100):  # more than object codes are remembered
        cycle(0.5 + number * different)
    texts = texts_compiled(monkeypatch)
    nodes, before, size = interned_count(), in_use(), resident()
    mapped, rwx, files = len(maps()), executable_and_writable(), descriptors()
    for number in range(1000, 1000 + cycles):
        cycle(0.5 + number * different)
    allowed = KEPT + KEPT_BY_LLVMLITE * next(texts) / cycles
    assert (in_use() - before) / cycles <= allowed
    assert (resident() - size) / cycles <= 2 * allowed, "twice, as the heap is cut up"
    assert interned_count() == nodes
    assert (executable_and_writable(), descriptors()) == (rwx, files)
    assert abs(len(maps()) - mapped) <= 8


def test_calls_keep_nothing() -> None:
    X, W = bg.input("X", ("m", 50)), bg.parameter("W", (50, 30))
    f = compile([X, W], bg.tanh(X @ W))
    x, w = np.ones((40, 50)), np.ones((50, 30))
    for _ in range(200):
        f(x, w)
    before = in_use()
    for _ in range(3000):
        f(x, w)
    assert (in_use() - before) / 3000 < 8


def test_train_and_drop() -> None:
    """A new engine for the same step each time."""
    step, variables, data = example()

    def window(turns: int) -> float:
        before = in_use()
        for _ in range(turns):
            run(NativeEngine(2), step, variables, data, batches(3))
        return (in_use() - before) / turns

    window(30)
    assert window(200) <= KEPT
