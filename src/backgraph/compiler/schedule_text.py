"""A schedule as text: phases, the axis that threads share out, row blocks, and the memory of the arena."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from backgraph.compiler.budget import rows_in_block
from backgraph.compiler.memory import bytes_of, lifetimes, plan
from backgraph.compiler.nest import Affine, Expr, Index, Lookup, Nest, Read, Value, Write, mapped, printed
from backgraph.compiler.phases import Phase, shared_axis
from backgraph.compiler.pipeline import in_memory, in_phases
from backgraph.compiler.program import Body
from backgraph.compiler.schedule import Program
from backgraph.language.dims import shape_text, symbols


def schedule_text(
    program: Program, sizes: Mapping[str, int], blocked: str | None = None, memory: int | None = None
) -> str:
    """The phases of a scheduled program, with the axis that threads share out in each nest, and the arena.

    The arena needs the size of every dimension; without them its line is left out. `blocked` names the dimension that
    goes in row blocks, within `memory` bytes. Raises TrainingError BG401 where those are too few.
    """
    program, groups, body = in_phases(program, blocked)
    label = labels(program.nests)
    lines: list[str] = []
    for number, phase in enumerate(groups):
        inside = number in body.phases
        if inside and number == body.phases[0]:
            lines.append(f"for every block of rows of {body.rows}:")
        lines += [("  " if inside else "") + line for line in _phase(phase, number + 1, label)]
    lines += [f"{label[new]} takes the place of {old}" for new, old in program.in_place.items()]
    return "\n".join([*lines, *_arena(program, groups, body, sizes, memory)]) + "\n"


def _phase(phase: Phase, number: int, label: Mapping[Value, str]) -> list[str]:
    lines = [f"phase {number}"]
    for nest in phase.nests:
        axis = shared_axis(nest)
        lines.append(f"  // {'one thread' if axis is None else f'threads share {axis}'}")
        lines += [f"  {line}" for line in printed(renamed(nest, label)).splitlines()]
    return [*lines, "  barrier"]


def _arena(
    program: Program, groups: Sequence[Phase], body: Body, sizes: Mapping[str, int], memory: int | None
) -> list[str]:
    stored = set(in_memory(program, ())) - {*program.kept, *program.in_place}
    lives = [life for life in lifetimes(groups, (), body.phases, body.local) if life.value in stored]
    if not all(name in sizes for life in lives for name in symbols(life.value.shape)):
        return []
    block = rows_in_block(lives, body, sizes, memory)
    label = labels(program.nests)
    offsets, total = plan(lives, sizes, body.local, block)
    rows = [
        (f"  {label[v]}", shape_text((block, *v.shape[1:]) if v in body.local else v.shape),
         f"{bytes_of(v, sizes, block if v in body.local else None)} bytes", f"at {at}")
        for v, at in offsets.items()
    ]  # fmt: skip
    blocks = f", blocks of {block} rows" if body.phases else ""
    return [f"arena: {total} bytes{blocks}", *table(rows)]


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines, with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def labels(nests: Sequence[Nest]) -> dict[Value, str]:
    """A name of its own for every value: a second `sum` is sum2."""
    used: Counter[str] = Counter()
    result: dict[Value, str] = {}
    for nest in nests:
        for value in [*(r.value for r in nest.reads), *(w.value for w in nest.writes)]:
            if value not in result:
                used[value.label] += 1
                result[value] = value.label + (str(used[value.label]) if used[value.label] > 1 else "")
    return result


def renamed(nest: Nest, label: Mapping[Value, str]) -> Nest:
    """The nest, for printing, with every value under its name."""

    def change(expr: Expr) -> Expr | None:
        if not isinstance(expr, Read):
            return None
        return Read(replace(expr.value, label=label[expr.value]), tuple(map(index, expr.index)))

    def index(at: Index) -> Index:
        return at if isinstance(at, Affine) else Lookup(cast("Read", change(at.read)))

    writes = tuple(
        Write(replace(w.value, label=label[w.value]), tuple(map(index, w.index)), mapped(w.body, change))
        for w in nest.writes
    )
    return replace(nest, operands=tuple(mapped(o, change) for o in nest.operands), writes=writes)
