"""Memory is planned, not allocated: lifetimes in phases → offsets in one arena.

A piece of memory is given to another value only when a barrier stands between the last touch of the one and the first
of the other. Offsets are computed for the batch of a call, so a program compiled once serves any batch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from backgraph.compiler.nest import Value, storage
from backgraph.compiler.phases import Phase
from backgraph.language.dims import Dim, Polynomial, count

BYTES = {"float32": 4, "float64": 8, "int64": 8, "bool": 1}
ALIGNMENT = 64


@dataclass(frozen=True)
class Lifetime:
    """A value that lives in the arena from phase `first` to phase `last`."""

    value: Value
    first: int
    last: int


def lifetimes(
    phases: Sequence[Phase], kept: Sequence[Value], body: range = range(0), local: Collection[Value] = ()
) -> list[Lifetime]:
    """When each temporary is touched; a kept one lives to the end.

    Phases in `body` run for block after block of rows: what lives in one of them lives in all, unless it is `local`.
    """
    first: dict[Value, int] = {}
    last: dict[Value, int] = {}
    for number, phase in enumerate(phases):
        for nest in phase.nests:
            for value in [*(r.value for r in nest.reads), *(w.value for w in nest.writes)]:
                value = storage(value)
                first.setdefault(value, number)
                last[value] = number
    ends = {storage(value) for value in kept}
    lives = [Lifetime(v, first[v], len(phases) if v in ends else last[v]) for v in first if v.role == "temporary"]
    return [life if life.value in local else _through(life, body) for life in lives]


def _through(life: Lifetime, body: range) -> Lifetime:
    """A life that touches the body, made to last through all of it."""
    if not body or life.last < body[0] or life.first > body[-1]:
        return life
    return Lifetime(life.value, min(life.first, body[0]), max(life.last, body[-1]))


def plan(
    lives: Sequence[Lifetime], sizes: Mapping[str, int], local: Collection[Value] = (), block: int = 0
) -> tuple[dict[Value, int], int]:
    """An offset for every value, and the size of the arena in bytes: each at the lowest place free in its lifetime.

    Of `local` values there are only `block` rows.
    """
    need_of = {life.value: bytes_of(life.value, sizes, block if life.value in local else None) for life in lives}
    offsets: dict[Value, int] = {}
    placed: list[tuple[Lifetime, int, int]] = []
    for life in sorted(lives, key=lambda each: (-need_of[each.value], each.first)):
        need = need_of[life.value]
        busy = sorted((start, stop) for other, start, stop in placed if not _apart(life, other))
        at = 0
        for start, stop in busy:
            if at + need <= start:
                break
            at = max(at, stop)
        offsets[life.value] = at
        placed.append((life, at, at + need))
    return offsets, max((stop for _, _, stop in placed), default=0)


def _apart(a: Lifetime, b: Lifetime) -> bool:
    return a.last < b.first or b.last < a.first


def bytes_of(value: Value, sizes: Mapping[str, int], rows: int | None = None) -> int:
    """Bytes of a value, or of so many rows of it, rounded up to whole cache lines."""
    shape = value.shape if rows is None else (rows, *value.shape[1:])
    n = concrete(count(shape), sizes) * BYTES[value.dtype]
    return -(-n // ALIGNMENT) * ALIGNMENT


def concrete(dim: Dim, sizes: Mapping[str, int]) -> int:
    """A dimension as a number."""
    result = dim.at(sizes) if isinstance(dim, Polynomial) else dim
    assert isinstance(result, int)
    return result
