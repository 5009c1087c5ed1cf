"""Programs and commands in the documents do what the documents say: they are run, and what they print is compared."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backgraph.cli.main import main
from tests.docs.markdown import DOCUMENTS, ROOT, Block, Command, blocks, commands, matches, read

READMES = ("README.md", "README.zh-CN.md")
DIGITS = "src/backgraph/data/digits.csv.gz"
EXPLAINING = ("explain", "draw", "jacobian", "cost", "check")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

WITH_PYTHON = [d for d in DOCUMENTS if d != READMES[1] and any(b.language == "python" for b in blocks(read(d)))]
WITH_COMMANDS = [d for d in DOCUMENTS if d != READMES[1] and any(b.language == "console" for b in blocks(read(d)))]


def run_program(block: Block, document: str, names: dict[str, Any]) -> str:
    """Run a block as if it stood on its lines of the document; gives what it printed."""
    code = compile("\n" * block.line + block.content, document, "exec")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, names)
    return printed.getvalue()


def run_command(command: Command, folder: Path) -> str:
    """Run `backgraph …` in a folder; gives standard output and standard error as a terminal would show them.

    What trains or measures has a process of its own; what only explains runs here, twenty times as fast.
    """
    _, *arguments = shlex.split(command.line)
    if arguments[0] in EXPLAINING:
        with contextlib.chdir(folder), io.StringIO() as screen:
            with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
                main(arguments)
            return screen.getvalue()
    run = subprocess.run(
        [sys.executable, "-m", "backgraph", *arguments],
        check=False, cwd=folder, text=True, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_PYTHON)
def test_programs_print_what_is_shown(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": document}
    found = blocks(read(document))
    for block, after in zip(found, [*found[1:], None], strict=True):
        if block.language != "python" or not block.is_run:
            continue
        printed = run_program(block, document, names)
        shown = after.content if after is not None and after.language == "text" else ""
        assert matches(shown, printed), f"{document}:{block.line} prints\n{printed}"


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_COMMANDS)
def test_commands_print_what_is_shown(document: str, tmp_path: Path) -> None:
    (tmp_path / DIGITS).parent.mkdir(parents=True)
    shutil.copy(ROOT / DIGITS, tmp_path / DIGITS)
    for block in (b for b in blocks(read(document)) if b.language == "console" and b.is_run):
        for command in commands(block):
            if command.line.startswith("backgraph "):
                printed = run_command(command, tmp_path)
                assert matches(command.printed, printed), f"$ {command.line} prints\n{printed}"


@pytest.mark.parametrize("document", WITH_COMMANDS)
def test_commands_are_known(document: str) -> None:
    for block in (b for b in blocks(read(document)) if b.language == "console"):
        for command in commands(block):
            program, *arguments = shlex.split(command.line)
            assert program == "backgraph" or (program == "make" and set(arguments) <= TARGETS), command.line


def test_both_readmes_have_the_same_blocks() -> None:
    english, chinese = ([(b.language, b.content) for b in blocks(read(name))] for name in READMES)
    assert english == chinese


def test_both_readmes_have_the_same_headings_and_links() -> None:
    first, second = (read(name) for name in READMES)
    assert len(re.findall("^#", first, re.MULTILINE)) == len(re.findall("^#", second, re.MULTILINE))


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\n", "a\n", True),
        ("a 1.5 s\n", "a 2.75 s\n", True),
        ("checked: 3e-17\n", "checked: 1e-16\n", True),
        ("checked: 3e-17\n", "checked: 3e-07\n", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\n", "a\n", False),
        ("J = 1.864\n", "J = 1.865\n", False),
        ("", "a\n", False),
    ],
)
def test_a_difference_is_found(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) == same
