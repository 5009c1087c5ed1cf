"""A drawing as parts, in points, independent of any format; y points down.

`show.svg` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from backgraph.show.ladder import Ladder
from backgraph.show.typeset import set_markup

Point = tuple[float, float]


@dataclass(frozen=True)
class Look:
    """How a drawing is set: sizes of type in points, whether boxes have captions, its language."""

    size: float = 15.0
    small: float = 10.5
    captions: bool = True
    tight: float = 1.0
    """How much of the usual room there is between columns."""
    lang: str = "en"
    margin: float = 30.0
    left: float = 46.0
    """Room on the left, for the names of the bands."""
    widest: float = 28.0
    """How wide a formula may be, in sizes of type, before it goes on several lines."""


PAPER = Look(size=17.0, small=11.0, captions=False, tight=0.2, margin=16.0, left=40.0, widest=7.0)
"""For print: names and formulas without captions, long ones on several lines, so that 6.5 inches hold more of them."""


class Rect(NamedTuple):
    """A rectangle by its corners."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rect) -> bool:
        """Whether the two have an area in common."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def grown(self, by: float) -> Rect:
        """A larger one, or a smaller one, around the same centre."""
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)


@dataclass(frozen=True, slots=True)
class Label:
    """Markup in type of `size` points, on a baseline that starts at x, y.

    `ink` names its colour: a path of the palette, or text, note, band or paper.
    """

    markup: str
    x: float
    y: float
    size: float
    ink: str
    turned: bool = False
    """Whether it runs upward."""

    def area(self) -> Rect:
        """What it covers."""
        line = set_markup(self.markup)
        k = self.size / 1000
        if self.turned:
            return Rect(self.x - line.height * k, self.y - line.width * k, self.x + line.depth * k, self.y)
        return Rect(self.x, self.y - line.height * k, self.x + line.width * k, self.y + line.depth * k)


@dataclass(frozen=True, slots=True)
class Box:
    """A value: formula, caption above it, and the number of the step that computes it."""

    number: int
    area: Rect
    path: str
    labels: tuple[Label, ...]
    order: int
    title: str
    spoken: str
    """What is read aloud."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between boxes, as a line of points with rounded corners."""

    source: int
    target: int
    path: str
    points: tuple[Point, ...]
    title: str
    is_rung: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """A label on an edge, given by the edge's place in the list, with the area it clears behind it."""

    label: Label
    edge: int
    area: Rect
    numbers: Label | None = None
    """The same shape in numbers, in the same place."""


@dataclass(frozen=True, slots=True)
class Band:
    """A grey band behind the rows of one layer."""

    area: Rect
    label: Label | None
    blocks: int = 1
    """How many repeated blocks it stands for."""


@dataclass(frozen=True)
class Picture:
    """A drawing of a graph and, if asked for, of its gradient."""

    width: float
    height: float
    title: str
    ladder: Ladder
    look: Look
    bands: tuple[Band, ...] = ()
    boxes: tuple[Box, ...] = ()
    edges: tuple[Edge, ...] = ()
    tags: tuple[Tag, ...] = ()
    headings: tuple[Label, ...] = ()
    key: tuple[tuple[str, Point, Label], ...] = ()
    """What each kind of link means: path, where its sample begins, words."""
    badge: tuple[Point, Label] | None = None
    """What the numbers mean."""
