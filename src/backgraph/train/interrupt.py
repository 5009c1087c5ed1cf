"""Ctrl-C and SIGTERM during training: noted at once, obeyed after the running step, so that no step is done by halves.

The first signal asks; whoever trains finishes the step, saves, and leaves. A second one does not wait: it raises where
the program stands, and what is on the disk stays as it was.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ORDINARY: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""Signals that ask for an end, and what Python does about them unless a program says otherwise."""
TERMINATED = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """SIGTERM came and was obeyed; ends the program with exit code 143 unless it is caught."""

    def __init__(self) -> None:
        super().__init__(TERMINATED)


class AtOnce(BaseException):
    """Beside KeyboardInterrupt or Terminated: it was the second signal, and a step may have been cut off."""


class InterruptedAtOnce(KeyboardInterrupt, AtOnce):
    """A second Ctrl-C."""


class TerminatedAtOnce(Terminated, AtOnce):
    """A second SIGTERM."""


class Interrupt:
    """Whether somebody wants training to stop; engines look at it before every step.

    `announce` is called in the signal handler, while a step may be running.
    """

    def __init__(self, announce: Callable[[], None] | None = None) -> None:
        self.requested = False
        self.signal = 0
        self.announce = announce

    def request(self, number: int = 0, _frame: FrameType | None = None) -> None:
        """Note the wish, or obey at once if it is not the first; has the signature of a signal handler."""
        if self.requested and number:
            raise TerminatedAtOnce() if number == signal.SIGTERM else InterruptedAtOnce()
        self.requested, self.signal = True, number
        if self.announce is not None:
            self.announce()


def stopped(number: int) -> BaseException:
    """What a signal becomes: Terminated for SIGTERM, else KeyboardInterrupt."""
    return Terminated() if number == signal.SIGTERM else KeyboardInterrupt()


@contextmanager
def interruptible(announce: Callable[[], None] | None = None) -> Generator[Interrupt]:
    """Turn signals into a request while inside; on leaving, what was requested is raised (see `stopped`).

    Signals reach the main thread only, so elsewhere, or where the program has its own handler, nothing is changed.
    """
    interrupt = Interrupt(announce)
    ours = threading.current_thread() is threading.main_thread()
    taken = {number for number, usual in ORDINARY.items() if ours and signal.getsignal(number) == usual}
    for number in taken:
        signal.signal(number, interrupt.request)
    try:
        yield interrupt
    finally:
        for number in taken:
            signal.signal(number, ORDINARY[number])
    if interrupt.requested:
        raise stopped(interrupt.signal)
