from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backgraph as bg
from backgraph.language.node import Node
from backgraph.language.notation import (
    Apply,
    BigSum,
    Gradient,
    Iverson,
    Name,
    Number,
    Power,
    Product,
    Quotient,
    Relation,
    Sum,
    Transposed,
    infix,
    negated,
    quotient,
    times,
)
from backgraph.show.latex import latex
from backgraph.show.names import display_name
from backgraph.show.render import render_all
from backgraph.show.text import text
from tests.show.reader import read

W1, W2, H, G, lam, m = map(Name, ("W1", "W2", "H", "G", "lam", "m"))


@pytest.mark.parametrize(
    ("tree", "unicode", "plain", "tex"),
    [
        (Name("W1"), "W⁽¹⁾", "W1", "W^{(1)}"),
        (Name("hidden2"), "hidden2", "hidden2", r"\mathrm{hidden2}"),
        (Name("JMLE"), "J_MLE", "JMLE", r"J_{\mathrm{MLE}}"),
        (Name("λ"), "λ", "lambda", r"\lambda"),
        (Transposed(W2), "W⁽²⁾ᵀ", "W2^T", r"W^{(2)\top}"),
        (Transposed(Name("G'")), "G'ᵀ", "G'^T", r"G^{\prime\top}"),
        (Power(W2, Number(2)), "(W⁽²⁾)²", "W2^2", r"\left(W^{(2)}\right)^{2}"),
        (Power(H, Number(2)), "H²", "H^2", "H^{2}"),
        (Gradient(W2, Name("J")), "∇W⁽²⁾ J", "grad_W2 J", r"\nabla_{W^{(2)}} J"),
        (
            Sum(((1, Product("matrix", (Transposed(H), G))), (1, Product("scale", (Number(2), lam, W2))))),
            "Hᵀ G + 2λ W⁽²⁾", "H^T G + 2 lam W2", r"H^{\top} G + 2 \lambda W^{(2)}",
        ),
        (Quotient(Sum(((1, H), (-1, G))), m), "(H − G)/m", "(H - G)/m", r"\frac{H - G}{m}"),
        (Quotient(H, Product("scale", (m, Name("n")))), "H/(m n)", "H/(m n)", r"\frac{H}{m n}"),
        (
            Product("hadamard", (Gradient(H, Name("J")), Iverson(Relation(">", H, Number(0))))),
            "∇H J ⊙ [H > 0]", "grad_H J .* [H > 0]", r"\nabla_{H} J \odot \left[H > 0\right]",
        ),
        (
            Product("hadamard", (Product("matrix", (G, H)), H)),
            "(G H) ⊙ H", "(G H) .* H", r"\left(G H\right) \odot H",
        ),
        (BigSum(Sum(((1, H), (1, G))), ()), "Σ (H + G)", "sum(H + G)", r"\sum \left(H + G\right)"),
        (Apply("sqrt", (H,)), "√H", "sqrt(H)", r"\sqrt{H}"),
        (Number(1e-5), "10⁻⁵", "1e-05", r"1 \cdot 10^{-5}"),
    ],
)  # fmt: skip
def test_glyphs(tree, unicode: str, plain: str, tex: str) -> None:
    assert (text(tree), text(tree, ascii=True), latex(tree)) == (unicode, plain, tex)


def test_products_are_written_as_a_mathematician_does() -> None:
    assert text(times("scale", Number(2), times("scale", lam, W2))) == "2λ W⁽²⁾"
    assert text(times("matrix", times("scale", lam, G), H)) == "λ G H"
    assert text(times("hadamard", negated(G), H)) == "−G ⊙ H"
    assert text(times("scale", Number(-2), H)) == "−2 H"
    assert text(infix("-", G, negated(H))) == "G + H"
    assert text(times("scale", quotient(Number(1), m), H)) == "H/m"
    assert text(times("scale", quotient(Number(1), m), BigSum(H, ()))) == "(1/m) Σ H"
    assert text(quotient(quotient(G, m), Name("n"))) == "G/(m n)"


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [("W12", "W⁽¹²⁾"), ("x_1", "x₁"), ("lam", "λ"), ("lambda_", "λ"), ("sigma2", "σ⁽²⁾"), ("GELU", "GELU"), ("_", "_"),
     ("W_in", "W_in"), ("__x__", "__x__"), ("G'", "G'"), ("x2y", "x2y"), ("1", "1"), ("", ""), ("权重", "权重")],
)  # fmt: skip
def test_names(identifier: str, shown: str) -> None:
    assert display_name(identifier) == shown


