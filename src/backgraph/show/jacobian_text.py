"""Jacobians in words: sections of lines, as text or as a self-contained page with the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backgraph.language.dims import Dim, at, shape_text
from backgraph.language.notation import Gradient, Relation, Tree, transposed
from backgraph.language.op import Array
from backgraph.show.bridge import Bridge, bridges
from backgraph.show.canvas import spoken
from backgraph.show.chain import Chain, EdgeJacobian, Value
from backgraph.show.jacobian_words import words_of
from backgraph.show.notation_of_edges import element_tree, partial_tree
from backgraph.show.page import width, wrapped
from backgraph.show.text import text

MOST_CELLS = 400
MOST_PATHS = 6
MOST_TERMS = 16
"""A polynomial with more terms is told as a number alone."""
BETWEEN = "   │   "
MARKS = {"free": "■", "never": "·", "zero": "○"}


@dataclass(frozen=True)
class Line:
    """A line of words, or of `aligned` figures."""

    words: str
    indent: int = 2
    aligned: bool = False


@dataclass(frozen=True)
class Section:
    """A title with lines below it."""

    title: str
    lines: tuple[Line, ...]


def sections(chain: Chain, lang: str, numbers: bool) -> list[Section]:
    """Everything there is to say, in order; `numbers` adds those of the tiny example."""
    words = words_of(lang)
    cost = text(chain.cost.name)
    found = [
        Section(words["values"], tuple(_values(chain, words))),
        Section(words["edges"].format(cost=cost), tuple(_edges(chain, words, numbers))),
        Section(words["product"], tuple(_product(chain, words, numbers))),
        Section(words["work"], tuple(_work(chain, words))),
        Section(words["rows"], tuple(_rows(chain, words))),
    ]
    return [section for section in found if section.lines]


def title_of(chain: Chain, lang: str) -> str:
    """`Jacobians from C down to W⁽¹⁾, W⁽²⁾`."""
    targets = ("、" if lang == "zh" else ", ").join(text(target.name) for target in chain.targets)
    return words_of(lang)["title"].format(cost=text(chain.cost.name), targets=targets)


def page_text(chain: Chain, lang: str = "en", numbers: bool = False) -> str:
    """The sections as text."""
    lines = [title_of(chain, lang)]
    for section in sections(chain, lang, numbers):
        lines += ["", section.title]
        for line in section.lines:
            indent = " " * line.indent
            lines += [indent + line.words] if line.aligned else wrapped(line.words, indent)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def page_html(chain: Chain, picture: str, lang: str = "en", numbers: bool = False) -> str:
    """The picture and the sections as one file that loads nothing."""
    body: list[str] = []
    for section in sections(chain, lang, numbers):
        body.append(f"<h2>{spoken(section.title)}</h2>")
        body += [_block(block) for block in _blocks(section.lines)]
    heading = spoken(title_of(chain, lang))
    language = "zh-Hans" if lang == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{heading}</title><style>{STYLE}</style></head>\n<body><h1>{heading}</h1>\n"
        f'<div class="picture">{picture}</div>\n' + "\n".join(body) + "\n</body></html>\n"
    )


STYLE = (
    "body{font:16px/1.5 system-ui,'Noto Sans','Noto Sans CJK SC',sans-serif;max-width:62rem;margin:1rem auto;"
    "padding:0 1rem;color:#1b1d1f;background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}"
    ".picture{overflow-x:auto}pre{font:14px/1.35 ui-monospace,'DejaVu Sans Mono','Noto Sans Mono CJK SC',monospace;"
    "overflow-x:auto;background:#f1f3f5;padding:.6rem;border-radius:6px}p{margin:.3rem 0}"
    "@media(prefers-color-scheme:dark){body{color:#eceef0;background:#15181b}pre{background:#22272b}"
    ".picture{background:#fff;border-radius:6px}}"
)


def _blocks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines that stand together: figures in one block, words one by one."""
    block: list[Line] = []
    for line in lines:
        if block and not (line.aligned and block[-1].aligned):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _block(lines: list[Line]) -> str:
    if lines[0].aligned:
        return "<pre>" + "\n".join(spoken(line.words) for line in lines) + "</pre>"
    margin = (lines[0].indent - 2) / 2
    style = f' style="margin-left:{margin:g}em"' if margin else ""
    return f"<p{style}>{spoken(lines[0].words)}</p>"


