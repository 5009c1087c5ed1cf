"""A small canvas for pictures that are not graphs: plain SVG with a title, a description, formulas and words.

Formulas are outlines of glyphs (`show.glyphs`), so they look alike everywhere; words are text, in any script. Every
word is escaped. Two themes, light and dark, carry the palette of Okabe and Ito (2008), darkened or lightened so that
text reaches contrast 4.5 on its paper. The same calls give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from backgraph.errors import UsageError
from backgraph.show.glyphs import glyphs
from backgraph.show.typeset import RULE, set_markup

Point = tuple[float, float]
FONT = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"
WIDE = 0.56
"""An average letter is so wide, in sizes of type; a Chinese one is 1."""


@dataclass(frozen=True)
class Theme:
    """Colours of paper, text, fainter text, grid, and of lines that must be told apart."""

    paper: str
    text: str
    note: str
    grid: str
    shade: str
    colours: tuple[str, ...]
    positive: str
    negative: str


LIGHT = Theme(
    "#FFFFFF", "#1B1D1F", "#54585E", "#D9DCE0", "#F1F3F5",
    ("#0072B2", "#B34700", "#00735A", "#973B78", "#7A5C00", "#2B6E99", "#3C4043"), "#0072B2", "#D55E00",
)  # fmt: skip
DARK = Theme(
    "#15181B", "#ECEEF0", "#A9AFB6", "#3A4046", "#22272B",
    ("#56B4E9", "#F0A35E", "#2FC79A", "#E08DC0", "#E6C84B", "#9CCBEA", "#C9CED4"), "#56B4E9", "#F08A4B",
)  # fmt: skip
THEMES = {"light": LIGHT, "dark": DARK}
DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 2", "1 2", "12 4")
"""Lines differ in dashes as well as in colour."""


def theme_of(name: str) -> Theme:
    """A theme by name. Raises UsageError BG601."""
    if name not in THEMES:
        raise UsageError("BG601", "theme", "unknown theme", got=name, expected=", ".join(THEMES))
    return THEMES[name]


def width_of(words: str, size: float) -> float:
    """About how wide words are in type of `size`: the font is the reader's."""
    return size * sum(1.0 if ord(letter) > 0x2E7F else WIDE for letter in words)


def short(words: str, size: float, room: float) -> str:
    """Words that fit into `room`, cut with … if need be."""
    if width_of(words, size) <= room:
        return words
    kept = words
    while kept and width_of(kept + "…", size) > room:
        kept = kept[:-1]
    return kept + "…"


