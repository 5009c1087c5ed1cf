"""NumPy source: every operation has a spelling, and running the source gives what the evaluator gives."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import backgraph as bg
from backgraph.calculus.backprop import gradient
from backgraph.errors import BackgraphError
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import BUILT_IN
from backgraph.language.ops.shape import Place
from backgraph.language.walk import leaves
from backgraph.show.explain import explain
from backgraph.show.numpy_helpers import HELPERS
from backgraph.show.numpy_spelling import SPELLING
from tests.language.samples import SAMPLES
from tests.random_graphs import Graph, graphs, leaves_in
from tests.show.networks import Case, deep, example, page, three_layers

PAGE = page()
SIZES = {"m": 4, "n": 3, "h": 5, "k": 3, "b": 4, "d": 3, "p": 2, "q": 5, "c": 3, "a": 2, "r": 2}


def run(source: str) -> Any:
    """The function that a source defines."""
    tree = ast.parse(source)
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert imported == ["numpy"]
    names: dict[str, Any] = {}
    exec(compile(tree, "source", "exec"), names)
    return names["cost_and_gradients"]


def values_of(case: Case) -> dict[Node, Any]:
    draw = np.random.default_rng(0)
    values: dict[Node, Any] = {}
    for leaf in leaves([case.cost]):
        shape = [dim.at(SIZES) if not isinstance(dim, int) else dim for dim in leaf.shape]  # type: ignore[union-attr]
        integers = draw.integers(0, 2, shape)
        values[leaf] = integers if leaf.dtype == "int64" else draw.uniform(0.2, 1.0, shape).astype(leaf.dtype)
    return values


def agrees(cost: Node, wrt: list[Node], values: Mapping[Node, Any], names: dict[Node, str] | None = None) -> str:
    source = explain(cost, wrt, names or {}, format="numpy").numpy()
    function = run(source)
    arguments = {name: values[leaf] for name, leaf in zip(ast_arguments(source), _leaves(cost, wrt), strict=True)}
    found, gradients = function(**arguments)
    expected = bg.evaluate([cost, *gradient(cost, wrt).nodes], values)
    tolerance = 1e-4 if cost.dtype == "float32" else 1e-10
    for name, got, wanted in zip(["J", *gradients], [found, *gradients.values()], expected, strict=True):
        assert np.shape(got) == wanted.shape, f"{name}\n{source}"
        assert np.asarray(got).dtype == wanted.dtype, f"{name}\n{source}"
        scale = 1 + np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance * scale, err_msg=source)
    return source


def ast_arguments(source: str) -> list[str]:
    (function,) = [
        f for f in ast.parse(source).body if isinstance(f, ast.FunctionDef) and f.name == "cost_and_gradients"
    ]
    return [argument.arg for argument in function.args.kwonlyargs]


def _leaves(cost: Node, wrt: list[Node]) -> list[Node]:
    return leaves([cost, *wrt])


def test_every_operation_has_a_spelling() -> None:
    assert SPELLING.keys() | {"variable"} == BUILT_IN


def test_every_helper_runs_by_itself() -> None:
    for source in HELPERS.values():
        ast.parse(source)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - {"variable"}))
def test_every_sample(name: str, dtype: str) -> None:
    for sample in SAMPLES[name] if dtype == "float64" else SAMPLES[name][:2]:
        if dtype == "float32" and "float64" in str(vars(sample.op)):
            continue
        node, inputs, values = sample.build(dtype)
        s = bg.parameter("s", (), dtype)
        losses = node if node.dtype in FLOATS else bg.cast(node, dtype)
        cost = bg.sum(bg.sin(bg.cast(losses, dtype))) * s
        agrees(cost, [s, *_reached(cost, inputs)], {**values, s: np.asarray(0.7, dtype)})


def _reached(cost: Node, inputs: tuple[Node, ...]) -> list[Node]:
    found: list[Node] = []
    for leaf in inputs:
        try:
            gradient(cost, leaf)
        except BackgraphError:
            continue
        found.append(leaf)
    return found


@given(graphs(largest=25))
def test_random_graphs(graph: Graph) -> None:
    (cost, *_), values = graph
    wrt = _reached(cost, tuple(leaves_in(values)))
    if wrt:
        agrees(cost, wrt, values)


@pytest.mark.nightly
@given(graphs(largest=40))
def test_random_graphs_long(graph: Graph) -> None:
    (cost, *_), values = graph
    wrt = _reached(cost, tuple(leaves_in(values)))
    if wrt:
        agrees(cost, wrt, values)


@pytest.mark.parametrize("case", [*PAGE.values(), example(), example(False), three_layers(), deep(5)])
def test_costs(case: Case) -> None:
    agrees(case.cost, case.wrt, values_of(case), case.names)


def test_the_example_reads_as_the_explanation() -> None:
    source = explain(*example()).numpy()
    for line in (
        "U1 = X @ W1  # U⁽¹⁾ = X W⁽¹⁾",
        "G = (softmax(U2) - one_hot(y, k)) / m  # G = (softmax(U⁽²⁾) − onehot(y))/m",
        "grad_W2 = H.T @ G + 2 * lam * W2  # ∇W⁽²⁾ J = Hᵀ G + 2λ W⁽²⁾",
        "grad_H = G @ W2.T  # ∇H J = G W⁽²⁾ᵀ",
        "grad_W1 = X.T @ G_prime + 2 * lam * W1  # ∇W⁽¹⁾ J = Xᵀ G' + 2λ W⁽¹⁾",
    ):
        assert line in source


def test_what_does_not_fit_is_refused() -> None:
    function = run(explain(*example()).numpy())
    good = {"X": np.ones((4, 3)), "W1": np.ones((3, 5)), "W2": np.ones((5, 2)), "y": [0, 1, 1, 0], "lam": 0.1}
    J, gradients = function(**good)
    assert list(gradients) == ["W1", "W2"]
    assert np.shape(J) == ()
    for wrong, words in (
        ({"W1": np.ones((4, 5))}, "W1: expected nxh, got the shape (4, 5); n is 3 elsewhere"),
        ({"X": np.ones(4)}, "X: expected mxn, got the shape (4,)"),
        ({"y": [0.5, 1, 1, 0]}, "y: expected int64, got float64"),
        ({"y": [0, 1, 2, 0]}, "labels must be 0 ... 1"),
    ):
        with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")):
            function(**{**good, **wrong})


def test_names_that_python_does_not_take() -> None:
    x, weight, keyword = bg.parameter("x-1", (2,)), bg.parameter("权重", (2,)), bg.parameter("np", (2,))
    source = agrees(
        bg.sum(x * weight * keyword), [x, weight, keyword], {x: np.ones(2), weight: np.ones(2), keyword: np.ones(2)}
    )
    assert "权重" in source


def test_constant_arrays_and_compound_sizes() -> None:
    x, z = bg.parameter("x", (3,)), bg.input("z", (bg.symbol("n") + 1,))
    w = bg.input("w", ("n",))
    cost = bg.sum(x * bg.constant(np.array([1.0, 2.5, -3.0]))) + bg.sum(z) * bg.sum(w)
    source = agrees(cost, [x], {x: np.ones(3), z: np.ones(4), w: np.ones(3)})
    with pytest.raises(ValueError, match="z: axis 0 is not n"):
        run(source)(x=np.ones(3), z=np.ones(3), w=np.ones(3))


def test_open_shapes() -> None:
    source = bg.explain_text("mean(sigmoid(a*b+c))", ["a"], format="numpy").numpy()
    a, b, c = np.ones((2, 3)), np.full(3, 0.5), np.array(0.25)
    J, gradients = run(source)(a=a, b=b, c=c)
    y = 1 / (1 + np.exp(-(a * b + c)))
    np.testing.assert_allclose(J, y.mean())
    np.testing.assert_allclose(gradients["a"], y * (1 - y) * b / 6)


def test_a_card_without_a_spelling_is_named() -> None:
    card = bg.Elementwise("unspelled", "x", lambda x: x, lambda G, y, x: G)
    try:
        x = bg.parameter("x", (2,))
        with pytest.raises(BackgraphError, match="unspelled: has no NumPy spelling"):
            explain(bg.sum(card(x)), [x]).numpy()
    finally:
        bg.CARDS.pop("unspelled")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_golden(golden: Any, lang: str) -> None:
    golden(f"show/example.{lang}.py.txt", explain(*example(), lang=lang, format="numpy").numpy())


@pytest.mark.parametrize("bounds", [(5, -1), (6, -1), (1, 1), (0, 2)])
def test_places_of_symbolic_length(bounds: tuple[int, int]) -> None:
    """Forwards, backwards to the first element and from further on, with steps."""
    x = bg.parameter("x", ("m",))
    start, step = bounds
    placed = Place((9,), ((start, x.shape[0], step),)).apply(x)  # type: ignore[index]
    both = bg.concatenate(placed, x)
    agrees(bg.sum(both**3), [x], {x: np.array([0.5, 2.0, -1.5, 0.25])})
    if (start, step) == (5, -1):
        agrees(bg.sum(placed**3), [x], {x: np.arange(6.0)})
