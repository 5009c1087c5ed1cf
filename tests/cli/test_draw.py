"""The command that draws."""

from __future__ import annotations

from pathlib import Path

import pytest

from backgraph.show.draw import draw_text
from tests.cli.conftest import Run

BOOK = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"


@pytest.mark.parametrize("ending", ["svg", "html", "dot"])
def test_the_ending_says_what_is_written(tmp_path: Path, run: Run, ending: str) -> None:
    out = tmp_path / f"drawing.{ending}"
    outcome = run("draw", BOOK, "--wrt", "W1,W2", "-o", out)
    assert outcome.code == 0
    assert outcome.out.endswith("Graph of J and of its gradient\n")
    assert out.read_text(encoding="utf-8") == getattr(draw_text(BOOK, ["W1", "W2"]), ending)


def test_several_costs_are_drawn(tmp_path: Path, run: Run) -> None:
    text = "U = X@W; J1 = mean((U - Z)**2); J2 = sum(abs(U))"
    out = tmp_path / "two.dot"
    outcome = run("draw", text, "--wrt", "W", "--cost", "J1,J2", "-o", out)
    assert outcome.code == 0
    assert "J⁽¹⁾, J⁽²⁾" in outcome.out
    assert "∇W J⁽¹⁾" in out.read_text(encoding="utf-8")
    assert "∇W J⁽²⁾" in out.read_text(encoding="utf-8")
    alone = draw_text(text, ["W"])
    assert "∇W J⁽¹⁾" not in alone.dot
    refused = run("draw", text, "--wrt", "W", "--cost", "J1,J3", "-o", tmp_path / "none.svg")
    assert refused.code == 2
    assert "--cost: the text has no such name; got J3" in refused.error


def test_every_option_is_heard(tmp_path: Path, run: Run) -> None:
    plain = run("draw", BOOK, "-o", tmp_path / "plain.svg")
    assert plain.code == 0
    seen = {(tmp_path / "plain.svg").read_bytes()}
    options = [["--wrt", "W1,W2"], ["--every-node"], ["--paper"], ["--dark"], ["--lang", "zh"], ["--size", "m=7"]]
    for i, option in enumerate([*options, ["--wrt", "W1,W2", "--update", "adam"]]):
        out = tmp_path / f"{i}.svg"
        assert run("draw", BOOK, "-o", out, *option).code == 0
        seen.add(out.read_bytes())
    assert len(seen) == len(options) + 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-o", "drawing.png"], "BG601"),
        (["-o", "missing/drawing.svg"], "BG551"),
        (["-o", "a.svg", "--update", "sgd"], "BG601"),
        (["-o", "a.svg", "--wrt", "W1", "--update", "sdg"], "BG401"),
        (["-o", "a.svg", "--wrt", "V"], "BG104"),
        (["-o", "a.svg", "--lang", "de"], "BG601"),
        (["-o", "a.svg", "--size", "m"], "BG601"),
    ],
)
def test_mistakes_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, arguments: list[str], code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("draw", BOOK, *arguments)
    assert outcome.code == 2
    assert code in outcome.error
    assert outcome.error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_unasked(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "drawing.svg"
    out.write_text("mine", encoding="utf-8")
    assert run("draw", BOOK, "-o", out).code != 0
    assert out.read_text(encoding="utf-8") == "mine"
    assert run("draw", BOOK, "-o", out, "--overwrite").code == 0
    assert out.read_text(encoding="utf-8") != "mine"
