"""Guards: an index outside its axis is refused, as the evaluator refuses it, wherever it comes from.

Every operation says which operand holds indices, and how many places there are (`Operation.indexed`). Who looks:

    given      moved about, but as an argument or constant has them: the host, before the call
    bounded    from an operation that gives no others (an argmax): nobody
    computed   a nest finds the first that is outside and a second one its value; Python reads both after the call

The two nests are as any other, their results outputs of their own: of a function for each call, of a training loop for
each step. No read leaves its array whatever an index is (`Emitter.bounded`); what was computed from a bad one is
thrown away. Where nothing is computed, no code is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backgraph.compiler.lower_scalars import call, choose
from backgraph.compiler.lowering import IndexUse, Lowered
from backgraph.compiler.memory import concrete
from backgraph.compiler.nest import (
    Axis,
    Combined,
    Expr,
    Extent,
    Literal,
    Nest,
    Position,
    Read,
    Value,
    Write,
    along,
    reads_of,
    storage,
)
from backgraph.compiler.run_nests import run_nests
from backgraph.errors import BackgraphError
from backgraph.language.dims import Dim, count
from backgraph.language.op import Array

NONE = 2**63 - 1
"""More than any index: what the nests give where all indices are inside."""


@dataclass(frozen=True)
class Given:
    """Indices that the host can look at: `source` has them (and maybe others), `moves` are nests that pick them."""

    use: IndexUse
    source: Value
    moves: tuple[Nest, ...]

    def check(self, given: Mapping[Value, Array], sizes: Mapping[str, int], all_sizes: Mapping[str, int]) -> None:
        """Raises what the operation says of the first index outside. Looks closer only where something is."""
        places, size = _array(self.source, given), concrete(self.use.size, sizes)
        if not places.size or (places.min() >= 0 and places.max() < size):
            return
        read = {storage(r.value) for nest in self.moves for r in nest.reads} | {self.source}
        known = {value: _array(value, given) for value in read if value in given or value.role == "constant"}
        shape = tuple(concrete(dim, all_sizes) for dim in self.use.indices.shape)
        memory = run_nests(self.moves, known, all_sizes)
        self.use.operation.inside(memory[storage(self.use.indices)].reshape(shape), size)


@dataclass(frozen=True)
class Computed:
    """Indices that native code looks at: `first` is the place of the first one outside, `found` its value."""

    use: IndexUse
    first: Value
    found: Value

    def error(self, first: int, found: int, sizes: Mapping[str, int]) -> BackgraphError | None:
        """What the operation says of it; None where all are inside."""
        shape = tuple(concrete(dim, sizes) for dim in self.use.indices.shape)
        if first >= int(np.prod(shape)):
            return None
        at = tuple(map(int, np.unravel_index(first, shape)))
        return self.use.operation.outside(found, at, concrete(self.use.size, sizes))


@dataclass(frozen=True)
class Guards:
    """All guards of a program."""

    given: tuple[Given, ...] = ()
    computed: tuple[Computed, ...] = ()

    @property
    def values(self) -> tuple[Value, ...]:
        """What native code writes for them."""
        return tuple(value for guard in self.computed for value in (guard.first, guard.found))

    def before(
        self, given: Mapping[Value, Array], sizes: Mapping[str, int], all_sizes: Mapping[str, int] | None = None
    ) -> None:
        """Look at what the caller gives. Raises what the evaluator raises.

        `all_sizes` are the sizes of what is given, where that is for many steps at once.
        """
        for guard in self.given:
            guard.check(given, sizes, all_sizes or sizes)

    def fault(
        self, given: Mapping[Value, Array], sizes: Mapping[str, int], steps: int
    ) -> tuple[int, BackgraphError] | None:
        """The first of so many steps that met an index outside, and the error; None where none did."""
        found: list[tuple[int, BackgraphError]] = []
        for guard in self.computed:
            firsts, values = (given[value].reshape(-1)[:steps] for value in (guard.first, guard.found))
            for step in np.flatnonzero(values != NONE)[:1]:
                error = guard.error(int(firsts[step]), int(values[step]), sizes)
                found += [(int(step), error)] if error is not None else []
        return min(found, key=lambda fault: fault[0], default=None)


def guards(program: Lowered) -> tuple[list[Nest], Guards]:
    """The nests to add to a lowered program, and what looks at indices before and after a call."""
    table: dict[Value, list[Nest]] = {}
    for nest in program.nests:
        for write in nest.writes:
            table.setdefault(storage(write.value), []).append(nest)
    added: list[Nest] = []
    given: list[Given] = []
    computed: list[Computed] = []
    for use in {(use.indices, use.size): use for use in reversed(program.uses)}.values():
        source, moves = _source(use.indices, table)
        if _is_below(program.below.get(source), use.size):
            continue
        if moves is not None and source.role != "temporary":
            given.append(Given(use, source, tuple(moves)))
            continue
        nests, guard = _computed(use)
        added += nests
        computed.append(guard)
    return added, Guards(tuple(reversed(given)), tuple(reversed(computed)))


def _source(value: Value, table: Mapping[Value, Sequence[Nest]]) -> tuple[Value, list[Nest] | None]:
    """Where elements come from that are only moved about, and the nests that do it (None: not by what is given)."""
    source = storage(value)
    nests = table.get(source, [])
    if len(nests) != 1 or nests[0].reduce is not None or not isinstance(body := nests[0].writes[0].body, Read):
        return source, []
    parts = [_source(read.value, table) for read in reads_of(body)]  # the body itself comes first
    whole = all(moves is not None and origin.role != "temporary" for origin, moves in parts)
    moves = [nest for _, some in parts for nest in some or ()]
    return parts[0][0], [*moves, nests[0]] if whole else None


def _is_below(bound: Dim | None, size: Dim) -> bool:
    return bound is not None and (bound == size or (isinstance(bound, int) and isinstance(size, int) and bound <= size))


def _computed(use: IndexUse) -> tuple[list[Nest], Computed]:
    n = count(use.indices.shape)
    flat = Value(use.indices.label, (n,), use.indices.dtype, "alias", base=use.indices)
    none = Literal(NONE, "int64")

    def least(label: str, k: Axis, operand: Expr) -> tuple[Nest, Value]:
        out = Value(label, (), "int64")
        return Nest((), (Write(out, (), Combined("int64")),), k, "min", (operand,), label), out

    k = Axis("k", n)
    index = Read(flat, (along(k),))
    inside = call("and", call("ge", index, Literal(0, "int64")), call("lt", index, Extent(use.size, "int64")))
    finding, first = least("first outside", k, choose(inside, none, Position(along(k))))
    k = Axis("k", n)
    here = call("eq", Position(along(k)), Read(first, ()))
    reading, found = least("index outside", k, choose(here, Read(flat, (along(k),)), none))
    return [finding, reading], Computed(use, first, found)


def _array(value: Value, given: Mapping[Value, Array]) -> Array:
    if value.role == "constant":
        return np.frombuffer(value.bits, value.dtype).reshape(tuple(int(n) for n in value.shape))  # type: ignore[arg-type]
    return given[value]
