"""`backgraph cost`: what a cost typed in and its gradients take, as accounted, as compiled, and as measured."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.compiled_cost import CompiledCost, compiled_cost
from backgraph.cli.numbers import Flag, dimensions
from backgraph.cli.output import ending, writable_file
from backgraph.cli.screen import write
from backgraph.cli.typed import one_cost, targets, tell_left_out
from backgraph.compiler.budget import byte_count
from backgraph.show.cost import accounts
from backgraph.show.cost_page import CostPage
from backgraph.show.measure import measure
from backgraph.train.disk import save_text

MOST_MEASURED = 2_000_000_000
"""Up to so many multiply-adds are done to count them."""


def cost(
    expression: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    wrt: str,
    cost: str = "",
    shape: str = "",
    size: list[str] | None = None,
    dtype: str = "float32",
    memory: str | None = None,
    lang: str = "en",
    json: Flag = False,
    svg: Path | None = None,
    overwrite: Flag = False,
) -> None:
    """Print multiply-adds, stored bytes and lifetimes of a cost and its gradients; with sizes, as measured too.

    Args:
        expression: a cost such as "sum(relu(X@W)**2)", or statements separated by semicolons.
        wrt: the names to differentiate with respect to, such as W1,W2.
        cost: the name of the cost, such as J1 for "J1 = sum(W**2); J2 = sum(W**4)"; the last statement by default.
        shape: shapes that the text does not tell, such as "b:h, T:".
        size: sizes of dimensions, such as m=128,d=784; may be given several times.
        dtype: float32 or float64.
        memory: at most so much for temporaries in the compiled program, such as 8MiB: rows are taken in blocks.
        lang: en or zh.
        json: print the result as JSON.
        svg: file for a picture of the lifetimes.
        overwrite: replace the file `svg` if it is there.
    """
    by = targets(wrt)
    if memory is not None:
        byte_count(memory)
    if svg is not None:
        ending(svg, (".svg",), "--svg")
        writable_file(svg, overwrite)
    from backgraph.language.parse import parse
    from backgraph.show.sizes import check_sizes

    sizes = dimensions(",".join(size or ()))
    program = parse(expression, shapes=shape, wrt=by, dtype=dtype, cost=one_cost(cost))
    check_sizes(sizes, [program.cost])
    known = {node: name for name, node in reversed(program.names.items())}
    found = accounts(program.cost, [program.names[name] for name in by], known)
    page = CostPage(found, sizes, lang=lang)
    compiled = None
    if not page.missing:
        if page.work <= MOST_MEASURED:
            page = CostPage(found, sizes, measure(found, sizes), lang)
        compiled = compiled_cost(found.outputs, sizes, memory)
    if json:
        data = page.to_json() | {"compiled": None if compiled is None else compiled.to_json()}
        write(json_text.dumps(data, ensure_ascii=False, indent=2) + "\n")
    else:
        write(page_text(page, compiled))
    if svg is not None:
        from backgraph.show.cost_picture import lifetimes_svg

        save_text(svg, lifetimes_svg(page))
    tell_left_out(expression, cost)


def page_text(page: CostPage, compiled: CompiledCost | None) -> str:
    """The page, with what the compiled program does, and what was measured, last."""
    parts = [
        page.text_without_measures(),
        "\n".join(page.missing_words() if compiled is None else compiled.lines(page)),
    ]
    measured = page.measured_lines()
    if compiled is not None:
        measured = [*(measured or [page.say("measured_title")]), "  " + compiled.measured(page)]
    return "\n\n".join([*parts, *(["\n".join(measured)] if measured else [])]) + "\n"
