"""Sections of a page that several benchmarks write: each `## Heading` is replaced alone, the rest stays."""

from __future__ import annotations

import re
from pathlib import Path


def write_section(page: Path, heading: str, text: str) -> None:
    """Put `text` under `## heading`, in place of what stood there, else at the end."""
    before, after = _around(page.read_text("utf-8"), heading)
    section = f"## {heading}\n\n{text.strip()}\n"
    page.write_text("\n".join(part for part in (before.rstrip() + "\n", section, after) if part.strip()), "utf-8")


def _around(text: str, heading: str) -> tuple[str, str]:
    found = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return (text, "") if found is None else (text[: found.start()], text[found.end() :])
