"""The tour: its pictures are those that its commands make, and both languages answer the same questions in order.

That its commands and programs print what is shown is tested with all documents, in `test_programs.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.reference import tour
from tests.docs.markdown import ROOT, blocks, commands, read

TOUR = tour.PAGES
SOURCE = {"en": "docs/source.md", "zh": "docs/source.zh-CN.md"}
QUESTIONS = 14
LANG = re.compile(r" --lang zh|, lang=\"zh\"")


def lines(document: str) -> list[str]:
    """The commands of a document, in order."""
    return [c.line for block in blocks(read(document)) if block.language == "console" for c in commands(block)]


@pytest.mark.parametrize(("line", "kept"), [case for lang in TOUR for case in tour.pictures(lang)])
def test_pictures_are_what_the_commands_make(line: str, kept: str) -> None:
    assert tour.picture(line) == read(kept), f"{kept}: run python -m scripts.reference"


def test_every_picture_is_shown_and_made() -> None:
    kept = {Path(path).name for lang in TOUR for _, path in tour.pictures(lang)}
    shown = {name for page in TOUR.values() for name in re.findall(r"\(images/([^)]+)\)", read(page))}
    assert kept == shown == {path.name for path in (ROOT / tour.FOLDER).iterdir()}


@pytest.mark.parametrize("lang", TOUR)
def test_each_question_is_answered_in_order_by_a_command(lang: str) -> None:
    sections = re.split(r"^## (?=\d+\. )", read(TOUR[lang]), flags=re.MULTILINE)[1:]
    assert [int(section.split(".")[0]) for section in sections] == list(range(1, QUESTIONS + 1))
    for section in sections:
        shown = [c for block in blocks(section) if block.language == "console" for c in commands(block)]
        answers = [c for c in shown if re.search(r"^[^…\n]", c.printed, re.MULTILINE)]
        assert answers, section.splitlines()[0]


@pytest.mark.parametrize("document", [TOUR, SOURCE], ids=["tour", "source"])
def test_both_languages_run_the_same(document: dict[str, str]) -> None:
    assert [LANG.sub("", line) for line in lines(document["zh"])] == lines(document["en"])
    programs = {
        lang: [LANG.sub("", b.content) for b in blocks(read(path)) if b.language == "python"]
        for lang, path in document.items()
    }
    assert programs["zh"] == programs["en"]
    headings = {lang: re.findall("^#+ ", read(path), re.MULTILINE) for lang, path in document.items()}
    assert headings["zh"] == headings["en"]


@pytest.mark.parametrize("document", [*TOUR.values(), *SOURCE.values()])
def test_both_are_reached_from_the_front_page(document: str) -> None:
    front = "README.zh-CN.md" if document.endswith(".zh-CN.md") else "README.md"
    assert f"({document})" in read(front)


def test_the_system_of_the_source_text_is_covered() -> None:
    for document in SOURCE.values():
        assert {int(n) for n in re.findall(r"\bS(\d)\b", read(document))} == set(range(1, 10))
