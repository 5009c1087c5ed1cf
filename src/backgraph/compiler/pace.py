"""How many threads the steps of training deserve, learned from how long steps took.

The number that work alone suggests (`call.number_of_threads`) knows neither this machine nor what else runs on it: two
threads that wait for each other lose to one where a processor is busy with something else. Results have the same bits
for any number of threads, so numbers may be tried while work is done. Steps are therefore taken in pieces; half and
twice the best number so far get a small piece once, and again whenever what trials of that number have cost stays below
a hundredth of all time: one that is nearly as quick is tried often, one that is far from it seldom.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PIECE, TRIAL = 0.05, 0.01
"""Seconds of steps that are taken at a time, and of those with a number that is tried."""
FIRST_PIECE = 16
"""Steps of the first piece, before anything is known."""
FIRST_TRIAL = 4
"""Pieces before the first trial: a short training is over by then."""
SHARE = 0.01
"""Of all time, what trials of a number may cost beyond the best one."""
SLOWER = 1.25
"""How much slower a number may get by one piece: a single delay, by whatever, should not make another the best."""


@dataclass
class Pace:
    """Seconds a step with each number of threads; `limit` is the largest, `suggested` the one to begin with."""

    limit: int
    suggested: int
    seconds: dict[int, float] = field(default_factory=dict[int, float])
    pieces: int = 0
    total: float = 0.0
    lost: dict[int, float] = field(default_factory=dict[int, float])

    @property
    def best(self) -> int:
        """The quickest number so far."""
        return min(self.seconds, key=lambda number: self.seconds[number], default=self.suggested)

    def next(self, left: int) -> tuple[int, int]:
        """Threads and steps of the next piece, of `left` steps."""
        best = self.best
        if best not in self.seconds:
            return best, left if left <= 2 * FIRST_PIECE else FIRST_PIECE
        number = self._threads(best)
        each = self.seconds.get(number, self.seconds[best])
        count = max(1, int((PIECE if number == best else TRIAL) / max(each, 1e-9)))
        return number, left if left < 1.5 * count else count

    def _threads(self, best: int) -> int:
        beside = [n for n in (max(1, best // 2), min(self.limit, 2 * best)) if n != best]
        if self.pieces < FIRST_TRIAL or not beside:
            return best
        for number in beside:
            if number not in self.seconds:
                return number
        number = beside[self.pieces % len(beside)]
        cost = TRIAL * (1 - self.seconds[best] / self.seconds[number])
        return number if self.lost.get(number, 0.0) + cost <= SHARE * self.total else best

    def took(self, threads: int, steps: int, seconds: float) -> None:
        """Note a piece: whole if it was quicker than those before, for nothing but speed makes it so; else in part."""
        each, best = seconds / steps, self.best
        if threads != best:
            cost = max(0.0, seconds - steps * self.seconds.get(best, each))
            self.lost[threads] = self.lost.get(threads, 0.0) + cost
        self.pieces, self.total = self.pieces + 1, self.total + seconds
        self.seconds[threads] = min(each, SLOWER * self.seconds.get(threads, each))
