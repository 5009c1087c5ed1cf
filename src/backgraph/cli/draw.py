"""`backgraph draw`: the graph of a cost typed in, its gradient and the update, as a picture or a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.numbers import Flag, dimensions, names
from backgraph.cli.output import ending, writable_file
from backgraph.cli.screen import say
from backgraph.cli.typed import targets, tell_left_out
from backgraph.errors import TrainingError, nearest
from backgraph.optim import OPTIMIZERS, Optimizer
from backgraph.show.draw import FORMATS, draw_text
from backgraph.train.disk import save_text


def draw(
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    out: Annotated[Path, Parameter(name=("--out", "-o"))] = Path("drawing.svg"),
    wrt: str | None = None,
    cost: str = "",
    shape: str | None = None,
    update: str | None = None,
    fold: Annotated[bool, Parameter(negative="--every-node")] = True,
    paper: Flag = False,
    dark: Flag = False,
    size: str = "",
    lang: str = "en",
    overwrite: Flag = False,
) -> None:
    """Draw the graph of a cost; with --wrt also its gradient, and with --update also what an optimizer makes of it.

    Args:
        text: a cost such as "sum(relu(X@W)**2)", or statements separated by semicolons; the last is the cost.
        out: the file to write; its ending says what: .svg a picture, .html a page to step through, .dot for Graphviz.
        wrt: the names to differentiate with respect to, such as W1,W2; without it the forward graph is drawn alone.
        cost: the names of several costs, such as J1,J2 for "J1 = sum(W**2); J2 = sum(W**4)".
        shape: shapes that the text does not tell, such as "b:h, T:".
        update: the optimizer whose step is drawn: sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw.
        fold: one box for each name; --every-node draws every node.
        paper: for print: names and formulas without captions.
        dark: for dark pages.
        size: sizes of dimensions, such as m=128,d=784, for memory and for shapes in numbers.
        lang: en or zh.
        overwrite: replace the file.
    """
    kind = ending(out, FORMATS)
    writable_file(out, overwrite)
    by = targets(wrt) if update is not None or wrt is not None else ()
    shapes = {} if shape is None else {"shapes": shape}
    optimizer = None if update is None else _optimizer(update)
    drawing = draw_text(
        text, by, costs=names(cost), update=optimizer, fold=fold, paper=paper, dark=dark, sizes=dimensions(size),
        lang=lang, **shapes,
    )  # fmt: skip
    save_text(out, getattr(drawing, kind[1:]))
    say(f"{out}: {drawing.title}")
    tell_left_out(text, cost)


def _optimizer(name: str) -> Optimizer:
    if name not in OPTIMIZERS:
        hint = nearest(name, list(OPTIMIZERS))
        raise TrainingError("BG401", "--update", "unknown", got=name, expected=", ".join(OPTIMIZERS), hint=hint)
    return OPTIMIZERS[name]()