def shape_of(chain_or_shape: Sequence[Dim], words: dict[str, str]) -> str:
    """A shape, or the word for a number."""
    return shape_text(tuple(chain_or_shape)) if chain_or_shape else words["scalar"]


def _values(chain: Chain, words: dict[str, str]) -> Iterator[Line]:
    rows = [
        (text(Relation("=", value.name, value.formula)), shape_of(value.node.shape, words))  # type: ignore[arg-type]
        for value in chain.values
        if value.formula is not None
    ]
    width = max(len(row[0]) for row in rows)
    yield from (Line(f"{formula.ljust(width)}   {shape}", aligned=True) for formula, shape in rows)


def partial(edge: EdgeJacobian) -> str:
    """`∂z/∂x`."""
    return text(partial_tree(edge))


def by_elements(edge: EdgeJacobian) -> str | None:
    """`∂z_i/∂W_jk = a_k [i = j]`."""
    if edge.element is None:
        return None
    return text(element_tree(edge))


def kind_words(edge: EdgeJacobian, words: dict[str, str]) -> str:
    """What the structure is called."""
    found = edge.structure
    letters = [*edge.letters[0], *edge.letters[1]] or list("ijklpq")
    pairs = ", ".join(f"{letters[a]} = {letters[b]}" for a, b in found.brackets)
    key: str = found.kind
    if key in ("row", "column") and edge.array.ndim > 1:
        key = "like_x" if key == "row" else "like_z"
    return words[key].format(
        z=text(edge.z.name), x=text(edge.x.name), pairs=pairs, free=found.free, all=found.support.size
    )


def _edges(chain: Chain, words: dict[str, str], numbers: bool) -> Iterator[Line]:
    colon = words["colon"]
    for edge in reversed(chain.edges):
        matrix = "" if edge.matrix is None else f" = {text(edge.matrix)}"
        shape = shape_of((*edge.z.node.shape, *edge.x.node.shape), words)  # type: ignore[misc]
        yield Line(f"{partial(edge)}{matrix}    {shape}{words['comma']}{kind_words(edge, words)}")
        if (element := by_elements(edge)) is not None and edge.matrix != edge.element:
            yield Line(f"{words['by_elements']}{colon}{element}", 6)
        lets = "".join(f", {words['where']} {text(name)} = {text(tree)}" for name, tree in edge.lets)
        yield Line(f"{words['sends']}{colon}{text(edge.rule)}{lets}", 6)
        yield from _cells(edge, words, numbers)
    yield Line(words["legend"])
    read = [edge.difference for edge in chain.edges if edge.difference is not None]
    if read:
        yield Line(words["checked"].format(difference=_small(max(read))))
    if unread := [partial(edge) for edge in chain.edges if edge.element is None]:
        yield Line(words["unread"].format(list=", ".join(unread)))


def _cells(edge: EdgeJacobian, words: dict[str, str], numbers: bool) -> Iterator[Line]:
    if edge.array.size > MOST_CELLS:
        yield Line(words["large"].format(n=f"{edge.array.size:,}"), 6)
        return
    marks = np.where(edge.structure.support, np.where(edge.array != 0, MARKS["free"], MARKS["zero"]), MARKS["never"])
    yield from (Line(row, 6, aligned=True) for row in grid(marks, edge.z.node.rank, "i" if edge.z.node.rank else ""))
    if numbers:
        yield from (Line(row, 6, aligned=True) for row in grid(_written(edge.array), edge.z.node.rank, ""))


def grid(cells: Array, rank: int, letter: str) -> list[str]:
    """An array of texts in rows: a matrix as it is; with more axes, for each element of z a block with those of x."""
    if cells.ndim == 0:
        return [str(cells)]
    if cells.ndim <= 2:
        return _aligned(cells.reshape(-1, cells.shape[-1]) if cells.ndim == 2 or rank == 0 else cells.reshape(-1, 1))
    blocks = cells.reshape(-1, int(np.prod(cells.shape[rank:-1], dtype=int)), cells.shape[-1])
    across, lines = cells.shape[rank - 1], list[str]()
    for start in range(0, len(blocks), across):
        written = [_aligned(block) for block in blocks[start : start + across]]
        heads = [f"{letter} = {start + number + 1}" for number in range(len(written))] if letter and rank == 1 else []
        wide = max(len(each) for each in [*written[0], *heads])
        lines += [BETWEEN.replace("│", " ").join(head.ljust(wide) for head in heads)] if heads else []
        lines += [""] if start else []
        lines += [BETWEEN.join(part.ljust(wide) for part in parts) for parts in zip(*written, strict=True)]
    return lines


