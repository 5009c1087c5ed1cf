"""How many threads work may be shared among: the processors of this process, or fewer in the body of `at_most`."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_LIMIT: ContextVar[int | None] = ContextVar("threads", default=None)


@contextmanager
def at_most(threads: int | None) -> Generator[None]:
    """In its body all that leaves the number of threads open takes `threads` at most; None limits nothing."""
    before = _LIMIT.set(threads)
    try:
        yield
    finally:
        _LIMIT.reset(before)


def available_processors() -> int:
    """Processors this process may use, or the limit of `at_most`, even where that is more."""
    limit = _LIMIT.get()
    if limit is not None:
        return limit
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
