"""Graphs as ONNX models: `to_onnx({"J": J, "dW": gradient}, path)` writes any graph, a gradient too.

Variables become inputs by their names; those given values become constants of the model. What is written is computed
by plain `ai.onnx` operations, so that any runtime can run it, and nothing else is in the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from backgraph.errors import GraphError, UsageError
from backgraph.export.onnx_spelling import SPELLING
from backgraph.export.onnx_writer import Name, Writer
from backgraph.language.node import Node
from backgraph.language.ops.leaf import Variable
from backgraph.language.walk import topological_order
from backgraph.train.disk import save_atomically


def to_onnx(
    outputs: Node | Mapping[str, Node],
    path: str | os.PathLike[str] | None = None,
    values: Mapping[Node, ArrayLike] | None = None,
) -> Any:
    """The ONNX model of `outputs`, by name; a single node is called "output". Written to `path` if there is one.

    `values` are arrays for variables, such as trained parameters, that become part of the model. Raises UsageError
    BG602 without the extra, BG601 for names that clash, GraphError BG104 for an operation that ONNX has no counterpart
    of, SaveError BG551.
    """
    named = {"output": outputs} if isinstance(outputs, Node) else dict(outputs)
    writer = Writer()
    names = write_leaves(writer, named, values or {})
    write_nodes(writer, named, names)
    for name, node in named.items():
        if name in {each.name for each in writer.inputs}:
            raise UsageError("BG601", "outputs", "an input has this name", got=name, hint="give the output another")
        writer.output(names[node], name, node.dtype, node.shape)
    model = writer.model("backgraph", {})
    if path is not None:
        save_model(path, model)
    return model


def save_model(path: str | os.PathLike[str], model: Any) -> None:
    """Write a model, atomically. Raises SaveError BG551."""

    def write(file: BinaryIO) -> None:
        file.write(model.SerializeToString())

    save_atomically(path, write)


def write_leaves(writer: Writer, outputs: Mapping[str, Node], values: Mapping[Node, ArrayLike]) -> dict[Node, Name]:
    """Variables as inputs of the model, or as constants where they have values."""
    names: dict[Node, Name] = {}
    for node in topological_order(list(outputs.values())):
        if not isinstance(node.op, Variable):
            continue
        if node in values:
            names[node] = writer.constant(np.asarray(values[node], node.dtype))
            continue
        if node.op.label in {each.name for each in writer.inputs}:
            raise UsageError("BG601", "inputs", "two variables have the same name", got=node.op.label)
        names[node] = writer.input(node.op.label, node.dtype, node.shape)
    return names


def write_nodes(writer: Writer, outputs: Mapping[str, Node], names: dict[Node, Name]) -> None:
    """Everything that `outputs` need and that has no name yet."""
    for node in topological_order(list(outputs.values())):
        if node in names:
            continue
        spell = SPELLING.get(node.op.name)
        if spell is None:
            hint = "leave dropout out of what is exported" if node.op.name == "random_mask" else None
            raise GraphError("BG104", node.op.name, "ONNX has no operations for this one", hint=hint)
        names[node] = spell(writer, node, *(names[x] for x in node.inputs))
