"""Which axis of a product threads share out: its rows, or, where few rows meet a wide matrix, its columns.

C = A B with rows × depth and depth × columns. B is an argument, such as weights that the threads have just changed, row
by row. Sharing rows, each thread has its part of A at hand and reads all of B, half of which lies in the cache of the
other: depth · columns / 2 elements come over. Sharing columns it reads all of A and its columns of B: depth · rows / 2
and depth · columns / 4. So columns save depth · (columns − 2 rows) / 4, and cost a barrier before whoever reads rows of
C. Either way every element is computed by one thread in the same order, so no bit depends on the choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backgraph.compiler.blocking import expected
from backgraph.compiler.contract import Shape, roles
from backgraph.compiler.llvm import BYTES
from backgraph.compiler.nest import Nest, Read, storage
from backgraph.compiler.phases import shared_axis
from backgraph.compiler.schedule import Program

WORTH = 1 << 15
"""Bytes that must be saved: moving them takes about as long as a barrier."""


def share(program: Program) -> Program:
    """The program with its products shared out, by the sizes that it expects; without any, as it is."""
    if program.expected is None:
        return program
    sizes = program.expected
    return replace(program, nests=tuple(_shared(nest, sizes) for nest in program.nests))


def _shared(nest: Nest, sizes: Mapping[str, int]) -> Nest:
    shape = roles(nest)
    if shape is None or shape.row is None or shape.batch or shared_axis(nest) is not shape.row:
        return nest
    return replace(nest, share=shape.column) if _saved(nest, shape, sizes) >= WORTH else nest


def _saved(nest: Nest, shape: Shape, sizes: Mapping[str, int]) -> float:
    """Bytes that do not move between caches when columns are shared, not rows."""
    B = nest.operands[0 if shape.swapped else 1]
    if not isinstance(B, Read) or storage(B.value).role != "argument" or shape.row is None or nest.reduce is None:
        return 0
    rows, columns, depth = (expected(axis.size, sizes) for axis in (shape.row, shape.column, nest.reduce))
    return depth * (columns - 2 * rows) * BYTES[B.dtype] / 4
