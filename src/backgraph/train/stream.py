"""Examples that stay on disk: training reads them chunk by chunk, in an order keyed by (seed, epoch).

Vocabulary. The rows are cut into *blocks* of consecutive rows; each epoch puts the blocks in an order of its own, and
cuts the sequence of their rows into *chunks* that fit into memory. A chunk is read whole, and its rows are put in
an order of their own. So in every epoch each row is seen once; a minibatch is drawn from a chunk, that is from as many
places of the file as the chunk has blocks. What this is not: two rows of one block are always seen within a chunk of
each other (or two, where the cut falls between them), while in memory any two rows may be at the two ends of the epoch.

The order follows from the seed, the epoch, and the numbers of rows, of a block and of a chunk alone: in memory, in that
order, training gives the same bits.
"""

from __future__ import annotations

import hashlib
import math
import os
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from backgraph.errors import CalculusError, DataError, FileError, UsageError
from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.train.examples import Steps, examples, minibatches
from backgraph.train.shuffle import Indices, permutation, random_words
from backgraph.train.step import Step
from backgraph.train.system import AS_BYTES, read_at

BLOCK_ROWS = 256
CHUNK_BYTES = 128 << 20
WITHIN = 2**63
"""Added to the epoch in the key of the orders within chunks, so that they share no word with the order of blocks."""


