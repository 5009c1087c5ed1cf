"""`--help`: every command has examples that can be typed, and every option stands in a test."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import backgraph
from backgraph.cli.examples import EXAMPLES
from backgraph.cli.main import COMMANDS
from tests.cli.conftest import Run

HERE = Path(__file__).parent
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
WORDS = {"--help", "-h", "--version"}


def helped(run: Run, *command: str) -> str:
    outcome = run(*command, "--help")
    assert (outcome.code, outcome.error) == (0, "")
    return outcome.out


def options_of(page: str) -> list[set[str]]:
    """The options that a page of help lists, each at the beginning of its line, with its other names."""
    lines = [line.removeprefix("│").strip(" *") for line in page.splitlines() if line.startswith("│")]
    found = [set(OPTION.findall(line.split("  ")[0])) for line in lines if line.startswith("-")]
    return [names for names in found if not names & WORDS]


def test_all_commands_are_listed(run: Run) -> None:
    page = helped(run)
    assert all(f"│ {name} " in page for name in COMMANDS)
    assert COMMANDS.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_and_a_sentence_for_each_option(command: str, run: Run) -> None:
    page = helped(run, command)
    assert "Examples:\n" in page
    for example in EXAMPLES[command]:
        assert f"  {example}\n" in page
    assert "[default: False]" not in page
    assert "--empty" not in page


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_tested(command: str, run: Run) -> None:
    """In a file of tests that runs the command, under one of its names."""
    pages = [path.read_text("utf-8") for path in HERE.glob("test_*.py")]
    tests = "\n".join(page for page in pages if f'"{command}"' in page)
    found = options_of(helped(run, command))
    assert found
    assert [names for names in found if not any(re.search(rf"{name}[\"=\s]", tests) for name in names)] == []


def test_every_option_that_a_message_names_is_there(run: Run) -> None:
    """Whoever types what an error says to type must not get another error."""
    known = set[str]().union(WORDS, *(names for command in COMMANDS for names in options_of(helped(run, command))))
    sources = [path.read_text("utf-8") for path in Path(backgraph.__file__).parent.rglob("*.py")]
    pages_apart = [source for source in sources if "var(--" not in source]  # style sheets have such names, too
    named = {option for source in pages_apart for option in re.findall(r"(?<![\w-])--[a-z]{2}[a-z-]*", source)}
    assert named - known == {"--upgrade", "--no-"}, "pip has the one, and all flags begin with the other"


NEEDS_A_MODEL = ("evaluate", "predict", "export", "train", "bench")


@pytest.mark.parametrize(
    "example", [line for name, lines in EXAMPLES.items() if name not in NEEDS_A_MODEL for line in lines]
)
def test_examples_can_be_typed(example: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(example)
    assert program == "backgraph"
    outcome = run(*arguments)
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.out


@pytest.mark.slow
def test_examples_with_tables_can_be_typed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i},{i * i % 7},{3 * i + 0.5}\n" for i in range(200))
    Path("data.csv").write_text("a,b,price\n" + rows, "utf-8")
    for command in NEEDS_A_MODEL[-2], *NEEDS_A_MODEL[:2], NEEDS_A_MODEL[-1]:
        for example in EXAMPLES[command]:
            outcome = run(*shlex.split(example)[1:])
            assert outcome.code == 0, outcome.error
    assert Path("predictions.csv").is_file()
