"""Build src/backgraph/show/glyphs.json: the outlines that drawings set their maths with.

Needs fontTools, and STIXTwoMath-Regular.ttf (OFL-1.1), which the PyPI package ziamath carries:

    python scripts/make_glyphs.py PATH/TO/STIXTwoMath-Regular.ttf
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fontTools.pens.boundsPen import BoundsPen  # pyright: ignore[reportMissingImports]
from fontTools.pens.svgPathPen import SVGPathPen  # pyright: ignore[reportMissingImports]
from fontTools.ttLib import TTFont  # pyright: ignore[reportMissingImports]

TARGET = Path(__file__).parents[1] / "src" / "backgraph" / "show" / "glyphs.json"
ASCII = [chr(code) for code in range(0x20, 0x7F)]
ITALIC = [chr(code) for code in (*range(0x1D434, 0x1D455), *range(0x1D456, 0x1D468), 0x210E)]
ITALIC_GREEK = [chr(code) for code in range(0x1D6E2, 0x1D71C)]
BOLD = [chr(code) for code in range(0x1D400, 0x1D434)]
SIGNS = list("−±×·⊙⊤←→↑↓∇∂∑∏√∞≤≥≠′…‖ℓ–")
"""What the emitter of formulas writes, and the letters of headings."""


def outlines(font: TTFont) -> dict[str, list[object]]:
    """For each character its advance, italic correction, height, depth (thousandths of the size) and SVG path."""
    names, shapes = font.getBestCmap(), font.getGlyphSet()
    corrections = font["MATH"].table.MathGlyphInfo.MathItalicsCorrectionInfo
    slant = {g: v.Value for g, v in zip(corrections.Coverage.glyphs, corrections.ItalicsCorrection, strict=True)}
    table: dict[str, list[object]] = {}
    for letter in [*ASCII, *ITALIC, *ITALIC_GREEK, *BOLD, *SIGNS]:
        if (name := names.get(ord(letter))) is None:
            raise SystemExit(f"the font has no glyph for {letter!r}")
        pen, bounds = SVGPathPen(shapes, ntos=lambda value: str(round(value))), BoundsPen(shapes)
        shapes[name].draw(pen)
        shapes[name].draw(bounds)
        low, high = (bounds.bounds[1], bounds.bounds[3]) if bounds.bounds else (0, 0)
        table[letter] = [font["hmtx"][name][0], slant.get(name, 0), round(high), round(-low), pen.getCommands()]
    return table


if __name__ == "__main__":
    glyphs = outlines(TTFont(sys.argv[1]))
    TARGET.write_text(json.dumps(glyphs, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(glyphs)} glyphs, {TARGET.stat().st_size} bytes")
