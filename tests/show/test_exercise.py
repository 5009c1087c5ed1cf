"""Exercises: right answers in any form are right, wrong ones get a hint that says what is wrong."""

from __future__ import annotations

import io
import sys

import pytest

import backgraph as bg
from backgraph.cli.main import main
from backgraph.show.exercise import Exercise
from backgraph.show.exercise_words import WORDS
from backgraph.show.text import text
from tests.show.networks import deep, example, page, three_layers

MLP = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"
COSTS = {
    MLP: ["W1", "W2"],
    "mean((X@w + b - t)**2)": ["w", "b"],
    "sum((R - P@Q.T)**2)": ["P", "Q"],
    "cross_entropy(tanh(X@W1)@W2, y)": ["W1", "W2"],
    "x@A@x": ["x"],
    "mean(exp(X@w) - z*(X@w))": ["w"],
}
RIGHT = [
    (MLP, "G = (softmax(U2) - onehot(y))/m"),
    (MLP, "G1 = 1/m * (softmax(U2) - onehot(y))"),
    (MLP, "1 = softmax(U2)/m - one_hot(y)/m"),
    (MLP, "grad_W2 = H.T@G + 2*lam*W2"),
    (MLP, "dW2 = 2*lam*W2 + Hᵀ@G"),
    (MLP, "grad_W2 = H.T@G + lam*W2 + lam*W2"),
    (MLP, "grad_W2 = (G.T@H).T + 2*λ*W⁽²⁾"),
    (MLP, "grad_H = G@W2.T"),
    (MLP, "grad_H = (W2@G.T).T"),
    (MLP, "G' = grad_H * [H > 0]"),
    (MLP, "G_prime = (U1 > 0) * grad_H"),
    (MLP, "G2 = where(H > 0, dH, 0)"),
    (MLP, "grad_W1 = X.T@G_prime + 2*lam*W1"),
    ("sum((R - P@Q.T)**2)", "G = -2*(R - U)"),
    ("sum((R - P@Q.T)**2)", "grad_P = G@Q"),
    ("sum((R - P@Q.T)**2)", "grad_Q = G.T@P"),
    ("cross_entropy(tanh(X@W1)@W2, y)", "G_prime = (1 - H**2)*grad_H"),
    ("cross_entropy(tanh(X@W1)@W2, y)", "G_prime = grad_H - tanh(U1)**2*grad_H"),
    ("x@A@x", "grad_x = A@x + x@A"),
]
WRONG = [
    (MLP, "G = softmax(U2) - onehot(y)", "m times what it should be"),
    (MLP, "G = (onehot(y) - softmax(U2))/m", "The sign is wrong"),
    (MLP, "G = softmax(U2)/m", "Think of the rule of cross_entropy"),
    (MLP, "G = (softmax(U2) - y)/m", "These shapes do not fit"),
    (MLP, "grad_W2 = H.T@G", "straight from J, by way of add, mul, sum, square is missing"),
    (MLP, "grad_W2 = 2*lam*W2", "through U⁽²⁾, by way of matmul is missing"),
    (MLP, "grad_W2 = H.T@G + lam*W2", "square is 1/2 times"),
    (MLP, "grad_W2 = H.T@G - 2*lam*W2", "square has the wrong sign"),
    (MLP, "grad_W2 = G@H.T + 2*lam*W2", "These shapes do not fit: G m×k, H.T h×m"),
    (MLP, "grad_W2 = G.T@H", "It has the shape k×h; the gradient has the shape of W⁽²⁾, h×k. It is the transpose"),
    (MLP, "grad_H = G@W2", "These shapes do not fit: G m×k, W2 h×k"),
    (MLP, "grad_H = W2@G.T", "It has the shape h×m; the gradient has the shape of H, m×h. It is the transpose"),
    (MLP, "G_prime = grad_H", "That is the arriving gradient as it comes: what relu does with it is missing"),
    (MLP, "G_prime = grad_H*U1", "Think of the rule of relu"),
    (MLP, "grad_W1 = X.T@foo", "no such name here; got foo"),
    (MLP, "grad_W2 = H.T@G_prime", "no such name here; got G_prime"),
    (MLP, "grad_W2 = H.T@", "cannot be read"),
    (MLP, "foo = 1", "no step has this name: foo"),
    (MLP, "G", "an answer is NAME = EXPRESSION"),
    ("sum((R - P@Q.T)**2)", "G = 2*(R - U)", "The sign is wrong"),
    ("sum((R - P@Q.T)**2)", "G = U - R", "1/2 times"),
    ("sum((R - P@Q.T)**2)", "grad_P = G@Q.T", "These shapes do not fit"),
    ("cross_entropy(tanh(X@W1)@W2, y)", "G_prime = H**2*grad_H", "Think of the rule of tanh"),
    ("x@A@x", "grad_x = 2*A@x", "The shape is right"),
    ("x@A@x", "grad_x = x@A", "is missing"),
]


