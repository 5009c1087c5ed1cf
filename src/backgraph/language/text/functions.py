"""The table of functions that text can call: what builds the node, and what it says of shapes.

Elementwise cards, and cards without parameters, come from CARDS, those that users registered included; their shapes
follow from their signatures. Only what is more than a card stands in FUNCTIONS.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from backgraph.errors import GraphError
from backgraph.language.check import parse_signature
from backgraph.language.dims import Dim, as_shape
from backgraph.language.node import OPERATORS, Node
from backgraph.language.op import CARDS, Elementwise, Operation, Parametrised
from backgraph.language.ops import elementwise, leaf, linear, loss, random, reduce, shape
from backgraph.language.ops.einsum import einsum
from backgraph.language.text.constraints import Along, Broadcast, Equal, Product, Reduction, Signature, Swap
from backgraph.language.text.layouts import Appended, Classes, Concatenation, Forward
from backgraph.language.text.source import Source
from backgraph.language.text.unify import Constraint, Slot, Unifier


@dataclass(eq=False)
class Value:
    """The value of a piece of text: a leaf, a number, or the result of an operation."""

    source: Source
    start: int
    end: int
    slot: Slot
    leaf: str | None = None
    number: float | None = None
    computed: bool = False

    @property
    def text(self) -> str:
        """What was written for it."""
        return self.source.text[self.start : self.end]


@dataclass(eq=False)
class Equation:
    """`result = function(*operands, **options)`; `free` are operands that are bare names met only as labels."""

    function: Function
    at: int
    operands: dict[str, Value]
    options: dict[str, Any]
    result: Value
    free: frozenset[str] = frozenset()

    def slot(self, name: str) -> Slot:
        """The slot of an operand."""
        return self.operands[name].slot

    @property
    def slots(self) -> list[Slot]:
        """The slots of all operands, in order."""
        return [value.slot for value in self.operands.values()]


Says: TypeAlias = Callable[[Equation, Unifier], Iterable[Constraint]]


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the language: `build` makes the node, `says` gives its constraints, `labels` names its labels."""

    name: str
    build: Callable[..., Node]
    says: Says
    labels: tuple[str, ...] = ()
    operands: int | None = None

    @property
    def signature(self) -> str | None:
        """The shapes it takes, as its card states them."""
        return getattr(CARDS.get(self.name), "signature", None)

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """What it takes, by name."""
        return _parameters(self.build)

    @property
    def leading(self) -> list[str]:
        """Parameters in front of a variable number of operands."""
        return [name for name, p in self.parameters.items() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]


