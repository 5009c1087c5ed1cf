"""The nests that docs/architecture.md shows are those that the compiler makes (`--update-golden` writes them anew)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backgraph.compiler.pipeline import scheduled
from backgraph.compiler.schedule_text import schedule_text
from tests.compiler.programs import PROGRAMS
from tests.compiler.test_passes import unscheduled

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
SHOWN = {"attention_block": 1, "matrix_factorisation": 3, "affine_logsumexp": 2}
"""How many of the outputs: the value, and gradients behind it."""


def block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- nests: {name} -->\n```\n)(.*?)(```\n)", re.DOTALL)


def made(name: str) -> str:
    outputs, values = PROGRAMS[name]()
    program, _ = unscheduled((outputs[: SHOWN[name]], values))
    return schedule_text(scheduled(program), {})


@pytest.mark.parametrize("name", SHOWN)
def test_nests_are_as_shown(name: str, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        PAGE.write_text(block(name).sub(lambda found: found[1] + made(name) + found[3], page), encoding="utf-8")
    found = block(name).search(PAGE.read_text(encoding="utf-8"))
    assert found is not None, f"docs/architecture.md does not show {name}"
    assert found[2] == made(name), "write it anew with --update-golden"
