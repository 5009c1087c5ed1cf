"""Constraints of operations that rearrange: joining, indexing, choosing classes, slicing and reshaping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from backgraph.errors import GraphError
from backgraph.language.dims import Dim, Polynomial, Shape
from backgraph.language.text.constraints import Ranked, ranked
from backgraph.language.text.unify import Clash, Constraint, Need, Slot, Unifier, Unknown, is_placeholder

MOST_TERMS = 1000
"""So many terms may the product of a shape's sizes have before it is multiplied out."""

HIGHEST_DEGREE = 32


@dataclass(eq=False)
class Concatenation(Constraint):
    """Operands of one rank, equal but along `axis`, where their sizes add up."""

    operands: Sequence[Slot]
    result: Slot
    axis: int

    def step(self, sizes: Unifier) -> bool:
        shapes = [ranked(sizes, slot) for slot in (*self.operands, self.result)]
        known = next((shape for shape in shapes if shape is not None), None)
        if known is None:
            return False
        if not -len(known) <= self.axis < len(known):
            raise Clash("the number of axes", len(known), f"more for axis {self.axis}")  # type: ignore[arg-type]
        axis, total = self.axis % len(known), 0
        for slot in self.operands:
            (along,) = sizes.fresh(1)
            sizes.assign(slot, (*known[:axis], along, *known[axis + 1 :]))
            total = along + total
        sizes.assign(self.result, (*known[:axis], sizes.resolve(total), *known[axis + 1 :]))
        return True

    def needs(self) -> Iterator[Need]:
        return (Need(slot, least=1) for slot in self.operands)


@dataclass(eq=False)
class Appended(Constraint):
    """Indices, whose result has further axes behind: one-hot rows (one more) or rows of a table (its own)."""

    index: Slot
    result: Slot
    depth: Dim | None
    table: Slot | None = None

    def step(self, sizes: Unifier) -> bool:
        rest = self._appended(sizes)
        if rest is None:
            return False
        index, result = ranked(sizes, self.index), ranked(sizes, self.result)
        if index is None and result is not None and len(result) >= len(rest):
            sizes.assign(self.index, index := result[: len(result) - len(rest)])
        if index is not None:
            sizes.assign(self.result, (*index, *rest))
        return index is not None

    def needs(self) -> Iterator[Need]:
        if self.table is not None:
            yield Need(self.table, least=1)
        yield Need(self.index, rank=1)

    def _appended(self, sizes: Unifier) -> Ranked | None:
        if self.table is None:
            return (self.depth or 0,)
        table = ranked(sizes, self.table)
        return None if table is None else table[1:]


@dataclass(eq=False)
class Classes(Constraint):
    """Labels for rows of scores: indices, one rank less, or target probabilities of the same shape.

    `free` labels are a bare name met only as labels: indices, unless their shape says otherwise.
    """

    scores: Slot
    labels: Slot
    result: Slot
    free: bool
    classes: list[Dim] = field(default_factory=list[Dim])
    indices: bool = False

    def step(self, sizes: Unifier) -> bool:
        scores, labels = ranked(sizes, self.scores), ranked(sizes, self.labels)
        if scores is None:
            return False
        if not scores:
            raise Clash("the number of axes", 0, 1)
        sizes.assign(self.result, scores[:-1])
        if labels is None and not self.free:
            return False
        self.indices = labels is None or len(labels) == len(scores) - 1
        sizes.assign(self.labels, scores[:-1] if self.indices else scores)
        self.classes.append(scores[-1])
        return True

    def needs(self) -> Iterator[Need]:
        yield Need(self.scores, least=1)


@dataclass(eq=False)
class Forward(Constraint):
    """The result's shape is what `shape_of` says of the operand's, once that is known but for its symbols."""

    of: Slot
    result: Slot
    shape_of: Callable[[Ranked], Shape]
    least: int = 0
    patient: bool = True

    def step(self, sizes: Unifier) -> bool:
        shape = ranked(sizes, self.of)
        if shape is None or (self.patient and has_placeholder(shape)):
            return False
        if not is_tame(shape):
            raise GraphError("BG109", "shape", "the sizes are too complicated", hint="annotate them with numbers")
        try:
            sizes.assign(self.result, self.shape_of(shape))
        except GraphError:
            if has_placeholder(shape):
                raise Unknown(self.of) from None
            raise
        return True

    def needs(self) -> Iterator[Need]:
        yield Need(self.of, least=self.least)


def has_placeholder(shape: Ranked) -> bool:
    """Whether a size is not known yet."""
    return any(is_placeholder(name) for dim in shape if isinstance(dim, Polynomial) for name in dim.symbols)


def is_tame(shape: Ranked) -> bool:
    """Whether the number of elements, as a polynomial, is small enough to write down."""
    known = [dim for dim in shape if isinstance(dim, Polynomial)]
    few = math.prod(len(dim.terms) for dim in known) <= MOST_TERMS
    return few and sum(dim.degree for dim in known) <= HIGHEST_DEGREE
