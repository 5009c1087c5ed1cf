"""A ladder as a picture: `show.route` says which way the links run, `show.place` gives coordinates, `show.labels` the
labels on edges; this module puts the parts together, with bands, headings and key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backgraph.show.boxes import box_labels
from backgraph.show.draw_words import OPERATIONS, WORDS, filled
from backgraph.show.glyphs import bold, printable
from backgraph.show.labels import keeps, kept_markup, shape_labels, tags
from backgraph.show.ladder import CONTRIBUTION, FORWARD, GRADIENT, SIDE, SIDE_GRADIENT, SUM, Item, Ladder
from backgraph.show.picture import Band, Box, Edge, Label, Look, Picture, Point, Rect
from backgraph.show.place import BAND, TOP, Plan, plan
from backgraph.show.route import Way, ways
from backgraph.show.speech import speech
from backgraph.show.text import text
from backgraph.show.typeset import set_markup

HEADINGS = (
    (FORWARD, "forward", "forward"),
    (GRADIENT, "gradient", "backward"),
    (SUM, "sum", "sums"),
    (SIDE_GRADIENT, "side", "backward"),
    (SIDE, "forward", "forward"),
)
"""Column, path, and the key of its words."""
ORDINALS = ("first", "second", "third")
KEY = ("forward", "gradient", "other", "side", "update", "kept")
WIDEST_LABEL = 170.0


def compose(ladder: Ladder, title: str, look: Look, sizes: Mapping[str, int]) -> Picture:
    """A ladder as a picture."""
    routes = ways(ladder.items, ladder.links)
    places = plan(ladder, routes, _zones(routes, look, sizes, ladder), look)
    headings = _headings(places)
    key, badge, right = _key(ladder, places)
    places.width = max(places.width, right, *(label.area().right + 8 for label in headings))
    bands = _bands(places)
    edges = tuple(
        Edge(w.link.source.number, w.link.target.number, w.link.path, line, _edge_title(w, ladder), bool(w.link.kept))
        for w, line in zip(routes, places.lines, strict=True)
    )
    covered = [band.label.area() for band in bands if band.label]
    return Picture(
        width=places.width,
        height=places.height + 22,
        title=title,
        ladder=ladder,
        look=look,
        bands=tuple(bands),
        boxes=tuple(_box(item, places.areas[item.number], look) for item in ladder.items),
        edges=edges,
        tags=tuple(tags(places, covered, sizes)),
        headings=tuple(headings),
        key=tuple(key),
        badge=badge,
    )


def _heard(item: Item, words: Mapping[str, str], operations: Mapping[str, str]) -> str:
    """The caption, with the input of a rule in words."""
    if len(item.arrivals) != 1:
        return item.caption
    term = item.arrivals[0].term
    if len(term.consumer.inputs) == 1 or term.position >= len(ORDINALS):
        return item.caption
    return filled(
        words["rule_heard"], op=operations.get(term.rule.name, term.rule.name), which=words[ORDINALS[term.position]]
    )


def _edge_title(way: Way, ladder: Ladder) -> str:
    link = way.link
    kept = ", ".join(text(tree) for tree in link.kept)
    if kept:
        return f"{ladder.words['keeps']}{kept} → {link.target.formula}"
    return f"{link.source.formula} → {link.target.formula}, {'1' if link.seed else link.source.shape}"


def _zones(routes: Sequence[Way], look: Look, sizes: Mapping[str, int], ladder: Ladder) -> dict[int, float]:
    """The width that labels need in each gutter that level links cross."""
    zones: dict[int, float] = {}
    for way in routes:
        link = way.link
        first, last = sorted((link.source.column, link.target.column))
        if first == last or way.kind not in ("level", "gutter"):
            continue
        kept = kept_markup(link, keeps(ladder, look))
        words = (kept,) if kept else shape_labels(link.source.value.shape, sizes)
        width = max(set_markup(each).width for each in words) * look.small / 1000
        if width:
            zones[last] = max(zones.get(last, 0.0), min(width + 4 + 14 * look.tight, WIDEST_LABEL))
    return zones


def _box(item: Item, area: Rect, look: Look) -> Box:
    labels = box_labels(item, area, look)
    return Box(item.number, area, item.path, labels, item.order, item.title, said(item, look.lang))


def said(item: Item, lang: str) -> str:
    """`H transpose times G, shape h by k, rule of matmul for its second input, step 10`."""
    voice = speech(lang)
    step = [voice.say("step", n=str(item.order))] if item.order else []
    caption = printable(_heard(item, WORDS[lang], OPERATIONS[lang]).replace("_", " "))
    return voice.words["comma"].join([voice.write(item.tree), voice.shape(item.value.shape), caption, *step])


def _bands(places: Plan) -> list[Band]:
    """The rows of one layer behind one another, with its name beside them."""
    bands: list[Band] = []
    names = places.ladder.bands
    start = 0
    right = places.width - 8
    for row in range(1, len(names) + 1):
        if row < len(names) and names[row] == names[start]:
            continue
        area = Rect(8, places.rows[row - 1][0] - BAND, right, places.rows[start][1] + BAND)
        bands.append(Band(area, _band_label(names[start], area), places.ladder.stacked.get(start, 1)))
        start = row
    return bands


def _band_label(name: str, area: Rect) -> Label | None:
    width = set_markup(printable(name)).width * 12 / 1000
    if not name or width > area.bottom - area.top:
        return None
    return Label(printable(name), 27, (area.top + area.bottom + width) / 2, 12, "note", turned=True)


def _headings(places: Plan) -> list[Label]:
    labels: list[Label] = []
    ladder, end = places.ladder, 8.0
    for place, path, key in HEADINGS:
        column = CONTRIBUTION if place == GRADIENT and GRADIENT not in places.columns else place
        if column not in places.columns or not any(item.column == column and item.order for item in ladder.items):
            continue
        words, below = bold(ladder.words[key]), printable(ladder.subheadings.get(column, ""))
        if column == SUM and any(item.path == "update" for item in ladder.items):
            words = bold(ladder.words["sums_and_updates"])
        wide, narrow = set_markup(words).width * 14 / 1000, set_markup(below).width * 11 / 1000
        middle = max(sum(places.columns[column]) / 2, end + max(wide, narrow) / 2)
        labels.append(Label(words, middle - wide / 2, TOP - 46, 14, path))
        if below:
            labels.append(Label(below, middle - narrow / 2, TOP - 30, 11, path))
        end = middle + max(wide, narrow) / 2 + 16
    return labels


def _key(ladder: Ladder, places: Plan) -> tuple[list[tuple[str, Point, Label]], tuple[Point, Label] | None, float]:
    """What each kind of link means, in a row at the bottom, and how far it reaches."""
    used = [path for path in KEY if any(link.path == path for link in ladder.links)]
    x, y, key = 20.0, places.height + 4, list[tuple[str, Point, Label]]()
    for path in used:
        words = ladder.words[f"key_{path}"]
        key.append((path, (x, y), Label(words, x + 36, y + 4, 12, "text")))
        x += 36 + set_markup(words).width * 12 / 1000 + 26
    words = ladder.words["key_number"]
    badge = ((x + 8, y), Label(words, x + 22, y + 4, 12, "text"))
    return key, badge, x + 22 + set_markup(words).width * 12 / 1000 + 16
