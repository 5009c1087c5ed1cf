"""What all commands do alike with a cost that is typed: `--wrt`, `--cost`, `--size`."""

from __future__ import annotations

from pathlib import Path

import pytest

from backgraph.cli.typed import left_out
from tests.cli.conftest import Run

COMMANDS: dict[str, list[str]] = {
    "explain": [],
    "draw": ["-o", "OUT.svg", "--overwrite"],
    "check": [],
    "cost": [],
    "jacobian": [],
    "compile": ["--show", "graph"],
}
"""Every command that takes a cost, with what else it needs."""
SIZED = [name for name in COMMANDS if name != "explain"]
TWO = "J1 = sum(W**2); J2 = sum(W**4)"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def shown(run: Run, command: str, *arguments: str) -> tuple[str, str]:
    """What a command gives, the written file included, and what it notes."""
    outcome = run(command, *arguments, *COMMANDS[command])
    assert outcome.code == 0, outcome.error
    files = "".join(path.read_text("utf-8") for path in sorted(Path.cwd().iterdir()))
    return outcome.out + files, outcome.error


@pytest.mark.parametrize("command", COMMANDS)
def test_a_target_named_twice_counts_once(command: str, run: Run) -> None:
    cost = "mean((X@w - z)**2)"
    assert shown(run, command, cost, "--wrt", "w,w") == shown(run, command, cost, "--wrt", "w")


@pytest.mark.parametrize("command", COMMANDS)
def test_one_of_several_costs_is_chosen_and_the_choice_is_told(command: str, run: Run) -> None:
    last, note = shown(run, command, TWO, "--wrt", "W", "--shape", "W:2 2")
    assert "does not use J1; --cost J1 takes it instead" in note
    assert note.count("\n") == 1
    first, quiet = shown(run, command, TWO, "--wrt", "W", "--shape", "W:2 2", "--cost", "J1")
    assert quiet == ""
    assert first != last
    alone, quiet = shown(run, command, "J1 = sum(W**2)", "--wrt", "W", "--shape", "W:2 2")
    assert (alone, quiet) == (first, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_other_statements_need_not_be_scalars(command: str, run: Run) -> None:
    text = "U = X@w; J = mean((U - z)**2); P = sigmoid(U)"
    assert shown(run, command, text, "--wrt", "w", "--cost", "J")[1] == ""
    refused = run(command, text, "--wrt", "w", *COMMANDS[command])
    assert (refused.code, "BG108" in refused.error) == (2, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_names_nothing_is_refused(command: str, run: Run) -> None:
    for options, fragment in [
        (["--wrt", "V"], "BG104] --wrt: the text has no such name; got V. names are W, J1, J2"),
        (["--wrt", ","], "with respect to what is not said"),
        (["--wrt", "W", "--cost", "J3"], "BG104] --cost: the text has no such name; got J3. did you mean J2?"),
        *([] if command == "draw" else [(["--wrt", "W", "--cost", "J1,J2"], "--cost: one at a time; got J1,J2")]),
    ]:
        refused = run(command, TWO, *options, *COMMANDS[command])
        assert refused.code == 2
        assert fragment in refused.error.replace("did you mean J1", "did you mean J2")
        assert refused.error.count("\n") == 1
        assert refused.out == ""
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("command", SIZED)
def test_a_size_of_no_dimension_is_refused(command: str, run: Run) -> None:
    refused = run(command, "mean((X@w - z)**2)", "--wrt", "w", "--size", "foo=8", *COMMANDS[command])
    assert refused.code == 2
    assert "no dimension" in refused.error
    assert "foo" in refused.error
    assert set("dm") <= set(refused.error.split("expected ")[1])
    assert refused.error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sum(x)", []),
        ("u = x*2; sum(u)", []),
        ("u = x*2; v = u + 1; sum(u)", ["v"]),
        ("sum(x**2); sum(x)", [""]),
        ("A = X@X; B = concatenate((A, A), axis=0); sum(B)", []),
    ],
)
def test_statements_that_the_cost_leaves_out(text: str, names: list[str]) -> None:
    assert left_out(text) == names