class Canvas:
    """Parts are drawn in the order of the calls; `svg` gives the whole."""

    def __init__(self, title: str, description: str, *, theme: str = "light", prefix: str = "picture") -> None:
        self.title, self.description, self.prefix = title, description, prefix
        self.theme = theme_of(theme)
        self.parts: list[str] = []
        self.used: dict[str, str] = {}
        self.heads: dict[str, None] = {}

    def rect(
        self, x: float, y: float, width: float, height: float, *, fill: str, stroke: str = "", round: float = 0
    ) -> None:
        """A rectangle."""
        line = f' stroke="{stroke}"' if stroke else ""
        corners = f' rx="{round:g}"' if round else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{corners} fill="{fill}"{line}/>'
        )

    def shaded(self, x: float, y: float, side: float, fill: str, strength: float) -> None:
        """A square cell in part of a colour."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{fill}" '
            f'fill-opacity="{strength:.2f}" stroke="{self.theme.note}" stroke-width="0.6"/>'
        )

    def circle(self, x: float, y: float, radius: float, fill: str, stroke: str = "") -> None:
        """A disc."""
        line = f' stroke="{stroke}" stroke-width="0.8"' if stroke else ""
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}"{line}/>')

    def line(
        self, points: Sequence[Point], colour: str, width: float = 1, dashes: str = "", head: bool = False
    ) -> None:
        """A line through `points`, perhaps with an arrow's head at its end."""
        if not points:
            return
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        end = f' marker-end="url(#{self._head(colour)})"' if head else ""
        self.parts.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashed} '
            f'stroke-linejoin="round"{end}/>'
        )

    def mark(self, x: float, y: float, kind: str, fill: str) -> None:
        """A small sign for an example: circle, square, triangle or diamond."""
        if kind == "circle":
            self.circle(x, y, 3.4, fill, self.theme.paper)
            return
        r = 3.4
        corners = {
            "square": ((-r, -r), (r, -r), (r, r), (-r, r)),
            "triangle": ((0, -r * 1.2), (r * 1.1, r * 0.9), (-r * 1.1, r * 0.9)),
            "diamond": ((0, -r * 1.3), (r * 1.3, 0), (0, r * 1.3), (-r * 1.3, 0)),
        }[kind]
        places = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
        self.parts.append(f'<polygon points="{places}" fill="{fill}" stroke="{self.theme.paper}" stroke-width="0.8"/>')

    def image(self, x: float, y: float, width: float, height: float, address: str) -> None:
        """An image given by a `data:` address; its pixels stay sharp."""
        size = f'width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none" image-rendering="pixelated"'
        self.parts.append(f'<image x="{x:.1f}" y="{y:.1f}" {size} xlink:href="{address}"/>')

    def words(
        self, x: float, y: float, text: str, size: float = 12, *, colour: str = "", anchor: str = "start",
        bold: bool = False, turned: bool = False,
    ) -> None:  # fmt: skip
        """Words on a baseline; `anchor` start, middle or end."""
        turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="{size:g}" text-anchor="{anchor}"{weight} '
            f'fill="{colour or self.theme.text}"{turn}>{spoken(text)}</text>'
        )

    def formula(self, x: float, y: float, markup: str, size: float = 14, colour: str = "") -> float:
        """A formula on a baseline; returns its width."""
        k = size / 1000
        place = f"translate({x:.1f} {y:.1f}) scale({k:.4f} {-k:.4f})"
        marks = "".join(self._marks(markup))
        self.parts.append(f'<g transform="{place}" fill="{colour or self.theme.text}">{marks}</g>')
        return set_markup(markup).width * k

    def group(self, title: str) -> None:
        """Begin a part with a title of its own, for pointers and for readers aloud; `end` closes it."""
        words = spoken(title)
        self.parts.append(f'<g role="img" aria-label="{words}"><title>{words}</title>')

    def end(self) -> None:
        """Close the part that `group` began."""
        self.parts.append("</g>")

    def svg(self, width: float, height: float) -> str:
        """The whole picture."""
        size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        head = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'{size} role="img" aria-labelledby="{self.prefix}-title {self.prefix}-desc">'
        )
        title = f'<title id="{self.prefix}-title">{spoken(self.title)}</title>'
        description = f'<desc id="{self.prefix}-desc">{spoken(self.description)}</desc>'
        paper = f'<rect width="{width:.0f}" height="{height:.0f}" fill="{self.theme.paper}"/>'
        heads = "".join(self._marker(colour) for colour in self.heads)
        outlines = "".join(f'<path id="{name}" d="{glyphs()[letter].outline}"/>' for letter, name in self.used.items())
        defs = f"<defs>{outlines}{heads}</defs>"
        return "\n".join([head, title, description, defs, paper, *self.parts, "</svg>"]) + "\n"

    def _marks(self, markup: str) -> Iterator[str]:
        for mark in set_markup(markup).marks:
            place = f"translate({mark.x:.0f} {mark.y:.0f}) scale({mark.scale:.3g})"
            if not mark.letter:
                size = f'width="{mark.width:.0f}" height="{RULE * mark.scale:.0f}"'
                yield f'<rect x="{mark.x:.0f}" y="{mark.y:.0f}" {size}/>'
            elif mark.letter in glyphs():
                name = self.used.setdefault(mark.letter, f"{self.prefix}-g{len(self.used)}")
                yield f'<use xlink:href="#{name}" transform="{place}"/>'
            else:
                up = place.replace(f"scale({mark.scale:.3g})", f"scale({mark.scale:.3g} {-mark.scale:.3g})")
                yield f'<text font-family="{FONT}" font-size="1000" transform="{up}">{spoken(mark.letter)}</text>'

    def _head(self, colour: str) -> str:
        self.heads.setdefault(colour)
        return f"{self.prefix}-head-{colour.lstrip('#')}"

    def _marker(self, colour: str) -> str:
        return (
            f'<marker id="{self._head(colour)}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1L10 5L0 9z" fill="{colour}"/></marker>'
        )


def spoken(text: str) -> str:
    """`text` without what XML forbids, escaped."""
    return escape("".join(letter if letter.isprintable() else " " for letter in text))
