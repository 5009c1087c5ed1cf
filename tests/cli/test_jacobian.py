"""`backgraph jacobian`: text on the screen, a picture or a page in a file."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run

COST = "z = W@x; C = sum(tanh(z))"


def test_text_goes_to_the_screen(run: Run) -> None:
    outcome = run("jacobian", COST, "--wrt", "W", "--values")
    assert (outcome.code, outcome.error) == (0, "")
    assert "∂z_i/∂W_jk = x_k [i = j]" in outcome.out


def test_the_suffix_says_what_is_written(run: Run, tmp_path: Path) -> None:
    starts = {"chain.svg": "<svg", "chain.html": "<!doctype html>", "chain.txt": "从 C 到 W"}
    for name, start in starts.items():
        outcome = run("jacobian", COST, "--wrt", "W", "--lang", "zh", "-o", tmp_path / name)
        assert (outcome.code, outcome.out) == (0, f"wrote {tmp_path / name}\n")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_what_is_wrong_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "there.svg").write_text("kept")
    assert "BG551" in run("jacobian", COST, "--wrt", "W", "-o", tmp_path / "there.svg").error
    assert (tmp_path / "there.svg").read_text() == "kept"
    assert "BG601" in run("jacobian", COST, "--wrt", "W", "-o", tmp_path / "chain.png").error
    assert "BG601" in run("jacobian", COST, "--wrt", ",").error
    assert "nothing stands between" in run("jacobian", "x", "--wrt", "x").error
    assert "has no elements; got 0" in run("jacobian", "sum(x)", "--wrt", "x", "--shape", "x:0").error
    assert "has no elements" in run("jacobian", "sum(x)", "--wrt", "x", "--shape", "x:n", "--size", "n=0").error
    assert "BG302" in run("jacobian", COST, "--wrt", "W", "--size", "q=3").error
    assert "BG302" in run("jacobian", COST, "--wrt", "W", "--shape", "W:400 400").error
