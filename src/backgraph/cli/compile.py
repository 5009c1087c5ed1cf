"""`backgraph compile`: every stage from a cost typed in to machine code."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.numbers import dimensions
from backgraph.cli.screen import write
from backgraph.cli.typed import one_cost, targets, tell_left_out
from backgraph.errors import UsageError


def compile(
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    show: str = "schedule",
    wrt: str = "",
    cost: str = "",
    shape: str = "",
    size: str = "",
    dtype: str = "float32",
    isa: str | None = None,
    memory: str | None = None,
) -> None:
    """Print a stage of the compiler for a cost and its gradients.

    Args:
        text: a cost such as "sum(relu(X@W)**2)", or statements separated by semicolons.
        show: graph, rules, nests, schedule, llvm or asm.
        wrt: the names to differentiate with respect to, such as W1,W2; without it only the cost is compiled.
        cost: the name of the cost, such as J1 for "J1 = sum(W**2); J2 = sum(W**4)"; the last statement by default.
        shape: shapes that the text does not tell, such as "b:h, T:".
        size: sizes of dimensions, such as m=128,d=784; all but the batch are needed, except for graph and rules.
        dtype: float32 or float64.
        isa: avx512, avx2 or baseline; the best of this machine by default.
        memory: bound the temporaries, such as 8MiB, by taking the batch in blocks of rows.
    """
    from backgraph.compiler.budget import byte_count
    from backgraph.compiler.stages import SHOWN, stage_text, stages
    from backgraph.compiler.target import host_target

    sizes, limit = dimensions(size), None if memory is None else byte_count(memory)
    if show not in SHOWN:
        raise UsageError("BG601", "--show", "unknown stage", got=show, expected=", ".join(SHOWN))
    by, chosen = targets(wrt) if wrt else (), one_cost(cost)
    found = stages(
        text, wrt=by, cost=chosen, shapes=shape, sizes=sizes, dtype=dtype, target=host_target(isa), memory=limit
    )
    page = stage_text(found, show)
    write(page if page.endswith("\n") else page + "\n")
    tell_left_out(text, cost)
