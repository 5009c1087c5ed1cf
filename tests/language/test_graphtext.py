"""Graphs as text: read back to the same graph; anything else is refused, and never more than read."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backgraph as bg
from backgraph.errors import GraphError
from backgraph.evaluate import evaluate
from backgraph.language.dims import Open, symbol
from backgraph.language.graphtext import graph_text, read_graph
from backgraph.language.node import Node
from backgraph.language.op import CARDS, Operation
from backgraph.language.ops.leaf import Constant, Variable
from backgraph.language.ops.shape import reshape
from backgraph.language.walk import leaves, topological_order
from tests.language.samples import ALL, Sample
from tests.random_graphs import Graph, graphs


def named(outputs: list[Node]) -> dict[str, Node]:
    return {f"out {n}": node for n, node in enumerate(outputs)}


def sample() -> str:
    X, y = bg.input("X", ("m", 3)), bg.labels("y")
    W = bg.parameter("W", (3, 2))
    return graph_text({"J": bg.cross_entropy(X @ W, y) + 0.5 * bg.sum(W**2), "a \" ': \n": X @ W})


TEXT = sample()


@given(graphs(largest=20))
def test_a_graph_is_read_back(graph: Graph) -> None:
    outputs, values = graph
    text = graph_text(named(outputs))
    again = read_graph(text)
    assert graph_text(again) == text
    theirs = dict(zip(leaves(again.values()), [values[leaf] for leaf in leaves(outputs)], strict=True))
    if theirs:
        assert [x.tobytes() for x in evaluate(list(again.values()), theirs)] == [
            x.tobytes() for x in evaluate(outputs, {leaf: values[leaf] for leaf in leaves(outputs)})
        ]


def test_a_gradient_is_read_back_in_the_same_order() -> None:
    cost = read_graph(TEXT)["J"]
    text = graph_text(
        {"gradient": bg.gradient(cost, [leaf for leaf in leaves([cost]) if str(leaf.op) == "W"]).nodes[0]}
    )
    assert graph_text(read_graph(text)) == text
    assert len(text.splitlines()) == len(topological_order(read_graph(text).values())) + 2


@pytest.mark.parametrize(
    "node",
    [
        bg.constant(np.array([1.0, -0.0, np.nan])),
        bg.constant(np.array([[True]])),
        bg.constant(7),
        bg.size("n"),
        bg.eye("n"),
        reshape(bg.input("x", ("m", 6)), (2 * symbol("m"), 3)),
        bg.input("x", Open(frozenset({"x", "y"}))),
        bg.cast(bg.input("x", ()), "float32"),
        bg.input("x", ("m", 6))[:, ::-2],
    ],
    ids=repr,
)
def test_parameters_of_every_kind_come_back(node: Node) -> None:
    (again,) = read_graph(graph_text({"x": node})).values()
    assert (again.shape, again.dtype) == (node.shape, node.dtype)
    assert again.op == node.op or isinstance(node.op, Variable)


def test_two_leaves_of_one_name_stay_two() -> None:
    text = graph_text({"s": bg.input("x") + bg.input("x")})
    assert len(leaves(read_graph(text).values())) == 2


def test_a_deep_graph_is_read_back() -> None:
    x = bg.input("x")
    for _ in range(20_000):
        x = bg.sin(x)
    text = graph_text({"x": x})
    assert graph_text(read_graph(text)) == text


def test_a_user_s_operation_is_found_by_its_name() -> None:
    card = bg.Elementwise("softclip_of_a_test", "y", np.tanh, lambda G, y, x: G)
    try:
        text = graph_text({"y": card(bg.input("x"))})
        assert read_graph(text)["y"].op is card
    finally:
        del CARDS["softclip_of_a_test"]
    with pytest.raises(GraphError, match=r"BG110\] graph:3: unknown operation; got softclip_of_a_test"):
        read_graph(text)
    with pytest.raises(GraphError, match="found again by its name"):
        graph_text({"y": card(bg.input("x"))})


REFUSED = {
    "empty": ("", r"graph:1.*expected graph 1"),
    "newer": ("graph 2\n", r"graph:1"),
    "a node out of place": ("graph 1\nn1 = variable()\n", r"graph:2.*expected n0"),
    "a line of something else": ("graph 1\nimport os\n", r"graph:2"),
    "an operation that is near another": ("graph 1\nn0 = matmull()\n", r"did you mean matmul"),
    "a node that comes later": ("graph 1\nn0 = exp(n0)\n", r"graph:2"),
    "a missing output": ('graph 1\noutput "J" = n3\n', r"graph:2"),
    "parameters for a card without": ('graph 1\nn0 = exp() {"x": 1}\n', r"takes no parameters"),
    "too few operands": ("graph 1\nn0 = exp()\n", r"graph:2"),
    "missing parameters": ("graph 1\nn0 = variable()\n", r"other parameters"),
    "a parameter of a wrong type": ('graph 1\nn0 = eye() {"dim": "n", "of_dtype": "float64"}\n', r"wrong type"),
    "a boolean for a number": ('graph 1\nn0 = eye() {"dim": true, "of_dtype": "float64"}\n', r"wrong type"),
    "an unknown dtype": ('graph 1\nn0 = eye() {"dim": 1, "of_dtype": "object"}\n', r"dtype"),
    "a negative size": ('graph 1\nn0 = eye() {"dim": -1, "of_dtype": "float64"}\n', r"negative"),
    "a constant of other bytes": (
        'graph 1\nn0 = constant() {"bits": {"bytes": "AAAA"}, "of_dtype": "float64", "of_shape": [3]}\n', r"graph:2",
    ),
    "a polynomial without end": (
        'graph 1\nn0 = eye() {"dim": {"dim": [[1, {"m": 99999999}]]}, "of_dtype": "float64"}\n', r"graph:2",
    ),
    "a tag that is none": ('graph 1\nn0 = eye() {"dim": {"eval": "1"}, "of_dtype": "float64"}\n', r"graph:2"),
    "shapes that do not fit": (TEXT.replace("[3, 2]", "[4, 2]"), r"graph:\d+"),
    "a number without end": (f"graph 1\nn{'9' * 100_000} = variable()\n", r"graph:2"),
    "deep parameters": ("graph 1\nn0 = eye() {" + '"a":[' * 100_000 + "}\n", r"graph:2"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_other_texts_are_refused_with_their_line(name: str) -> None:
    text, pattern = REFUSED[name]
    with pytest.raises(GraphError, match=rf"BG110\] {pattern}|BG110.*{pattern}") as caught:
        read_graph(text)
    assert "\n" not in str(caught.value)


@given(st.integers(0, len(TEXT) - 1), st.text(max_size=3), st.integers(0, 20))
def test_a_changed_text_is_a_graph_or_refused(position: int, replacement: str, length: int) -> None:
    changed = TEXT[:position] + replacement + TEXT[position + length :]
    with contextlib.suppress(GraphError):
        outputs = read_graph(changed)
        assert graph_text(read_graph(graph_text(outputs))) == graph_text(outputs)


@pytest.mark.parametrize("sample", [each for each in ALL if not each.op.is_variable], ids=str)
def test_every_card_is_read_back(sample: Sample) -> None:
    node, _, values = sample.build()
    (again,) = read_graph(graph_text({"x": node})).values()
    assert again.op == node.op
    arrays = dict(zip(again.inputs, [values[leaf] for leaf in node.inputs], strict=True))
    assert np.asarray(evaluate(again, arrays)).tobytes() == np.asarray(evaluate(node, values)).tobytes()


def test_every_card_can_be_written_by_its_name() -> None:
    for name, card in CARDS.items():
        assert name == (card.name if isinstance(card, (Operation, type)) else "")
        assert " " not in name
        assert "(" not in name
    assert CARDS["constant"] is Constant
