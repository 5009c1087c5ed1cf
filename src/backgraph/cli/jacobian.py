"""`backgraph jacobian`: the Jacobian on every edge of a cost typed in, as text, a picture or a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.numbers import Flag, dimensions
from backgraph.cli.output import writable_file
from backgraph.cli.screen import say, write
from backgraph.cli.typed import one_cost, targets, tell_left_out
from backgraph.errors import UsageError
from backgraph.show.canvas import theme_of
from backgraph.show.jacobians import Jacobians, jacobians_text
from backgraph.train.disk import save_text

KINDS = (".svg", ".html", ".txt")


def jacobian(
    subject: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    wrt: str,
    cost: str = "",
    shape: str = "",
    size: str = "",
    values: Flag = False,
    lang: str = "en",
    theme: str = "light",
    out: Annotated[Path | None, Parameter(name=("--out", "-o"))] = None,
    overwrite: Flag = False,
) -> None:
    """Show the Jacobian on every edge between a cost and what it is differentiated by; their product is the gradient.

    Args:
        subject: a cost such as "z = W@x + b; a = sigmoid(z); C = sum((a - t)**2)".
        wrt: the names to differentiate with respect to, such as W,b.
        cost: the name of the cost, such as J1 for "J1 = sum(W**2); J2 = sum(W**4)"; the last statement by default.
        shape: shapes that the text does not tell, such as "b:h, t:h".
        size: sizes of dimensions in the tiny example, such as h=2,d=3.
        values: print the numbers of the tiny example.
        lang: en or zh.
        theme: light or dark, for pictures.
        out: a file to write: .svg (the picture), .html (picture and text) or .txt; without it, text on the screen.
        overwrite: replace the file if it exists.
    """
    by = targets(wrt)
    if out is not None and out.suffix.lower() not in KINDS:
        raise UsageError("BG601", "--out", "unknown kind of file", got=out.suffix, expected=", ".join(KINDS))
    theme_of(theme)
    file = None if out is None else writable_file(out, overwrite)
    found = jacobians_text(
        subject, by, cost=one_cost(cost), shapes=shape, sizes=dimensions(size), lang=lang, numbers=values
    )
    if file is None:
        write(found.text())
    else:
        _save(found, theme, file)
        say(f"wrote {file}")
    tell_left_out(subject, cost)


def _save(found: Jacobians, theme: str, file: Path) -> None:
    made = {".svg": lambda: found.svg(theme=theme), ".html": found.html, ".txt": found.text}[file.suffix.lower()]()
    save_text(file, made)
