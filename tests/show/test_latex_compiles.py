"""The LaTeX of explanations compiles as it stands: English with pdflatex, Chinese with xelatex and ctex."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from backgraph.show.explain import explain
from tests.show.networks import deep, example, page, three_layers

CASES = {"example": example(), "one_line": example(False), "three_layers": three_layers(), "deep": deep(6), **page()}
CTEX = Path("/usr/share/texlive/texmf-dist/tex/latex/ctex/ctexart.cls")


def compiled(engine: str, source: str, folder: Path) -> str:
    """The log of the engine; the test fails where it stops, or where a line does not fit."""
    (folder / "page.tex").write_text(source, "utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"]
    run = subprocess.run(command, check=False, cwd=folder, capture_output=True, timeout=120)
    log = (folder / "page.log").read_text("utf-8", "replace")
    assert run.returncode == 0, "\n".join(line for line in log.splitlines() if line.startswith(("!", "l.")))
    assert (folder / "page.pdf").stat().st_size > 10_000
    assert "Missing character" not in log
    return log


needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
needs_ctex = pytest.mark.skipif(
    not (shutil.which("xelatex") and CTEX.exists()), reason="xelatex with ctex (texlive-lang-chinese) is not installed"
)


@needs_pdflatex
def test_the_example(tmp_path: Path) -> None:
    log = compiled("pdflatex", explain(*example(), index=True).latex(), tmp_path)
    assert "Overfull" not in log


@needs_pdflatex
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_cost(name: str, tmp_path: Path) -> None:
    compiled("pdflatex", explain(*CASES[name], index=True).latex(), tmp_path)


@needs_ctex
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_cost_in_chinese(name: str, tmp_path: Path) -> None:
    compiled("xelatex", explain(*CASES[name], lang="zh", index=True).latex(), tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_no_superscript_on_a_superscript(name: str) -> None:
    """TeX refuses it; seen here also where no TeX is installed."""
    assert not re.findall(r"\^\{[^{}]*\}(?:\^|').*", explain(*CASES[name], index=True).latex())


def test_the_engine_is_named() -> None:
    assert explain(*example(), lang="zh").latex().startswith("% !TEX program = xelatex")
