"""Markdown as the tests see it: fenced blocks, commands with what they print, links, code spans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "changelog.d/*.md", "src/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: .+ -->\n\Z")
"""Stands on the line before a block that is only shown, with the reason."""
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its lines, and the line it starts on."""

    language: str
    content: str
    line: int
    is_run: bool


@dataclass(frozen=True)
class Command:
    """A line after `$ `, and what is printed below it."""

    line: str
    printed: str


def read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def blocks(text: str) -> list[Block]:
    return [
        Block(m["language"], m["content"], text.count("\n", 0, m.start()) + 1, not NOT_RUN.search(text[: m.start()]))
        for m in FENCE.finditer(text)
    ]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return FENCE.sub("", text)


def commands(block: Block) -> list[Command]:
    first, *parts = re.split(r"^\$ ", block.content, flags=re.MULTILINE)
    assert not first, "a console block begins with a command"
    return [Command(line, printed) for line, _, printed in (part.partition("\n") for part in parts)]


def links(text: str) -> list[str]:
    """Targets of the links, without those to other sites; `#` and what follows is left off."""
    targets = [target.split("#")[0] for target in LINK.findall(prose(text))]
    return [target for target in targets if target and "://" not in target]


def matches(shown: str, printed: str) -> bool:
    """Whether `printed` is what a document shows. A line `…` stands for some lines; seconds and rounding may differ."""
    pattern = "".join("(?:.*\n)+?" if line == "…" else re.escape(_settled(line)) + "\n" for line in shown.splitlines())
    return re.fullmatch(pattern, _settled(printed)) is not None


def _settled(text: str) -> str:
    """Without what differs between machines: seconds, and errors of rounding such as 3e-17."""
    return re.sub(r"\b\d+(\.\d+)? s\b", "N s", re.sub(r"\b\de-1[5-9]\b", "1e-16", text))
