"""Arrays that lie together: those of one dtype in one block of memory, each from the start of a cache line on.

Vectors of native code are then read and written whole, and all arrays are copied, or looked at, as one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backgraph.compiler.address import LINE, address, from_a_line
from backgraph.language.op import Array


def together(arrays: Sequence[Array]) -> list[Array]:
    """Copies that lie together."""
    bytes_of: dict[str, int] = {}
    starts: list[int] = []
    for array in arrays:
        dtype = array.dtype.str
        starts.append(bytes_of.get(dtype, 0))
        bytes_of[dtype] = starts[-1] + _lines(array)
    memory = {dtype: np.zeros(size + LINE, np.uint8) for dtype, size in bytes_of.items()}
    copies: list[Array] = []
    for array, start in zip(arrays, starts, strict=True):
        block = from_a_line(memory[array.dtype.str]).view(array.dtype)
        first = start // array.itemsize
        copies.append(block[first : first + array.size].reshape(array.shape))
        copies[-1][...] = array
    return copies


def blocks(arrays: Sequence[Array]) -> list[Array] | None:
    """The blocks (each flat) of arrays that `together` made; None for others, and where some of them are missing."""
    memories: dict[int, tuple[Array, str]] = {}
    lines: dict[int, dict[int, int]] = {}
    for array in arrays:
        memory = array.base
        if not isinstance(memory, np.ndarray) or memory.dtype != np.uint8:
            return None
        memories[id(memory)] = memory, array.dtype.str
        if array.size:
            lines.setdefault(id(memory), {})[address(array)] = _lines(array)
    for key, (memory, _) in memories.items():
        if memory.size != LINE + sum(lines.get(key, {}).values()):
            return None
    return [from_a_line(memory).view(dtype) for memory, dtype in memories.values()]


def _lines(array: Array) -> int:
    """Bytes of the cache lines that an array takes."""
    return -(-array.nbytes // LINE) * LINE
