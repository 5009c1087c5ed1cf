"""Rules: equations written in the graph language, and how one is matched to a node.

    rule        a function of holes that returns (left, right), or None where the equation is not meant
    hole        a node that the equation is about; it has a sample shape, which tests use too
    parameter   a hole for a field of a card, such as axes; given by a sample value
    pattern     the left side built once from sample leaves; a node is compared with it card by card

A match compares only the names of cards and binds the holes; then the function is called with what was bound, and the
rule applies exactly if the left side it builds *is* the node (nodes are interned), up to the order of the operands of
commutative cards. So one rule holds at all shapes, a sample decides nothing, and shapes that do not fit fail to build.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, NamedTuple, TypeAlias

from backgraph.errors import BackgraphError
from backgraph.language.dims import as_shape
from backgraph.language.node import Node
from backgraph.language.ops.leaf import constant, literal, size, variable
from backgraph.rules.kept import kept_patterns

Kind = Literal["any", "scalar", "array", "number", "size", "labels", "condition"]
Domain = Literal["real", "positive", "nonzero", "distribution"]
Sides: TypeAlias = tuple[Node, Node] | None
Bound: TypeAlias = dict[str, Any]

ACCEPTS: dict[Kind, Callable[[Node], bool]] = {
    "any": lambda _: True,
    "scalar": lambda node: node.shape == (),
    "array": lambda node: node.shape != (),
    "number": lambda node: node.op.name == "constant" and node.shape == (),
    "size": lambda node: node.op.name in ("size", "size_of"),
    "labels": lambda node: node.dtype == "int64",
    "condition": lambda node: node.dtype == "bool",
}


@dataclass(frozen=True)
class Hole:
    """What may be bound to a hole (`kind`), and a sample of it: dimensions such as "m k", values from `domain`."""

    shape: str = ""
    kind: Kind = "any"
    domain: Domain = "real"
    value: float = 0.0

    @functools.cache  # noqa: B019  # the holes of rules live as long as the rules: always
    def sample(self, name: str) -> Node:
        """A leaf to build a sample of the equation from."""
        if self.kind == "number":
            return constant(self.value, "float64")
        if self.kind == "size":
            return size("m")
        dtype = {"labels": "int64", "condition": "bool"}.get(self.kind, "float64")
        return variable(name, as_shape(int(d) if d.isdigit() else d for d in self.shape.split()), dtype, "hole")


def array(shape: str, domain: Domain = "real") -> Hole:
    """Anything but a scalar."""
    return Hole(shape, "array", domain)


def number(sample: float) -> Hole:
    """A scalar literal; the sample must differ from the literals that the equation itself contains."""
    return Hole("", "number", "real", sample)


def positive(shape: str) -> Hole:
    """Anything; the equation is true for positive values only."""
    return Hole(shape, "any", "positive")


@dataclass(frozen=True)
class Text:
    """The sample of a parameter that is text, such as a dtype; plain text declares the shape of a hole."""

    sample: str


ANY = "*"


class Pattern(NamedTuple):
    """A hole, a literal, or a card over patterns; `fields` are (field of the card, parameter hole).

    The card ANY is every elementwise one; its only field is the card itself.
    `optional`: a scalar copied to a shape; where everything is scalar the copy is missing.
    """

    card: str = ""
    inputs: tuple[Pattern, ...] = ()
    hole: str = ""
    kind: Kind = "any"
    literal: float | None = None
    fields: tuple[tuple[str, str], ...] = ()
    optional: bool = False
    commutative: bool = False

    @property
    def plain(self) -> list[Any]:
        """Card, inputs, and the other fields up to the last that is not its default, as lists, text and numbers."""
        values: list[Any] = [self.card, [part.plain for part in self.inputs], self.hole, self.kind, self.literal]
        values += [[list(pair) for pair in self.fields], self.optional, self.commutative]
        least = ["", [], "", "any", None, [], False, False]
        length = max((n for n, value in enumerate(values, 1) if value != least[n - 1]), default=0)
        return values[: max(length, 2)]

    @property
    def depth(self) -> int:
        """How many cards stand above one another."""
        return 1 + max((part.depth for part in self.inputs), default=0)

    def fits(self, cards: Sequence[str]) -> bool:
        """Whether it may match a node whose inputs are made by `cards`; most are told apart by this alone."""
        return len(cards) == len(self.inputs) and all(
            part.hole or part.optional or part.card in (ANY, card) or (part.literal is not None and card == "constant")
            for part, card in zip(self.inputs, cards, strict=True)
        )


def pattern_from(plain: Sequence[Any]) -> Pattern:
    """The pattern whose `Pattern.plain` is `plain`."""
    card, inputs, *rest = plain
    if len(rest) > FIELDS:
        rest[FIELDS] = tuple((name, parameter) for name, parameter in rest[FIELDS])
    return Pattern(card, tuple(map(pattern_from, inputs)), *rest)


FIELDS = 3
"""Which of the plain values behind card and inputs are `Pattern.fields`."""


@dataclass(frozen=True, eq=False)
class Rule:
    """An equation, `left = right`, that is applied from left to right.

    `alone`: the inner results of the left side must have no other use, for they would be computed twice. `ordered`:
    operands of commutative cards must stand as written. `extreme`: values at which the left side overflows or loses
    everything and the right side does not; given for the rules whose reason is stability.
    """

    name: str
    equation: str
    holes: Mapping[str, Hole]
    parameters: Mapping[str, Any]
    sides: Callable[..., Sides]
    alone: bool = False
    ordered: bool = False
    extreme: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<rule {self.name}: {self.equation}>"

    def sample(self) -> tuple[dict[str, Node], Node, Node]:
        """Sample leaves by hole, with both sides built from them."""
        leaves = {name: hole.sample(name) for name, hole in self.holes.items()}
        sides = self.sides(**leaves, **self.parameters)
        assert sides is not None, f"{self.name} does not hold at its own sample"
        return leaves, *sides

    @property
    def key(self) -> str:
        """The name of the rule and of the module that it is written in."""
        return f"{self.sides.__module__}.{self.name}"

    @property
    def card(self) -> str:
        """The topmost card of the left side."""
        kept = kept_patterns().get(self.key)
        return self.patterns[0].card if kept is None else kept[0]

    @functools.cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """The left side, in every order of commutative operands."""
        kept = kept_patterns().get(self.key)
        return self.learnt() if kept is None else tuple(map(pattern_from, json.loads(kept[1])))

    def learnt(self) -> tuple[Pattern, ...]:
        """`patterns`, from the sample."""
        leaves, left, _ = self.sample()
        holes = {leaf: name for name, leaf in leaves.items()}
        pattern = _pattern(left, holes, self)
        return (pattern,) if self.ordered else tuple(dict.fromkeys(_orders(pattern)))

    def apply(self, pattern: Pattern, node: Node) -> Node | None:
        """What `node` becomes; None where the rule does not apply."""
        bound: Bound = {}
        if not _match(pattern, node, bound):
            return None
        if self.parameters.keys() - bound.keys():
            return None  # a scalar's missing copy leaves open what only the copy says
        try:
            sides = self.sides(**bound)
        except BackgraphError:
            return None  # the equation cannot be written at these shapes
        if sides is None or not _same(sides[0], node, pattern.depth, self.ordered):
            return None
        right = sides[1]
        return right if right.shape == node.shape and right.dtype == node.dtype else None


def inner(pattern: Pattern, node: Node) -> Iterator[Node]:
    """The inner results of a left side that matched: neither `node` itself nor what holes and copies stand for."""
    for part, given in zip(pattern.inputs, node.inputs, strict=True):
        if part.card and part.card == given.op.name:
            if part.card != "broadcast":
                yield given
            yield from inner(part, given)


def rules_into(table: list[Rule]) -> Callable[..., Callable[[Callable[..., Sides]], Rule]]:
    """The decorator `@rule(A="m k", …)` whose rules are appended to `table`."""

    def rule(
        name: str = "",
        equation: str = "",
        alone: bool = False,
        ordered: bool = False,
        extreme: Mapping[str, float] | None = None,
        **holes: Any,
    ) -> Callable[[Callable[..., Sides]], Rule]:
        def append(sides: Callable[..., Sides]) -> Rule:
            given = {key: Hole(value, "any" if value else "scalar") for key, value in holes.items() if _is_text(value)}
            given |= {key: value for key, value in holes.items() if isinstance(value, Hole)}
            rest = {key: value for key, value in holes.items() if key not in given}
            parameters = {key: value.sample if isinstance(value, Text) else value for key, value in rest.items()}
            text = equation or " ".join((sides.__doc__ or "").split()).rstrip(".")
            label = name or sides.__name__  # type: ignore[attr-defined]  # rules are functions
            table.append(Rule(label, text, given, parameters, sides, alone, ordered, extreme or {}))
            return table[-1]

        return append

    return rule


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _pattern(node: Node, holes: Mapping[Node, str], rule: Rule) -> Pattern:
    if node in holes:
        return Pattern(hole=holes[node], kind=rule.holes[holes[node]].kind)
    value = literal(node)
    if value is not None:
        return Pattern(literal=value)
    inputs = tuple(_pattern(given, holes, rule) for given in node.inputs)
    for name, card in rule.parameters.items():
        if card is node.op:
            return Pattern(ANY, inputs, fields=(("", name),))
    optional = node.op.name == "broadcast" and node.inputs[0].shape == ()
    return Pattern(node.op.name, inputs, fields=_fields(node, rule), optional=optional, commutative=node.op.commutative)


def _fields(node: Node, rule: Rule) -> tuple[tuple[str, str], ...]:
    """Fields of the node's card whose value is that of a parameter's sample."""
    if not dataclasses.is_dataclass(node.op):
        return ()
    names = [each.name for each in dataclasses.fields(node.op)]
    samples = rule.parameters.items()
    return tuple((name, hole) for name in names for hole, value in samples if getattr(node.op, name) == value)


def _orders(pattern: Pattern) -> Iterator[Pattern]:
    if not pattern.inputs:
        yield pattern
        return
    for inputs in product(*(list(_orders(part)) for part in pattern.inputs)):
        yield pattern if inputs == pattern.inputs else pattern._replace(inputs=inputs)
        if pattern.commutative and inputs[::-1] != inputs:
            yield pattern._replace(inputs=inputs[::-1])


def _match(pattern: Pattern, node: Node, bound: Bound) -> bool:
    if pattern.hole:
        return bound.setdefault(pattern.hole, node) is node and ACCEPTS[pattern.kind](node)
    if pattern.literal is not None:
        return node.op.name == "constant" and literal(node) == pattern.literal
    if pattern.card == ANY:
        bound[pattern.fields[0][1]] = node.op
        return _match_all(pattern.inputs, node.inputs, bound)
    if node.op.name != pattern.card:
        return pattern.optional and node.shape == () and _match(pattern.inputs[0], node, bound)
    for name, hole in pattern.fields:
        value = getattr(node.op, name)
        if bound.setdefault(hole, value) != value:
            return False
    return _match_all(pattern.inputs, node.inputs, bound)


def _match_all(patterns: tuple[Pattern, ...], nodes: tuple[Node, ...], bound: Bound) -> bool:
    return len(nodes) == len(patterns) and all(
        _match(pattern, node, bound) for pattern, node in zip(patterns, nodes, strict=True)
    )


def _same(left: Node, node: Node, depth: int, ordered: bool) -> bool:
    """Whether two nodes are one, up to the order of commutative operands in the topmost `depth` layers."""
    if left is node:
        return True
    if depth == 0 or left.op != node.op or left.shape != node.shape or len(left.inputs) != len(node.inputs):
        return False
    orders = [node.inputs] if ordered or not left.op.commutative else [node.inputs, node.inputs[::-1]]
    return any(
        all(_same(a, b, depth - 1, ordered) for a, b in zip(left.inputs, order, strict=True)) for order in orders
    )
