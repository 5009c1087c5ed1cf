"""Bounds on time that hold on a busy machine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def processor_seconds(action: Callable[[], object], times: int = 2) -> float:
    """Processor time of `action`, the least of so many calls: other programs do not lengthen it.

    The collector of cycles is off: with all modules of a run of tests in memory, one pass takes a second by itself.
    """
    found: list[float] = []
    was_on = gc.isenabled()
    gc.disable()
    try:
        for _ in range(times):
            start = time.process_time()
            action()
            found.append(time.process_time() - start)
    finally:
        if was_on:
            gc.enable()
    return min(found)
