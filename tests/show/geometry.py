"""What must not happen in a picture: boxes on boxes, edges over boxes, labels over anything, parts outside the page."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from backgraph.show.labels import Taken, badge_area, head_area
from backgraph.show.picture import Label, Picture, Point, Rect

Piece = tuple[Point, Point]


def faults(picture: Picture) -> list[str]:
    """Everything that is wrong with a picture; nothing for a sound one."""
    return [
        *_boxes(picture),
        *_edges_over_boxes(picture),
        *_edges_on_edges(picture),
        *_labels(picture),
        *_outside(picture),
        *_box_labels(picture),
    ]


def pieces(picture: Picture) -> Iterator[tuple[int, Piece]]:
    for i, edge in enumerate(picture.edges):
        for piece in itertools.pairwise(edge.points):
            yield i, piece


def strip(piece: Piece, by: float) -> Rect:
    (x0, y0), (x1, y1) = piece
    return Rect(min(x0, x1) - by, min(y0, y1) - by, max(x0, x1) + by, max(y0, y1) + by)


def badges(picture: Picture) -> Iterator[tuple[int, Rect]]:
    for box in picture.boxes:
        if box.order:
            yield box.number, badge_area(box.area, box.order)


def _boxes(picture: Picture) -> Iterator[str]:
    yield from _meeting("boxes", [(box.title, box.area) for box in picture.boxes], picture)


def _meeting(kind: str, areas: Iterable[tuple[str, Rect]], picture: Picture) -> Iterator[str]:
    taken = Taken(picture.height)
    for name, area in areas:
        if not taken.free(area, name):
            yield f"{kind} overlap: {name}"
        taken.add(area)


def _edges_over_boxes(picture: Picture) -> Iterator[str]:
    boxes, inner = Taken(picture.height), Taken(picture.height)
    for box in picture.boxes:
        boxes.add(box.area.grown(1), box.number)
        inner.add(box.area.grown(-1))
    for i, piece in pieces(picture):
        edge = picture.edges[i]
        if not inner.free(strip(piece, 0), "edge"):
            yield f"an edge runs through a box: {edge.title}"
        near = {edge.source, edge.target}
        others = [box for box in _hit(boxes, strip(piece, 0)) if box not in near]
        if others:
            yield f"an edge touches a box that it does not lead to: {edge.title}, {others}"


def _hit(taken: Taken, area: Rect) -> set[object]:
    near = (each for square in taken._squares(area) for each in taken.squares.get(square, ()))
    return {owner for owner, other in near if area.meets(other)}


def _edges_on_edges(picture: Picture) -> Iterator[str]:
    """Parallel pieces of edges of different sources closer than their width; crossings are allowed."""
    lanes: dict[bool, Taken] = {True: Taken(picture.height), False: Taken(picture.height)}
    for i, piece in pieces(picture):
        edge = picture.edges[i]
        (x0, y0), (x1, y1) = piece
        if abs(x0 - x1) < 0.5 and abs(y0 - y1) < 0.5:
            continue
        level = abs(y0 - y1) < 0.5
        area = strip(piece, 0.5).grown(0)
        owner = (edge.source, edge.path)
        if not lanes[level].free(area, owner):
            yield f"an edge runs on another: {edge.title}"
        lanes[level].add(area, owner)


def _labels(picture: Picture) -> Iterator[str]:
    taken = Taken(picture.height)
    for box in picture.boxes:
        taken.add(box.area)
    for _, area in badges(picture):
        taken.add(area)
    for i, piece in pieces(picture):
        edge = picture.edges[i]
        taken.add(strip(piece, 0.6), (edge.source, edge.path))
    for edge in picture.edges:
        taken.add(head_area(edge.points).grown(-0.5), "head")
    plain: list[Label] = [*picture.headings, *(band.label for band in picture.bands if band.label)]
    for label in plain:
        if not taken.free(label.area(), "label"):
            yield f"a heading or the name of a layer lies over something: {label}"
        taken.add(label.area())
    for tag in picture.tags:
        edge = picture.edges[tag.edge]
        owner = (edge.source, edge.path) if edge.path != "kept" else "label"
        if not taken.free(tag.area.grown(-1), owner):
            yield f"a label lies over something: {edge.title}"
        for label in (tag.label, tag.numbers):
            if label is not None and not _within(label.area(), tag.area):
                yield f"a label is larger than its room: {edge.title}"
        taken.add(tag.area)


def _within(part: Rect, whole: Rect) -> bool:
    return (
        part.left >= whole.left - 0.1
        and part.right <= whole.right + 0.1
        and part.top >= whole.top - 0.1
        and part.bottom <= whole.bottom + 0.1
    )


def _outside(picture: Picture) -> Iterator[str]:
    whole = Rect(0, 0, picture.width, picture.height)
    parts = [("box", box.area) for box in picture.boxes] + [("piece", strip(p, 0)) for _, p in pieces(picture)]
    parts += [("label", label.area()) for label in (*picture.headings, *(words for _, _, words in picture.key))]
    parts += [("band", band.area) for band in picture.bands] + [("tag", tag.area) for tag in picture.tags]
    for kind, area in parts:
        if not _within(area, whole):
            yield f"a {kind} lies outside the page: {area}"


def _box_labels(picture: Picture) -> Iterator[str]:
    for box in picture.boxes:
        areas = [label.area() for label in box.labels]
        if not all(_within(area, box.area) for area in areas):
            yield f"a formula is larger than its box: {box.title}"
        if any(a.meets(b) for a, b in itertools.combinations(areas, 2)):
            yield f"a formula meets its caption, or a line of it another: {box.title}"
