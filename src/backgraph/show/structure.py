"""The structure of a Jacobian, found by probing: which elements can be other than zero, and what pattern they make.

    support    the elements that are not zero at some of the probes: values where both signs occur, and positive ones
    bracket    an axis of z and one of x with ∂z_i…/∂x_k… = 0 unless i = k, at every probe
    block      the part of the Jacobian that belongs to one element of what the brackets join

A diagonal is where brackets join all axes; the blocks of ∂z/∂W are where they join some; a full matrix has none. No
operation is asked for its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from backgraph.language.op import Array

Kind = Literal["number", "row", "column", "zero", "identity", "diagonal", "blocks", "full", "pattern"]


@dataclass(frozen=True)
class Structure:
    """What probing found; `support` has the shape of z and x together, `brackets` are pairs of their axes."""

    kind: Kind
    support: Array
    brackets: tuple[tuple[int, int], ...]
    constant: bool
    """Whether the Jacobian was the same at every probe."""

    @property
    def free(self) -> int:
        """How many elements can be other than zero."""
        return int(self.support.sum())


def structure(probes: Sequence[Array], rank: int) -> Structure:
    """The structure of Jacobians of one function at several points; the first `rank` axes are those of z."""
    support = np.any([probe != 0 for probe in probes], axis=0)
    constant = all(np.allclose(probe, probes[0], rtol=0, atol=1e-12) for probe in probes[1:])
    brackets = _brackets(support, rank)
    return Structure(_kind(support, rank, brackets, constant, probes[0]), support, brackets, constant)


def _brackets(support: Array, rank: int) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for above in range(rank):
        for below in range(rank, support.ndim):
            free = all(above != a and below != b for a, b in found)
            if free and support.shape[above] == support.shape[below] > 1 and _is_bracket(support, above, below):
                found.append((above, below))
    return tuple(found)


def _is_bracket(support: Array, above: int, below: int) -> bool:
    n = support.shape[above]
    off = np.moveaxis(support, (above, below), (0, 1))[~np.eye(n, dtype=bool)]
    return bool(support.any()) and not off.any()


def _kind(support: Array, rank: int, brackets: tuple[tuple[int, int], ...], constant: bool, first: Array) -> Kind:
    if not support.any():
        return "zero"
    if rank in (0, support.ndim):
        return "number" if support.ndim == 0 else "row" if rank == 0 else "column"
    joined = {axis for pair in brackets for axis in pair}
    rest = [axis for axis, n in enumerate(support.shape) if n > 1 and axis not in joined]
    if not rest and support.ndim == 2 * rank:
        return "identity" if constant and np.all(first[support] == 1) else "diagonal"
    if brackets:
        return "blocks"
    return "full" if support.all() else "pattern"
