"""Text: leaves and shapes, errors with their columns, the same graph as Python's, and that nothing else escapes."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backgraph as bg
from backgraph.errors import CATALOGUE, BackgraphError, GraphError
from backgraph.language.dims import shape_text
from backgraph.language.op import CARDS, Elementwise, Operation
from backgraph.language.text.functions import FUNCTIONS, function_named, function_names
from backgraph.language.text.source import Source
from backgraph.language.text.syntax import statements
from backgraph.language.text.tree import Call, Identifier, Number, Tree
from backgraph.language.walk import leaves, topological_order
from tests.timing import processor_seconds

EXAMPLE = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"
NAMED = "U1 = X@W1; H = relu(U1); U2 = H@W2; J = cross_entropy(U2, y) + lam*(sum(W1**2)+sum(W2**2))"
COLUMNS = "z1 = W1@x + b1; a1 = sigmoid(z1); z2 = W2@a1 + b2; y = softmax(z2); C = nll(y, t)"
LAYER_NORM = """mu = mean(X, axis=-1, keepdims=True)
v = mean((X - mu)**2, axis=-1, keepdims=True)
sum(((X - mu)/sqrt(v + eps)*g + b)**2)"""


def shown_shapes(text: str, shapes: str = "") -> str:
    program = bg.parse(text, shapes=shapes)
    integers = {name for name, node in program.leaves.items() if node.dtype == "int64"}
    return ", ".join(
        f"{name}:{shape_text(node.shape)}{' int' * (name in integers)}" for name, node in program.leaves.items()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (EXAMPLE, "X:m×d, W1:d×h, W2:h×k, y:m int, lam:scalar"),
        (NAMED, "X:m×d, W1:d×h, W2:h×k, y:m int, lam:scalar"),
        (
            "cross_entropy(relu(relu(X@W1)@W2)@W3, y)",
            "X:m×d, W1:d×h1, W2:h1×h2, W3:h2×k, y:m int",
        ),
        (
            "cross_entropy(relu(relu(X@W1+b1)@W2+b2)@W3, y)",
            "X:m×d, W1:d×h1, b1:shape of b1, W2:h1×h2, b2:shape of b2, W3:h2×k, y:m int",
        ),
        (COLUMNS, "W1:h×d, x:d, b1:h, W2:k×h, b2:k, t:scalar int"),
        ("sum(softmax(Q@K.T/sqrt(c))@V)", "Q:m×d, K:h×d, c:shape of c, V:h×k"),
        (LAYER_NORM, "X:m×d, eps:shape of eps, g:shape of g, b:shape of b"),
        ("sum((R - P@Q.T)**2)", "R:m×d, P:m×h, Q:d×h"),
        ("logsumexp(A@x + b)", "A:m×d, x:d, b:m"),
        ("sum((X@W)*sigmoid(X@V))", "X:m×d, W:d×h, V:d×h"),
        ("poisson_loss(X@w, y)", "X:m×d, w:d, y:m"),
        ("huber_loss(X@w, y, delta=2)", "X:m×d, w:d, y:m"),
        ("absolute_error(X@w, y) + lam*sum(abs(w))", "X:m×d, w:d, y:m, lam:scalar"),
        ("quantile_loss(X@w, y, q=9/10)", "X:m×d, w:d, y:m"),
        ("x**x", "x:scalar"),
        ("x@A@y", "x:m, A:m×h, y:h"),
        ("mean((X@W + b - Y)**2)", "X:m×d, W:d×h, b:shape of b, Y:m×h"),
        ("sum(lam*(A@x))", "lam:shape of lam, A:m×d, x:d"),
        ("sum(A@x + lam)", "A:m×d, x:d, lam:shape of lam"),
        ("cross_entropy(U, y, weights=w, label_smoothing=0.1)", "U:m×k, y:m int, w:m"),
        ("cross_entropy(X@W, softmax(V))", "X:m×d, W:d×k, V:m×k"),
        ("cross_entropy(U, t) + sum(t*log(t))", "U:m×k, t:m×k"),
        ("cross_entropy(u, y)", "u:k, y:scalar int"),
        ("sum(cross_entropy(U, y, reduction=none))", "U:m×k, y:m int"),
        ("sum(take(E, i)@W)", "E:m×h, i:d int, W:h×k"),
        ("sum(one_hot(y, 10)@W)", "y:m int, W:10×d"),
        ("sum(concatenate(a, b)@W)", "a:d, b:h, W:(d + h)×k"),
        ("sum(concatenate(A, B, axis=1))", "A:m×d, B:m×h"),
        ("sum(einsum('bik,kj->bij', A, B))", "A:m×d×h, B:h×k"),
        ("sum(reshape(X@W, (-1,))*v)", "X:m×d, W:d×h, v:shape of v"),
        ("sum(transpose(X)@Y)", "X:m×d, Y:m×h"),
        ("sum(transpose(X, (1, 0))@Y)", "X:m×d, Y:m×h"),
        ("sum(where(x > 0, x, 0.1*x))", "x:shape of x"),
        ("sum(where(A@x >= 0, 1, 0)*y)", "A:m×d, x:d, y:shape of y"),
        ("max(X) + min(x) + prod(z)", "X:m×d, x:h, z:k"),
        ("sum(max(X, axis=0))", "X:m×d"),
        ("sum(mean(x*A, axis=(0, 1)))", "x:shape of x, A:m×d"),
        ("sum(outer(a, b)) + dot(c, d)", "a:h, b:k, c:n, d:n"),
        ("sum(eye(3)@A)", "A:3×d"),
        ("sum(x)/size(m)", "x:shape of x"),
        ("sum(x[..., None]@y[None, :])", "x:d, y:h"),
        ("sum(log_softmax(X, axis=0)) + sum(cumsum(x))", "X:m×d, x:h"),
        ("mean(cast(y, float64) - x)", "y:shape of y, x:shape of x"),
        ("sum(clip(x, -1, 1)) + 2*pi", "x:shape of x"),
        ("sum(leaky_relu(X@W, 0.01))", "X:m×d, W:d×h"),
        ("(w@x)*(v@z)", "w:d, x:d, v:h, z:h"),
        ("λ*sum(θ@x)**2", "λ:scalar, θ:d, x:d"),
    ],
)  # fmt: skip
def test_shapes_of_leaves(text: str, expected: str) -> None:
    assert shown_shapes(text) == expected


@pytest.mark.parametrize(
    ("text", "shapes", "expected"),
    [
        (EXAMPLE, "Y:", None),
        ("sum(b)", "b:h", "b:h"),
        ("sum(T)", "T:", "T:scalar"),
        ("sum(X@W)", "X:m×5, W:5*q", "X:m×5, W:5×q"),
        ("sum(X@W)", "X:10 5", "X:10×5, W:5×d"),
        ("cross_entropy(X@W, Y)", "Y:m k", "X:m×d, W:d×k, Y:m×k"),
        ("cross_entropy(X@W, y)", "y:n", "X:n×d, W:d×k, y:n int"),
        ("cross_entropy(U, y)", "U:b t v", "U:b×t×v, y:b×t int"),
        ("sum(U); U = X@W", "", None),
        ("U = X@W; sum(U)", "U:7 3", "X:7×d, W:d×3"),
        ("sum(softmax(Q@K.T)@V)", "Q:b n d", "Q:b×n×d, K:h×d, V:h×k"),
        ("sum(x[0:3])", "x:5", "x:5"),
        ("sum(x[::-2]) + x[-1]", "x:5", "x:5"),
        ("sum(X[:, 0])", "X:m 4", "X:m×4"),
        ("sum(relu)", "relu:m", "relu:m"),
        ("sum(pi)", "pi:m", "pi:m"),
        ("sum(reshape(x, (m, 2)))", "x:m 2", "x:m×2"),
        ("sum(X@w + b)", "b:", "X:m×d, w:d, b:scalar"),
    ],
)  # fmt: skip
def test_annotated_shapes(text: str, shapes: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(GraphError):
            bg.parse(text, shapes=shapes)
    else:
        assert shown_shapes(text, shapes) == expected


def test_shapes_may_be_a_mapping() -> None:
    m = bg.symbol("m")
    program = bg.parse("sum(X@W)", shapes={"X": (m, 4), "W": "4 h"})
    assert [shape_text(node.shape) for node in program.leaves.values()] == ["m×4", "4×h"]


ERRORS = [
    ("softmaxx(x)", "", "BG104", "text:1:1"),
    ("sum(outr(a, b))", "", "BG104", "text:1:5"),
    ("__import__('os')", "", "BG105", "text:1:1"),
    ("lambda x: x", "", "BG105", "text:1:1"),
    ("x.shape", "", "BG105", "text:1:2"),
    ("x.T.data", "", "BG105", "text:1:4"),
    ("f'{x}'", "", "BG105", "text:1:2"),
    ("'x'", "", "BG105", "text:1:1"),
    ("sum('x')", "", "BG105", "text:1:5"),
    ("[x for x in y]", "", "BG105", "text:1:4"),
    ("sum([x])", "", "BG105", "text:1:5"),
    ("sum(**k)", "", "BG105", "text:1:5"),
    ("sum(*k)", "", "BG105", "text:1:5"),
    ("x if y else z", "", "BG105", "text:1:3"),
    ("x and y", "", "BG105", "text:1:3"),
    ("x := 3", "", "BG105", "text:1:3"),
    ("x; import os", "", "BG105", "text:1:4"),
    ("x % y", "", "BG105", "text:1:3"),
    ("x // y", "", "BG105", "text:1:4"),
    ("x\\\ny", "", "BG105", "text:1:2"),
    ("x\0y", "", "BG105", "text:1:2"),
    ("x \u202e y", "", "BG105", "text:1:3"),
    ("1_000*x", "", "BG105", "text:1:1"),
    ("3x", "", "BG105", "text:1:1"),
    ("1e999*x", "", "BG105", "text:1:1"),
    ("True", "", "BG105", "text:1:1"),
    ("x + None", "", "BG105", "text:1:5"),
    ("True = x", "", "BG105", "text:1:1"),
    ("(x, y)", "", "BG105", "text:1:1"),
    ("sum(x", "", "BG105", "text:1:6"),
    ("sum(x))", "", "BG105", "text:1:7"),
    ("a @ ; b", "", "BG105", "text:1:5"),
    ("a\nb c", "", "BG105", "text:2:3"),
    ("x < y < z", "", "BG105", "text:1:7"),
    ("sum(x, 0, y, z)", "", "BG105", "text:1:1"),
    ("sum(x, axis=x)", "", "BG105", "text:1:13"),
    ("sum(x, axis=0.5)", "", "BG105", "text:1:13"),
    ("softmax(x, axis=(0, 1))", "", "BG105", "text:1:17"),
    ("sum(x, keepdims=1)", "", "BG105", "text:1:17"),
    ("sum(x, axs=0)", "", "BG105", "text:1:12"),
    ("sum(x, axis=0, axis=1)", "", "BG105", "text:1:16"),
    ("sum(x, 0, axis=1)", "", "BG105", "text:1:16"),
    ("sum(axis=0, x)", "", "BG105", "text:1:13"),
    ("sum()", "", "BG105", "text:1:1"),
    ("relu()", "", "BG105", "text:1:1"),
    ("relu(x, y)", "", "BG105", "text:1:1"),
    ("relu(x, axis=0)", "", "BG105", "text:1:1"),
    ("cross_entropy(U)", "", "BG105", "text:1:1"),
    ("cross_entropy(U, y, reduction='max')", "", "BG105", "text:1:31"),
    ("sum(relu)", "", "BG105", "text:1:5"),
    ("y = H + 1; H = x", "", "BG105", "text:1:5"),
    ("y = x; y = z", "", "BG105", "text:1:8"),
    ("x[]", "", "BG105", "text:1:3"),
    ("x[y]", "", "BG105", "text:1:3"),
    ("x[0.5]", "", "BG105", "text:1:3"),
    ("", "", "BG105", "text:1:1"),
    ("  ;\n ", "", "BG105", "text:1:1"),
    ("x" * 41, "", "BG105", "text:1:1"),
    ("sum(x)", "x", "BG106", "shapes:1:1"),
    ("sum(x)", "x:m, y", "BG106", "shapes:1:6"),
    ("sum(x)", "x:m, x:n", "BG106", "shapes:1:6"),
    ("sum(x)", "x:-1", "BG106", "shapes:1:1"),
    ("sum(x)", "x:m+1", "BG106", "shapes:1:1"),
    ("sum(x)", "x:1 2 3 4 5 6 7 8 9", "BG106", "shapes:1:1"),
    ("sum(x)", "y:m", "BG106", "shapes: y"),
    ("x = 3; x**2", "x:m", "BG106", "shapes: x"),
    ("sum(x²)", "", "BG105", "text:1:6"),
    ("sum(x)", "x" * 41 + ":m", "BG106", "shapes:1:1"),
    ("sum(X@W)", "X:m 5, W:3 h", "BG101", "text:1:6 matmul"),
    ("sum(x + y)", "x:m, y:n", "BG101", "text:1:7 add"),
    ("sum(A@x + A.T@y + x@y)", "A:3 4", "BG101", "text:1:9 add"),
    ("cross_entropy(U, y)", "U:m k, y:n", "BG101", "text:1:1 cross_entropy"),
    ("sum(2@x)", "", "BG101", "text:1:6 matmul"),
    ("sum(concatenate(a, b))", "a:3 4, b:3 5", "BG101", "text:1:5 concatenate"),
    ("sum(reshape(x, (2, 3)))", "x:7", "BG101", "text:1:5 reshape"),
    ("sum(x, axis=2)", "x:3 4", "BG103", "text:1:1 sum"),
    ("x[0, 0]", "x:3", "BG103", "text:1:2 getitem"),
    ("sum(transpose(X, (0, 0)))", "X:2 3", "BG103", "text:1:5 transpose"),
    ("sum(argmax(X, axis=1))", "", "BG102", "text:1:1 sum"),
    ("cross_entropy(U, y, label_smoothing=2)", "", "BG109", "text:1:1 cross_entropy"),
    ("sum(einsum('ij', A, B))", "", "BG109", "text:1:5 einsum"),
    ("sum(x[0:3])", "", "BG107", "text:1:6"),
    ("sum(x[:, 0])", "", "BG107", "text:1:6"),
    ("sum(x, axis=1)", "", "BG107", "text:1:1"),
    ("X@W", "", "BG108", "text:1:1"),
    ("U = X@W\nrelu(U)", "", "BG108", "text:2:1"),
    ("X@W + 0*b", "", "BG108", "text:1:1"),
    ("(X@W + b)*c", "", "BG108", "text:1:2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shapes", "code", "where"), ERRORS)
def test_errors_say_where(text: str, shapes: str, code: str, where: str) -> None:
    with pytest.raises(GraphError) as caught:
        bg.parse(text, shapes=shapes)
    assert (caught.value.code, caught.value.where) == (code, where)
    assert "?" not in str(caught.value).replace("did you mean", "").rstrip("?"), "placeholders are named in errors"
    assert_one_line(caught.value)


def assert_one_line(error: BackgraphError) -> None:
    line = str(error)
    assert error.code in CATALOGUE
    assert "\n" not in line
    assert len(line) <= 240, line


def test_a_mismatch_shows_both_operands_and_the_dimension() -> None:
    with pytest.raises(GraphError) as caught:
        bg.parse("sum(relu(X@W1)@W2)", shapes="W1:d 5, W2:3 k")
    assert str(caught.value) == (
        "error[BG101] text:1:15 matmul: dimension k is 5 and 3; got relu(X@W1) m×5, W2 3×k, expected (m,k),(k,n)->(m,n)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "x" + ")" * 10_000, "x" + "+x" * 100_000, "x" + "+x" * 2_900, "-" * 5_000 + "x",
        "**".join("x" * 3_000), "9**9**9**9", "x**9**9**9", "9" * 5_000, "relu(" * 4_000 + "x", "x" + "[0]" * 1_500,
        "x" + ".T" * 2_000, "+".join(f"x{i}" for i in range(2_000)), "[" * 3_000, "x=" * 2_000, "x[" * 2_000,
        "x=reshape(outer(a,a),(-1,))\n" + "\n".join(
            f"x{i}=reshape(outer(x{i - 1 if i else ''},x{i - 1 if i else ''}),(-1,))" for i in range(60)
        ) + "\nsum(x59)",
        "x=concatenate(" + ",".join(f"a{i}" for i in range(90)) + ")\nsum(reshape(outer(x, x), (-1,)))",
    ],
    ids=range(17),
)  # fmt: skip
def test_hostile_text_is_refused_or_read_at_once(text: str) -> None:
    def read() -> None:
        try:
            bg.parse(text)
        except BackgraphError as error:
            assert_one_line(error)

    assert processor_seconds(read) < 1


def test_a_deep_network_is_read() -> None:
    layers = ";".join(f"H{i + 1}=relu(H{i}@W{i}+b{i})" for i in range(100))
    program = bg.parse(f"{layers};cross_entropy(H100@V, y)", shapes={"H0": ("m", "d")})
    assert shape_text(program.leaves["W50"].shape) == "h50×h51"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(X@W + b)", "X is a matrix m×d (upper case); W is a matrix d×h (upper case); b fits into m×h"),
        ("sum(x)", "the shape of x is open"),
        ("lam*sum(x)", "lam is a scalar, as the cost is; the shape of x is open"),
        (
            "z = W@x + b; nll(softmax(z), t)",
            "W is a matrix k×d (upper case); x is a vector d (lower case); b is taken as k; t holds integer labels",
        ),
        ("cross_entropy(U, y)", "U is a matrix m×k (upper case); y holds integer labels m"),
    ],
)
def test_assumptions_are_said(text: str, expected: str) -> None:
    assert "; ".join(bg.parse(text).assumptions) == expected


def test_annotated_names_are_no_assumptions() -> None:
    assert bg.parse("sum(X@W)", shapes="X:m d, W:d h").assumptions == ()


def test_roles() -> None:
    program = bg.parse(EXAMPLE, wrt=["W1", "W2"])
    assert [node.op.role for node in program.leaves.values()] == ["input", "parameter", "parameter", "labels", "input"]  # type: ignore[attr-defined]
    with pytest.raises(GraphError, match=r"BG104.*did you mean W1"):
        bg.parse(EXAMPLE, wrt=["W11"])


def test_names_and_outputs() -> None:
    program = bg.parse("U = X@W; p = softmax(U); J = cross_entropy(U, y)")
    assert list(program.names) == ["X", "W", "U", "p", "y", "J"]
    assert program.cost is program.names["J"]
    assert program.outputs == (program.names["p"], program.cost)
    assert program.names["p"].op.name == "softmax"


def test_dtype_reaches_every_leaf_and_number() -> None:
    program = bg.parse("1/2*sum(x**2) + sum(one_hot(y, 3)@w) + size(m)", dtype="float32")
    assert {node.dtype for node in topological_order([program.cost])} == {"float32", "int64"}
    with pytest.raises(GraphError, match="BG102"):
        bg.parse("sum(x)", dtype="float16")


def test_a_cost_need_not_be_a_scalar() -> None:
    assert shape_text(bg.parse("relu(X@W)", scalar_cost=False).cost.shape) == "m×h"


def test_equality_of_labels_keeps_integers() -> None:
    program = bg.parse("cross_entropy(U, y) + 0*mean(where(y == 1, 1, 0))", shapes="U:m 3, y:m")
    values = {program.leaves["U"]: np.zeros((2, 3)), program.leaves["y"]: np.array([0, 1])}
    assert bg.evaluate(program.cost, values) == pytest.approx(math.log(3))


def test_the_gradient_of_the_example() -> None:
    program = bg.parse(EXAMPLE)
    rng = np.random.default_rng(0)
    sizes = {"X": (5, 4), "W1": (4, 3), "W2": (3, 2), "lam": ()}
    values = {program.leaves[name]: rng.normal(size=shape) for name, shape in sizes.items()}
    values[program.leaves["y"]] = np.array([0, 1, 1, 0, 1])
    X, W1, W2, lam = (values[program.leaves[name]] for name in sizes)
    U2 = np.maximum(X @ W1, 0) @ W2
    P = np.exp(U2) / np.exp(U2).sum(axis=1, keepdims=True)
    G = (P - np.eye(2)[[0, 1, 1, 0, 1]]) / 5
    expected = np.maximum(X @ W1, 0).T @ G + 2 * lam * W2
    found = bg.evaluate(bg.gradient(program.cost, program.leaves["W2"])[0], values)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_letter_that_names_a_function_too_can_name_an_input() -> None:
    program = bg.parse("sum(T@v) + sum(T(T) * T.T)", shapes="T:m d")
    T, v = program.leaves["T"], program.leaves["v"]
    assert program.cost is bg.sum(T @ v) + bg.sum(T.T * T.T)
    assert bg.parse("sum(T@v) + sum(T(T) * T.T)").leaves["T"].rank == 2


def test_a_word_that_names_a_function_is_no_input_unless_its_shape_is_told() -> None:
    with pytest.raises(GraphError, match=r"got mean\. write mean\(…\); for an input choose another name, or tell"):
        bg.parse("sum(mean)")
    assert list(bg.parse("sum(mean)", shapes="mean:m").leaves) == ["mean"]


def test_an_open_bias_takes_any_shape_that_fits() -> None:
    program = bg.parse("sum((X@W + b)**2)")
    dW = bg.gradient(program.cost, program.leaves["b"])[0]
    X, W = np.ones((5, 4)), np.ones((4, 3))
    for b in (np.array(0.5), np.ones(3), np.ones((5, 1))):
        values = {program.leaves["X"]: X, program.leaves["W"]: W, program.leaves["b"]: b}
        assert bg.evaluate(dW, values).shape == b.shape


# The table of functions


def test_the_page_lists_every_operation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)\(", page, re.MULTILINE)
    assert sorted(rows) == [name for name in function_names() if name not in ("T", "getitem")]


def test_every_public_function_can_be_called_from_text() -> None:
    builders = {"input", "labels", "parameter", "constant", "symbol", "parse", "evaluate", "gradient", "absolute"}
    builders |= {"random_mask"}  # dropout applies it
    public = {name for name in bg.__all__ if name.islower()}
    language = {
        name for name in public if getattr(getattr(bg, name), "__module__", "").startswith("backgraph.language")
    }
    language |= {name for name in public if isinstance(getattr(bg, name), Elementwise)}
    assert language - builders <= set(function_names())


def test_cards_behind_functions_need_no_place_of_their_own() -> None:
    hidden = {name for name in CARDS if function_named(name) is None}
    assert hidden <= {"variable", "constant", "size_of", "slice", "place", "sum_to", "scatter_add"} | {
        name for name, card in CARDS.items() if name not in FUNCTIONS and not isinstance(card, (Elementwise, Operation))
    }


def test_a_registered_operation_can_be_called() -> None:
    name = "test_parse_cube"
    try:
        Elementwise(name, "x³", lambda x: x**3, lambda G, y, x: 3 * x**2 * G)
        assert shown_shapes(f"sum({name}(A@x))") == "A:m×d, x:d"
    finally:
        CARDS.pop(name, None)


# The same graph as Python's

NAMES = ("x", "y", "z")
UNARY = ("relu", "tanh", "exp", "sigmoid", "softplus", "square", "-", "abs", "softmax")
OPERATORS = ("+", "-", "*", "/", "**", "@")


def written(depth: int) -> st.SearchStrategy[str]:
    atoms = st.sampled_from(NAMES) | st.sampled_from(("2", "0.5", "3.0"))
    if depth == 0:
        return atoms
    below = written(depth - 1)
    return st.one_of(
        atoms,
        st.builds(lambda f, a: f"-{a}" if f == "-" else f"{f}({a})", st.sampled_from(UNARY), below),
        st.builds(lambda a, op, b: f"{a} {op} {b}", below, st.sampled_from(OPERATORS), below),
        st.builds(lambda a: f"({a})", below),
        st.builds(lambda a: f"sum({a})", below),
    )


@given(written(4))
def test_the_graph_is_the_one_python_builds(text: str) -> None:
    """With all leaves vectors, text and Python fail alike or build the same node."""
    text = f"sum(x + y + z)*0 + {text}"
    try:
        program = bg.parse(text, shapes="x:n, y:n, z:n", scalar_cost=False)
    except GraphError:
        program = None
    names = {name: bg.input(name, ("n",)) for name in NAMES} if program is None else dict(program.leaves)
    functions = {name: getattr(bg, name) for name in UNARY if name not in ("-", "abs")} | {
        "sum": bg.sum,
        "abs": bg.absolute,
    }
    try:
        built = eval(text, {"__builtins__": {}}, {**functions, **names})  # the oracle: Python reads the same text
    except (BackgraphError, TypeError, AttributeError, OverflowError):
        return  # numbers alone have no shapes in Python
    if isinstance(built, bg.Node) and _only_nodes_and_numbers(text):
        assert program is not None
        assert program.cost is built


def _only_nodes_and_numbers(text: str) -> bool:
    """Whether no operator joins two numbers: Python computes those, text makes them nodes."""
    return not any(
        isinstance(node, ast.BinOp) and _is_number(node.left) and _is_number(node.right)
        for node in ast.walk(ast.parse(text, mode="eval"))
    )


def _is_number(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.BinOp) and _is_number(node.left) and _is_number(node.right)
    )


@given(written(5))
def test_precedence_is_that_of_python(text: str) -> None:
    (statement,) = statements(Source(text))
    assert _from_tree(statement.value) == _from_python(ast.parse(text, mode="eval").body)


SYMBOLS = {"Add": "add", "Sub": "sub", "Mult": "mul", "Div": "div", "Pow": "power", "MatMult": "matmul"}


def _from_tree(tree: Tree) -> object:
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Identifier):
        return tree.name
    assert isinstance(tree, Call)
    return (tree.function, *map(_from_tree, tree.arguments))


def _from_python(node: ast.AST) -> object:
    match node:
        case ast.Constant(value=value):
            return float(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return name
        case ast.UnaryOp(operand=operand):
            of = _from_python(operand)
            return -of if isinstance(of, float) else ("neg", of)
        case ast.BinOp(left=left, op=op, right=right):
            return (SYMBOLS[type(op).__name__], _from_python(left), _from_python(right))
        case ast.Call(func=ast.Name(id=name), args=args):
            return (name, *map(_from_python, args))
        case _:
            raise AssertionError(ast.dump(node))


# Nothing but BackgraphError

PIECES = st.sampled_from(
    [*"()[],:=+-*/@<>.;\n#'\" ", "**", "==", "...", ".T", "x", "X", "y", "W1", "λ", "1", "0", "-1", "2.5", "1e9",
     "axis=", "keepdims=True", "None", "reduction='sum'", "weights=", "lambda", "pi", "é", "²", "\0", "\u202e"]
    + [f"{name}(" for name in function_names()]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from(["", "x:m, X:m d", "x:3", "X:2 3, y:2"]))
def test_no_text_raises_anything_else(text: str, shapes: str) -> None:
    try:
        bg.parse(text, shapes=shapes)
    except BackgraphError as error:
        assert_one_line(error)


@given(st.text(max_size=60), st.text(max_size=30))
def test_no_characters_raise_anything_else(text: str, shapes: str) -> None:
    try:
        bg.parse(text, shapes=shapes)
    except BackgraphError as error:
        assert_one_line(error)


CALLS = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["x", "y", "X", "W", "b", "A", "2", "0.5"]),
        st.builds(
            lambda name, given, options: f"{name}({', '.join([*given, *options])})",
            st.sampled_from(function_names()),
            st.lists(CALLS, min_size=1, max_size=3),
            st.lists(st.sampled_from(["axis=0", "axis=-1", "axis=(0,1)", "keepdims=True", "reduction=none", "q=0.1"]),
                     max_size=1),
        ),
        st.builds(lambda a, op, b: f"({a}) {op} ({b})", CALLS, st.sampled_from([*OPERATORS, "<", "=="]), CALLS),
        st.builds(lambda a, b: f"({a}){b}", CALLS, st.sampled_from([".T", "[0]", "[:, 0]", "[..., None]", "[1:3]"])),
    )
)  # fmt: skip


@given(CALLS, st.sampled_from(["", "", "x:3", "X:2 3", "x:m, X:m d"]), st.booleans())
def test_what_is_solved_is_what_is_built(text: str, shapes: str, scalar: bool) -> None:
    """Well-formed calls: an error of the catalogue, or a graph whose leaves are those of the text."""
    given_names = {entry.split(":")[0].strip() for entry in shapes.split(",") if entry}
    shapes = shapes if all(re.search(rf"\b{name}\b", text) for name in given_names) else ""
    try:
        program = bg.parse(text, shapes=shapes, scalar_cost=scalar)
    except BackgraphError as error:
        assert_one_line(error)
    else:
        assert set(leaves([program.cost])) <= set(program.leaves.values())


@pytest.mark.parametrize(
    ("text", "wrt", "words"),
    [
        ("sum(X^2)", (), r"text:1:6: .*got \^2\)\. powers are written \*\*"),
        ("sum(W1**2)", ("W2",), r"--wrt: the text has no such name; got W2\. did you mean W1\?"),
        ("sum(X**2)", ("alpha",), r"--wrt: the text has no such name; got alpha\. names are X"),
    ],
)
def test_slips_of_the_pen_are_understood(text: str, wrt: tuple[str, ...], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        bg.parse(text, wrt=wrt)
