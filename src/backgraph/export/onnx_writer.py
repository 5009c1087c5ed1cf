"""Writes ONNX graphs: nodes and constants with fresh names, and sizes of dimensions as they are at run time.

A value is its name. Operations of the standard domain `ai.onnx` only, opset 19: the first whose `Equal` compares text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from backgraph.errors import UsageError
from backgraph.language.dims import Dim, Polynomial, Shape
from backgraph.language.op import Array

OPSET, IR_VERSION = 19, 9
TEXT = "text"
OWN = "backgraph/"
"""What the names of a model's inner values begin with."""
ELEMENT = {"float32": "FLOAT", "float64": "DOUBLE", "int64": "INT64", "bool": "BOOL", TEXT: "STRING"}
"""ONNX's names of dtypes."""

Name: TypeAlias = str


def onnx_module() -> ModuleType:
    """The package onnx. Raises UsageError BG602 where it is not installed."""
    try:
        for part in ("checker", "helper", "numpy_helper"):
            import_module(f"onnx.{part}")
        return import_module("onnx")
    except ImportError:
        hint = "type: pip install 'backgraph[onnx]'"
        raise UsageError("BG602", "ONNX", "the package onnx is not installed", hint=hint) from None


class Writer:
    """A graph in the making."""

    def __init__(self) -> None:
        self.onnx = onnx_module()
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], Name] = {}
        self._sizes: dict[str, tuple[Name, int]] = {}
        self._count = 0

    def input(self, name: str, dtype: str, shape: Shape) -> Name:
        """An input of the model; the symbols of its shape are known from then on.

        Raises UsageError BG601 for a name that is kept for inner values.
        """
        assert isinstance(shape, tuple)
        if name.startswith(OWN):
            raise UsageError(
                "BG601", "ONNX", "names that begin so are for the model's own", got=name, expected="another"
            )
        for axis, dim in enumerate(shape):
            if isinstance(dim, Polynomial) and str(dim) in dim.symbols:
                self._sizes.setdefault(str(dim), (name, axis))
        self.inputs.append(self._declared(name, dtype, shape))
        return name

    def output(self, value: Name, name: str, dtype: str, shape: Shape) -> None:
        """An output of the model."""
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        self.outputs.append(self._declared(name, dtype, shape))

    def _declared(self, name: str, dtype: str, shape: Shape) -> Any:
        dims = [dim if isinstance(dim, int) else str(dim) for dim in shape] if isinstance(shape, tuple) else None
        return self.onnx.helper.make_tensor_value_info(name, self.element(dtype), dims)

    def element(self, dtype: str) -> int:
        """ONNX's number of a dtype."""
        return int(getattr(self.onnx.TensorProto, ELEMENT[dtype]))

    def fresh(self) -> Name:
        """A name that no input has."""
        self._count += 1
        return f"{OWN}{self._count}"

    def op(self, kind: str, *inputs: Name, **attributes: Any) -> Name:
        """The result of one operation."""
        result = self.fresh()
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [result], **attributes))
        return result

    def constant(self, array: Array) -> Name:
        """An array that is part of the model; equal ones once."""
        key = (array.dtype.name, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self.fresh()
            self.constants.append(self.onnx.numpy_helper.from_array(np.asarray(array, order="C"), self._known[key]))
        return self._known[key]

    def number(self, value: float, dtype: str) -> Name:
        """A scalar."""
        return self.constant(np.asarray(value, dtype))

    def integers(self, *values: int) -> Name:
        """A row of integers, such as axes."""
        return self.constant(np.array(values, np.int64))

    def texts(self, values: Sequence[str]) -> Name:
        """A row of text."""
        name = self.fresh()
        encoded = [value.encode() for value in values]
        self.constants.append(self.onnx.helper.make_tensor(name, self.element(TEXT), [len(encoded)], encoded))
        return name

    def cast(self, value: Name, dtype: str) -> Name:
        """The value in another dtype."""
        return self.op("Cast", value, to=self.element(dtype))

    def dim(self, dim: Dim) -> Name:
        """A dimension as a row of one integer, worked out from the shapes of the inputs where it is symbolic."""
        if not isinstance(dim, Polynomial):
            return self.integers(dim)
        total: Name | None = None
        for monomial, coefficient in dim.terms:
            term = self.integers(coefficient)
            for symbol, power in monomial:
                for _ in range(power):
                    term = self.op("Mul", term, self._size(symbol))
            total = term if total is None else self.op("Add", total, term)
        return total or self.integers(0)

    def _size(self, symbol: str) -> Name:
        source, axis = self._sizes[symbol]
        return self.op("Shape", source, start=axis, end=axis + 1)

    def shape(self, shape: Shape) -> Name:
        """A shape as a row of integers."""
        assert isinstance(shape, tuple)
        if all(isinstance(dim, int) for dim in shape):
            return self.integers(*(int(dim) for dim in shape))  # type: ignore[arg-type]
        return self.op("Concat", *map(self.dim, shape), axis=0)

    def model(self, name: str, metadata: dict[str, str]) -> Any:
        """The finished model, checked."""
        make = self.onnx.helper
        graph = make.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants)
        model = make.make_model(graph, opset_imports=[make.make_opsetid("", OPSET)], producer_name="backgraph")
        model.ir_version = IR_VERSION
        make.set_model_props(model, metadata)
        self.onnx.checker.check_model(model, full_check=True)
        return model


Spelling: TypeAlias = Callable[..., Name]
"""(writer, node, *names of the inputs) → name of the result."""
