"""A keyed random mask, for dropout: random numbers that are a function of their key, not of a hidden state.

Four neighbours in a line (along the last axis) are decided by the four words that Philox 4×32-10 makes of the counter
(place in the line / 4, number of the line, stream) under the key, so a mask is the same on every machine, for any
number of threads, and when a run is resumed. Philox: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
1, 2, 3" (2011). Dropout: Srivastava et al. (2014), section 7.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from backgraph.errors import GraphError
from backgraph.language import notation
from backgraph.language.check import here, mismatch
from backgraph.language.decimals import complement
from backgraph.language.dims import Polynomial, Shape, as_shape
from backgraph.language.node import Node
from backgraph.language.op import Array, Parametrised

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF


def philox(counter: Sequence[Any], key: Sequence[Any]) -> tuple[Any, ...]:
    """Four random words of four counter words and two key words, elementwise: 32 bits each, held in 64."""
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = (np.asarray(word, np.uint64) for word in key)
    for _ in range(ROUNDS):
        p0, p1 = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD, (p0 >> 32) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + np.uint64(WEYL[0])) & WORD, (k1 + np.uint64(WEYL[1])) & WORD
    return c0, c1, c2, c3


def mask_word(key: Any, stream: Any, line: Any, place: Any) -> NDArray[np.int64]:
    """The word that decides an element, elementwise: for a 64-bit key, the number of its line and its place there."""
    key, line, place = (np.asarray(x, np.int64).astype(np.uint64) for x in (key, line, place))
    counter = place >> 2, line & WORD, np.uint64(stream), line >> 32
    words = np.broadcast_arrays(place & 3, *philox(counter, (key & WORD, key >> 32)))
    return np.choose(words[0].astype(np.int64), words[1:]).astype(np.int64)


@dataclass(frozen=True)
class RandomMask(Parametrised):
    """0 with probability `rate`, else 1, independently for each element; a function of the key: `()->(...)`."""

    name: ClassVar[str] = "random_mask"
    signature: ClassVar[str] = "()->(...)"

    to: Shape
    rate: float
    stream: int
    of_dtype: str

    @property
    def threshold(self) -> int:
        """An element is 0 where its word is below this."""
        return round(self.rate * 2**32)

    def shape(self, *inputs: Node) -> Shape:
        if inputs[0].shape != () or inputs[0].dtype != "int64":
            raise mismatch(self.name, self.signature, inputs, "the key must be an integer scalar")
        return self.to

    def dtype(self, *inputs: Node) -> str:
        return self.of_dtype

    def numpy(self, *arrays: Array) -> Array:
        to: tuple[int, ...] = self.to  # type: ignore[assignment]  # concrete when evaluated
        line, place = np.divmod(np.arange(int(np.prod(to))).reshape(to), to[-1] if to else 1)
        return (mask_word(arrays[0], self.stream, line, place) >= self.threshold).astype(self.of_dtype)

    def bprop(self, inputs: tuple[Node, ...], position: int, G: Node) -> Node | None:
        return None

    def jvp(self, inputs: tuple[Node, ...], tangents: Sequence[Node | None]) -> Node | None:
        return None

    def notation(self, inputs: tuple[Node, ...], *trees: notation.Tree) -> notation.Tree:
        return notation.Apply("mask", trees)


def random_mask(
    key: Node, shape: Sequence[int | str | Polynomial], rate: float, stream: int = 0, dtype: str = "float64"
) -> Node:
    """A mask of `shape` with zeros in the proportion `rate`; `stream` tells masks of one key apart.

    `key` is an integer scalar, such as the number of the step. Raises GraphError BG109 unless 0 ≤ rate < 1.
    """
    if not 0 <= rate < 1:
        raise GraphError("BG109", f"{here()} random_mask", "rate out of range", got=rate, expected="0 ≤ rate < 1")
    if not 0 <= stream <= WORD:
        raise GraphError("BG109", f"{here()} random_mask", "stream out of range", got=stream, expected="0 … 2³² − 1")
    return RandomMask(as_shape(shape), float(rate), int(stream), dtype).apply(key)


def dropout(x: Node, key: Node, rate: float = 0.5, stream: int = 0) -> Node:
    """x with elements dropped at random and the others scaled by 1/(1 − rate), so that its mean stays. Section 7.12.

    Raises GraphError BG109 unless 0 ≤ rate < 1.
    """
    mask = random_mask(key, x.shape, rate, stream, x.dtype)  # type: ignore[arg-type]
    return (1 / complement(rate)) * (x * mask)
