"""`backgraph check`: the gradient of a cost typed in, checked node by node. Exit code 1 if something is wrong."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.arrays import read_arrays
from backgraph.cli.numbers import Flag, dimensions
from backgraph.cli.screen import write
from backgraph.cli.typed import one_cost, targets, tell_left_out

WRONG = 1


def check(
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    wrt: str,
    cost: str = "",
    shape: str = "",
    size: str = "",
    data: Path | None = None,
    lang: str = "en",
    json: Flag = False,
) -> int:
    """Compare the gradient of a cost with derivatives computed from values alone, rule by rule.

    Args:
        text: a cost such as "sum(relu(X@W)**2)", or statements separated by semicolons.
        wrt: the names to differentiate with respect to, such as W1,W2.
        cost: the name of the cost, such as J1 for "J1 = sum(W**2); J2 = sum(W**4)"; the last statement by default.
        shape: shapes that the text does not tell, such as "b:h, T:".
        size: sizes of dimensions, such as m=4,d=3; small ones by default.
        data: .npz or .csv file with numbers for inputs; the others are made up.
        lang: en or zh.
        json: print the result as JSON.
    """
    by = targets(wrt)
    from backgraph.language.parse import parse
    from backgraph.show.check import check as checked

    program = parse(text, shapes=shape, wrt=by, cost=one_cost(cost))
    known: dict[object, str] = {}
    for name, node in program.names.items():
        known.setdefault(node, name)
    values = {} if data is None else read_arrays(data)
    nodes = [program.names[name] for name in by]
    found = checked(program.cost, nodes, values, known, sizes=dimensions(size), lang=lang)  # type: ignore[arg-type]
    write(json_text.dumps(found.to_json(), ensure_ascii=False, indent=2) + "\n" if json else found.text())
    tell_left_out(text, cost)
    return 0 if found.passed else WRONG
