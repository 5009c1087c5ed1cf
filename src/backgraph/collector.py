"""Python's collector of reference cycles, paused while graphs are built and compiled.

Building makes tens of thousands of objects and hardly a cycle. Every so often the collector would look through all
objects of the process, those of every loaded module, for cycles that are not there: in a process with scikit-learn that
takes as long as a whole small fit. What is dropped is freed by reference counts all the same.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class _Pause:
    """How many calls it lasts for, in all threads, and whether the collector was on before the first."""

    calls: int = 0
    was_on: bool = False


_pause = _Pause()
_lock = Lock()


def uncollected(function: Callable[P, T]) -> Callable[P, T]:
    """`function` with no collection inside. Calls may overlap; after the last the collector is as it was before."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with _lock:
            if not _pause.calls:
                _pause.was_on = gc.isenabled()
                gc.disable()
            _pause.calls += 1
        try:
            return function(*args, **kwargs)
        finally:
            with _lock:
                _pause.calls -= 1
                if not _pause.calls and _pause.was_on:
                    gc.enable()

    return call
