"""How many threads a repeated call deserves, learned from how long its calls took.

The number that work alone suggests (`call.number_of_threads`) knows neither this machine nor what else runs on it: two
threads that wait for each other lose to one where a processor is busy with something else. Results have the same bits
for any number of threads, so numbers may be tried while work is done. Half and twice the best number so far are tried
once, after some calls; then again whenever what trials have cost stays below a fiftieth of all time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST_TRIAL = 4
"""Calls before the first trial: a short training is over by then."""
SHARE = 0.02
"""Of all time, what trials may cost beyond the best number."""
SLOWER = 1.25
"""How much slower a number may get by one call: a single delay, by whatever, should not make another the best."""


@dataclass
class Pace:
    """What calls took with each number of threads; `limit` is the largest, `suggested` the one to begin with.

    Times are of any unit in which calls can be compared, such as seconds a step.
    """

    limit: int
    suggested: int
    times: dict[int, float] = field(default_factory=dict[int, float])
    calls: int = 0
    total: float = 0.0
    lost: float = 0.0

    @property
    def best(self) -> int:
        """The quickest number so far."""
        return min(self.times, key=lambda number: self.times[number], default=self.suggested)

    def threads(self) -> int:
        """The number for the next call."""
        best = self.best
        beside = [n for n in (max(1, best // 2), min(self.limit, 2 * best)) if n != best]
        if self.calls < FIRST_TRIAL or not beside:
            return best
        for number in beside:
            if number not in self.times:
                return number
        number = beside[self.calls % len(beside)]
        cost = self.times[number] - self.times[best]
        return number if self.lost + cost <= SHARE * self.total else best

    def took(self, threads: int, time: float) -> None:
        """Note a call: whole if it was quicker than those before, for nothing but speed makes it so; else in part."""
        before, best = self.times.get(threads, time), self.best
        if threads != best:
            self.lost += max(0.0, time - self.times.get(best, time))
        self.calls, self.total = self.calls + 1, self.total + time
        self.times[threads] = min(time, SLOWER * before)
