"""`backgraph explain`: the gradient of a cost typed in, as maths; or what an error code means."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.arrays import read_arrays
from backgraph.cli.exercise import ask
from backgraph.cli.numbers import Flag
from backgraph.cli.output import ending, writable_file
from backgraph.cli.screen import say, write
from backgraph.cli.typed import one_cost, targets, tell_left_out
from backgraph.errors import CATALOGUE, UsageError, nearest
from backgraph.train.disk import save_text

ENDINGS = {".txt": "text", ".tex": "latex", ".md": "markdown", ".html": "html", ".json": "json", ".py": "numpy"}
"""What a file is for, by its ending."""
DOCUMENT = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>backgraph explain</title></head><body>
{page}</body></html>
"""
"""A page of its own; what is printed is a part for pages of others."""
CODE = re.compile(r"BG\d{3}", re.IGNORECASE)


def explain(
    subject: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    wrt: str | None = None,
    cost: str = "",
    shape: str | None = None,
    lang: str = "en",
    ascii: Flag = False,  # noqa: A002  # the option is called --ascii
    format: str | None = None,
    out: Annotated[Path | None, Parameter(name=("--out", "-o"))] = None,
    index: Flag = False,
    values: Flag = False,
    data: Path | None = None,
    exercise: Flag = False,
    answer: list[str] | None = None,
    overwrite: Flag = False,
) -> int:
    """Print the gradient of a cost as maths, step by step; or what an error code means.

    Args:
        subject: a cost such as "sum(relu(X@W)**2)", statements separated by semicolons, or an error code such as BG101.
        wrt: the names to differentiate with respect to, such as W1,W2.
        cost: the name of the cost, such as J1 for "J1 = sum(W**2); J2 = sum(W**4)"; the last statement by default.
        shape: shapes that the text does not tell, such as "b:h, T:".
        lang: en or zh.
        ascii: write W1 and grad for terminals without Unicode.
        format: text, latex, markdown, html, json or numpy (source that computes it); text, or what the file is for.
        out: a file to write: .txt, .tex, .md, .html, .json or .py.
        index: add each product with its indices.
        values: work out a tiny example: every number at every node, each gradient checked.
        data: .npz or .csv file with numbers for inputs, for --values; the others are made up.
        exercise: leave the rules blank; in a terminal, ask for them one after the other.
        answer: an answer to an exercise, such as "G = (softmax(U2) - onehot(y))/m"; may be given several times.
        overwrite: replace the file if it is there.
    """
    if CODE.fullmatch(subject.strip()):
        _explain_code(subject.strip().upper())
        return 0
    by, format = targets(wrt), format or _format_of(out)
    if out is not None:
        writable_file(out, overwrite)
    from backgraph.show.explain import explain_text

    shapes = {} if shape is None else {"shapes": shape}
    numbers = read_arrays(data) if data is not None else values
    explanation = explain_text(
        subject,
        by,
        cost=one_cost(cost),
        lang=lang,
        ascii=ascii,
        format=format,
        index=index,
        values=numbers,
        **shapes,
    )
    if exercise or answer:
        return ask(explanation.exercise(), answer or [])
    page = str(explanation)
    page = page if page.endswith("\n") else page + "\n"
    if out is None:
        write(page)
    else:
        save_text(out, DOCUMENT.format(lang=lang, page=page) if format == "html" else page)
        say(f"wrote {out}")
    tell_left_out(subject, cost)
    return 0


def _format_of(out: Path | None) -> str:
    return "text" if out is None else ENDINGS[ending(out, ENDINGS)]


def _explain_code(code: str) -> None:
    if code not in CATALOGUE:
        raise UsageError("BG601", "explain", "no such error code", got=code, hint=nearest(code, list(CATALOGUE)))
    say(code)
    say(textwrap.fill(CATALOGUE[code], 100))
