"""The annotated chain as a picture: one row for each value from the cost down, and for each edge into it its Jacobian.

    chain       boxes; an arrow up from the value below where that is an operand, an arc on the left where it is not
    Jacobian    ∂z/∂x as a matrix if it has that form, its elements, its shape and kind
    structure   a cell for each element: blue above 0, orange below 0, a ring where 0 happens, empty where 0 is sure;
                with three axes or more a block for each element of z
    sent back   what back-propagation multiplies out in its place

Read from the top, the Jacobians stand in the order of the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backgraph.language.notation import Relation, Tree
from backgraph.show.canvas import Canvas, width_of
from backgraph.show.chain import Chain, EdgeJacobian, Value
from backgraph.show.jacobian_text import kind_words, partial, shape_of, title_of
from backgraph.show.jacobian_words import words_of
from backgraph.show.notation_of_edges import element_tree, partial_tree
from backgraph.show.typeset import dimension, markup, set_markup

SIZE, SMALL, HEADING = 15.0, 12.0, 13.0
MARGIN, TOP = 24.0, 66.0
CELL, LARGEST, BETWEEN = 14.0, 150.0, 6.0
MOST_CELLS = 900
BOX, GAP, LANE = 34.0, 26.0, 14.0


@dataclass(frozen=True)
class Row:
    """A value with the edges that end at it, the one from the row below first."""

    value: Value
    edges: tuple[EdgeJacobian, ...]


def jacobian_svg(chain: Chain, lang: str = "en", *, theme: str = "light", prefix: str = "jacobians") -> str:
    """The annotated chain as SVG. Raises UsageError BG601 for an unknown language or theme."""
    return _Drawing(chain, lang, theme, prefix).svg()


def rows_of(chain: Chain) -> list[Row]:
    """From the cost down: values that edges end at, then the targets that no row shows."""
    ends = [value for value in reversed(chain.values) if chain.into(value)]
    rows: list[Row] = []
    for value, below in zip(ends, [*ends[1:], None], strict=True):
        edges = sorted(chain.into(value), key=lambda edge: below is None or edge.x.node is not below.node)
        rows.append(Row(value, tuple(edges)))
    return rows


class _Drawing:
    """Draws one chain."""

    def __init__(self, chain: Chain, lang: str, theme: str, prefix: str) -> None:
        self.chain, self.words = chain, words_of(lang)
        self.rows = rows_of(chain)
        description = "; ".join(f"{partial(e)}: {kind_words(e, self.words)}" for e in reversed(chain.edges))
        self.canvas = Canvas(title_of(chain, lang), description, theme=theme, prefix=prefix)
        self.theme = self.canvas.theme
        self.blue, self.orange = self.theme.colours[:2]
        self.boxes = {row.value.node: self._box_width(row.value) for row in self.rows}
        self.lanes = self._lanes()
        self.left = MARGIN + LANE * (max(self.lanes.values(), default=-1) + 1)
        self.middle = self.left + max(self.boxes.values()) / 2
        self.operands = self.left + max(self.boxes.values()) + 44
        edges = chain.edges
        self.jacobian = self.operands + max(self._pill(edge.x) for edge in edges) + 26
        wide = max(max(self._formula(line) for line in self._lines(edge)) for edge in edges)
        self.picture = self.jacobian + max(wide, *(width_of(self._kind(edge), SMALL) for edge in edges)) + 28
        drawn = max(extent(edge)[0] for edge in edges)
        self.sent = self.picture + max(drawn, width_of(self.words["column_picture"], HEADING)) + 30
        sent = max(self._formula(line) for edge in edges for line in sent_lines(edge))
        self.right = self.sent + max(sent, width_of(self.words["column_sends"], HEADING)) + MARGIN
        self.tops: dict[object, float] = {}

    def svg(self) -> str:
        """All rows, then what goes from one to another."""
        y = TOP
        places: list[tuple[Row, float]] = []
        for row, below in zip(self.rows, [*self.rows[1:], None], strict=True):
            places.append((row, y))
            y += self._height(row, None if below is None else below.value)
        self._headings()
        at = {row.value.node: top + BOX / 2 for row, top in places}
        for (row, top), below in zip(places, [*places[1:], None], strict=True):
            self._row(row, top, None if below is None else below[0].value, None if below is None else below[1])
        for (source, target), lane in self.lanes.items():
            self._arc(at[source], at[target], self.boxes[source], self.boxes[target], lane)  # type: ignore[index]
        y = self._legend(y + 6)
        return self.canvas.svg(max(self.right, self._legend_width()), y + MARGIN)

    def _headings(self) -> None:
        head = (("column_chain", self.left), ("column_jacobian", self.jacobian), ("column_picture", self.picture))
        for key, x in head:
            self.canvas.words(x, 36, self.words[key], HEADING, colour=self.blue, bold=True)
        self.canvas.words(self.sent, 36, self.words["column_sends"], HEADING, colour=self.orange, bold=True)
        self.canvas.line([(MARGIN, 46), (self.right - MARGIN, 46)], self.theme.grid)

    def _row(self, row: Row, top: float, below: Value | None, below_top: float | None) -> None:
        y = top
        linked = below is not None and any(edge.x.node is below.node for edge in row.edges)
        if linked and below_top is not None:
            self.canvas.line([(self.middle, below_top), (self.middle, top + BOX)], self.blue, 1.6, head=True)
        self._box(row.value, top)
        for edge in self._ordered(row, below):
            spine = below is not None and edge.x.node is below.node
            y = max(y, top + BOX + 8) if spine else y
            self._card(edge, y, top, spine)
            y += self._card_height(edge) + 12

    def _ordered(self, row: Row, below: Value | None) -> list[EdgeJacobian]:
        """Operands beside the box first, then the one that comes from below."""
        return sorted(row.edges, key=lambda edge: below is not None and edge.x.node is below.node)

    def _card(self, edge: EdgeJacobian, y: float, top: float, spine: bool) -> None:
        canvas = self.canvas
        canvas.group(f"{partial(edge)}, {self._kind(edge)}")
        self._operand(edge, y + 17, top, spine)
        under = y
        for tree in self._lines(edge):
            line = set_markup(markup(tree))
            under += line.height * SIZE / 1000 + 3
            canvas.formula(self.jacobian, under, markup(tree), SIZE)
            under += line.depth * SIZE / 1000 + 3
        shape = dimension(shape_of((*edge.z.node.shape, *edge.x.node.shape), self.words))  # type: ignore[misc]
        width = canvas.formula(self.jacobian, under + SMALL + 2, shape, SMALL, self.theme.note)
        canvas.words(self.jacobian + width + 10, under + SMALL + 2, self._what(edge), SMALL, colour=self.theme.note)
        self._cells(edge, self.picture, y + 4)
        for number, line in enumerate(sent_lines(edge)):
            canvas.formula(self.sent, y + 22 + 28 * number, markup(line), SIZE, self.orange)
        canvas.end()

    def _operand(self, edge: EdgeJacobian, y: float, top: float, spine: bool) -> None:
        """The operand as a pill; a leaf's arrow goes to the box, others have arrows of their own."""
        canvas, width = self.canvas, self._pill(edge.x)
        leaf = edge.x.node not in self.boxes
        fill, line = (self.theme.paper, self.theme.text) if leaf else (self.theme.shade, self.theme.note)
        if leaf:
            right = self.middle + self.boxes[edge.z.node] / 2
            bend = self.operands - 14
            points = [(self.operands, y), (bend, y), (bend, top + BOX / 2), (right, top + BOX / 2)]
            canvas.line(points if abs(y - top - BOX / 2) > 1 else [points[0], points[-1]], self.blue, 1.4, head=True)
        elif spine:
            canvas.line([(self.middle + 4, y), (self.operands, y)], self.theme.note, 1, "2 3")
        canvas.rect(self.operands, y - 12, width, 24, fill=fill, stroke=line, round=12)
        name = markup(edge.x.name)
        canvas.formula(self.operands + 11, y + 5, name, SIZE)

    def _box(self, value: Value, top: float) -> None:
        width = self.boxes[value.node]
        self.canvas.rect(self.middle - width / 2, top, width, BOX, fill=self.theme.shade, stroke=self.blue, round=6)
        self.canvas.formula(self.middle - width / 2 + 12, top + BOX / 2 + 5, markup(_defined(value)), SIZE)

    def _arc(self, source: float, target: float, from_width: float, to_width: float, lane: int) -> None:
        x = self.left - 8 - LANE * lane
        start, end = self.middle - from_width / 2, self.middle - to_width / 2
        points = [(start, source - 6), (x, source - 6), (x, target + 6), (end, target + 6)]
        self.canvas.line(points, self.blue, 1.4, head=True)

    def _lanes(self) -> dict[tuple[object, object], int]:
        """Values read by a row that is not the next one up: each in the first lane that is free between them."""
        order = {row.value.node: number for number, row in enumerate(self.rows)}
        lanes: dict[tuple[object, object], int] = {}
        spans: list[tuple[int, int, int]] = []
        for row in self.rows:
            for edge in row.edges:
                last, first = order.get(edge.x.node), order[edge.z.node]
                if last is None or last == first + 1:
                    continue
                taken = {lane for a, b, lane in spans if a < last and first < b}
                lane = next(n for n in range(len(spans) + 1) if n not in taken)
                spans.append((first, last, lane))
                lanes[edge.x.node, edge.z.node] = lane
        return lanes

    def _cells(self, edge: EdgeJacobian, x: float, y: float) -> None:
        if edge.array.size > MOST_CELLS:
            words = self.words["large"].format(n=f"{edge.array.size:,}")
            self.canvas.words(x, y + 14, words, SMALL, colour=self.theme.note)
            return
        blocks, across, cell = laid_out(edge)
        support = edge.structure.support.reshape(blocks.shape)
        largest = float(np.abs(blocks).max(initial=0.0)) or 1.0
        for number, block in enumerate(blocks):
            left = x + (number % across) * (block.shape[1] * cell + BETWEEN)
            up = y + (number // across) * (block.shape[0] * cell + BETWEEN)
            for (i, j), value in np.ndenumerate(block):
                self._cell(left + j * cell, up + i * cell, cell, float(value) / largest, bool(support[number, i, j]))

    def _cell(self, x: float, y: float, side: float, value: float, free: bool) -> None:
        if not free:
            self.canvas.rect(x, y, side, side, fill=self.theme.paper, stroke=self.theme.grid)
            return
        colour = self.theme.positive if value >= 0 else self.theme.negative
        self.canvas.shaded(x, y, side, colour, 0.25 + 0.75 * abs(value) if value else 0.0)
        if value < 0:  # a dash, so that colour is not the only sign
            self.canvas.line([(x + side * 0.3, y + side / 2), (x + side * 0.7, y + side / 2)], self.theme.text, 1)
        if value == 0:
            self.canvas.circle(x + side / 2, y + side / 2, side / 5, "none", self.theme.note)

    def _legend(self, y: float) -> float:
        x = self.left
        for key, value, free in self._keys():
            self._cell(x, y, CELL, value, free)
            self.canvas.words(x + CELL + 7, y + 11, self.words[key], SMALL, colour=self.theme.note)
            x += CELL + 7 + width_of(self.words[key], SMALL) + 24
        self.canvas.words(x, y + 11, self._sizes(), SMALL, colour=self.theme.note)
        return y + CELL

    def _sizes(self) -> str:
        return ", ".join(f"{name} = {size}" for name, size in self.chain.sizes.items())

    def _keys(self) -> Sequence[tuple[str, float, bool]]:
        return (
            ("legend_plus", 1.0, True),
            ("legend_minus", -1.0, True),
            ("legend_zero", 0.0, True),
            ("legend_never", 0.0, False),
        )

    def _legend_width(self) -> float:
        cells = sum(CELL + 31 + width_of(self.words[key], SMALL) for key, _, _ in self._keys())
        return self.left + cells + width_of(self._sizes(), SMALL) + MARGIN

    def _height(self, row: Row, below: Value | None) -> float:
        cards = 0.0
        for edge in self._ordered(row, below):
            spine = below is not None and edge.x.node is below.node
            cards = (max(cards, BOX + 8) if spine else cards) + self._card_height(edge) + 12
        return max(cards - 12, BOX) + GAP

    def _card_height(self, edge: EdgeJacobian) -> float:
        lines = [set_markup(markup(tree)) for tree in self._lines(edge)]
        words = sum((line.height + line.depth) * SIZE / 1000 + 6 for line in lines) + SMALL + 8
        return max(words, extent(edge)[1] + 8, 28.0 * len(sent_lines(edge)))

    def _lines(self, edge: EdgeJacobian) -> list[Tree]:
        """The Jacobian, and its elements where that says more."""
        lines: list[Tree] = [] if edge.matrix is None else [Relation("=", partial_tree(edge), edge.matrix)]
        if edge.element is not None and edge.matrix != edge.element:
            lines.append(element_tree(edge))
        return lines or [partial_tree(edge)]

    def _kind(self, edge: EdgeJacobian) -> str:
        shape = shape_of((*edge.z.node.shape, *edge.x.node.shape), self.words)  # type: ignore[misc]
        return f"{shape}   {self._what(edge)}"

    def _what(self, edge: EdgeJacobian) -> str:
        return kind_words(edge, self.words)

    def _pill(self, value: Value) -> float:
        return set_markup(markup(value.name)).width * SIZE / 1000 + 22

    def _box_width(self, value: Value) -> float:
        return set_markup(markup(_defined(value))).width * SIZE / 1000 + 24

    def _formula(self, tree: Tree) -> float:
        return set_markup(markup(tree)).width * SIZE / 1000


def _defined(value: Value) -> Tree:
    return value.name if value.formula is None else Relation("=", value.name, value.formula)


def sent_lines(edge: EdgeJacobian) -> list[Tree]:
    """What is sent back, with what its names stand for."""
    return [edge.rule, *(Relation("=", name, tree) for name, tree in edge.lets)]


def laid_out(edge: EdgeJacobian) -> tuple[np.ndarray, int, float]:
    """The elements as blocks of rows, how many blocks stand side by side, and the side of a cell."""
    array, rank = edge.array, edge.z.node.rank
    if array.ndim - rank == 0:
        blocks = array.reshape(1, -1, 1) if array.ndim < 2 else array.reshape(1, -1, array.shape[-1])
    elif rank == 0 or array.ndim == 2:
        blocks = array.reshape(1, -1, array.shape[-1])
    else:
        blocks = array.reshape(-1, int(np.prod(array.shape[rank:-1], dtype=int)), array.shape[-1])
    across = array.shape[rank - 1] if len(blocks) > 1 else 1
    down = -(-len(blocks) // across)
    most = max(across * blocks.shape[2], down * blocks.shape[1])
    return blocks, across, float(min(CELL, max(4.0, (LARGEST - BETWEEN * (max(across, down) - 1)) // most)))


def extent(edge: EdgeJacobian) -> tuple[float, float]:
    """How wide and how high the picture of its structure is."""
    if edge.array.size > MOST_CELLS:
        return 190.0, 20.0
    blocks, across, cell = laid_out(edge)
    down = -(-len(blocks) // across)
    width = across * blocks.shape[2] * cell + (across - 1) * BETWEEN
    return width, down * blocks.shape[1] * cell + (down - 1) * BETWEEN
