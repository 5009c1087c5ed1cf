"""A picture as plain SVG: one `<path id>` for each glyph, and `<use>` to place it.

No style sheet, script, foreign object, symbol or nested drawing: every renderer shows the same. The names in `class`
are for pages that want to restyle it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from html import escape

from backgraph.show.colours import LIGHT, Palette, Style
from backgraph.show.glyphs import bold, glyphs
from backgraph.show.labels import BADGE, BADGE_TYPE
from backgraph.show.picture import Band, Box, Edge, Label, Picture, Point, Rect, Tag
from backgraph.show.typeset import set_markup

RADIUS, CARDS = 8.0, 3
"""Of the corners of edges; and how many cards a stack of repeated layers shows."""
ROUND = {"leaf": 14, "use": 11}
"""How round the corners of boxes are; 6 points where nothing is said."""


def svg(picture: Picture, prefix: str, palette: Palette = LIGHT, describe: str = "", width: str = "") -> str:
    """The whole drawing, `describe` being what is read aloud; `width` such as 6.5in, else its own in points."""
    return drawn(picture, Writer(prefix, palette), describe, width)


def drawn(picture: Picture, writer: Writer, describe: str = "", width: str = "", role: str = "img") -> str:
    """The drawing by a writer, which then knows all glyphs in use."""
    body = list(writer.body(picture))
    prefix, palette = writer.prefix, writer.palette
    wide, high = f"{picture.width:.0f}", f"{picture.height:.0f}"
    size = f'width="{width}"' if width else f'width="{wide}" height="{high}"'
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {wide} {high}" {size} role="{role}" aria-labelledby="{prefix}-title {prefix}-desc">'
    )
    title = f'<title id="{prefix}-title">{spoken(picture.title)}</title>'
    description = f'<desc id="{prefix}-desc">{spoken(describe)}</desc>'
    paper = f'<rect class="paper" width="{wide}" height="{high}" fill="{palette.paper}"/>'
    return "\n".join([head, title, description, writer.defs(), paper, *body, "</svg>"]) + "\n"


def formula_svg(writer: Writer, markup: str, size: float, ink: str = "text") -> str:
    """A formula by itself, for pages that hold the writer's outlines."""
    line = set_markup(markup)
    k = size / 1000
    wide, high, deep = line.width * k + 2, max(line.height, 700) * k + 1, max(line.depth, 200) * k + 1
    place = f'width="{wide:.1f}" height="{high + deep:.1f}" viewBox="0 0 {wide:.1f} {high + deep:.1f}"'
    mark = writer.label(Label(markup, 1, high, size, ink))
    return f'<svg {place} style="vertical-align:{-deep:.1f}px" aria-hidden="true">{mark}</svg>'


