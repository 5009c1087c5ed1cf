"""The contraction kernel for operands that caches cannot hold as they lie: packed blocks in memory of a thread's own.

    for ic < rows by MC: for jc < columns by NC:
        for pc < k by 256:                                    a chunk of the law of summation
            pack A[ic…, pc…] as [tile][k][row]
            for each panel: pack B[pc…, panel] as [k][column]; for each tile: sums[panel][tile] += A · B
        writes, row by row, from the finished sums

Neighbours along k may lie a page apart in a large matrix; a copy of a block lies together, is read many times, and its
edges are filled up with zeros, so that the innermost loop knows one shape of tile only. Where k runs along rows of
memory the copy is a transposition by 16 × 16. Source of the blocking: Goto and van de Geijn (2008), Anatomy of
High-Performance Matrix Multiplication.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llvmlite import ir

from backgraph.compiler.blocking import blocking
from backgraph.compiler.contract import AHEAD, Shape, stride
from backgraph.compiler.emit import Emitter, Frame
from backgraph.compiler.llvm import (
    BYTES,
    CHUNK,
    ELEMENT,
    I8,
    LANES,
    float_call,
    integer,
    joined,
    load_lanes,
    loop,
    mask_below,
    prefetch,
    splat,
    transposed,
    vector_of,
)
from backgraph.compiler.nest import Axis, Nest, Read
from backgraph.compiler.target import Target
from backgraph.language.dims import Dim

Range = tuple[ir.Value, ir.Value]


@dataclass(frozen=True)
class Strip:
    """What is packed at once: up to 16 neighbours along `axis` of an operand, `width` apart in the copy for each k.

    `step` and `along` are the distances of neighbours along `axis` and along k in memory; one of them is 1.
    """

    to: ir.Value
    read: Read
    axis: Axis
    width: int
    frame: Frame
    step: Dim
    along: Dim


class PackedContraction:
    """Emits one contraction nest through an `Emitter`; `scratch` is the thread's own memory."""

    def __init__(self, emitter: Emitter, nest: Nest, shape: Shape, target: Target, scratch: ir.Value) -> None:
        a, b = reversed(nest.operands) if shape.swapped else nest.operands
        assert isinstance(a, Read)
        assert isinstance(b, Read)
        assert nest.reduce is not None
        assert shape.row is not None
        self.e, self.nest, self.A, self.B, self.k = emitter, nest, a, b, nest.reduce
        self.batch, self.row, self.column = shape.batch, shape.row, shape.column
        self.dtype, self.size = a.dtype, blocking(a.dtype, target)
        self.vector = vector_of(ELEMENT[self.dtype])
        self.zero = ir.Constant(self.vector, [0] * LANES)
        self.sums = scratch
        self.packed_a = self.bytes_on(scratch, integer(self.size.sums_bytes))
        self.packed_b = self.bytes_on(self.packed_a, integer(self.size.a_bytes))

    def emit(self, shared: Axis | None, low: ir.Value, high: ir.Value) -> None:
        """The nest for `low ≤ shared < high`."""
        ranges = {shared: (low, high)} if shared is not None else {}
        self.e.loops(self.batch, ranges, Frame({}), lambda frame: self.blocks(ranges, frame))

    def blocks(self, ranges: dict[Axis, Range], frame: Frame) -> None:
        """Blocks of rows, of columns in them, and of k in those."""
        b, e, size = self.e.b, self.e, self.size
        low, high = ranges.get(self.row, (integer(0), e.dim(self.row.size)))
        first, last = ranges.get(self.column, (integer(0), e.dim(self.column.size)))
        with (
            loop(b, low, high, size.tiles * size.rows) as ic,
            loop(b, first, last, size.panels * size.width) as jc,
        ):
            rows = (ic.index, e.smaller(b.add(ic.index, integer(size.tiles * size.rows)), high))
            columns = (jc.index, e.smaller(b.add(jc.index, integer(size.panels * size.width)), last))
            self.block(rows, columns, frame)

    def block(self, rows: Range, columns: Range, frame: Frame) -> None:
        """One block: its sums over all k, then what is written."""
        b = self.e.b
        start, end = self.e.span(self.nest, self.k)
        if self.nest.resumes:
            self.each_vector(rows, columns, frame, self.resume)
        with loop(b, start, end, CHUNK) as pc:
            depth = (pc.index, self.e.smaller(b.add(pc.index, integer(CHUNK)), end))
            with loop(b, rows[0], rows[1], self.size.rows) as tile:
                self.pack_a(self.tile_of_a(b.sub(tile.index, rows[0])), tile.index, rows[1], depth, frame)
            begins = b.icmp_signed("==", pc.index, integer(-1 if self.nest.resumes else 0))
            with loop(b, columns[0], columns[1], self.size.width) as panel:
                self.pack_b(panel.index, columns[1], depth, frame)
                with loop(b, rows[0], rows[1], self.size.rows) as tile:
                    at = self.tile_of_a(b.sub(tile.index, rows[0]))
                    sums = self.tile_of_sums(b.sub(panel.index, columns[0]), b.sub(tile.index, rows[0]))
                    self.tile(at, sums, b.sub(columns[1], panel.index), b.sub(depth[1], depth[0]), begins)
        if not self.nest.resumes and not isinstance(self.k.size, int):
            with b.if_then(b.icmp_signed("==", start, end)):
                self.each_vector(rows, columns, frame, lambda _, cell: self.store(self.zero, cell))
        self.each_vector(rows, columns, frame, self.finish)

    def tile(self, a: ir.Value, sums: ir.Value, columns: ir.Value, depth: ir.Value, begins: ir.Value) -> None:
        """sums += a · b for one tile; where at most 16 columns are left, of one vector in each row."""
        b = self.e.b
        if self.size.vectors == 1:
            self.multiply(a, sums, 1, depth, begins)
            return
        with b.if_else(b.icmp_signed(">", columns, integer(LANES))) as (wide, narrow):
            with wide:
                self.multiply(a, sums, self.size.vectors, depth, begins)
            with narrow:
                self.multiply(a, sums, 1, depth, begins)

    def multiply(self, a: ir.Value, sums: ir.Value, vectors: int, depth: ir.Value, begins: ir.Value) -> None:
        """Chains of fma from 0 in registers, then one addition."""
        b, size = self.e.b, self.size
        pieces = [self.walk(a, first, vectors, depth) for first in range(0, LANES, size.lanes)]
        for number, parts in enumerate(zip(*pieces, strict=True)):
            row, q = divmod(number, vectors)
            cell = self.on(sums, integer((row * size.vectors + q) * LANES))
            before = b.select(begins, self.zero, self.load(cell))
            b.store(b.fadd(before, joined(b, parts)), cell, align=64)

    def walk(self, a: ir.Value, first: int, vectors: int, depth: ir.Value) -> list[ir.Value]:
        """The accumulators of one walk along k: of each vector the lanes from `first` on that registers hold."""
        b, size = self.e.b, self.size
        zero = ir.Constant(vector_of(ELEMENT[self.dtype], size.lanes), [0] * size.lanes)
        with loop(b, integer(0), depth, 1, [zero] * (size.rows * vectors)) as this:
            column = self.on(self.packed_b, b.add(b.mul(this.index, integer(size.width)), integer(first)))
            places = [self.on(column, integer(q * LANES)) for q in range(vectors)]
            lanes = [load_lanes(b, place, self.dtype, lanes=size.lanes) for place in places]
            row = self.on(a, b.mul(this.index, integer(size.rows)))
            for r in range(size.rows):
                place = self.on(row, integer(r))
                one = b.load(place, typ=ELEMENT[self.dtype], align=BYTES[self.dtype])
                factor = splat(b, one, size.lanes)
                for q, lane in enumerate(lanes):
                    this.next.append(float_call(b, "fma", factor, lane, this.carried[r * vectors + q]))
        return this.carried

    def pack_a(self, to: ir.Value, row: ir.Value, end: ir.Value, depth: Range, frame: Frame) -> None:
        """Rows of A as [k][row]; rows behind the last are 0."""
        strip = self.strip(to, self.A, self.row, self.size.rows, frame)
        self.pack(strip, row, end, depth)

    def pack_b(self, column: ir.Value, end: ir.Value, depth: Range, frame: Frame) -> None:
        """A panel of B as [k][column], vector by vector; columns behind the last are 0."""
        for q in range(self.size.vectors):
            to = self.on(self.packed_b, integer(q * LANES))
            strip = self.strip(to, self.B, self.column, self.size.width, frame)
            self.pack(strip, self.e.b.add(column, integer(q * LANES)), end, depth)

    def strip(self, to: ir.Value, read: Read, axis: Axis, width: int, frame: Frame) -> Strip:
        """Up to 16 neighbours along an axis of an operand."""
        return Strip(to, read, axis, width, frame, stride(read, axis), stride(read, self.k))

    def pack(self, strip: Strip, first: ir.Value, end: ir.Value, depth: Range) -> None:
        """to[k · width + n] = read[first + n, k] for n < 16 and every k of a chunk; 0 where first + n ≥ end."""
        b, e = self.e.b, self.e
        at = strip.frame.inside(strip.axis, first).inside(self.k, depth[0])
        start, _, _ = e.address(strip.read.value, strip.read.index, at)
        source = self.on(e.pointers[strip.read.value], start)
        count = e.smaller(b.sub(end, first), integer(min(LANES, strip.width)))
        way = self.copy if strip.step == 1 else self.transpose
        way(strip, source, count, b.sub(depth[1], depth[0]))

    def copy(self, strip: Strip, source: ir.Value, count: ir.Value, depth: ir.Value) -> None:
        """Vectors that lie in memory already, one for each k."""
        b, e = self.e.b, self.e
        mask = mask_below(b, count)
        with loop(b, integer(0), depth) as this:
            at = self.on(source, e.times(this.index, strip.along))
            prefetch(b, self.on(at, e.times(integer(AHEAD), strip.along)))
            vector = load_lanes(b, at, self.dtype, mask)
            self.store(vector, self.on(strip.to, b.mul(this.index, integer(strip.width))))

    def transpose(self, strip: Strip, source: ir.Value, count: ir.Value, depth: ir.Value) -> None:
        """16 elements along k of each of 16 neighbours, turned."""
        b, e = self.e.b, self.e
        valid = min(LANES, strip.width)
        with loop(b, integer(0), depth, LANES) as this:
            columns = mask_below(b, b.sub(depth, this.index))
            rows: list[ir.Value] = []
            for n in range(valid):
                inside = splat(b, b.icmp_signed("<", integer(n), count))
                at = self.on(source, b.add(e.times(integer(n), strip.step), e.times(this.index, strip.along)))
                rows.append(load_lanes(b, at, self.dtype, b.and_(columns, inside)))
            for k, vector in enumerate(transposed(b, [*rows, *[self.zero] * (LANES - valid)])):
                # There is room for 256 k; where stores overlap, the next one puts it right.
                self.store(vector, self.on(strip.to, b.mul(b.add(this.index, integer(k)), integer(strip.width))))

    def each_vector(self, rows: Range, columns: Range, frame: Frame, do: Callable[[Frame, ir.Value], None]) -> None:
        """`do(frame at 16 columns of a row, cell of the sums)` for a whole block, row by row."""
        b, size = self.e.b, self.size
        with loop(b, rows[0], rows[1]) as row:
            number = b.sub(row.index, rows[0])
            tile, r = b.sdiv(number, integer(size.rows)), b.srem(number, integer(size.rows))
            along = frame.inside(self.row, row.index)
            within = b.add(b.mul(tile, integer(size.cells)), b.mul(r, integer(size.vectors)))

            def vector(at: Frame) -> None:
                column = b.sub(at.axes[self.column], columns[0])
                panel, rest = b.sdiv(column, integer(size.width)), b.srem(column, integer(size.width))
                cell = b.add(b.mul(panel, integer(size.tiles * size.cells)), b.sdiv(rest, integer(LANES)))
                do(at, self.on(self.sums, b.mul(b.add(cell, within), integer(LANES))))

            self.e.by_lanes(self.column, columns[0], columns[1], along, vector)

    def resume(self, at: Frame, cell: ir.Value) -> None:
        """Begin with the sums of the row blocks before this one."""
        self.store(self.e.so_far(self.nest, at, self.zero), cell)

    def finish(self, at: Frame, cell: ir.Value) -> None:
        """The writes of 16 finished sums."""
        self.e.write_all(self.nest, at, self.load(cell))

    def tile_of_a(self, row: ir.Value) -> ir.Value:
        """Where the packed tile that begins at a row of the block lies."""
        return self.on(self.packed_a, self.e.b.mul(row, integer(CHUNK)))

    def tile_of_sums(self, column: ir.Value, row: ir.Value) -> ir.Value:
        """Where the sums of a tile lie."""
        b, size = self.e.b, self.size
        panel, tile = b.sdiv(column, integer(size.width)), b.sdiv(row, integer(size.rows))
        number = b.add(b.mul(panel, integer(size.tiles)), tile)
        return self.on(self.sums, b.mul(number, integer(size.cells * LANES)))

    def on(self, pointer: ir.Value, elements: ir.Value) -> ir.Value:
        """A pointer some elements further."""
        return self.e.b.gep(pointer, [elements], source_etype=ELEMENT[self.dtype])

    def bytes_on(self, pointer: ir.Value, count: ir.Value) -> ir.Value:
        """A pointer some bytes further."""
        return self.e.b.gep(pointer, [count], source_etype=I8)

    def load(self, place: ir.Value) -> ir.Value:
        """A vector of the scratch memory."""
        return load_lanes(self.e.b, place, self.dtype)

    def store(self, vector: ir.Value, place: ir.Value) -> None:
        """A vector into the scratch memory."""
        self.e.b.store(vector, place, align=BYTES[self.dtype])
