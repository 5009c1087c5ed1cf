"""The contraction kernel: a sum of products whose operands each lack one of the other's parallel axes.

    for i, j parallel: combined = fma over k: A[i,k] * B[k,j]; writes

Tiles of `rows` × `vectors`·16 sums are made while k runs through a chunk of 256: per step, a few loads of B, then a
broadcast of A for every row, and an fma for every sum. Where registers hold fewer, k runs once for each piece of them.
Finished chunks are added into a small scratch tile, and the writes (the epilogue) read the finished sums from there. A
remainder of rows is done with smaller tiles, a remainder of columns under a mask. Any element's roundings depend on k
alone, so no choice made here changes a bit.
"""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from backgraph.compiler.emit import Emitter, Frame
from backgraph.compiler.llvm import (
    BYTES,
    CHUNK,
    ELEMENT,
    LANES,
    float_call,
    integer,
    joined,
    load_lanes,
    loop,
    mask_below,
    piece,
    prefetch,
    splat,
    stack,
    vector_of,
)
from backgraph.compiler.nest import Affine, Axis, Nest, Read
from backgraph.compiler.target import Target
from backgraph.language.dims import Dim, product

AHEAD = 12
"""Steps of k between asking for a row of B and using it: about the time that memory takes to answer."""
FAR = 2048
"""Bytes between neighbours from which on they are asked for ahead: hardware looks ahead within a page only."""


FEW = 3
"""Rows that are done one by one where a batch has no more: a tile of few rows would hold too few sums to hide the time
that an fma takes, and packing would copy what is read once.
"""
CHAINS = 8
"""Registers of sums that hide it: 4 steps × 2 units, in today's processors."""


@dataclass(frozen=True)
class Shape:
    """The roles of a contraction's axes: `batch` outside, `row` only in one operand, `column` only in the other."""

    batch: tuple[Axis, ...]
    row: Axis | None
    column: Axis
    swapped: bool


def roles(nest: Nest) -> Shape | None:
    """How a nest is a contraction; None if it is none (an operand is no plain read, or no axis can be a column)."""
    if nest.reduction != "fma" or not all(isinstance(o, Read) and _is_affine(o) for o in nest.operands):
        return None
    a, b = ([axis for axis in nest.axes if _uses(o, axis)] for o in nest.operands)
    only_a, only_b = [x for x in a if x not in b], [x for x in b if x not in a]
    swapped = not only_b
    if swapped:
        only_a, only_b = only_b, only_a
    if not only_b:
        return None
    row, column = (only_a[-1] if only_a else None), only_b[-1]
    return Shape(tuple(x for x in nest.axes if x is not row and x is not column), row, column, swapped)


def stride(read: Read, axis: Axis) -> Dim:
    """Distance in memory between neighbours along an axis."""
    total: Dim = 0
    for position, index in enumerate(read.index):
        assert isinstance(index, Affine)
        total = total + product(read.value.shape[position + 1 :]) * index.coefficient(axis)
    return total


def _is_affine(operand: object) -> bool:
    return isinstance(operand, Read) and all(isinstance(index, Affine) for index in operand.index)


def _uses(operand: object, axis: Axis) -> bool:
    assert isinstance(operand, Read)
    return any(isinstance(index, Affine) and index.coefficient(axis) for index in operand.index)


@dataclass(frozen=True)
class Tile:
    """Sums that a tile has, rows × vectors of 16; a walk along k makes `lanes` of each vector, in registers."""

    rows: int
    vectors: int
    lanes: int


