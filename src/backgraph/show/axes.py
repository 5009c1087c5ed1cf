"""Axes of a plot: where values stand, round numbers for ticks, a frame with labels.

Ticks are multiples of 1, 2, 2.5 or 5 times a power of ten; on a logarithmic axis powers of ten, and where few of those
fit, 2 and 5 times them as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backgraph.show.canvas import Canvas, short, width_of

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
TICK = 11.0


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, on `start` to `end` in the picture."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value stands."""
        low, high, at = (math.log10(each) for each in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value,
        )  # fmt: skip
        return self.start + (self.end - self.start) * (at - low) / (high - low)

    def holds(self, value: float) -> bool:
        """Whether a value can be placed: finite, and on a logarithmic axis more than 0."""
        return math.isfinite(value) and (value > 0 or not self.log)

    def ticks(self) -> list[float]:
        """Round values within the axis."""
        return log_ticks(self.low, self.high) if self.log else linear_ticks(self.low, self.high)


def span(values: Iterable[float], *, log: bool = False) -> tuple[float, float]:
    """A range that holds the finite values with some room; (0, 1) if there are none."""
    kept = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = (min(kept), max(kept)) if kept else (1.0, 10.0) if log else (0.0, 1.0)
    if log:
        return low / 1.3, high * 1.3
    if low == high:
        return low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
    room = (high - low) * 0.05 if kept else 0.0
    return low - room, high + room


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values from `low` to `high`, at most about `most`."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in STEPS if each * power >= rough * 0.999999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, thinned out if there are many, with 2 and 5 times them if there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if high <= 100 * low else (1,)
    stride = max(1, (last - first) // 8)
    values = [factor * 10.0**power for power in range(first, last + 1, stride) for factor in factors]
    return [value for value in values if low <= value <= high]


def figure(value: float) -> str:
    """A number as short as it can be read: 0.01, 2500, 3e−6."""
    if value == 0:
        return "0"
    written = f"{value:.4g}"
    if "e" in written:
        mantissa, _, exponent = written.partition("e")
        written = f"{mantissa}e{int(exponent)}"
    return written.replace("-", "−")


@dataclass(frozen=True)
class Frame:
    """Two axes with their labels."""

    across: Axis
    up: Axis
    label: str
    label_up: str
    whole: bool = False
    """Whether ticks across are whole numbers only, as epochs are."""

    def draw(self, canvas: Canvas) -> None:
        """Grid, ticks and labels."""
        theme = canvas.theme
        left, right = self.across.start, self.across.end
        bottom, top = self.up.start, self.up.end
        for value in self._ticks_across():
            x = self.across.place(value)
            canvas.line([(x, bottom), (x, top)], theme.grid)
            canvas.words(x, bottom + 16, figure(value), TICK, colour=theme.note, anchor="middle")
        for value in self.up.ticks():
            y = self.up.place(value)
            canvas.line([(left, y), (right, y)], theme.grid)
            canvas.words(left - 6, y + 4, figure(value), TICK, colour=theme.note, anchor="end")
        canvas.line([(left, top), (left, bottom), (right, bottom)], theme.note, 1.2)
        middle = (left + right) / 2
        canvas.words(middle, bottom + 36, short(self.label, 12, right - left), 12, anchor="middle")
        label = short(self.label_up, 12, bottom - top)
        canvas.words(left - 50, (top + bottom) / 2, label, 12, anchor="middle", turned=True)

    def _ticks_across(self) -> list[float]:
        ticks = self.across.ticks()
        return [tick for tick in ticks if tick == round(tick)] if self.whole else ticks


def legend(canvas: Canvas, x: float, y: float, entries: Sequence[tuple[str, str, str]], room: float) -> float:
    """A line for each entry (colour, dashes, words); returns the y below."""
    for colour, dashes, words in entries:
        canvas.line([(x, y - 4), (x + 26, y - 4)], colour, 2.2, dashes)
        canvas.words(x + 34, y, short(words, 12, room - 34), 12)
        y += 19
    return y


def legend_width(entries: Sequence[tuple[str, str, str]], most: float = 220.0) -> float:
    """How much room a legend takes."""
    return min(most, 34 + max((width_of(words, 12) for _, _, words in entries), default=0.0))