def exercise(cost: str, lang: str = "en") -> Exercise:
    return bg.explain_text(cost, COSTS[cost], lang=lang).exercise()


@pytest.mark.parametrize(("cost", "answer"), RIGHT)
def test_right_answers(cost: str, answer: str) -> None:
    verdict = exercise(cost).answer(answer)
    assert verdict.right, verdict
    assert ": right." in verdict.words


@pytest.mark.parametrize(("cost", "answer", "hint"), WRONG)
def test_wrong_answers_get_a_hint(cost: str, answer: str, hint: str) -> None:
    verdict = exercise(cost).answer(answer)
    assert not verdict.right
    assert hint in verdict.words
    assert not exercise(cost, "zh").answer(answer).right


def test_another_order_of_square_factors() -> None:
    A, B = bg.parameter("A", (3, 3)), bg.input("B", (3, 3))
    found = bg.explain(bg.sum(bg.tanh(A @ B)), [A]).exercise()
    assert found.answer("grad_A = G @ B.T").right
    for wrong in ("grad_A = G @ B", "grad_A = B.T @ G", "grad_A = B @ G"):
        verdict = found.answer(wrong)
        assert not verdict.right
        assert "not their order or what is transposed" in verdict.words


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["example", "three_layers", "deep", *page()])
def test_every_cost_makes_an_exercise_without_its_answers(name: str, lang: str) -> None:
    case = {"example": example(), "three_layers": three_layers(), "deep": deep(3), **page()}[name]
    found = bg.explain(*case, lang=lang).exercise()
    shown = found.text()
    for number, step in enumerate(found.derivation.steps):
        assert f"{text(step.name)} = ____" in shown
        assert text(step.formula) not in shown or len(text(step.formula)) < 4
        assert found.hint(number)
        assert text(step.formula) in found.solution(number)
    assert found.worked[0].gradients


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["explain", MLP, "--wrt", "W1,W2"]
    assert main([*command, "--exercise"]) == 0
    assert "1. G = ____   m×k" in capsys.readouterr().out
    assert main([*command, "--answer", "G = (softmax(U2) - onehot(y))/m", "--answer", "grad_H = G@W2.T"]) == 0
    assert capsys.readouterr().out.count("right.") == 2
    assert main([*command, "--answer", "grad_H = W2.T@G", "--lang", "zh"]) == 1
    assert "形状不相容" in capsys.readouterr().out


def test_in_a_terminal_every_blank_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = io.StringIO("G\n?\n(softmax(U2) - onehot(y))/m\n!\ngrad_H = G@W2.T\n\n")
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", typed)
    assert main(["explain", MLP, "--wrt", "W1,W2", "--exercise"]) == 0
    out = capsys.readouterr().out
    assert "It is made by the rule of cross_entropy" in out
    assert "∇W⁽²⁾ J = Hᵀ G + 2λ W⁽²⁾" in out
    assert out.strip().endswith("2 of 5 right")


def test_both_languages_have_the_same_sentences() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
