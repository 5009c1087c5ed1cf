"""The colours of a drawing: the palette of Okabe and Ito (2008), darkened so that text on white reaches contrast 4.5.

Colour is never the only sign: paths also differ in column, heading, thickness and dashes.
"""

from __future__ import annotations

from typing import NamedTuple


class Style(NamedTuple):
    """How the boxes and links of a path look."""

    fill: str
    stroke: str
    width: float
    dashes: str = ""
    words: str = ""
    """What the key says."""


STYLES = {
    "leaf": Style("#FFFFFF", "#3C4043", 1.3),
    "use": Style("#E4E6EA", "#5F6368", 1.0),
    "forward": Style("#E6F1F8", "#0072B2", 1.4, "", "value flows forward"),
    "gradient": Style("#FDEADB", "#B34700", 2.2, "", "gradient flows back"),
    "side": Style("#E0F3EC", "#00735A", 2.2, "", "gradient of a term of weights alone"),
    "sum": Style("#F8E6F0", "#973B78", 2.2),
    "kept": Style("#FFFFFF", "#5F6368", 1.2, "1.5 3.5", "forward value kept for the rule"),
}
BAND, BAND_TEXT, TEXT, NOTE, PAPER = "#F5F6F7", "#5F6368", "#1B1D1F", "#3C4043", "#FFFFFF"
