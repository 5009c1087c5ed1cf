"""`draw`: the graph of a cost, and its gradient, as a picture.

The ladder (`show.ladder`) says what stands where, `show.route` which way the links run, `show.place` gives coordinates,
`show.labels` the labels on edges; this module puts the parts together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backgraph.calculus.backprop import as_targets
from backgraph.language.node import Node
from backgraph.language.walk import topological_order
from backgraph.show.colours import BAND_TEXT, STYLES, TEXT
from backgraph.show.derive import Definition, derive, is_number
from backgraph.show.glyphs import bold, printable
from backgraph.show.labels import kept_markup, tags
from backgraph.show.ladder import (
    FORWARD,
    GRADIENT,
    SIDE,
    SIDE_GRADIENT,
    SUM,
    Item,
    Ladder,
    forward_ladder,
    ladder,
)
from backgraph.show.naming import name_intermediates, unused
from backgraph.show.picture import Band, Box, Edge, Label, Picture, Point, Rect
from backgraph.show.place import SMALL, TOP, Plan, caption_markup, plan, size_of
from backgraph.show.render import as_tree, render_all
from backgraph.show.route import Way, ways
from backgraph.show.text import text
from backgraph.show.typeset import dimension, markup, set_markup

HEADINGS = (
    (FORWARD, "forward", "Forward ↑"),
    (GRADIENT, "gradient", "Backward ↓"),
    (SUM, "sum", "Gradients"),
    (SIDE_GRADIENT, "side", "Backward ↓"),
    (SIDE, "forward", "Forward ↑"),
)
"""Column, path and words."""


def draw(
    cost: Node,
    wrt: Node | Sequence[Node] = (),
    names: Mapping[Node, str] | None = None,
    *,
    folded: bool = True,
    cost_name: str = "J",
) -> Picture:
    """A picture of the graph of `cost` and, if `wrt` is given, of the gradient with respect to it.

    `names` are the user's. Folded, it shows what has a name; otherwise every operation of the forward graph and every
    contribution to a gradient. Raises GraphError BG108 and CalculusError BG301 as `gradient` does.
    """
    targets = as_targets(wrt)
    given = dict(names or {})
    given.setdefault(cost, cost_name)
    if not folded:
        given = _all_named(cost, given)
    content = ladder(derive(cost, targets, given, cost_name)) if targets else _forward(cost, given)
    return compose(content, f"Graph of {cost_name}" + (" and of its gradient" if targets else ""))


def draw_text(source: str, wrt: Sequence[str] = (), *, shapes: Any = "", folded: bool = True) -> Picture:
    """`draw` of a cost typed in as text; `shapes` as for `parse`.

    Raises GraphError BG101 and BG104 to BG108 as it does.
    """
    from backgraph.language.parse import parse

    program = parse(source, shapes=shapes, wrt=list(wrt))
    names: dict[Node, str] = {}
    for name, node in program.names.items():
        names.setdefault(node, name)
    return draw(program.cost, [program.names[name] for name in wrt], names, folded=folded)


def _forward(cost: Node, names: Mapping[Node, str]) -> Ladder:
    named = name_intermediates([cost], {node: name for node, name in names.items() if not is_number(node)})
    forward = render_all([cost], named)
    named |= {node: name.text for node, name in forward.introduced.items()}
    definitions = [Definition(node, as_tree(named[node]), tree) for node, tree in forward.definitions.items()]
    return forward_ladder(definitions, named, cost).ladder


def _all_named(cost: Node, names: Mapping[Node, str]) -> dict[Node, str]:
    """`names`, with one for every operation that has none."""
    named = name_intermediates([cost], names)
    count = 0
    for node in topological_order([cost]):
        if node not in named and not node.is_leaf and not is_number(node):
            count += 1
            named[node] = unused(f"u_{count}", named) if f"u_{count}" in names.values() else f"u_{count}"
    return named


def compose(content: Ladder, title: str) -> Picture:
    """A ladder as a picture."""
    routes = ways(content.items, content.links)
    places = plan(content, routes, _zones(routes))
    bands = _bands(places)
    edges = tuple(
        Edge(w.link.source.number, w.link.target.number, w.link.path, line, _edge_title(w))
        for w, line in zip(routes, places.lines, strict=True)
    )
    covered = [band.label.area() for band in bands if band.label]
    key = _key(content, places)
    return Picture(
        width=max(places.width, key[-1][2].area().right + 16 if key else 0.0),
        height=places.height + 22,
        title=title,
        description="; ".join(item.title for item in content.items if item.order),
        ladder=content,
        bands=tuple(bands),
        boxes=tuple(_box(item, places.areas[item.number]) for item in content.items),
        edges=edges,
        tags=tuple(tags(places, covered)),
        headings=tuple(_headings(places)),
        key=tuple(key),
    )


def _edge_title(way: Way) -> str:
    link = way.link
    kept = ", ".join(text(tree) for tree in link.kept)
    if kept:
        return f"keeps {kept} for {text(link.target.tree)}"
    return f"{text(link.source.tree)} to {text(link.target.tree)}, {'1' if link.seed else link.source.shape}"


def _zones(routes: Sequence[Way]) -> dict[int, float]:
    """The width that labels need in each gutter that level links cross."""
    zones: dict[int, float] = {}
    for way in routes:
        link = way.link
        first, last = sorted((link.source.column, link.target.column))
        if first != last and way.kind in ("level", "gutter"):
            text = kept_markup(link) or ("" if link.source.shape == "scalar" else dimension(link.source.shape))
            width = set_markup(text).width * SMALL / 1000 + 18 if text else 0.0
            zones[last] = max(zones.get(last, 0.0), min(width, 170.0))
    return zones


def _box(item: Item, area: Rect) -> Box:
    size = size_of(item)
    formula, caption = markup(item.tree), caption_markup(item)
    line, small = set_markup(formula), set_markup(caption)
    middle, k = (area.left + area.right) / 2, size / 1000
    centre = (area.top + area.bottom) / 2 + (6 if caption else 0)
    baseline = centre + (line.height - line.depth) * k / 2
    labels = [Label(formula, middle - line.width * k / 2, baseline, size, TEXT)]
    if caption:
        top = baseline - line.height * k - 6
        labels.append(Label(caption, middle - small.width * SMALL / 2000, top, SMALL, STYLES[item.path].stroke))
    return Box(item.number, area, item.path, tuple(labels), item.order, item.title)


def _bands(places: Plan) -> list[Band]:
    """The rows of one layer behind one another, with its name beside them."""
    bands: list[Band] = []
    names = places.ladder.bands
    start = 0
    right = places.width - 8
    for row in range(1, len(names) + 1):
        if row < len(names) and names[row] == names[start]:
            continue
        area = Rect(8, places.rows[row - 1][0] - 12, right, places.rows[start][1] + 12)
        bands.append(Band(area, _band_label(names[start], area)))
        start = row
    return bands


def _band_label(name: str, area: Rect) -> Label | None:
    width = set_markup(printable(name)).width * 12 / 1000
    if not name or width > area.bottom - area.top:
        return None
    return Label(printable(name), 27, (area.top + area.bottom + width) / 2, 12, BAND_TEXT, turned=True)


def _headings(places: Plan) -> list[Label]:
    labels: list[Label] = []
    end = 0.0
    for column, path, words in HEADINGS:
        if column not in places.columns:
            continue
        left, right = places.columns[column]
        width = set_markup(bold(words)).width * 14 / 1000
        x = max((left + right - width) / 2, end)
        labels.append(Label(bold(words), x, TOP - 36, 14, STYLES[path].stroke))
        end = x + width + 16
    return labels


def _key(content: Ladder, places: Plan) -> list[tuple[str, Point, Label]]:
    """What each kind of link means, in a row at the bottom."""
    used = [path for path in STYLES if STYLES[path].words and any(link.path == path for link in content.links)]
    x, y, key = 20.0, places.height + 4, list[tuple[str, Point, Label]]()
    for path in used:
        words = STYLES[path].words
        key.append((path, (x, y), Label(words, x + 36, y + 4, 12, TEXT)))
        x += 36 + set_markup(words).width * 12 / 1000 + 26
    return key
