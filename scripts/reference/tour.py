"""The pictures of the tour: each is made by a command in its text that ends in `-o NAME.svg`."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backgraph.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = {"en": "docs/tour/README.md", "zh": "docs/tour/README.zh-CN.md"}
FOLDER = "docs/tour/images"
COMMAND = re.compile(r"^\$ (backgraph .* -o (\w+)\.svg)$", re.MULTILINE)


def pictures(lang: str) -> Iterator[tuple[str, str]]:
    """The commands of a page that write a picture, and where it is kept."""
    for line, stem in COMMAND.findall((ROOT / PAGES[lang]).read_text("utf-8")):
        yield line, f"{FOLDER}/{stem}.svg" if lang == "en" else f"{FOLDER}/{stem}.{lang}.svg"


def picture(line: str) -> str:
    """What the command writes."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with contextlib.redirect_stdout(io.StringIO()):
            main(shlex.split(line)[1:])
        (made,) = Path(folder).iterdir()
        return made.read_bytes().decode("utf-8")


def files() -> Iterator[tuple[str, str]]:
    """All pictures: paths from the root, with what they hold."""
    for lang in PAGES:
        for line, path in pictures(lang):
            yield path, picture(line)
