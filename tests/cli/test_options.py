"""Options that change what is printed or written: each is heard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run

COST = "mean((X@w - z)**2)"
BASES: dict[str, list[str]] = {
    "explain": [COST, "--wrt", "w"],
    "jacobian": [COST, "--wrt", "w"],
    "check": [COST, "--wrt", "w"],
    "cost": [COST, "--wrt", "w", "--size", "m=64,d=4"],
    "compile": [COST, "--wrt", "w", "--size", "d=4"],
}
HEARD = [
    ("explain", ["--index"], "Element by element"),
    ("explain", ["--values"], "A tiny example"),
    ("explain", ["--ascii"], "grad_w"),
    ("explain", ["--lang", "zh"], "前向传播"),
    ("explain", ["--exercise"], "…"),
    ("explain", ["--answer", "G = 2*(u - z)/m"], "right"),
    ("explain", ["--format", "latex"], "\\documentclass"),
    ("explain", ["--data", "numbers.npz"], "0.125"),
    ("jacobian", ["--values"], "1"),
    ("jacobian", ["--lang", "zh"], "雅可比"),
    ("jacobian", ["--size", "m=4"], "m = 4"),
    ("check", ["--lang", "zh"], "逐条"),
    ("check", ["--json"], '"passed": true'),
    ("check", ["--data", "numbers.npz"], "right"),
    ("check", ["--size", "m=4"], "m = 4"),
    ("cost", ["--dtype", "float64"], "8·m = 512"),
    ("cost", ["--lang", "zh"], "乘加"),
    ("cost", ["--json"], '"multiply_adds"'),
    ("compile", ["--dtype", "float64", "--show", "graph"], "float64"),
    ("compile", ["--memory", "2MiB", "--size", "d=4,m=100000"], "block"),
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("numbers.npz", w=np.array([0.125, 2.0, -1.0]))


@pytest.mark.parametrize(("command", "option", "shown"), HEARD)
def test_an_option_is_heard(command: str, option: list[str], shown: str, run: Run) -> None:
    base = BASES[command] if "--size" not in option else BASES[command][:3]
    plain, outcome = run(command, *BASES[command]), run(command, *base, *option)
    assert (plain.code, outcome.code) == (0, 0), outcome.error
    assert plain.out != outcome.out
    assert shown in outcome.out


@pytest.mark.parametrize("ending", ["txt", "tex", "md", "html", "json", "py"])
def test_an_explanation_is_written_as_the_ending_says(ending: str, run: Run) -> None:
    formats = {"txt": "text", "tex": "latex", "md": "markdown", "html": "html", "json": "json", "py": "numpy"}
    assert run("explain", *BASES["explain"], "--out", f"page.{ending}").out == f"wrote page.{ending}\n"
    printed = run("explain", *BASES["explain"], "--format", formats[ending])
    written = Path(f"page.{ending}").read_text("utf-8")
    assert written == printed.out if ending != "html" else printed.out in written
    again = run("explain", *BASES["explain"], "-o", f"page.{ending}")
    assert "BG551" in again.error
    assert run("explain", *BASES["explain"], "-o", f"page.{ending}", "--format", "text", "--overwrite").code == 0
    assert Path(f"page.{ending}").read_text("utf-8") == run("explain", *BASES["explain"]).out


def test_an_explanation_of_no_known_kind_is_refused(run: Run) -> None:
    refused = run("explain", *BASES["explain"], "--out", "page.docx")
    assert "--out: unknown kind of file; got page.docx, expected .txt, .tex" in refused.error


def test_pictures_are_light_or_dark(run: Run) -> None:
    for theme in ("light", "dark"):
        assert run("jacobian", *BASES["jacobian"], "--theme", theme, "--out", f"{theme}.svg").code == 0
    assert Path("light.svg").read_text("utf-8") != Path("dark.svg").read_text("utf-8")
    assert run("jacobian", *BASES["jacobian"], "--out", "light.svg", "--overwrite").code == 0


def test_a_trained_network_is_exported(flowers: Path, run: Run) -> None:
    pytest.importorskip("onnx")
    assert run("train", flowers, "--target", "species", "--epochs", 1, "--out", "model").code == 0
    for option in ("--out", "-o", "--output"):
        assert run("export", "model", option, f"net{len(option)}.onnx").code == 0
    assert "BG551" in run("export", "model", "--out", "net2.onnx").error
    assert run("export", "model", "--out", "net2.onnx", "--overwrite").code == 0
    assert "--out: unknown format" in run("export", "model", "--out", "net.h5").error


def test_predictions_of_a_table_with_decimal_commas(flowers: Path, run: Run) -> None:
    assert run("train", flowers, "--target", "species", "--epochs", 1, "--out", "model").code == 0
    other = flowers.read_text("utf-8").replace(",", ";").replace(".", ",")
    Path("other.csv").write_text(other, "utf-8")
    plain = run("predict", "model", flowers).out
    assert run("predict", "model", "other.csv", "--separator", ";", "--decimal", ",", "-o", "found.csv").code == 0
    assert Path("found.csv").read_text("utf-8") == plain


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["check", *BASES["check"], "--size", "m=100000,d=1000"],
            "too large to be checked by numbers; got 100,000,000",
        ),
        (["check", *BASES["check"], "--data", "nothing.npz"], "No such file"),
        (["jacobian", *BASES["jacobian"], "--theme", "pink"], "unknown theme"),
        (["cost", *BASES["cost"], "--svg", "lives.png"], "unknown kind of file; got lives.png, expected .svg"),
        (["cost", *BASES["cost"][:3], "--memory", "lots"], "not a size of memory"),
        (["cost", *BASES["cost"][:3], "--size", "m=1000000000,d=1000000"], "this machine has not enough"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments: list[str], said: str, run: Run) -> None:
    refused = run(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.error
    assert refused.error.count("\n") == 1


def test_endings_may_be_in_capitals_and_targets_apart(run: Run) -> None:
    assert run("draw", "sum((A@B)**2)", "--wrt", "A B", "-o", "A.SVG").code == 0
    assert Path("A.SVG").read_text("utf-8").startswith("<svg")
    assert run("explain", "sum((A@B)**2)", "--wrt", "A, B", "-o", "A.HTML").code == 0
    assert '<html lang="en"><head><meta charset="utf-8">' in Path("A.HTML").read_text("utf-8")


def test_checks_are_data_too(run: Run) -> None:
    found = json.loads(run("check", *BASES["check"], "--json").out)
    assert found["passed"]
    assert found["sizes"] == {"m": 2, "d": 3}
