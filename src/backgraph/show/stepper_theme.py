"""The colours of a page as style rules: those written into its drawings give way to variables, light or dark."""

from __future__ import annotations

from backgraph.show.colours import PALETTES, Palette


def theme_rules(theme: str) -> str:
    """Variables for light and dark, and rules that use them; `theme` light, dark, or empty for the reader's choice."""
    if theme:
        return f":root{{{_variables(PALETTES[theme])}color-scheme:{theme}}}{_rules()}"
    light, dark = _variables(PALETTES["light"]), _variables(PALETTES["dark"])
    chosen = f"@media (prefers-color-scheme: dark){{:root{{{dark}}}}}"
    return f":root{{{light}color-scheme:light dark}}{chosen}{_rules()}"


def _variables(palette: Palette) -> str:
    dark = palette is PALETTES["dark"]
    pairs = {
        "paper": palette.paper, "text": palette.text, "note": palette.note, "band": palette.band, "line": palette.card,
        "chosen": palette.styles["forward"].fill, "focus": "#FFB000" if dark else "#C24D00",
    }  # fmt: skip
    for path, style in palette.styles.items():
        pairs |= {path: style.stroke, f"{path}-fill": style.fill}
    return "".join(f"--{name}:{value};" for name, value in pairs.items())


def _rules() -> str:
    """Colours of the drawing by variables, in place of those written into it."""
    rules = [
        ".scroll .paper{fill:var(--paper)}.scroll .band,.scroll .clear{fill:var(--band)}.scroll .band{stroke:none}",
        ".scroll .band[stroke]{stroke:var(--line)}",
        *(f".ink-{ink}{{fill:var(--{ink})}}" for ink in ("text", "note", "paper")),
        ".scroll .badge{fill:var(--note)}",
    ]
    for path in PALETTES["light"].styles:
        rules += [
            f".ink-{path},.scroll marker.{path} .head,.scroll .box.{path} .badge{{fill:var(--{path})}}",
            f".scroll .box.{path} .frame{{fill:var(--{path}-fill);stroke:var(--{path})}}",
            f".scroll .{path}.line{{stroke:var(--{path})}}",
        ]
    return "".join(rules)
