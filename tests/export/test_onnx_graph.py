"""Every operation in ONNX, run by ONNX Runtime, is what the evaluator gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

import backgraph as bg
from backgraph.calculus.numerical import size_of_terms
from backgraph.errors import GraphError, UsageError
from backgraph.evaluate import evaluate
from backgraph.export.onnx_graph import to_onnx
from backgraph.export.onnx_spelling import SPELLING
from backgraph.language.node import Node
from backgraph.language.op import CARDS, Array
from backgraph.language.walk import topological_order
from tests.language.samples import SAMPLES, Sample
from tests.random_graphs import Graph, graphs

WITHOUT = {"variable", "random_mask"}
"""Cards that need no spelling: an input is no operation, and random masks belong to training."""


def test_every_card_is_spelled() -> None:
    assert set(CARDS) - WITHOUT <= set(SPELLING)


def ran(model: Any, values: Mapping[Node, Array]) -> list[Array]:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime runs the models")
    quiet = runtime.SessionOptions()
    quiet.log_severity_level = 4
    session = runtime.InferenceSession(model.SerializeToString(), quiet, providers=["CPUExecutionProvider"])
    given = {each.name for each in session.get_inputs()}
    return session.run(
        None, {str(leaf.op): np.asarray(array) for leaf, array in values.items() if str(leaf.op) in given}
    )


@pytest.mark.oracle
@pytest.mark.parametrize("sample", [s for name in SAMPLES if name not in WITHOUT for s in SAMPLES[name]], ids=str)
def test_operations(sample: Sample) -> None:
    pytest.importorskip("onnx")
    node, _, values = sample.build("float32")
    (found,) = ran(to_onnx(node), values)
    expected = np.asarray(evaluate(node, values))
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def bound(outputs: list[Node], values: Mapping[Node, Array], factor: float) -> list[Array]:
    return [factor * np.maximum(np.asarray(size), 1e-30) for size in size_of_terms(outputs, values)]


@pytest.mark.oracle
@given(graphs(largest=20))
@settings(
    max_examples=max(8, settings().max_examples // 5),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_random_graphs(graph: Graph) -> None:
    pytest.importorskip("onnx")
    outputs, values = graph
    assume(not any(node.op.name in WITHOUT - {"variable"} for node in topological_order(outputs)))
    found = ran(to_onnx({f"out{n}": node for n, node in enumerate(outputs)}), values)
    for ours, theirs, allowed in zip(evaluate(outputs, values), found, bound(outputs, values, 1e-12), strict=True):
        assert np.all(abs(np.asarray(ours) - theirs) <= allowed)


def example() -> tuple[dict[str, Node], dict[Node, Array]]:
    X, y = bg.input("X", ("m", 5), "float32"), bg.labels("y")
    W1, W2 = bg.parameter("W1", (5, 8), "float32"), bg.parameter("W2", (8, 3), "float32")
    J = bg.cross_entropy(bg.relu(X @ W1) @ W2, y) + 0.01 * (bg.sum(W1**2) + bg.sum(W2**2))
    dW1, dW2 = bg.simplify(bg.gradient(J, [W1, W2]).nodes).nodes
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype("float32") for shape in ((7, 5), (5, 8), (8, 3))]
    values: dict[Node, Array] = {X: arrays[0], W1: arrays[1], W2: arrays[2], y: rng.integers(0, 3, 7)}
    return {"J": J, "gradient of W1": dW1, "gradient of W2": dW2}, values


@pytest.mark.oracle
def test_a_gradient_graph_with_any_batch(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    outputs, values = example()
    path = tmp_path / "gradient.onnx"
    to_onnx(outputs, path)
    model = onnx.load(path)
    assert {each.domain for each in model.opset_import} == {""}
    for rows in (7, 1):
        some = {leaf: array[:rows] if str(leaf.op) in "Xy" else array for leaf, array in values.items()}
        for ours, theirs in zip(evaluate(list(outputs.values()), some), ran(model, some), strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-6)


@pytest.mark.oracle
def test_values_become_part_of_the_model() -> None:
    pytest.importorskip("onnx")
    outputs, values = example()
    kept = {leaf: array for leaf, array in values.items() if str(leaf.op).startswith("W")}
    model = to_onnx(outputs["J"], values=kept)
    assert [each.name for each in model.graph.input] == ["X", "y"]
    np.testing.assert_allclose(ran(model, values)[0], evaluate(outputs["J"], values), rtol=1e-5)


@pytest.mark.oracle
def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    x, key = bg.input("x", ("m",)), bg.input("key", (), "int64")
    with pytest.raises(GraphError, match=r"BG104.*dropout"):
        to_onnx(bg.sum(bg.dropout(x, key)), tmp_path / "model.onnx")
    with pytest.raises(UsageError, match=r"BG601.*an input has this name"):
        to_onnx({"x": bg.exp(x)})
    with pytest.raises(UsageError, match=r"BG601.*two variables have the same name"):
        to_onnx({"y": bg.exp(x) + bg.input("x", ("m",))})
    assert not list(tmp_path.iterdir())


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(UsageError, match=r"BG602.*backgraph\[onnx\]"):
        to_onnx(bg.input("x", ()) * 2.0)