def spoken(text: str) -> str:
    """`text` without what XML forbids, escaped."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return escape(text)


class Writer:
    """Writes parts, and remembers which glyphs they need."""

    def __init__(self, prefix: str, palette: Palette = LIGHT, focusable: bool = False) -> None:
        self.prefix, self.palette, self.focusable = prefix, palette, focusable
        self.used: dict[str, str] = {}
        self.heads: dict[str, None] = {}

    def body(self, picture: Picture) -> Iterator[str]:
        """Bands, edges, boxes, labels: what comes later lies above."""
        for band in picture.bands:
            yield from self.band(band)
        yield from map(self.edge, picture.edges)
        yield from (self.tag(tag, picture) for tag in picture.tags)
        yield from map(self.box, picture.boxes if not self.focusable else sorted(picture.boxes, key=_when))
        yield from map(self.label, picture.headings)
        for path, (x, y), words in picture.key:
            yield self.line(path, ((x, y), (x + 28, y)), path in ("kept",)) + self.label(words)
        if picture.badge:
            yield self.badge(picture.badge[0], "n", "note") + self.label(picture.badge[1])

    def band(self, band: Band) -> Iterator[str]:
        """What lies behind the rows of a layer; a stack of cards for several."""
        cards = range(CARDS - 1, -1, -1) if band.blocks > 1 else range(1)
        line = f' stroke="{self.palette.card}" stroke-width="1"' if band.blocks > 1 else ""
        for card in cards:
            a = Rect(*(c + d * 4 * card for c, d in zip(band.area, (1, -1, 1, -1), strict=True)))
            yield f'<rect class="band" {_place(a)} rx="8" fill="{self.palette.band}"{line}/>'
        if band.label:
            yield self.label(band.label)

    def defs(self) -> str:
        """The glyphs and arrow heads in use."""
        table = glyphs()
        marks = (f'<path id="{name}" d="{table[letter].outline}"/>' for letter, name in self.used.items())
        return "<defs>" + "".join([*marks, *(self._head(path) for path in self.heads)]) + "</defs>"

    def _head(self, path: str) -> str:
        style = self.palette.styles[path]
        size = 6 + style.width
        place = f'viewBox="0 0 10 10" refX="9" refY="5" markerWidth="{size:.1f}" markerHeight="{size:.1f}"'
        return (
            f'<marker id="{self.prefix}-{path}" class="{path}" {place} markerUnits="userSpaceOnUse" orient="auto">'
            f'<path class="head" d="M0 1L10 5L0 9z" fill="{style.stroke}"/></marker>'
        )

    def edge(self, edge: Edge) -> str:
        """An arrow with its title."""
        ends = f'data-from="{edge.source}" data-to="{edge.target}"'
        line = self.line(edge.path, edge.points, edge.is_rung or edge.path == "kept")
        return f'<g class="edge" {ends}><title>{spoken(edge.title)}</title>{line}</g>'

    def line(self, path: str, points: tuple[Point, ...], dotted: bool = False) -> str:
        """An arrow."""
        self.heads.setdefault(path)
        style = self.palette.styles[path]
        dashes = f' stroke-dasharray="{style.dashes}" stroke-linecap="round"' if dotted else ""
        return (
            f'<path class="{path} line" d="{rounded(points)}" fill="none" {stroke(style)}{dashes} '
            f'marker-end="url(#{self.prefix}-{path})"/>'
        )

    def tag(self, tag: Tag, picture: Picture) -> str:
        """A label that clears the line behind it."""
        a = tag.area.grown(-0.5)
        edge = picture.edges[tag.edge]
        kind = "kept" if edge.path == "kept" else "shape"
        words = f'<g class="letters">{self.label(tag.label)}</g>' if tag.numbers else self.label(tag.label)
        clear = f'<rect class="clear" {_place(a)} fill="{self.palette.band}"/>{words}'
        if tag.numbers:
            clear += f'<g class="numbers" display="none">{self.label(tag.numbers)}</g>'
        return f'<g class="tag {kind}" data-from="{edge.source}" data-to="{edge.target}">{clear}</g>'

    def box(self, box: Box) -> str:
        """A value: its rectangle, formula, caption and number."""
        a, style = box.area, self.palette.styles[box.path]
        corners = f'rx="{min(ROUND.get(box.path, 6), (a.bottom - a.top) / 2):.0f}"'
        title, label = spoken(box.title), spoken(box.spoken)
        focus = f' tabindex="0" data-box="{box.number}" data-label="{label}"' if self.focusable else ""
        parts = [
            f'<g id="{self.prefix}-{box.number}" class="box {box.path}" role="img" aria-label="{label}"{focus}>',
            f'<title>{title}</title><rect class="frame" {_place(a)} {corners} fill="{style.fill}" {stroke(style)}/>',
            *map(self.label, box.labels),
        ]
        if box.order:
            parts.append(self.badge((a.left + 1, a.top + 1), str(box.order), box.path))
        return "".join([*parts, "</g>"])

    def badge(self, centre: Point, words: str, path: str) -> str:
        """A number in a filled circle."""
        (x, y), words = centre, bold(words)
        width = set_markup(words).width * BADGE_TYPE / 1000
        half = max(BADGE, width / 2 + 3)
        place = f'x="{x - half:.1f}" y="{y - BADGE:.1f}" width="{2 * half:.1f}" height="{2 * BADGE:.1f}" rx="{BADGE}"'
        colour = self.colour(path)
        return f'<rect class="badge" {place} fill="{colour}"/>' + self.label(
            Label(words, x - width / 2, y + 3, BADGE_TYPE, "paper")
        )

    def colour(self, ink: str) -> str:
        """What a label is written in."""
        style = self.palette.styles.get(ink)
        return style.stroke if style else str(getattr(self.palette, ink))

    def label(self, label: Label) -> str:
        """Glyphs placed along a baseline."""
        k = label.size / 1000
        turn = " rotate(-90)" if label.turned else ""
        marks = "".join(self._marks(label.markup))
        place = f"translate({label.x:.1f} {label.y:.1f}){turn} scale({k:.4f} {-k:.4f})"
        return f'<g class="ink-{label.ink}" transform="{place}" fill="{self.colour(label.ink)}">{marks}</g>'

    def _marks(self, markup: str) -> Iterable[str]:
        for mark in set_markup(markup).marks:
            if not mark.letter:
                place = f'x="{mark.x:.0f}" y="{mark.y:.0f}" width="{mark.width:.0f}"'
                yield f'<rect {place} height="{50 * mark.scale:.0f}"/>'
            elif mark.letter not in glyphs():
                place = f'transform="translate({mark.x:.0f} {mark.y:.0f}) scale({mark.scale:.3g} {-mark.scale:.3g})"'
                yield f'<text font-family="sans-serif" font-size="1000" {place}>{spoken(mark.letter)}</text>'
            elif mark.scale == 1.0 and mark.y == 0:
                yield f'<use xlink:href="#{self._glyph(mark.letter)}" x="{mark.x:.0f}"/>'
            else:
                place = f"translate({mark.x:.0f} {mark.y:.0f}) scale({mark.scale:.3g})"
                yield f'<use xlink:href="#{self._glyph(mark.letter)}" transform="{place}"/>'

    def _glyph(self, letter: str) -> str:
        return self.used.setdefault(letter, f"{self.prefix}-g{len(self.used)}")


def _when(box: Box) -> tuple[int, int]:
    """What is given first, then the order of execution."""
    return (box.order, box.number)


def _place(area: Rect) -> str:
    size = f'width="{area.right - area.left:.1f}" height="{area.bottom - area.top:.1f}"'
    return f'x="{area.left:.1f}" y="{area.top:.1f}" {size}'


def stroke(style: Style) -> str:
    """The line of a box or an edge."""
    return f'stroke="{style.stroke}" stroke-width="{style.width}"'


def rounded(points: tuple[Point, ...]) -> str:
    """A path along `points` with round corners."""
    pieces = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, (corner, after) in zip(points, itertools.pairwise(points[1:]), strict=False):
        a, b = _toward(corner, before), _toward(corner, after)
        pieces.append(f"L{a[0]:.1f} {a[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {b[0]:.1f} {b[1]:.1f}")
    return "".join([*pieces, f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"])


def _toward(corner: Point, other: Point) -> Point:
    """The point where the round corner begins on the way to `other`."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx) + abs(dy), 1e-9)
    part = min(RADIUS, length / 2) / length
    return (corner[0] + dx * part, corner[1] + dy * part)
