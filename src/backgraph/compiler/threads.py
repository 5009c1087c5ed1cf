"""Threads that enter one native function together (SPMD), and a main thread that can be interrupted.

Threads are made for a call and end with it: nothing survives a fork, nothing waits in the background. Native code
releases the GIL. Every step looks at a stop flag, which Ctrl-C sets; the interrupt is raised after the running step.
"""

from __future__ import annotations

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


def run_threads(enter: Callable[[int], int], threads: int, shared: Array, request: Request | None = None) -> int:
    """Let `threads` threads enter; returns what the first one returns.

    Without a `request` a single thread runs in the caller's own. With one, or on Ctrl-C, the run stops after the
    step it is in.
    """
    if threads == 1 and request is None:
        return enter(0)
    if request is not None and request.requested:
        return 0
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


def _join(workers: list[threading.Thread], shared: Array, request: Request | None) -> None:
    for worker in workers:
        while worker.is_alive():
            worker.join(GLANCE)
            if request is not None and request.requested:
                shared[STOP] = 1