@dataclass(frozen=True)
class Stored:
    """An array (rows, …) in a file, in C order from byte `offset` on; read, not mapped, so that it stays on disk."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int = 0
    descriptor: int = field(init=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "descriptor", os.open(self.path, os.O_RDONLY | AS_BYTES))
        except OSError as error:
            raise FileError("BG501", str(self.path), "cannot be read", got=error.strerror) from None
        weakref.finalize(self, os.close, self.descriptor)

    @classmethod
    def of(cls, array: np.memmap[Any, Any]) -> Stored:
        """What a memory map is of. UsageError BG601 unless it is of whole rows in C order."""
        if getattr(array, "filename", None) is None or not array.flags.c_contiguous:
            hint = "np.load(path, mmap_mode='r')"
            raise UsageError("BG601", "data", "is not a memory map in C order", got=type(array).__name__, hint=hint)
        return cls(Path(str(array.filename)), array.shape, array.dtype, _offset(array))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """The bytes of one row."""
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype="int64"))

    def read(self, first: int, into: Array) -> None:
        """The rows from `first` on, as many as `into` (C order, of our dtype) has. FileError BG501 where they end."""
        view, place = memoryview(cast("Any", into)).cast("B"), self.offset + first * self.row_bytes
        while len(view):
            done = read_at(self.descriptor, view, place)
            if not done:
                raise FileError("BG501", str(self.path), "ends before its rows do; was it changed?")
            view, place = view[done:], place + done


def _offset(array: np.memmap[Any, Any]) -> int:
    """The byte of the file at which `array` begins, which may be a part of the map."""
    base: Any = array
    while isinstance(base.base, np.memmap):
        base = base.base
    return int(base.offset) + array.__array_interface__["data"][0] - base.__array_interface__["data"][0]


@dataclass(frozen=True)
class Stream:
    """Data for `fit` that stay on disk: `stored` by leaf, of equal length; `fixed` are the arrays given whole.

    Of `stored`, memory maps (`np.load(…, mmap_mode="r")`) are taken as well. `chunk_bytes` bounds what is in memory at
    a time. Raises DataError BG201 and BG207 for no rows, or different numbers of them.
    """

    stored: Mapping[Node, Stored | np.memmap[Any, Any]]
    fixed: Mapping[Node, Array] = field(default_factory=dict[Node, Array])
    block_rows: int = BLOCK_ROWS
    chunk_bytes: int = CHUNK_BYTES

    def __post_init__(self) -> None:
        files = {leaf: each if isinstance(each, Stored) else Stored.of(each) for leaf, each in self.stored.items()}
        object.__setattr__(self, "stored", files)
        counts = {str(leaf.op): len(each) for leaf, each in files.items()}
        if len(set(counts.values())) > 1:
            got = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise DataError("BG207", "data", "the numbers of rows differ", got=got, expected="as many of each")
        if not counts or not self.rows:
            raise DataError("BG201", "data", "there are no examples")

    @property
    def files(self) -> dict[Node, Stored]:
        """What is stored, by leaf."""
        return {leaf: each for leaf, each in self.stored.items() if isinstance(each, Stored)}

    @property
    def rows(self) -> int:
        """The number of examples."""
        return len(next(iter(self.stored.values())))

    def check(self, rows: tuple[Node, ...], fixed: tuple[Node, ...]) -> None:
        """CalculusError BG302 unless each leaf has data that fit it."""
        for node in (*rows, *fixed):
            given: Any = self.stored.get(node) if node in rows else self.fixed.get(node)
            expected = f"{shape_text(node.shape)} {node.dtype}"
            if given is None:
                raise CalculusError("BG302", str(node.op), "no data is given for this input", expected=expected)
            sizes = zip(node.shape, given.shape, strict=False)  # type: ignore[arg-type]  # batched, so not open
            fits = len(given.shape) == node.rank and all(not isinstance(dim, int) or dim == size for dim, size in sizes)
            if not fits or given.dtype.name != node.dtype:
                got = f"{shape_text(given.shape)} {given.dtype.name}"
                raise CalculusError("BG302", str(node.op), "the data does not fit", got=got, expected=expected)

    def chunk_rows(self, batch_size: int) -> int:
        """How many rows a chunk has: whole minibatches, at least one."""
        fitting = min(self.chunk_bytes // max(sum(each.row_bytes for each in self.files.values()), 1), self.rows)
        return max(fitting // batch_size, 1) * batch_size

    def chunks(self, seed: int, epoch: int, batch_size: int, first: int = 0) -> Iterator[list[tuple[int, int]]]:
        """The pieces (row, length) of each chunk of an epoch, from chunk `first` on, in the order they are read."""
        blocks = permutation(-(-self.rows // self.block_rows), (seed, epoch))
        lengths = np.minimum(self.block_rows, self.rows - blocks * self.block_rows)
        ends = np.cumsum(lengths)
        size = self.chunk_rows(batch_size)
        for begin in range(first * size, self.rows, size):
            end = min(begin + size, self.rows)
            low, high = np.searchsorted(ends, [begin, end - 1], side="right")
            pieces: list[tuple[int, int]] = []
            for block in range(low, high + 1):
                start = int(ends[block] - lengths[block])
                skip = max(begin - start, 0)
                length = min(int(ends[block]), end) - start - skip
                pieces.append((int(blocks[block]) * self.block_rows + skip, length))
            yield pieces

    def order(self, seed: int, epoch: int, batch_size: int) -> Indices:
        """All rows in the order of one epoch, int64 (rows,)."""
        parts: list[Indices] = []
        for number, pieces in enumerate(self.chunks(seed, epoch, batch_size)):
            rows = np.concatenate([np.arange(row, row + length) for row, length in pieces])
            parts.append(rows[self.within(seed, epoch, number, len(rows))])
        return np.concatenate(parts)

    @staticmethod
    def within(seed: int, epoch: int, chunk: int, rows: int) -> Indices:
        """The order of the rows of one chunk."""
        return permutation(rows, (int(random_words(1, (seed, WITHIN + epoch))[0]), chunk))

    def minibatches(
        self, seed: int, epoch: int, batch_size: int, start: int, most: Steps
    ) -> Iterator[tuple[Array, dict[Node, Array]]]:
        """As `examples.minibatches`, with the arrays that each index matrix is into; they are filled anew each time."""
        size = self.chunk_rows(batch_size)
        buffers = {leaf: np.zeros((size, *each.shape[1:]), each.dtype) for leaf, each in self.files.items()}
        first, skipped = divmod(start, size // batch_size)
        for number, pieces in enumerate(self.chunks(seed, epoch, batch_size, first), start=first):
            rows = self._fill(buffers, pieces)
            order = self.within(seed, epoch, number, rows)
            for index in minibatches(order, batch_size, skipped if number == first else 0, most):
                yield index, {**buffers, **self.fixed}

    def _fill(self, buffers: Mapping[Node, Array], pieces: list[tuple[int, int]]) -> int:
        """Reads the rows of a chunk; returns how many."""
        filled = 0
        for row, length in pieces:
            for leaf, stored in self.files.items():
                stored.read(row, buffers[leaf][filled : filled + length])
            filled += length
        return filled

    def total(self, leaf: Node) -> float:
        """The sum of what is stored of `leaf`, one number a row, rounded once."""
        return math.fsum(number for rows in _ranges(self.files[leaf]) for number in rows.tolist())

    def items(self) -> Iterator[tuple[Node, Array]]:
        """What identifies the data (`train.identity`): for each leaf its shape, dtype and SHA-256 as an array."""
        for leaf, each in self.files.items():
            yield leaf, np.frombuffer(digest(each) + f"{each.shape} {each.dtype}".encode(), "uint8")
        yield from self.fixed.items()


def given(step: Step, data: Any) -> tuple[dict[Node, Array], int]:
    """As `examples.examples`; a Stream is given back as it is, checked, for the loop to read."""
    if not isinstance(data, Stream):
        return examples(step, data)
    data.check(step.rows, step.fixed)
    # To all but the loop itself, it is known by `items` alone.
    return cast("dict[Node, Array]", data), data.rows


def digest(stored: Stored) -> bytes:
    """The SHA-256 of the values in C order."""
    found = hashlib.sha256()
    for rows in _ranges(stored):
        found.update(memoryview(cast("Any", rows)).cast("B"))
    return found.digest()


def _ranges(stored: Stored) -> Iterator[Array]:
    """All rows, some megabytes of them at a time."""
    step = max((1 << 22) // max(stored.row_bytes, 1), 1)
    for first in range(0, len(stored), step):
        rows = np.empty((min(step, len(stored) - first), *stored.shape[1:]), stored.dtype)
        stored.read(first, rows)
        yield rows
