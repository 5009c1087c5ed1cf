"""Which products are packed block by block, and the sizes of their tiles and blocks (`compiler.packed` emits them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from backgraph.compiler.contract import roles, stride, tile_shape
from backgraph.compiler.llvm import BYTES, CHUNK, LANES
from backgraph.compiler.nest import Axis, Nest, Read
from backgraph.compiler.target import Target
from backgraph.language.dims import Dim, at

ROWS, COLUMNS = 256, 2048
"""Rows of a block, rounded up to whole tiles, and bytes of a row of it: with both packed operands a block fills most of
a second-level cache. Sizes are powers of two more often than not, and a few rows left over cost a copy of all of B.
"""
WALK = 1 << 21
"""Bytes that a walk along k covers from which on an operand is packed: about a second-level cache, and 512 pages."""
NARROW, NARROW_WALK = 64, 1 << 16
"""The same for tiles up to so many bytes wide: they take a single line of each row, and come back more often."""
LEAST = 2 * LANES
"""Rows and columns that a result must have for packing to pay."""
LARGE = 1 << 16
"""Elements of a matrix from which on it is packed block by block, not as a whole."""


@dataclass(frozen=True)
class Blocking:
    """Sizes of tiles and blocks for one dtype: those of `contract.Tile`; tiles and panels of a block."""

    dtype: str
    rows: int
    vectors: int
    lanes: int
    tiles: int
    panels: int

    @property
    def width(self) -> int:
        """Columns of a panel."""
        return self.vectors * LANES

    @property
    def line(self) -> int:
        """Bytes of a row that a walk along k reads."""
        return self.vectors * self.lanes * BYTES[self.dtype]

    @property
    def cells(self) -> int:
        """Vectors of a tile."""
        return self.rows * self.vectors

    @property
    def sums_bytes(self) -> int:
        """Memory of the sums of a block."""
        return self.tiles * self.panels * self.cells * LANES * BYTES[self.dtype]

    @property
    def a_bytes(self) -> int:
        """Memory of the packed rows; behind the last there is room for a whole vector."""
        return self.tiles * CHUNK * self.rows * BYTES[self.dtype] + LANES * BYTES[self.dtype]

    @property
    def bytes(self) -> int:
        """All memory that one thread needs."""
        return self.sums_bytes + self.a_bytes + CHUNK * self.width * BYTES[self.dtype]


def blocking(dtype: str, target: Target) -> Blocking:
    """The blocking for a dtype on a target."""
    tile = tile_shape(target, dtype)
    panels = COLUMNS // (tile.vectors * LANES * BYTES[dtype])
    return Blocking(dtype, tile.rows, tile.vectors, tile.lanes, -(-ROWS // tile.rows), panels)


def is_packed(nest: Nest, target: Target) -> bool:
    """Whether a contraction is large enough, and lies so far apart in memory, that packing blocks pays."""
    found = _worthwhile(nest)
    if found is None or found[0] != 1:
        return is_turned(nest)
    assert nest.reduce is not None
    size = blocking(nest.operands[0].dtype, target)
    walk = NARROW_WALK if size.line <= NARROW else WALK
    return max(_walk(operand, nest.reduce) for operand in found[1:]) >= walk


def is_turned(nest: Nest) -> bool:
    """Whether the columns of the second operand are no neighbours, and packing its blocks is the way to turn it."""
    found = _worthwhile(nest)
    if found is None or found[0] == 1:
        return False
    _, _, b = found
    assert nest.reduce is not None
    return stride(b, nest.reduce) == 1 and _elements(b) >= LARGE


def _worthwhile(nest: Nest) -> tuple[Dim, Read, Read] | None:
    """Of a contraction that can be packed and has enough rows and columns: the step of columns, and both operands."""
    shape = roles(nest)
    if shape is None or shape.row is None or nest.reduce is None:
        return None
    a, b = reversed(nest.operands) if shape.swapped else nest.operands
    assert isinstance(a, Read)
    assert isinstance(b, Read)
    if min(expected(shape.row.size), expected(shape.column.size)) < LEAST:
        return None
    if 1 not in (stride(a, shape.row), stride(a, nest.reduce)):
        return None
    return stride(b, shape.column), a, b


def expected(size: Dim, sizes: Mapping[str, Dim] = MappingProxyType({})) -> int:
    """A size; of one that is still open and not among `sizes`, such as the batch, a chunk."""
    found = at(size, sizes)
    return found if isinstance(found, int) else CHUNK


def _elements(read: Read) -> int:
    total = 1
    for size in read.value.shape:
        total *= expected(size)
    return total


def _walk(read: Read, axis: Axis) -> int:
    step = stride(read, axis)
    return step * BYTES[read.dtype] * expected(axis.size) if isinstance(step, int) and step > 1 else 0


def scratch_bytes(nest: Nest, target: Target) -> int:
    """Memory of its own that each thread needs for a nest."""
    if not is_packed(nest, target):
        return 0
    return -(-blocking(nest.operands[0].dtype, target).bytes // 64) * 64
