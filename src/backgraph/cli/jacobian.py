"""`backgraph jacobian`: the Jacobian on every edge of a cost typed in, as text, a picture or a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.numbers import Flag, dimensions, names
from backgraph.cli.output import writable_file
from backgraph.cli.screen import say, write
from backgraph.errors import SaveError, UsageError

KINDS = (".svg", ".html", ".txt")


def jacobian(
    subject: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    wrt: str,
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
        shape: shapes that the text does not tell, such as "b:h, t:h".
        size: sizes of dimensions in the tiny example, such as h=2,d=3.
        values: print the numbers of the tiny example.
        lang: en or zh.
        theme: light or dark, for pictures.
        out: a file to write: .svg (the picture), .html (picture and text) or .txt; without it, text on the screen.
        overwrite: replace the file if it exists.
    """
    from backgraph.show.jacobians import jacobians_text

    if not names(wrt):
        raise UsageError("BG601", "--wrt", "with respect to what is not said", hint="add --wrt W1,W2")
    if out is not None and out.suffix.lower() not in KINDS:
        raise UsageError("BG601", "--out", "unknown kind of file", got=out.suffix, expected=", ".join(KINDS))
    file = None if out is None else writable_file(out, overwrite)
    found = jacobians_text(subject, names(wrt), shapes=shape, sizes=dimensions(size), lang=lang, numbers=values)
    if file is None:
        write(found.text())
        return
    made = {".svg": lambda: found.svg(theme=theme), ".html": found.html, ".txt": found.text}[file.suffix.lower()]()
    try:
        file.write_text(made, encoding="utf-8")
    except OSError as error:
        raise SaveError("BG551", str(file), "cannot be written", got=error.strerror) from None
    say(f"wrote {file}")
