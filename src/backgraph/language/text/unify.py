"""Unification of shapes, before any node is built.

    slot          the shape of one value: unknown, a tuple of dimensions, or open; equal shapes are one slot
    placeholder   a dimension not known yet: a symbol `?7`; those the user wrote are rigid
    constraint    what an operation says of the shapes of its operands and its result; it steps until it is satisfied

Dimensions are polynomials, so an equation such as ?7 + 2 = d is solved for its placeholder. Source: Robinson (1965).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from backgraph.language.dims import Dim, Open, Polynomial, Shape, symbol


class Clash(Exception):  # noqa: N818  # it never leaves the front end, which reports it as BG101
    """Two shapes that cannot be equal: `letter` of the signature is `a` and `b`."""

    def __init__(self, letter: str, a: Dim | Shape, b: Dim | Shape) -> None:
        super().__init__(letter)
        self.letter, self.a, self.b = letter, a, b


class Unknown(Exception):  # noqa: N818  # it never leaves the front end, which reports it as BG107
    """The number of axes of a slot, or a size, cannot be told from the text."""

    def __init__(self, slot: Slot) -> None:
        super().__init__("unknown")
        self.slot = slot


class Slot:
    """The shape of a value, unknown until solved; `link` leads to the slot that stands for it.

    `names` are the leaves of this shape, `makers` the constraints whose result has it, `watchers` all that mention it.
    """

    __slots__ = ("link", "makers", "names", "shape", "watchers")

    def __init__(self, shape: Shape | None = None) -> None:
        self.link: Slot | None = None
        self.shape = shape
        self.names: list[str] = []
        self.makers: list[Constraint] = []
        self.watchers: list[Constraint] = []


def find(slot: Slot) -> Slot:
    """The slot that stands for `slot`; the way there is shortened."""
    while slot.link is not None:
        if slot.link.link is not None:
            slot.link = slot.link.link
        slot = slot.link
    return slot


class Need(NamedTuple):
    """A slot whose number of axes an operation must know: `rank` where it can only be that, at least `least`."""

    slot: Slot
    rank: int | None = None
    least: int = 0


class Constraint:
    """What an operation says of shapes; `result` is the slot it determines."""

    result: Slot
    order = 0
    done = False

    def slots(self) -> Iterator[Slot]:
        """All slots it mentions."""
        for value in vars(self).values():
            yield from (
                each for each in (value if isinstance(value, (list, tuple)) else (value,)) if isinstance(each, Slot)
            )

    def step(self, sizes: Unifier) -> bool:
        """Learn what can be learnt; True when there is nothing left to learn. Raises Clash."""
        raise NotImplementedError

    def needs(self) -> Iterator[Need]:
        """Slots whose rank must be known."""
        return iter(())

    def seen_through(self) -> Sequence[Slot]:
        """Slots of which the result has the number of axes, or one of which has it."""
        return ()


@dataclass
class Unifier:
    """The placeholders solved so far; `woken` are constraints that mention slots that have changed."""

    solved: dict[str, Dim]
    count: int = 0
    woken: list[Constraint] = field(default_factory=list[Constraint])

    def fresh(self, rank: int) -> tuple[Dim, ...]:
        """A shape of new placeholders."""
        self.count += rank
        return tuple(symbol(f"?{number}") for number in range(self.count - rank, self.count))

    def resolve(self, dim: Dim) -> Dim:
        """`dim` with all solved placeholders replaced."""
        given = dim
        while isinstance(dim, Polynomial) and any(name in self.solved for name in dim.symbols):
            dim = dim.at(self.solved)
        if dim is not given and isinstance(given, Polynomial) and given == symbol(min(given.symbols)):
            self.solved[min(given.symbols)] = dim  # a chain of placeholders is followed once
        return dim

    def shape(self, slot: Slot) -> Shape | None:
        """The shape as far as it is known."""
        shape = find(slot).shape
        return tuple(self.resolve(dim) for dim in shape) if isinstance(shape, tuple) else shape

    def equate(self, a: Dim, b: Dim, letter: str) -> Dim:
        """Make two dimensions equal. Raises Clash."""
        difference = self.resolve(a - b if isinstance(a, Polynomial) else b * -1 + a)
        if difference == 0:
            return self.resolve(a)
        name, value = _solution(difference)
        if name is None or (isinstance(value, int) and value < 0):
            raise Clash(letter, self.resolve(a), self.resolve(b))
        self.solved[name] = value
        return self.resolve(a)

    def assign(self, slot: Slot, shape: Shape, what: str = "axis") -> None:
        """Let `slot` have `shape`. Raises Clash."""
        found = find(slot)
        have = self.shape(found)
        if have is None:
            found.shape = shape
            self._wake(found)
            found.watchers = []
        elif isinstance(have, Open) or isinstance(shape, Open) or len(have) != len(shape):
            if have != shape:
                raise Clash("the shape", have, shape)
        else:
            for axis, (a, b) in enumerate(zip(have, shape, strict=True)):
                self.equate(a, b, f"{what} {axis - len(have)}" if what == "axis" else what)

    def unify(self, a: Slot, b: Slot) -> None:
        """Let two slots be one. Raises Clash."""
        a, b = find(a), find(b)
        if a is b:
            return
        if a.shape is not None and b.shape is not None:
            self.assign(a, b.shape)
        if a.shape is None and (b.shape is not None or len(a.watchers) < len(b.watchers)):
            a, b = b, a
        b.link = a
        a.names += b.names
        a.makers += b.makers
        self._wake(b)  # whatever mentions both is among those that mention b
        a.watchers += b.watchers

    def _wake(self, slot: Slot) -> None:
        slot.watchers = [constraint for constraint in slot.watchers if not constraint.done]
        self.woken += slot.watchers

    def broadcast(self, shapes: Sequence[Shape]) -> Shape:
        """The common shape of known and open shapes, aligned at the last axis; see `check.broadcast_shapes`."""
        known = [shape for shape in shapes if isinstance(shape, tuple)]
        rank = max(map(len, known), default=0)
        names = [name for shape in shapes if isinstance(shape, Open) for name in shape.names]
        if rank == 0 and names:
            return Open(frozenset(names))
        result: list[Dim] = [1] * rank
        for shape in known:
            for axis, dim in enumerate(shape, start=rank - len(shape)):
                dim, have = self.resolve(dim), self.resolve(result[axis])
                fits = have if dim == 1 else dim if have == 1 else self.equate(have, dim, f"axis {axis - rank}")
                result[axis] = fits
        return tuple(result)


def is_placeholder(name: str) -> bool:
    """Whether a symbol stands for a dimension not known yet."""
    return name.startswith("?")


def _solution(difference: Dim) -> tuple[str | None, Dim]:
    """A placeholder that makes `difference` 0, and its value: one that stands alone with the coefficient ±1.

    Of several the one whose value has the fewest negative terms: from ?1 + ?2 = ?3, the sum and not a difference.
    """
    found: list[tuple[int, str, Dim]] = []
    for monomial, coefficient in difference.terms if isinstance(difference, Polynomial) else ():
        if len(monomial) != 1 or monomial[0][1] != 1 or abs(coefficient) != 1:
            continue
        name = monomial[0][0]
        value = symbol(name) - difference * coefficient
        if is_placeholder(name) and not (isinstance(value, Polynomial) and name in value.symbols):
            negative = sum(c < 0 for _, c in value.terms) if isinstance(value, Polynomial) else 0
            found.append((negative, name, value))
    _, name, value = min(found, key=lambda each: each[0], default=(0, None, 0))
    return name, value
