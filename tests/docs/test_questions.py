"""The thirteen questions: every line that docs/questions.md quotes stands in the output of the command it names."""

from __future__ import annotations

import re

import pytest

from backgraph.cli.main import main
from tests.docs.markdown import read

EXAMPLE = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"
PAGES = {"en": "docs/questions.md", "zh": "docs/questions.zh-CN.md"}
SECTION = re.compile(r"^## (\d+)\. .*$", re.MULTILINE)


def quotes(lang: str) -> dict[int, list[str]]:
    """The quoted lines by the number of their question."""
    parts = SECTION.split(read(PAGES[lang]))
    return {
        int(number): re.findall(r"^> (.*)$", text, re.MULTILINE)
        for number, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def without_breaks(text: str) -> str:
    """Spaces made single, and none beside a Chinese character."""
    text = re.sub(r"\s+", " ", text)
    return re.sub(r"(?<=[\u4e00-\u9fff，。；：（）]) | (?=[\u4e00-\u9fff，。；：（）])", "", text)


@pytest.mark.parametrize("lang", PAGES)
def test_every_quoted_line_is_printed(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", EXAMPLE, "--wrt", "W1,W2", "--lang", lang]) == 0
    printed = without_breaks(capsys.readouterr().out)
    for number, lines in quotes(lang).items():
        assert lines, f"question {number} quotes nothing"
        for line in lines:
            assert without_breaks(line) in printed, f"question {number}: {line}"


def test_both_languages_answer_the_same_questions_with_as_many_lines() -> None:
    english, chinese = quotes("en"), quotes("zh")
    assert list(english) == list(chinese) == list(range(1, 14))
    assert {n: len(lines) for n, lines in english.items()} == {n: len(lines) for n, lines in chinese.items()}
