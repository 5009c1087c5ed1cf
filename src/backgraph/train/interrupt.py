"""Ctrl-C during training: noted at once, obeyed after the running step, so that no step is ever done by halves."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether somebody wants training to stop; `engine`s look at it before every step."""

    def __init__(self) -> None:
        self.requested = False

    def request(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Note the wish; has the signature of a signal handler."""
        self.requested = True


@contextmanager
def interruptible() -> Generator[Interrupt]:
    """Turn Ctrl-C into a request while inside; on leaving, what was requested becomes a KeyboardInterrupt.

    Signals reach the main thread only, so elsewhere, or where the program has its own handler, nothing is changed.
    """
    interrupt = Interrupt()
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupt
        return
    signal.signal(signal.SIGINT, interrupt.request)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupt.requested:
        raise KeyboardInterrupt
