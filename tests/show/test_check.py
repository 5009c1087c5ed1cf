"""`check`: rules one by one, a verdict in words, kinks that are said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import backgraph as bg
from backgraph.cli.main import main
from backgraph.show import check_words
from backgraph.show.fault import Fault, find_fault
from tests.show.networks import example, page, three_layers

PAGE = {"example": example(), "three_layers": three_layers(), **page()}
TEXT = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"


@pytest.fixture
def wrong() -> Iterator[Callable[[float], bg.Elementwise]]:
    """Cards for 3 sin x whose rule is off by a factor."""
    made: list[str] = []

    def card(factor: float) -> bg.Elementwise:
        made.append(f"off_{len(made)}")
        return bg.Elementwise(made[-1], "3 sin x", lambda x: 3 * np.sin(x), lambda G, y, x: factor * 3 * bg.cos(x) * G)

    yield card
    for name in made:
        bg.CARDS.pop(name)


@pytest.mark.parametrize("name", PAGE)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_right_gradients_pass(name: str, lang: str) -> None:
    cost, wrt, names = PAGE[name]
    found = bg.check(cost, wrt, names=names, lang=lang)
    assert found.passed
    assert found.kinks == 0
    assert len(found.gradients.checks) == len(wrt)
    assert "None" not in found.text()


@pytest.mark.parametrize(
    ("factor", "words"), [(-1, "wrong sign"), (2, "2 times"), (1 / 3, "1/3 times"), (1, "All agree")]
)
def test_the_first_wrong_rule_is_named(wrong: Callable[[float], bg.Elementwise], factor: float, words: str) -> None:
    x, A = bg.parameter("x", (3,)), bg.input("A", (3, 3))
    found = bg.check(bg.sum(bg.tanh(wrong(factor)(A @ x)) ** 2), x)
    assert found.passed == (factor == 1)
    assert words in " ".join(found.verdict())
    if factor != 1:
        assert "The first wrong rule is that of off_0, input 1: u." in " ".join(found.verdict())


def test_a_kink_is_said_and_passes() -> None:
    x = bg.parameter("x", (3,))
    found = bg.check(bg.sum(bg.relu(x)), x, {x: [0.0, 1.0, -1.0]})
    assert found.passed
    assert found.kinks == 2  # in the rule, and in the gradient
    assert "2 elements lie at a kink and are not judged" in found.text().replace("\n", " ")
    assert "不可导点" in bg.check(bg.sum(bg.relu(x)), x, {x: [0.0, 1.0, -1.0]}, lang="zh").text()


def test_no_error_at_all_is_called_exact() -> None:
    x = bg.parameter("x", (3,))
    found = bg.check(bg.sum(bg.relu(x)), x, {x: [2.0, 1.0, -1.0]})
    assert "All agree exactly with derivatives" in found.text()
    assert "largest error" not in found.text()


def test_what_is_not_finite_is_traced_forward() -> None:
    x = bg.parameter("x", (2,))
    found = bg.check(bg.sum(2 * bg.log(x)), x, {x: [0.0, 1.0]})
    assert not found.passed
    assert found.verdict()[0].startswith("log(x) is not finite at these numbers")


A, B = np.arange(6.0).reshape(2, 3) + 1, np.arange(6.0).reshape(2, 3)[::-1] ** 2 + 1


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (A + B, None),
        (-(A + B), Fault("sign")),
        ((A + B).T, Fault("transposed")),
        ((A + B)[:1], Fault("shape")),
        (4 * (A + B), Fault("factor", "m")),
        ((A + B) / 4, Fault("factor", "1/m")),
        ((A + B) / 2, Fault("factor", "1/2")),
        (A, Fault("missing", parts=(1,))),
        (A - B, Fault("part_sign", "−1", (1,))),
        (A + B / 2, Fault("part_factor", "1/2", (1,))),
        (A * B, Fault("other")),
    ],
)
def test_faults(given: np.ndarray, fault: Fault | None) -> None:
    assert find_fault(given, A + B, [A, B], {"m": 4}) == fault


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check", TEXT, "--wrt", "W1,W2"]) == 0
    assert "(rules: 16, gradients: 2)" in capsys.readouterr().out
    assert main(["check", TEXT, "--wrt", "W1,W2", "--size", "m=4,d=2", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["passed"]
    assert data["sizes"]["m"] == 4
    file = tmp_path / "x.csv"
    file.write_text("x\n0\n1\n")
    assert main(["check", "sum(log(x))", "--wrt", "x", "--shape", "x:n", "--data", str(file), "--lang", "zh"]) == 1
    assert "log(x) 不是有限值" in capsys.readouterr().out


def test_both_languages_have_the_same_sentences() -> None:
    assert check_words.WORDS["en"].keys() == check_words.WORDS["zh"].keys()


def test_unknown_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "x**2", "--wrt", "x", "--lang", "fr"]) == 2
    assert "unknown lang" in capsys.readouterr().err