@given(st.text(max_size=30))
def test_any_name_can_be_printed(name: str) -> None:
    tree = Transposed(Name(name))
    assert isinstance(text(tree), str)
    assert text(tree, ascii=True).isascii()
    source = latex(tree)
    assert source.isascii()
    assert source.isprintable()


def next_matrix(choose: random.Random, A: Node, B: Node, s: Node) -> Node:
    """One more operation on 3×3 matrices and a scalar."""
    return choose.choice([
        lambda: A + B, lambda: A - B, lambda: A * B, lambda: A @ B, lambda: -A, lambda: s * A, lambda: A * s,
        lambda: A.T,
        lambda: A / s, lambda: A / B, lambda: bg.tanh(A), lambda: bg.relu(A), lambda: A**2, lambda: 2 * A, lambda: A**3,
        lambda: abs(A), lambda: bg.where(A > 0.37, A, 0.0), lambda: A - 3, lambda: 1 / A, lambda: -2 * A,
        lambda: A * (B - A),
        lambda: A @ (B + A), lambda: -(A - B) * s, lambda: (A @ B) * A, lambda: (A * B) @ A, lambda: (s * A).T,
        lambda: bg.sqrt(abs(A) + 1) / 4, lambda: A - (B - A),
    ])()  # fmt: skip


def next_scalar(choose: random.Random, A: Node, s: Node, r: Node) -> Node:
    """One more scalar."""
    return choose.choice([
        lambda: bg.sum(A), lambda: s * r, lambda: s / r, lambda: -s, lambda: s - r, lambda: bg.mean(A),
        lambda: bg.tanh(s),
        lambda: bg.sum(A) * s, lambda: s**2, lambda: 0.5 - s,
    ])()  # fmt: skip


def random_graph(seed: int, size: int) -> tuple[list[Node], dict[Node, object]]:
    """A graph of 3×3 matrices and scalars, and values for its leaves."""
    choose, draw = random.Random(seed), np.random.default_rng(seed)
    matrices = [bg.input(name, (3, 3)) for name in ("A", "B", "C")]
    scalars = [bg.input(name) for name in ("r", "s")]
    values: dict[Node, object] = {node: draw.normal(size=node.shape) for node in (*matrices, *scalars)}
    for _ in range(size):
        A, B, C = (choose.choice(matrices[-5:]) for _ in range(3))
        r, s = (choose.choice(scalars[-5:]) for _ in range(2))
        matrices.append(next_matrix(choose, A, B, s))
        scalars.append(next_scalar(choose, C, s, r))
    return [matrices[-1], scalars[-1]], values


def agrees(seed: int, size: int) -> None:
    outputs, values = random_graph(seed, size)
    rendered = render_all(outputs, {})
    known = {str(node.op): value for node, value in values.items()}
    for node, tree in rendered.definitions.items():
        expected = bg.evaluate(node, values)
        if not np.isfinite(expected).all() or np.abs(expected).max() > 1e100:
            return  # where() lets no infinity through from the branch not taken; the product that is printed does
        printed = text(tree, ascii=True)
        near = 1e-9 * (1 + np.abs(expected).max())
        with np.errstate(all="ignore"):
            value = read(printed, known)
        if np.isfinite(value).all() or "/" not in printed:
            np.testing.assert_allclose(value, expected, rtol=1e-6, atol=near, err_msg=printed)
        if node in rendered.introduced:
            known[rendered.introduced[node].text] = expected


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_printed_maths_means_what_the_graph_means(seed: int, size: int) -> None:
    agrees(seed, size)


@pytest.mark.nightly
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_printed_maths_means_what_the_graph_means_long(seed: int, size: int) -> None:
    agrees(seed, size)


def test_formulas_are_bounded_however_large_the_graph() -> None:
    x = bg.input("x")
    for _ in range(300):
        x = x * x + x
    rendered = render_all([x], {})
    assert max(len(text(tree)) for tree in rendered.definitions.values()) < 200