def tile_shape(target: Target, dtype: str) -> Tile:
    """Two registers wide, and as high as the others allow: two hold the columns of B, one an element of A."""
    width = 2 * target.lanes(BYTES[dtype] * 8)
    lanes = min(width, LANES)
    return Tile((target.registers - 4) // 2, width // lanes, lanes)


def single_row(target: Target, dtype: str) -> Tile:
    """A row alone: as wide as it takes to hide the time of an fma."""
    lanes = tile_shape(target, dtype).lanes
    return Tile(1, CHAINS * target.lanes(BYTES[dtype] * 8) // lanes, lanes)


class Contraction:
    """Emits one contraction nest through an `Emitter`; row by row if there are `few`."""

    def __init__(self, emitter: Emitter, nest: Nest, shape: Shape, target: Target, few: bool = False) -> None:
        self.e, self.nest, self.shape = emitter, nest, shape
        a, b = nest.operands
        assert isinstance(a, Read)
        assert isinstance(b, Read)
        assert nest.reduce is not None
        self.A, self.B = (b, a) if shape.swapped else (a, b)
        self.k = nest.reduce
        self.dtype = a.dtype
        tile = single_row(target, a.dtype) if few else tile_shape(target, a.dtype)
        self.rows, self.lanes = tile.rows, tile.lanes
        self.vectors = (tile.vectors, 1) if few else (tile.vectors,)
        kind = ir.ArrayType(vector_of(ELEMENT[a.dtype]), tile.rows * tile.vectors)
        self.scratch = stack(emitter.b, kind)

    def emit(self, shared: Axis | None, low: ir.Value, high: ir.Value) -> None:
        """The nest for `low ≤ shared < high`."""
        ranges = {shared: (low, high)} if shared is not None else {}
        self.e.loops(self.shape.batch, ranges, Frame({}), lambda frame: self.columns(ranges, frame))

    def columns(self, ranges: dict[Axis, tuple[ir.Value, ir.Value]], frame: Frame) -> None:
        """Panels of columns: as wide as a tile, then as narrower ones, then the rest, its last vector masked."""
        b = self.e.b
        low, high = ranges.get(self.shape.column, (integer(0), self.e.dim(self.shape.column.size)))
        size = self.shape.column.size
        left = size if isinstance(size, int) and self.shape.column not in ranges else None
        for vectors in self.vectors:
            width = vectors * LANES
            whole = b.add(low, b.mul(b.sdiv(b.sub(high, low), integer(width)), integer(width)))
            if left is None or left >= width:
                with loop(b, low, whole, width) as panel:
                    self.panel(ranges, frame, panel.index, [None] * vectors)
            low, left = whole, None if left is None else left % width
        if left is None or left:
            with b.if_then(b.icmp_signed("<", low, high)):
                count = self.vectors[-1] if left is None else -(-left // LANES)
                masks: list[ir.Value | None] = [
                    mask_below(b, b.sub(b.sub(high, low), integer(q * LANES))) for q in range(count)
                ]
                self.panel(ranges, frame, low, masks)

    def panel(
        self,
        ranges: dict[Axis, tuple[ir.Value, ir.Value]],
        frame: Frame,
        column: ir.Value,
        masks: list[ir.Value | None],
    ) -> None:
        """All rows of one panel, in tiles of decreasing height."""
        if self.shape.row is None:
            self.tile(1, frame, None, column, masks)
            return
        at, high = ranges.get(self.shape.row, (integer(0), self.e.dim(self.shape.row.size)))
        for height in self.heights(ranges):
            b = self.e.b
            stop = b.sub(high, integer(height - 1))
            with loop(b, at, stop, height, [at]) as this:
                self.tile(height, frame, this.index, column, masks)
                this.next = [b.add(this.index, integer(height))]
            at = this.carried[0]

    def heights(self, ranges: dict[Axis, tuple[ir.Value, ir.Value]]) -> list[int]:
        """Tile heights, each used while it fits; of a size known here, only those that occur."""
        size = self.shape.row.size if self.shape.row is not None else 1
        all_heights = sorted({self.rows, *(h for h in (4, 1) if h < self.rows)}, reverse=True)
        if not isinstance(size, int) or self.shape.row in ranges:
            return [h for h in all_heights if not isinstance(size, int) or h <= size]
        tiles = -(-size // self.rows)
        height = -(-size // tiles)
        return [height] if size % height == 0 else [height, size - size // height * height]

    def tile(
        self, height: int, frame: Frame, row: ir.Value | None, column: ir.Value, masks: list[ir.Value | None]
    ) -> None:
        """One tile: sums over all chunks into the scratch, then the epilogue."""
        b, e = self.e.b, self.e
        at = frame if row is None or self.shape.row is None else frame.inside(self.shape.row, row)
        at = at.inside(self.shape.column, column)
        self.fetch_results(height, frame, row, column, len(masks))
        size = self.k.size
        if isinstance(size, int) and size <= CHUNK:
            self.keep(self.chunk(height, at, integer(0), e.dim(size), masks), add=False)
        else:
            self.begin(height, frame, row, column, masks)
            first, end = e.span(self.nest, self.k)
            with loop(b, first, end, CHUNK) as outer:
                stop = e.smaller(b.add(outer.index, integer(CHUNK)), end)
                self.keep(self.chunk(height, at, outer.index, stop, masks), add=True)
        self.epilogue(height, frame, row, column, masks)

    def chunk(
        self, height: int, at: Frame, start: ir.Value, stop: ir.Value, masks: list[ir.Value | None]
    ) -> list[ir.Value]:
        """The sums of one chunk: chains of fma from 0."""
        b = self.e.b
        rows = self.row_pointers(height, at, start)
        columns = self.pointer(self.B, at.inside(self.k, start))
        pieces: list[list[ir.Value]] = []
        for first in range(0, LANES, self.lanes):
            parts = [None if mask is None else piece(b, mask, first, self.lanes) for mask in masks]
            pieces.append(self.walk(rows, self.moved(columns, integer(first)), b.sub(stop, start), parts))
        return [joined(b, parts) for parts in zip(*pieces, strict=True)]

    def walk(
        self, rows: list[ir.Value], columns: ir.Value, depth: ir.Value, masks: list[ir.Value | None]
    ) -> list[ir.Value]:
        """The accumulators of one walk along k: what registers hold."""
        b, count = self.e.b, len(masks)
        step_a, step_b = stride(self.A, self.k), stride(self.B, self.k)
        zero = ir.Constant(vector_of(ELEMENT[self.dtype], self.lanes), [0] * self.lanes)
        with loop(b, integer(0), depth, 1, [zero] * (len(rows) * count)) as this:
            from_b = self.moved(columns, self.e.times(this.index, step_b))
            if self.far_apart(step_b):
                ahead = self.moved(from_b, self.e.times(integer(AHEAD), step_b))
                for q in range(count):
                    prefetch(b, self.moved(ahead, integer(q * LANES)))
            places = [self.moved(from_b, integer(q * LANES)) for q in range(count)]
            lanes = [load_lanes(b, at, self.dtype, mask, self.lanes) for at, mask in zip(places, masks, strict=True)]
            along = self.e.times(this.index, step_a)
            for r, pointer in enumerate(rows):
                one = b.load(self.moved(pointer, along), typ=ELEMENT[self.dtype], align=BYTES[self.dtype])
                factor = splat(b, one, self.lanes)
                for q, lane in enumerate(lanes):
                    this.next.append(float_call(b, "fma", factor, lane, this.carried[r * count + q]))
        return this.carried

    def far_apart(self, step: Dim) -> bool:
        """Whether neighbours along k lie so far apart that the processor does not foresee the next one."""
        return isinstance(step, int) and step * BYTES[self.dtype] >= FAR

    def fetch_results(self, height: int, frame: Frame, row: ir.Value | None, column: ir.Value, vectors: int) -> None:
        """Ask for the memory that the writes will go to, where its rows lie far apart, while the sums are made."""
        if row is None or self.shape.row is None:
            return
        for write in self.nest.writes:
            width = write.value.shape[-1] if write.value.shape else 1
            if write.value not in self.e.pointers or not self.far_apart(width):
                continue
            for r in range(height):
                at = frame.inside(self.shape.row, self.e.b.add(row, integer(r))).inside(self.shape.column, column)
                first = self.pointer(Read(write.value, write.index), at)
                for q in range(vectors):
                    prefetch(self.e.b, self.moved(first, integer(q * LANES)), for_writing=True)

    def row_pointers(self, height: int, at: Frame, start: ir.Value) -> list[ir.Value]:
        """Where each row of A starts."""
        first = self.pointer(self.A, at.inside(self.k, start))
        step: Dim = stride(self.A, self.shape.row) if self.shape.row is not None else 0
        return [self.moved(first, self.e.dim(step * r)) for r in range(height)]

    def pointer(self, read: Read, at: Frame) -> ir.Value:
        """The address of a read's first element."""
        first, _, _ = self.e.address(read.value, read.index, at)
        return self.moved(self.e.pointers[read.value], first)

    def moved(self, pointer: ir.Value, elements: ir.Value) -> ir.Value:
        """A pointer some elements further."""
        return self.e.b.gep(pointer, [elements], source_etype=ELEMENT[self.dtype])

    def cell(self, number: ir.Value) -> ir.Value:
        """The address of a vector of the scratch tile."""
        return self.e.b.gep(self.scratch, [number], source_etype=vector_of(ELEMENT[self.dtype]))

    def begin(
        self, height: int, frame: Frame, row: ir.Value | None, column: ir.Value, masks: list[ir.Value | None]
    ) -> None:
        """Set the scratch tile to 0, or to the sums of the row blocks before this one."""
        zero = ir.Constant(vector_of(ELEMENT[self.dtype]), [0] * LANES)
        for r in range(height):
            along = self.at_row(frame, row, integer(r))
            for q, mask in enumerate(masks):
                before = self.e.so_far(self.nest, self.at_lanes(along, column, integer(q), mask), zero)
                self.e.b.store(before, self.cell(integer(r * len(masks) + q)), align=64)

    def at_row(self, frame: Frame, row: ir.Value | None, r: ir.Value) -> Frame:
        """The frame of row r of the tile that begins at `row`."""
        if row is None or self.shape.row is None:
            return frame
        return frame.inside(self.shape.row, self.e.b.add(row, r))

    def at_lanes(self, frame: Frame, column: ir.Value, q: ir.Value, mask: ir.Value | None) -> Frame:
        """The frame of vector q of a row."""
        here = self.e.b.add(column, self.e.b.mul(q, integer(LANES)))
        return frame.inside(self.shape.column, here, lanes=True, mask=mask)

    def keep(self, sums: list[ir.Value], add: bool) -> None:
        """Add a finished chunk to the scratch tile, or to +0 where it is the only one."""
        b = self.e.b
        zero = ir.Constant(vector_of(ELEMENT[self.dtype]), [0] * LANES)
        for number, value in enumerate(sums):
            cell = self.cell(integer(number))
            before = b.load(cell, typ=value.type, align=64) if add else zero
            b.store(b.fadd(before, value), cell, align=64)

    def epilogue(
        self, height: int, frame: Frame, row: ir.Value | None, column: ir.Value, masks: list[ir.Value | None]
    ) -> None:
        """The writes, row by row of the finished tile; those of a wide row vector by vector."""
        b = self.e.b
        with loop(b, integer(0), integer(height)) as this:
            along = self.at_row(frame, row, this.index)
            first = b.mul(this.index, integer(len(masks)))
            if height == 1 and not any(masks):
                with loop(b, integer(0), integer(len(masks))) as vector:
                    self.finish(along, first, column, vector.index, None)
            else:
                for q, mask in enumerate(masks):
                    self.finish(along, first, column, integer(q), mask)

    def finish(self, along: Frame, first: ir.Value, column: ir.Value, q: ir.Value, mask: ir.Value | None) -> None:
        """The writes of vector q of a row, whose sums begin with cell `first`."""
        b = self.e.b
        total = b.load(self.cell(b.add(first, q)), typ=vector_of(ELEMENT[self.dtype]), align=64)
        self.e.write_all(self.nest, self.at_lanes(along, column, q, mask), total)


def needs_packing(nest: Nest) -> int | None:
    """Which operand (0 or 1) must be copied before the kernel can read its columns as vectors; None if neither."""
    shape = roles(nest)
    if shape is None:
        return None
    position = 0 if shape.swapped else 1
    read = nest.operands[position]
    assert isinstance(read, Read)
    return position if stride(read, shape.column) != 1 else None
