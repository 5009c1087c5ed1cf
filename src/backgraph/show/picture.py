"""A drawing as parts, in points, independent of any format; y points down.

`Picture.svg()` and `.dot()` write it; notebooks show it by `_repr_svg_`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from backgraph.show.ladder import Ladder
from backgraph.show.typeset import set_markup

Point = tuple[float, float]


@dataclass(frozen=True)
class Rect:
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


@dataclass(frozen=True)
class Label:
    """Markup in type of `size` points, on a baseline that starts at x, y."""

    markup: str
    x: float
    y: float
    size: float
    colour: str
    turned: bool = False
    """Whether it runs upward."""

    def area(self) -> Rect:
        """What it covers."""
        line = set_markup(self.markup)
        k = self.size / 1000
        if self.turned:
            return Rect(self.x - line.height * k, self.y - line.width * k, self.x + line.depth * k, self.y)
        return Rect(self.x, self.y - line.height * k, self.x + line.width * k, self.y + line.depth * k)


@dataclass(frozen=True)
class Box:
    """A value: formula, caption above it, and the number of the step that computes it."""

    number: int
    area: Rect
    path: str
    labels: tuple[Label, ...]
    order: int
    title: str


@dataclass(frozen=True)
class Edge:
    """An arrow between boxes, as a line of points with rounded corners."""

    source: int
    target: int
    path: str
    points: tuple[Point, ...]
    title: str


@dataclass(frozen=True)
class Tag:
    """A label on an edge, given by the edge's place in the list, with the area it clears behind it."""

    label: Label
    edge: int
    area: Rect


@dataclass(frozen=True)
class Band:
    """A grey band behind the rows of one layer."""

    area: Rect
    label: Label | None


@dataclass(frozen=True)
class Picture:
    """A drawing of a graph and, if asked for, of its gradient."""

    width: float
    height: float
    title: str
    description: str
    ladder: Ladder
    bands: tuple[Band, ...] = ()
    boxes: tuple[Box, ...] = ()
    edges: tuple[Edge, ...] = ()
    tags: tuple[Tag, ...] = ()
    headings: tuple[Label, ...] = ()
    key: tuple[tuple[str, Point, Label], ...] = field(default=())

    def svg(self, prefix: str = "backgraph") -> str:
        """As SVG that every renderer shows alike; all ids begin with `prefix`."""
        from backgraph.show.svg import svg

        return svg(self, prefix)

    def dot(self) -> str:
        """As text for Graphviz."""
        from backgraph.show.dot import dot

        return dot(self.ladder, self.title)

    def _repr_svg_(self) -> str:
        return self.svg(f"backgraph{abs(hash_of(self.description))}")


def hash_of(text: str) -> int:
    """A number for `text`, the same in every process."""
    import zlib

    return zlib.crc32(text.encode())
