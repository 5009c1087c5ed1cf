"""What a network says about rows: its graph compiled once, and run on any number of them.

Compiled code rounds by the graph alone, so a row has the same bits alone, among others, and with any number of threads.
Programs are kept for the networks used last, because a search over parameters or folds uses one many times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from backgraph.evaluate import evaluate
from backgraph.language.node import Node
from backgraph.language.op import Array

if TYPE_CHECKING:
    from backgraph.models.mlp import MLP

ROWS_AT_ONCE = 4096
"""Examples predicted together: bounds memory, whatever the number of rows."""
KEPT = 16
"""Programs that are kept."""

Program: TypeAlias = Callable[[Sequence[Array]], Sequence[Array]]


def forward(mlp: MLP, parameters: Mapping[Node, Array], data: Mapping[Node, Array]) -> tuple[Array, Array]:
    """The last U and what the network says, each rows × outputs, from X and codes in `data`."""
    network = mlp.network
    tables = [data[leaf] for leaf in (network.X, *network.inputs.codes)]
    learned = [parameters[node] for node in network.parameters]
    run, n = _program(_without_training(mlp)), len(tables[0])
    parts = [run([*(x[a : a + ROWS_AT_ONCE] for x in tables), *learned]) for a in range(0, max(n, 1), ROWS_AT_ONCE)]
    scores, says = zip(*parts, strict=True)
    return np.concatenate(scores), np.concatenate(says)


def _without_training(mlp: MLP) -> MLP:
    """The same network, for what matters in prediction."""
    return dataclasses.replace(
        mlp, decay=0.0, alpha=0.0, dropout=0.0, label_smoothing=0.0, delta=1.0, quantile=0.5, weighted=False
    )


@lru_cache(maxsize=KEPT)
def _program(mlp: MLP) -> Program:
    network = mlp.network
    leaves = [network.X, *network.inputs.codes, *network.parameters]
    outputs = [network.output, network.probabilities]
    try:
        from backgraph.compiler.function import compile
    except ModuleNotFoundError as missing:
        if missing.name != "llvmlite":
            raise
        return lambda arrays: evaluate(outputs, dict(zip(leaves, arrays, strict=True)))
    native = compile(leaves, outputs)
    return lambda arrays: native(*arrays)
