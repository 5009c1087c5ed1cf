"""A picture as plain SVG: one `<path id>` for each glyph, and `<use>` to place it.

No style sheet, script, foreign object, symbol or nested drawing: every renderer shows the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from backgraph.show.colours import BAND, PAPER, STYLES, Style
from backgraph.show.glyphs import bold, glyphs
from backgraph.show.picture import Box, Edge, Label, Picture, Point
from backgraph.show.typeset import set_markup

RADIUS, BADGE = 8.0, 7.5
ROUND = {"leaf": 14, "use": 11}
"""How round the corners of boxes are; 6 points where nothing is said."""


def svg(picture: Picture, prefix: str) -> str:
    """The whole drawing."""
    writer = Writer(prefix)
    body = list(writer.body(picture))
    width, height = f"{picture.width:.0f}", f"{picture.height:.0f}"
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="{prefix}-title {prefix}-desc">'
    )
    title = f'<title id="{prefix}-title">{spoken(picture.title)}</title>'
    description = f'<desc id="{prefix}-desc">{spoken(picture.description)}</desc>'
    paper = f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
    return "\n".join([head, title, description, writer.defs(), paper, *body, "</svg>"]) + "\n"


def spoken(text: str) -> str:
    """`text` without what XML forbids, escaped."""
    return escape("".join(letter if letter.isprintable() else " " for letter in text))


class Writer:
    """Writes parts, and remembers which glyphs they need."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.used: dict[str, str] = {}
        self.heads: dict[str, None] = {}

    def body(self, picture: Picture) -> Iterator[str]:
        """Bands, edges, boxes, labels: what comes later lies above."""
        for band in picture.bands:
            a = band.area
            size = f'width="{a.right - a.left:.1f}" height="{a.bottom - a.top:.1f}"'
            yield f'<rect x="{a.left:.1f}" y="{a.top:.1f}" {size} rx="8" fill="{BAND}"/>'
            if band.label:
                yield self.label(band.label)
        yield from map(self.edge, picture.edges)
        yield from (self.tag(tag.label) for tag in picture.tags)
        yield from map(self.box, picture.boxes)
        yield from map(self.label, picture.headings)
        for path, (x, y), words in picture.key:
            yield self.line(path, ((x, y), (x + 28, y))) + self.label(words)

    def defs(self) -> str:
        """The glyphs and arrow heads in use."""
        table = glyphs()
        marks = (f'<path id="{name}" d="{table[letter].outline}"/>' for letter, name in self.used.items())
        return "<defs>" + "".join([*marks, *(self._head(path) for path in self.heads)]) + "</defs>"

    def _head(self, path: str) -> str:
        size = 6 + STYLES[path].width
        place = f'viewBox="0 0 10 10" refX="9" refY="5" markerWidth="{size:.1f}" markerHeight="{size:.1f}"'
        return (
            f'<marker id="{self.prefix}-{path}" {place} markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 1L10 5L0 9z" fill="{STYLES[path].stroke}"/></marker>'
        )

    def edge(self, edge: Edge) -> str:
        """An arrow with its title."""
        return f"<g><title>{spoken(edge.title)}</title>{self.line(edge.path, edge.points)}</g>"

    def line(self, path: str, points: tuple[Point, ...]) -> str:
        """An arrow."""
        self.heads.setdefault(path)
        style = STYLES[path]
        dashes = f' stroke-dasharray="{style.dashes}" stroke-linecap="round"' if style.dashes else ""
        return (
            f'<path d="{rounded(points)}" fill="none" {stroke(style)}{dashes} marker-end="url(#{self.prefix}-{path})"/>'
        )

    def tag(self, label: Label) -> str:
        """A label that clears the line behind it."""
        a = label.area().grown(1.5)
        size = f'width="{a.right - a.left:.1f}" height="{a.bottom - a.top:.1f}"'
        return f'<rect x="{a.left:.1f}" y="{a.top:.1f}" {size} fill="{BAND}"/>' + self.label(label)

    def box(self, box: Box) -> str:
        """A value: its rectangle, formula, caption and number."""
        a, style = box.area, STYLES[box.path]
        size = f'width="{a.right - a.left:.1f}" height="{a.bottom - a.top:.1f}"'
        corners = f'rx="{min(ROUND.get(box.path, 6), (a.bottom - a.top) / 2):.0f}"'
        title = spoken(box.title)
        parts = [
            f'<g id="{self.prefix}-{box.number}" role="img" aria-label="{title}"><title>{title}</title>',
            f'<rect x="{a.left:.1f}" y="{a.top:.1f}" {size} {corners} fill="{style.fill}" {stroke(style)}/>',
            *map(self.label, box.labels),
        ]
        if box.order:
            parts.append(self._badge(box))
        return "".join([*parts, "</g>"])

    def _badge(self, box: Box) -> str:
        x, y, words = box.area.left + 1, box.area.top + 1, bold(str(box.order))
        width = set_markup(words).width * 9 / 1000
        half = max(BADGE, width / 2 + 3)
        place = f'x="{x - half:.1f}" y="{y - BADGE:.1f}" width="{2 * half:.1f}" height="{2 * BADGE:.1f}" rx="{BADGE}"'
        colour = STYLES[box.path].stroke
        return f'<rect {place} fill="{colour}"/>' + self.label(Label(words, x - width / 2, y + 3, 9, PAPER))

    def label(self, label: Label) -> str:
        """Glyphs placed along a baseline."""
        k = label.size / 1000
        turn = " rotate(-90)" if label.turned else ""
        marks = "".join(self._marks(label.markup))
        place = f"translate({label.x:.1f} {label.y:.1f}){turn} scale({k:.4f} {-k:.4f})"
        return f'<g transform="{place}" fill="{label.colour}">{marks}</g>'

    def _marks(self, markup: str) -> Iterable[str]:
        for mark in set_markup(markup).marks:
            if not mark.letter:
                place = f'x="{mark.x:.0f}" y="{mark.y:.0f}" width="{mark.width:.0f}"'
                yield f'<rect {place} height="{50 * mark.scale:.0f}"/>'
            elif mark.letter not in glyphs():
                place = f"translate({mark.x:.0f} {mark.y:.0f}) scale({mark.scale:.3g} {-mark.scale:.3g})"
                yield f'<text font-family="sans-serif" font-size="1000" transform="{place}">{spoken(mark.letter)}</text>'
            elif mark.scale == 1.0 and mark.y == 0:
                yield f'<use xlink:href="#{self._glyph(mark.letter)}" x="{mark.x:.0f}"/>'
            else:
                place = f"translate({mark.x:.0f} {mark.y:.0f}) scale({mark.scale:.3g})"
                yield f'<use xlink:href="#{self._glyph(mark.letter)}" transform="{place}"/>'

    def _glyph(self, letter: str) -> str:
        return self.used.setdefault(letter, f"{self.prefix}-g{len(self.used)}")


def stroke(style: Style) -> str:
    """The line of a box or an edge."""
    return f'stroke="{style.stroke}" stroke-width="{style.width}"'


def rounded(points: tuple[Point, ...]) -> str:
    """A path along `points` with round corners."""
    pieces = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        a, b = _toward(corner, before), _toward(corner, after)
        pieces.append(f"L{a[0]:.1f} {a[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {b[0]:.1f} {b[1]:.1f}")
    return "".join([*pieces, f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"])


def _toward(corner: Point, other: Point) -> Point:
    """The point where the round corner begins on the way to `other`."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx) + abs(dy), 1e-9)
    part = min(RADIUS, length / 2) / length
    return (corner[0] + dx * part, corner[1] + dy * part)
