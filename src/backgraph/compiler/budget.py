"""A memory budget: how many rows a block may have so that the arena of a call stays within it.

    arena(b) = the largest sum, over the phases, of the bytes that live in one: fixed + b · (bytes of a row)

The budget is that of the arena: what a step needs beside the data and the parameters, which are the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from backgraph.compiler.blocks import BLOCK
from backgraph.compiler.memory import Lifetime, bytes_of, concrete, plan
from backgraph.compiler.program import Body
from backgraph.errors import TrainingError

UNITS = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def byte_count(memory: int | str) -> int:
    """Bytes from what users write: 8388608, "8MiB", "0.5 GB". Raises TrainingError BG401."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(memory))
    if isinstance(memory, bool) or found is None or found[2].lower() not in UNITS or float(found[1]) <= 0:
        raise TrainingError("BG401", "memory", "not a size of memory", got=memory, expected='bytes, or such as "8MiB"')
    return int(float(found[1]) * UNITS[found[2].lower()])


def rows_in_block(
    lives: Sequence[Lifetime], body: Body, sizes: Mapping[str, int], limit: int | None, scratch: int = 0
) -> int:
    """The most rows a block may have: all, or a multiple of 256 with which the arena is at most `limit` bytes.

    `scratch` bytes of the arena are for the threads. Raises TrainingError BG401 where even 256 rows need more.
    """
    rows = concrete(body.rows, sizes)
    if limit is None or arena_bytes(lives, body, sizes, rows) + scratch <= limit:
        return max(rows, 1)
    least = arena_bytes(lives, body, sizes, min(BLOCK, rows)) + scratch
    if least > limit:
        raise _too_small(lives, body, sizes, limit, least)
    limit -= scratch
    low, high = 1, -(-rows // BLOCK)
    while high - low > 1:
        middle = (low + high) // 2
        fits = arena_bytes(lives, body, sizes, middle * BLOCK) <= limit
        low, high = (middle, high) if fits else (low, middle)
    return low * BLOCK


def arena_bytes(lives: Sequence[Lifetime], body: Body, sizes: Mapping[str, int], block: int) -> int:
    """Bytes of the arena with blocks of so many rows, as planned."""
    return plan(lives, sizes, body.local, block)[1]


def peak_bytes(lives: Sequence[Lifetime], body: Body, sizes: Mapping[str, int], block: int) -> int:
    """The formula of the module's docstring: what lives in the fullest phase. No plan can take less."""
    live = [(life, bytes_of(life.value, sizes, block if life.value in body.local else None)) for life in lives]
    phases = range(max((life.last for life in lives), default=0) + 1)
    return max(sum(need for life, need in live if life.first <= phase <= life.last) for phase in phases)


def _too_small(
    lives: Sequence[Lifetime], body: Body, sizes: Mapping[str, int], limit: int, least: int
) -> TrainingError:
    whole = [life.value for life in lives if life.value not in body.local]
    largest = max(whole, key=lambda value: bytes_of(value, sizes), default=None)
    hint = "" if largest is None else f"the largest piece that no block divides is {largest.label}"
    return TrainingError(
        "BG401", "memory", "too little for this step", got=limit, expected=f"{least} or more", hint=hint
    )