def _aligned(rows: Array) -> list[str]:
    wide = max((len(cell) for cell in rows.ravel()), default=1)
    return [" ".join(cell.rjust(wide) for cell in row) for row in rows]


def _written(array: Array) -> Array:
    return np.array([f"{0.0 + value:.3g}".replace("-", "−") for value in array.ravel()], object).reshape(array.shape)


def _small(difference: float) -> str:
    """A power of ten that it stays below; no finer than 1e-15, for what lies below is rounding of this machine."""
    if not math.isfinite(difference):
        return "∞"
    return f"1e{max(-15, math.floor(math.log10(difference)) + 1) if difference else -15}"


def _product(chain: Chain, words: dict[str, str], numbers: bool) -> Iterator[Line]:
    for number, target in enumerate(chain.targets):
        count = chain.paths(target)
        paths = _paths(chain, target) if count <= MOST_PATHS else []
        product = " + ".join(paths) or "…"
        told = words["one_path"] if count == 1 else words["paths"].format(n=count)
        yield Line(f"∂{text(chain.cost.name)}/∂{text(target.name)} = {product}    {told}")
        if numbers:
            yield from (Line(row, 6, aligned=True) for row in grid(_written(np.asarray(chain.by_paths[number])), 0, ""))
    sizes = ", ".join(f"{name} = {size}" for name, size in chain.sizes.items()) or "–"
    yield Line(words["difference"].format(sizes=sizes, cost=text(chain.cost.name), difference=_small(chain.difference)))


def _paths(chain: Chain, target: Value) -> list[str]:
    """Each path as a product, written from the cost down."""
    found: list[str] = []
    stack: list[tuple[Value, list[str]]] = [(chain.cost, [])]
    while stack:
        value, product = stack.pop()
        if value.node is target.node:
            found.append(" ".join(product))
            continue
        for edge in reversed(chain.into(value)):
            stack.append((edge.x, [*product, partial(edge)]))
    return found


def _work(chain: Chain, words: dict[str, str]) -> Iterator[Line]:
    work = chain.work
    rows = [
        (words["work_forward"], work.forward),
        (words["work_backward"].format(cost=text(chain.cost.name)), work.backward),
        (words["work_rules"], work.rules),
    ]
    wide = max(width(name) for name, _ in rows)
    for name, dim in rows:
        number = at(dim, chain.sizes)
        long = not isinstance(dim, int) and len(dim.terms) > MOST_TERMS
        same = f"{number:,}" if isinstance(dim, int) or long else f"{number:,} = {dim}"
        yield Line(f"{name}{' ' * (wide - width(name))}  {same}", aligned=True)
    yield Line(words["work_note"])


def _rows(chain: Chain, words: dict[str, str]) -> Iterator[Line]:
    for bridge in bridges(chain):
        yield from (Line(line) for line in _bridge(bridge, words, cost=chain.cost.name))
    for edge in chain.edges:
        if edge.array.ndim == 4 and edge.structure.kind == "blocks" and edge.x.node.is_leaf:
            values = {"z": edge.z.name, "x": edge.x.name, "rule": edge.rule}
            named = {name: text(tree) for name, tree in values.items()}
            yield Line(words["four_axes"].format(**named, n=edge.array.size, free=edge.structure.free))


def _bridge(bridge: Bridge, words: dict[str, str], cost: Tree) -> Iterator[str]:
    A, D, U = bridge.names
    values: dict[str, Tree] = {
        "a": bridge.a, "delta": Gradient(bridge.edge.z.name, cost), "W": bridge.edge.x.name, "outer": bridge.outer,
        "A": A, "D": D, "U": U, "At": transposed(A), "Dt": transposed(D), "Wt": transposed(bridge.edge.x.name),
    }  # fmt: skip
    named = {name: text(tree) for name, tree in values.items()}
    m, shape = bridge.shape[0], "×".join(map(str, bridge.shape))
    named |= {"m": str(m), "n": str(int(np.prod(bridge.shape))), "free": str(bridge.free), "shape": shape}
    side = "columns" if bridge.columns else "right"
    for key in ("rows_one", f"rows_many_{side}", f"rows_four_{side}", "rows_checked"):
        yield words[key].format(**named, difference=_small(bridge.difference))
