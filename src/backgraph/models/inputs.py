"""What a network for tables begins with: the numbers of a row beside the vectors of its embedded columns.

X           numbers of the minibatch, m × p (`Preparation.matrix`)
c1, c2, …   codes of the embedded columns, m whole numbers each (`Preparation.codes`)
E1, E2, …   their embedding tables, codes × size: parameters; row c1[i] of E1 is the vector of example i
X'          [X, E1[c1], E2[c2], …], m × (p + sizes)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import input as data_input
from backgraph.language.ops.leaf import parameter
from backgraph.language.ops.shape import concatenate, take


@dataclass(frozen=True)
class TableInputs:
    """Leaves for X, codes and tables, and what the first layer sees: `joined`, m × `width`."""

    X: Node
    codes: tuple[Node, ...]
    tables: tuple[Node, ...]
    joined: Node
    width: int

    def data(self, X: Array, codes: Array | None = None) -> dict[Node, Array]:
        """The arrays of the leaves that are data. X: rows × p; codes: rows × embeddings, or None without any."""
        columns = [] if codes is None else np.ascontiguousarray(codes.T, "int64")
        given = dict(zip(self.codes, columns, strict=True))
        return {self.X: np.ascontiguousarray(X, self.X.dtype), **given}


def table_inputs(numbers: int, embeddings: Sequence[tuple[int, int]] = (), dtype: str = "float32") -> TableInputs:
    """The beginning of a network for `numbers` features and `embeddings`, each (codes, size).

    Codes must lie in 0 … codes − 1; `train.examples.check_indices` refuses others before the first step.
    """
    X = data_input("X", ("m", numbers), dtype)
    numbered = list(enumerate(embeddings, start=1))
    codes = tuple(data_input(f"c{place}", ("m",), "int64") for place, _ in numbered)
    tables = tuple(parameter(f"E{place}", shape, dtype) for place, shape in numbered)
    vectors = [take(table, code) for table, code in zip(tables, codes, strict=True)]
    joined = concatenate(X, *vectors, axis=1) if vectors else X
    return TableInputs(X, codes, tables, joined, numbers + sum(size for _, size in embeddings))


STREAM = 0x454D424544544142
"""Last word of the random counter, so that tables share no random number with weights or shuffling."""


def initial_tables(inputs: TableInputs, seed: int) -> dict[Node, Array]:
    """Embedding tables to begin with: uniform in ±1, as large as scaled numbers; row 0, of unknown levels, is zeros.

    They depend on seed, place and shape alone, not on the data nor on the version of NumPy.
    """
    return {table: _initial(table, seed, place) for place, table in enumerate(inputs.tables)}


def _initial(table: Node, seed: int, place: int) -> Array:
    codes, size = table.shape  # type: ignore[misc]  # two numbers
    words = np.random.Philox(counter=[0, 0, 0, STREAM], key=[seed, place]).random_raw(int(codes) * int(size))  # type: ignore[arg-type]
    vectors = (2 * ((words >> np.uint64(11)) * 2.0**-53) - 1).reshape(codes, size)  # type: ignore[arg-type]
    vectors[0] = 0
    return vectors.astype(table.dtype)