@cache
def _parameters(build: Callable[..., Node]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(build).parameters


def function_named(name: str) -> Function | None:
    """The function called `name`, or None."""
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    card = CARDS.get(name)
    if isinstance(card, Elementwise):
        return Function(name, card, _elementwise(), operands=len(card.rules))
    if isinstance(card, type) and not issubclass(card, Parametrised):
        return _by_signature(name, card)
    return None


def function_names() -> list[str]:
    """All names that text can call, sorted."""
    return sorted(name for name in {*FUNCTIONS, *CARDS} if name.isidentifier() and function_named(name))


def _by_signature(name: str, card: type[Operation]) -> Function | None:
    cores, core = ((), ()) if "..." in card.signature else parse_signature(card.signature)
    if not cores:
        return None
    if not any(cores) and not core:
        return Function(name, card(), _elementwise(), operands=len(cores))
    return Function(name, card(), lambda e, _: [Signature(e.slots, e.result.slot, card.signature)], operands=len(cores))


def _elementwise(alike: bool = False) -> Says:
    return lambda e, _: [Broadcast(e.slots, e.result.slot, alike)]


def _losses(*names: str) -> Says:
    """Elementwise in the operands called `names`, then weighted and reduced."""

    def says(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
        losses = Slot()
        yield Broadcast([e.slot(name) for name in names if name in e.operands], losses, alike=True)
        yield from _reduced(e, losses)

    return says


def _classes(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    scores, labels = e.slots[:2]
    losses = Slot()
    yield Classes(scores, labels, losses, free="y" in e.free)
    yield from _reduced(e, losses)


def _reduced(e: Equation, losses: Slot) -> Iterable[Constraint]:
    if "weights" in e.operands:
        weighted = Slot()
        yield Broadcast([e.slot("weights"), losses], weighted, alike=True)
        losses = weighted
    if e.options.get("reduction", "mean") == "none":
        yield Broadcast([losses], e.result.slot)
    else:
        yield Reduction(losses, e.result.slot, None, keepdims=False)


def _reduction(default: int | None = None, whole: bool = True) -> Says:
    def says(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
        options = e.options
        yield Reduction(e.slots[0], e.result.slot, options.get("axis", default), options.get("keepdims", False), whole)

    return says


def _along(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    yield Along(e.slots[0], e.result.slot, e.options.get("axis", -1))


def _product(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    computed = any(value.computed for value in e.operands.values())
    a, b = e.slots
    yield Product(a, b, e.result.slot, computed)


def _inner(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    sizes.assign(e.result.slot, ())
    a, b = e.slots
    yield Equal(a, b, e.result.slot)


def _swap(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    e.result.computed = False
    yield Swap(e.slots[0], e.result.slot)


def _forward(build: Callable[..., Node], least: Callable[[Any], int] = lambda _: 0, patient: bool = True) -> Says:
    """The shape of the result is what `build` gives for a leaf of the operand's shape."""

    def says(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
        def shape_of(given: tuple[Dim, ...]) -> Any:
            return build(leaf.input(e.operands["x"].text, given), **e.options).shape

        yield Forward(e.slots[0], e.result.slot, shape_of, least(e.options), patient)

    return says


def _transpose(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    permutation = e.options.get("permutation")
    e.result.computed = False
    if permutation is not None:
        sizes.assign(e.slots[0], sizes.fresh(len(permutation)))
    yield from _forward(shape.transpose, patient=False)(e, sizes)


def _broadcast_to(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    sizes.assign(e.result.slot, as_shape(e.options["shape"]))
    yield Broadcast([e.slots[0], e.result.slot], e.result.slot)


def _rows(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    table = e.operands.get("table")
    index = e.slot("y" if table is None else "index")
    yield Appended(index, e.result.slot, e.options.get("depth"), table and table.slot)


def _dropped(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    sizes.assign(e.slot("key"), ())
    yield from _along(e, sizes)


def _concatenation(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    yield Concatenation(e.slots, e.result.slot, e.options.get("axis", 0))


def _letters(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
    left, arrow, result = e.options["subscripts"].replace(" ", "").partition("->")
    groups = left.split(",")
    if len(groups) != len(e.operands):
        raise GraphError("BG109", "einsum", "one group of letters for each operand is needed", got=left)
    dims = {letter: sizes.fresh(1)[0] for letter in left}
    for slot, group in zip(e.slots, groups, strict=True):
        sizes.assign(slot, tuple(dims[letter] for letter in group))
    if not arrow:
        result = "".join(sorted(letter for letter in dims if left.count(letter) == 1 and letter != ","))
    if not set(result) <= set(dims):
        raise GraphError("BG109", "einsum", "a letter of the result is in no operand", got=result)
    sizes.assign(e.result.slot, tuple(dims[letter] for letter in result))
    return ()


def _constant(rank: int) -> Says:
    def says(e: Equation, sizes: Unifier) -> Iterable[Constraint]:
        sizes.assign(e.result.slot, (next(iter(e.options.values())),) * rank)
        return ()

    return says


def _getitem(x: Node, brackets: Any) -> Node:
    return OPERATORS["getitem"](x, brackets)


def _transposed(x: Node) -> Node:
    return OPERATORS["T"](x)


def _indices(options: Mapping[str, Any]) -> int:
    index = options["brackets"] if isinstance(options["brackets"], tuple) else (options["brackets"],)
    return sum(part is not None and part is not Ellipsis for part in index)


_errors = ("prediction", "target", "delta")

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function("add", elementwise.add, _elementwise(alike=True), operands=2),
        Function("sub", elementwise.sub, _elementwise(alike=True), operands=2),
        Function("power", elementwise.raised, _elementwise(), operands=2),
        Function("matmul", linear.matmul, _product),
        Function("dot", linear.dot, _inner),
        Function("T", _transposed, _swap),
        Function("getitem", _getitem, _forward(_getitem, _indices)),
        Function("sum", reduce.sum, _reduction(whole=False)),
        Function("mean", reduce.mean, _reduction(whole=False)),
        Function("max", reduce.max, _reduction()),
        Function("min", reduce.min, _reduction()),
        Function("prod", reduce.prod, _reduction()),
        Function("argmax", reduce.argmax, _reduction()),
        Function("logsumexp", reduce.logsumexp, _reduction(default=-1)),
        Function("softmax", reduce.softmax, _along),
        Function("log_softmax", reduce.log_softmax, _along),
        Function("cumsum", reduce.cumsum, _along),
        Function("cross_entropy", loss.cross_entropy, _classes, labels=("y",)),
        Function("nll", loss.nll, _classes, labels=("y",)),
        Function("squared_error", loss.squared_error, _losses(*_errors)),
        Function("absolute_error", loss.absolute_error, _losses(*_errors)),
        Function("huber_loss", loss.huber_loss, _losses(*_errors)),
        Function("quantile_loss", loss.quantile_loss, _losses(*_errors)),
        Function("poisson_loss", loss.poisson_loss, _losses("u", "target")),
        Function("binary_cross_entropy", loss.binary_cross_entropy, _losses("u", "target")),
        Function("one_hot", loss.one_hot, _rows, labels=("y",)),
        Function("take", shape.take, _rows, labels=("index",)),
        Function("dropout", random.dropout, _dropped, labels=("key",)),
        Function("concatenate", shape.concatenate, _concatenation),
        Function("transpose", shape.transpose, _transpose),
        Function("reshape", shape.reshape, _forward(shape.reshape)),
        Function("broadcast", shape.broadcast, _broadcast_to),
        Function("cast", shape.cast, _elementwise()),
        Function("einsum", einsum, _letters),
        Function("size", leaf.size, _constant(0)),
        Function("eye", leaf.eye, _constant(2)),
    )
}
"""Functions that are more than a card: several cards, axes, reductions, labels."""
