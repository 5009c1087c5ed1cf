"""Threads that enter one native function together (SPMD), and a main thread that can be interrupted.

Threads are made for a call and end with it: nothing survives a fork, nothing waits in the background. Native code
releases the GIL. Every step looks at a stop flag, which Ctrl-C sets; the interrupt is raised after the running step.
Of a short call the caller's thread does its part itself, and Ctrl-C waits for the end: that saves most of 0.2 ms.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from typing import Protocol

from backgraph.compiler.program import STOP
from backgraph.language.op import Array


class Request(Protocol):
    """Says whether somebody wants the run to stop."""

    requested: bool


GLANCE = 0.02
"""Seconds between two looks of the waiting main thread at a request to stop."""


def run_threads(
    enter: Callable[[int], int], threads: int, shared: Array, request: Request | None = None, *, short: bool = False
) -> int:
    """Let `threads` threads enter; returns what the first one returns.

    Without a `request` a single thread runs in the caller's own. With one, or on Ctrl-C, the run stops after the
    step it is in, unless the call is known to be `short`.
    """
    if request is not None and request.requested:
        return 0
    if short or (threads == 1 and request is None):
        return _with_caller(enter, threads)
    results: dict[int, int] = {}
    workers = [
        threading.Thread(target=lambda n=n: results.update({n: enter(n)}), name=f"backgraph {n}", daemon=True)
        for n in range(threads)
    ]
    for worker in workers:
        worker.start()
    try:
        _join(workers, shared, request)
    except KeyboardInterrupt:
        shared[STOP] = 1
        _join(workers, shared, None)
        raise
    return results[0]


def _with_caller(enter: Callable[[int], int], threads: int) -> int:
    """The caller is the first thread; the others are of the plainest kind, which start in a quarter of the time.

    They wait at a gate until all are there: an interrupt comes before all of them enter, or after all did, since
    threads wait for each other inside. What they work with lives as long as they do: `enter` holds it.
    """
    if threads == 1:
        return enter(0)
    gate, ended = _thread.allocate_lock(), [_thread.allocate_lock() for _ in range(1, threads)]
    open_to = range(threads)

    def work(number: int, end: _thread.LockType) -> None:
        with gate:
            pass
        try:
            if number in open_to:
                enter(number)
        finally:
            end.release()

    gate.acquire()
    try:
        for number, end in enumerate(ended, 1):
            end.acquire()
            _thread.start_new_thread(work, (number, end))
    except BaseException:
        open_to = range(0)
        gate.release()
        raise
    try:
        gate.release()
    finally:
        result = enter(0)
    for end in ended:
        end.acquire()
    return result


def _join(workers: list[threading.Thread], shared: Array, request: Request | None) -> None:
    for worker in workers:
        while worker.is_alive():
            worker.join(GLANCE)
            if request is not None and request.requested:
                shared[STOP] = 1
