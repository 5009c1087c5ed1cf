"""The colours of a drawing: the palette of Okabe and Ito (2008), darkened so that text on white reaches contrast 4.5.

Colour is never the only sign: paths also differ in column, heading, thickness and dashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Style(NamedTuple):
    """How the boxes and links of a path look."""

    fill: str
    stroke: str
    width: float
    dashes: str = ""


class Palette(NamedTuple):
    """All colours of a drawing."""

    styles: Mapping[str, Style]
    band: str
    card: str
    """The line round a card of repeated layers."""
    text: str
    note: str
    """Labels beside things."""
    paper: str


LIGHT = Palette(
    {
        "leaf": Style("#FFFFFF", "#3C4043", 1.3),
        "use": Style("#E4E6EA", "#5A5E63", 1.0),
        "forward": Style("#E6F1F8", "#0067A3", 1.4),
        "gradient": Style("#FDEADB", "#A84300", 2.2),
        "other": Style("#ECEAF8", "#5A48A8", 2.2),
        "side": Style("#E0F3EC", "#006B54", 2.2),
        "sum": Style("#F8E6F0", "#8F3772", 2.2),
        "update": Style("#FDF6CF", "#6B5900", 2.2),
        "kept": Style("#FFFFFF", "#5A5E63", 1.2, "1.5 3.5"),
    },
    band="#F5F6F7", card="#C4C8CE", text="#1B1D1F", note="#3C4043", paper="#FFFFFF",
)  # fmt: skip
DARK = Palette(
    {
        "leaf": Style("#1E2226", "#C9CDD2", 1.3),
        "use": Style("#33383E", "#A9AFB6", 1.0),
        "forward": Style("#132B3C", "#6CB8EA", 1.4),
        "gradient": Style("#3A2113", "#F2995A", 2.2),
        "other": Style("#27234A", "#B0A2F4", 2.2),
        "side": Style("#0F3029", "#4CC9A4", 2.2),
        "sum": Style("#3A1B2F", "#E694C6", 2.2),
        "update": Style("#332C0A", "#E0C64A", 2.2),
        "kept": Style("#15181B", "#A9AFB6", 1.2, "1.5 3.5"),
    },
    band="#1E2226", card="#565C63", text="#ECEEF0", note="#C9CDD2", paper="#15181B",
)  # fmt: skip
PALETTES = {"light": LIGHT, "dark": DARK}
