"""The frame of a report: HTML with its style, light and dark, for wide screens and phones."""

from __future__ import annotations

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --paper: #ffffff; --text: #1b1d1f; --note: #54585e; --line: #d9dce0; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: #15181b; --text: #eceef0; --note: #a9afb6; --line: #3a4046; }}
}}
body {{ margin: 0 auto; max-width: 70rem; padding: 1.5rem; background: var(--paper); color: var(--text);
  font: 16px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }}
h1 {{ font-size: 1.6rem; }} h2 {{ font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); }}
h3 {{ font-size: 1.05rem; }}
table {{ border-collapse: collapse; margin: 0.75rem 0; font-variant-numeric: tabular-nums; }}
td, th {{ padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; border-bottom: 1px solid var(--line); }}
th {{ color: var(--note); font-weight: 600; }}
figure {{ display: inline-block; margin: 0.5rem 1rem 0.5rem 0; max-width: 100%; }}
figure svg, .wide > svg {{ background: #ffffff; border-radius: 6px; height: auto; max-width: 100%; }}
.wide > svg {{ max-width: none; }}
.wide, pre {{ overflow-x: auto; }}
small {{ color: var(--note); }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}</body>
</html>
"""
