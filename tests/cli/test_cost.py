"""`backgraph cost`: accounts, compiled program and measurement agree."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from backgraph.cli.main import main
from backgraph.show.cost_words import WORDS

EXAMPLE = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"
COSTS = {
    EXAMPLE: ("W1,W2", "m=8,d=6,h=5,k=3"),
    "mean((tanh(X@W1)@W2 - Y)**2)": ("W1,W2", "m=8,d=6,h=5,k=3"),
    "sum((R - P@Q.T)**2) + lam*(sum(P**2) + sum(Q**2))": ("P,Q", "m=6,h=4,d=5,k=3,n=4"),
    "x@A@x": ("x", "m=5,d=5,n=5,h=5,k=5"),
}


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def run(cost: str, wrt: str, *more: str) -> list[str]:
    return ["cost", cost, "--wrt", wrt, *more]


def sizes_of(cost: str, wrt: str, wanted: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Those of the sizes that the cost has."""
    assert main(run(cost, wrt, "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    formulas = " ".join(life["bytes"]["formula"] for life in data["lifetimes"])
    return ",".join(part for part in wanted.split(",") if part[0] in formulas)


@pytest.mark.parametrize("cost", COSTS)
def test_what_is_accounted_is_compiled_and_measured(cost: str, capsys: pytest.CaptureFixture[str]) -> None:
    wrt, wanted = COSTS[cost]
    size = sizes_of(cost, wrt, wanted, capsys)
    assert main(run(cost, wrt, "--size", size, "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    work, compiled, measured = data["multiply_adds"], data["compiled"], data["measured"]
    assert (work["forward"]["value"], work["backward"]["value"]) == (measured["forward"], measured["backward"])
    assert data["peak"]["bytes"] == measured["peak"]
    assert compiled["allocated"] == compiled["planned"] + compiled["scratch"]
    assert main(run(cost, wrt, "--size", size)) == 0
    out = lines(capsys)
    assert sum("(as accounted)" in line for line in out) >= 3


def test_the_example_in_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(run(EXAMPLE, "W1,W2")) == 0
    out = " ".join(" ".join(lines(capsys)).split())
    assert "forward d·h·m + h·k·m for the gradient d·h·m + 2·h·k·m" in out
    assert "H m×h 4·h·m bytes step 2–26 needed by H > 0, Hᵀ ∇U⁽²⁾ J" in out
    assert "--size d=8,h=8,k=8,m=8" in out


def test_the_compiled_loops_do_the_accounted_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(run(EXAMPLE, "W1,W2", "--size", "m=8", "--size", "d=6,h=5", "--size", "k=3")) == 0
    out = " ".join(lines(capsys))
    assert "multiply-adds of its loops: 840 (as accounted)" in out
    assert "matmul + relu" in out


@pytest.mark.slow
def test_row_blocks_within_a_budget(capsys: pytest.CaptureFixture[str]) -> None:
    size = ("--size", "m=4096,d=16,h=64,k=3")
    assert main(run(EXAMPLE, "W1,W2", *size, "--memory", "1MiB")) == 0
    out = " ".join(lines(capsys))
    assert "Taken in blocks of" in out
    assert "(as accounted)" in out


def test_a_picture_of_the_lifetimes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lives.svg"
    assert main(run(EXAMPLE, "W1,W2", "--svg", str(file))) == 0
    root = ElementTree.fromstring(file.read_text())
    assert root.tag.endswith("svg")
    assert len(root.findall(".//{*}g")) == 19
    assert main(run(EXAMPLE, "W1,W2", "--svg", str(file))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_golden(golden: object, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(run(EXAMPLE, "W1,W2", "--size", "m=128,d=784,h=256,k=10", "--lang", lang)) == 0
    golden(f"show/cost_page.{lang}.txt", capsys.readouterr().out.split("multiply-adds of")[0].split("各循环")[0])  # type: ignore[operator]


def test_an_open_shape_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(run("mean((tanh(X@W1 + b1)@W2 - t)**2)", "W1,b1", "--size", "m=8,d=6,h=5,k=3")) == 0
    assert 'The shape of b⁽¹⁾, t is open, so there are no numbers: give it, such as --shape "b1:n, t:n".' in " ".join(
        lines(capsys)
    )
    assert (
        main(run("mean((tanh(X@W1 + b1)@W2 - t)**2)", "W1,b1", "--size", "m=8,d=6,h=5,k=3", "--shape", "b1:h, t:m k"))
        == 0
    )
    assert "(as accounted)" in capsys.readouterr().out


def test_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(run(EXAMPLE, "W3")) == 2
    assert main(run(EXAMPLE, "W1", "--lang", "fr")) == 2
    assert main(run(EXAMPLE, "W1", "--size", "m=x")) == 2


def test_both_languages_have_the_same_sentences() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
