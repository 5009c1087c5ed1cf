"""What stands in a box of a drawing, and how large it is: a formula, perhaps on several lines, and a caption."""

from __future__ import annotations

from backgraph.language.notation import Gradient, Name, Relation, Tree
from backgraph.show.breaking import broken
from backgraph.show.glyphs import printable
from backgraph.show.ladder import Item
from backgraph.show.picture import Label, Look, Rect
from backgraph.show.ports import PORT, Ends
from backgraph.show.typeset import Line, markup, set_markup

LEADING = 5.0
"""Between the lines of a formula."""


def caption_markup(item: Item, look: Look) -> str:
    """What stands above the formula of a box."""
    return "" if item.is_leaf or not look.captions else printable(item.caption.replace("_", " "))


def tree_of(item: Item, look: Look) -> Tree:
    """The formula of a box; without captions, names of forward values and of sums, formulas of gradients."""
    tree = item.tree
    if look.captions or not isinstance(tree, Relation) or tree.symbol != "=":
        return tree
    if isinstance(tree.left, Gradient) and item.path not in ("sum", "forward"):
        return tree.right
    named = isinstance(tree.left, Name) and item.path == "forward"
    return tree.left if named or item.path == "sum" else tree


def size_of(item: Item, look: Look) -> float:
    """The size of type of its formula."""
    return look.size - 2 if item.path == "use" else look.size


def box_size(item: Item, ends: Ends, look: Look) -> tuple[float, float]:
    """Width and height; a side has room for the ports of all links that end there."""
    lines, caption = _lines(item, look), set_markup(caption_markup(item, look))
    k = size_of(item, look) / 1000
    inner = max(max(line.width for line in lines) * k, caption.width * look.small / 1000 + 10)
    height = max(_text_height(lines, k), 12) + (26 if caption.width else 14)
    most = max((len(ends.get((item.number, side), ())) for side in ("left", "right")), default=0)
    return inner + (20 if item.is_leaf else 22), max(height, PORT * (2 * most - 1) + 10 if most > 1 else 0)


def box_labels(item: Item, area: Rect, look: Look) -> tuple[Label, ...]:
    """The formula, line by line, in the middle of the box, and the caption above it."""
    size, caption = size_of(item, look), caption_markup(item, look)
    texts, lines = _formula(item, look), _lines(item, look)
    middle, k = (area.left + area.right) / 2, size / 1000
    top = (area.top + area.bottom) / 2 + (6 if caption else 0) - _text_height(lines, k) / 2
    labels: list[Label] = []
    baseline = top
    for text, line in zip(texts, lines, strict=True):
        baseline += line.height * k
        labels.append(Label(text, middle - line.width * k / 2, baseline, size, "text"))
        baseline += line.depth * k + LEADING
    if caption:
        left = middle - set_markup(caption).width * look.small / 2000
        labels.append(Label(caption, left, top - 6, look.small, item.path))
    return tuple(labels)


def _formula(item: Item, look: Look) -> list[str]:
    whole = markup(tree_of(item, look))
    return [whole] if item.is_leaf else broken(whole, look.widest * 1000)


def _lines(item: Item, look: Look) -> list[Line]:
    return [set_markup(each) for each in _formula(item, look)]


def _text_height(lines: list[Line], k: float) -> float:
    return sum((line.height + line.depth) * k for line in lines) + LEADING * (len(lines) - 1)
