"""`backgraph compile`: every stage is printed, and what is missing is said."""

from __future__ import annotations

import pytest

from backgraph.compiler.stages import SHOWN
from tests.cli.conftest import Run

COST = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"
SIZES = "m=128,d=20,h=64,k=10"
HINTS = {
    "graph": ["t1", "= matmul(X, W1)", "m×h float32", "the gradient of W2: "],
    "rules": ["times_one", "→"],
    "nests": ["for i < m, j < 64:  // relu", "combined = fma over k < 20: X[i, k] * W1[k, j]"],
    "schedule": ["phase 1", "threads share i", "barrier", "arena: ", " bytes"],
    "llvm": ["define i64 @run", "llvm.fma"],
    "asm": ["run:", "ret"],
}


@pytest.mark.parametrize("show", SHOWN)
def test_every_stage_is_printed(show: str, run: Run) -> None:
    outcome = run("compile", COST, "--wrt", "W1,W2", "--size", SIZES, "--show", show)
    assert (outcome.code, outcome.error) == (0, "")
    for fragment in HINTS[show]:
        assert fragment in outcome.out


def test_the_target_can_be_forced(run: Run) -> None:
    outcome = run("compile", "sum(x*y)", "--shape", "x:16, y:16", "--show", "asm", "--isa", "baseline")
    assert outcome.code == 0
    assert "zmm" not in outcome.out
    assert "ymm" not in outcome.out


def test_graph_and_rules_need_no_sizes(run: Run) -> None:
    assert run("compile", COST, "--wrt", "W1", "--show", "graph").code == 0
    assert run("compile", "sum(x)", "--show", "rules").out == "no rule applies\n"


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ([COST, "--show", "schedule", "--size", "d=20,m=3"], "the size of h, k is not known. add --size h=8,k=8"),
        ([COST, "--show", "graph", "--size", "q=20"], "no dimension has this name; got q"),
        ([COST, "--show", "graph", "--size", "d=many"], "got d=many"),
        ([COST, "--show", "graph", "--size", "d=2,d=3"], "got d=3"),
        ([COST, "--show", "graph", "--size", "d=0"], "not a size"),
        ([COST, "--show", "grpah"], "unknown stage; got grpah"),
        ([COST, "--show", "graph", "--wrt", "V"], "BG104"),
        ([COST, "--show", "asm", "--isa", "mmx"], "unknown instruction set"),
        (["sum(x)", "--show", "asm"], "--shape 'x:'"),
        (["sum(relu(X@", "--show", "graph"], "BG105"),
        (["X@W", "--show", "graph"], "BG108"),
        ([COST], "the size of d, h, k is not known"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], fragment: str, run: Run) -> None:
    outcome = run("compile", *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert fragment in outcome.error
    assert outcome.error.count("\n") == 1
