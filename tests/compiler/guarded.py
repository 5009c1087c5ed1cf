"""Memory between pages that nobody may touch: a byte too far, read or written, ends the process.

`survives(run)` calls `run()` in a forked child for every row of `PLACES`: with a forbidden page directly behind every
piece of memory that native code gets (arguments, results, constants, each temporary, the threads' scratch), with one
directly before, and with one behind the arena as it is planned. It asserts that the child lives and that the bytes are
the same.
"""

from __future__ import annotations

import ctypes
import faulthandler
import mmap
import os
import signal
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from backgraph.compiler import call as calls
from backgraph.compiler import function
from backgraph.compiler.memory import BYTES, concrete
from backgraph.compiler.nest import Value
from backgraph.compiler.pipeline import Compiled
from backgraph.language.dims import count
from backgraph.language.op import Array
from backgraph.train import native

PAGE = mmap.PAGESIZE
PLACES = (("behind", False), ("before", False), ("behind", True))
"""On which side the page is, and whether temporaries lie in the arena as planned."""
FORBIDDEN = 0
"""PROT_NONE"""
ALARM = 60
"""Seconds after which a child that hangs is ended."""

FORKS = hasattr(os, "fork")
needs_fork = pytest.mark.skipif(not FORKS, reason="this system cannot fork")


def fenced(size: int, side: str) -> Array:
    """So many bytes, all ones (NaN), with a forbidden page directly behind or before them."""
    pages = -(-max(size, 1) // PAGE)
    region = mmap.mmap(-1, (pages + 2) * PAGE)
    whole = np.frombuffer(region, np.uint8)
    start = whole.ctypes.data
    libc = ctypes.CDLL(None, use_errno=True)
    for page in (0, pages + 1):
        assert libc.mprotect(ctypes.c_void_p(start + page * PAGE), ctypes.c_size_t(PAGE), FORBIDDEN) == 0
    first = PAGE if side == "before" else (pages + 1) * PAGE - size
    block = whole[first : first + size]
    block[:] = 255
    return block


def fenced_copy(array: Array, side: str, short: int = 0) -> Array:
    """A copy between fences; `short` leaves out the last bytes, to show what that does."""
    source = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    block = fenced(source.size - short, side)
    block[:] = source[: block.size]
    return block


class FencedCall(calls.Call):
    """A call with every piece of memory between fences of its own; what it wrote is copied back."""

    side: ClassVar[str] = "behind"
    planned: ClassVar[bool] = False
    short: ClassVar[Mapping[str, int]] = {}
    """Bytes that are left out, by role, or of the "arena"."""

    def __init__(
        self, compiled: Compiled, given: Mapping[Value, Array], sizes: Mapping[str, int], *rest: Any, **options: Any
    ) -> None:
        super().__init__(compiled, given, sizes, *rest, **options)
        self.compiled, self.sizes, self.own = compiled, sizes, given
        self.blocks: dict[Value, Array] = {}
        inside = set(self.layout.numbers.tolist())
        for number, value in calls.pointer_table(compiled):
            if not (self.planned and number in inside):
                if value not in self.blocks:
                    self.blocks[value] = self._block(value, number in inside)
                self.pointers[number] = self.blocks[value].ctypes.data

    def _block(self, value: Value, inside: bool) -> Array:
        short = self.short.get(value.role, 0)
        if value in self.own:
            return fenced_copy(self.own[value], self.side, short)
        if value.role == "constant":
            return fenced_copy(np.frombuffer(value.bits, np.uint8), self.side, short)
        rows = (self.block, *value.shape[1:]) if value in self.compiled.body.local else value.shape
        size = concrete(count(rows), self.sizes) * BYTES[value.dtype] if inside else 0
        return fenced(max(size - short, 0), self.side)

    def __call__(self, *arguments: Any, **options: Any) -> int:
        done = super().__call__(*arguments, **options)
        for value, array in self.own.items():
            if value in self.blocks and array.flags.writeable:
                array.reshape(-1).view(np.uint8)[:] = self.blocks[value]
        return done


def survives(run: Callable[[], Sequence[Array]], short: Mapping[str, int] | None = None) -> None:
    """Assert that `run` gives the same bytes between fences, on both sides; see the module's docstring."""
    expected = [np.asarray(array).tobytes() for array in run()]
    for side, planned in PLACES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forks in a process that has had threads
            child = os.fork()
        if child == 0:
            FencedCall.side, FencedCall.planned, FencedCall.short = side, planned, short or {}
            _child(run, expected)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status >= 0, f"{signal.Signals(-status).name}: native code touched a byte {side} its memory ({planned=})"
        assert status == 0, f"other bytes with a fence {side} (or an error, above)"


def _child(run: Callable[[], Sequence[Array]], expected: list[bytes]) -> None:
    status, call = 1, FencedCall
    try:
        faulthandler.disable()
        signal.alarm(ALARM)
        function.Call = native.Call = call  # type: ignore[misc]
        function.signature = lambda arrays: None  # so that every call is made anew, between fences
        calls.new_arena = lambda size: fenced(size - call.short.get("arena", 0), call.side)
        found = [np.asarray(array).tobytes() for array in run()]
        status = int(found != expected)
    except BaseException:  # noqa: BLE001  # told to whoever reads the failure
        traceback.print_exc()
    finally:
        os._exit(status)
