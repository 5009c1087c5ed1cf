"""What stands where in a drawing, before anything has a size: boxes in columns and rows, and the arrows between them.

    item      what is drawn as a box: a forward value, a contribution to a gradient, a sum, an update, a use of a leaf
    link      an arrow between items, or a rung: the forward values that a rule keeps
    path      what it belongs to: forward, gradient, side, sum, update; leaf and use; kept. It gives the colour
    column    leaves | forward | gradients | contributions to weights | sums and updates | the same for sides, mirrored
    row       0 at the bottom; forward values climb, the gradient turns at the cost and comes down
    side      a summand of the cost that depends on weights alone, such as weight decay; it is drawn on the right

`forward_rail`, `backward_rail`, `update_rail` and `every_node` fill a ladder; `repeats` folds what repeats in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.notation import Tree
from backgraph.show.derive import Arrival, Derivation, Step
from backgraph.show.text import text

LEAVES, FORWARD, GRADIENT, CONTRIBUTION, SUM, SIDE_GRADIENT, SIDE, SIDE_LEAVES = range(8)
"""The columns, from left to right."""
LEAF_PATHS = ("leaf", "use")


@dataclass(eq=False)
class Item:
    """A box to be drawn."""

    number: int
    tree: Tree
    caption: str
    path: str
    column: int
    row: int
    value: Node
    """A node of its shape and dtype."""
    order: int = 0
    """Its place in the order of execution, from 1; 0 for leaves and for what is another value seen differently."""
    reads: list[Item] = field(default_factory=list["Item"])
    """What it is computed from, drawn as arrows or not."""
    view_of: Item | None = None
    """The item whose memory it shows."""
    step: Step | None = None
    arrivals: tuple[Arrival, ...] = ()
    built_by: str = ""
    """In a drawing of every node: the rule that built it."""
    also: tuple[Tree, ...] = ()
    """Gradients that are this very value, passed on unchanged."""
    stays: bool = False
    """Whether it is asked for, and so kept to the end."""
    slot: float = -1.0
    """Its place from the top of its cell; by default in the order in which items were added."""
    anchor: bool = False
    """Whether the middle of the row goes through it, in a cell of several."""
    stands_for: list[Item] = field(default_factory=list["Item"])
    """The items of the repeated blocks that this one stands for, itself included; none where nothing repeats."""
    first_index: int = 1
    """What ℓ is in the first of them."""

    @property
    def is_leaf(self) -> bool:
        """Whether it is given, not computed."""
        return self.path in LEAF_PATHS

    @property
    def shape(self) -> str:
        """`m×h`, or `scalar`."""
        return shape_text(self.value.shape)

    @property
    def title(self) -> str:
        """Formula, shape, operation, order."""
        return f"{self.order}. {self.told}" if self.order else self.told

    @property
    def told(self) -> str:
        """Formula, shape and operation, and for how many it stands."""
        many = f", {len(self.stands_for)}×" if len(self.stands_for) > 1 else ""
        return f"{self.formula}: {self.shape}, {self.caption}{many}"

    @cached_property
    def formula(self) -> str:
        """Its maths as text; every link to it is told with it."""
        return text(self.tree)


@dataclass(frozen=True, eq=False)
class Link:
    """An arrow. Rungs (path `kept`) carry the names of what is kept."""

    source: Item
    target: Item
    path: str
    kept: tuple[Tree, ...] = ()
    seed: bool = False
    """Whether it carries the gradient of the cost with respect to itself, which is 1."""


@dataclass
class Ladder:
    """All items and links; for each row, bottom first, what its band is called; and the words it is written in."""

    words: Mapping[str, str]
    operations: Mapping[str, str] = field(default_factory=dict[str, str])
    """What operations are called, where that is not their name."""
    items: list[Item] = field(default_factory=list[Item])
    links: list[Link] = field(default_factory=list[Link])
    bands: list[str] = field(default_factory=list[str])
    subheadings: dict[int, str] = field(default_factory=dict[int, str])
    """What is said under the headings of columns."""
    stacked: dict[int, int] = field(default_factory=dict[int, int])
    """Rows that stand for several blocks, with how many."""
    derivations: list[Derivation] = field(default_factory=list[Derivation])
    """Those that its gradients were read off."""
    steps: int = 0
    _by_target: dict[int, list[Link]] = field(default_factory=dict[int, list[Link]])

    def add(
        self, tree: Tree, caption: str, path: str, place: tuple[int, int], value: Node, *, counts: bool = True
    ) -> Item:
        """A new item; computed ones get the next number in the order of execution, unless they do not count."""
        computed = counts and path not in LEAF_PATHS
        self.steps += computed
        item = Item(len(self.items), tree, caption, path, *place, value, self.steps if computed else 0)
        item.slot = float(item.number)
        self.items.append(item)
        return item

    def join(self, source: Item, target: Item, path: str, kept: tuple[Tree, ...] = (), seed: bool = False) -> None:
        """A new link, once; what is joined by an arrow is read, too."""
        into = self._by_target.setdefault(target.number, [])
        if not any(link.source is source and link.path == path for link in into):
            into.append(Link(source, target, path, kept, seed))
            self.links.append(into[-1])
        if path != "kept" and not seed:
            read(target, source)

    def operation(self, name: str) -> str:
        """What an operation is called in the language of the drawing."""
        return self.operations.get(name, name)

    def close_up(self) -> None:
        """Take away the lowest row if nothing stands in it."""
        if self.items and all(item.row > 0 for item in self.items):
            for item in self.items:
                item.row -= 1
            del self.bands[:1]

    @property
    def executed(self) -> list[Item]:
        """The items that take a step, in order."""
        return sorted((item for item in self.items if item.order), key=lambda item: item.order)


def read(item: Item, source: Item) -> None:
    """Remember that `item` is computed from `source`."""
    if source is not item and source not in item.reads:
        item.reads.append(source)
