"""What the operations say of shapes. One class per way in which shapes depend on one another, not per operation.

Each is a constraint of `unify`: it may be stepped with any subset of its shapes known, forward and backward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from backgraph.language.check import parse_signature
from backgraph.language.dims import Dim, Open, Shape
from backgraph.language.text.unify import Clash, Constraint, Need, Slot, Unifier, find

Ranked = tuple[Dim, ...]


@dataclass(eq=False)
class Broadcast(Constraint):
    """The operands fit together; `alike` where one expects operands of one kind, as in a sum or a difference."""

    operands: Sequence[Slot]
    result: Slot
    alike: bool = False

    def step(self, sizes: Unifier) -> bool:
        if sizes.shape(self.result) == ():
            for slot in self.operands:
                sizes.assign(slot, ())
            return True
        shapes = [sizes.shape(slot) for slot in self.operands]
        unknown = {find(slot) for slot, shape in zip(self.operands, shapes, strict=True) if shape is None}
        if not unknown:
            sizes.assign(self.result, sizes.broadcast([shape for shape in shapes if shape is not None]))
            return True
        if len(unknown) == 1 and all(shape in (None, ()) for shape in shapes):
            sizes.unify(unknown.pop(), self.result)
            return True
        return False

    def seen_through(self) -> Sequence[Slot]:
        return self.operands


@dataclass(eq=False)
class Product(Constraint):
    """`a @ b`, of matrices, vectors, and batches of them; `computed` where a factor is no leaf."""

    a: Slot
    b: Slot
    result: Slot
    computed: bool
    inner: list[Dim] = field(default_factory=list[Dim])

    def step(self, sizes: Unifier) -> bool:
        a, b = ranked(sizes, self.a), ranked(sizes, self.b)
        if a is not None and b is not None:
            sizes.assign(self.result, self._multiplied(sizes, a, b))
            return True
        result = ranked(sizes, self.result)
        if result is None:
            return False
        if len(result) == 0:
            a = b = sizes.fresh(1)
        elif a is not None and len(a) <= 2:
            b = sizes.fresh(len(result) + 1 if len(a) == 1 else len(result))
        elif b is not None and len(b) == 1:
            a = sizes.fresh(len(result) + 1)
        if a is not None and b is not None:
            sizes.assign(self.a, a)
            sizes.assign(self.b, b)
            return self.step(sizes)
        return False

    def needs(self) -> Iterator[Need]:
        return iter((Need(self.a, least=1), Need(self.b, least=1)))

    def _multiplied(self, sizes: Unifier, a: Ranked, b: Ranked) -> Shape:
        if not a or not b:
            raise Clash("the number of axes", len(a), len(b))
        inner = sizes.equate(a[-1], b[max(len(b) - 2, 0)], "dimension k")
        if self.computed:
            self.inner.append(inner)
        if len(a) == 1 or len(b) == 1:
            return (*a[:-1], *b[:-2], *b[-1:]) if len(b) > 1 else a[:-1]
        batch = sizes.broadcast([a[:-2], b[:-2]])
        return (*batch, a[-2], b[-1])  # type: ignore[misc]  # a broadcast of tuples is a tuple


@dataclass(eq=False)
class Reduction(Constraint):
    """Some axes (None: all) are reduced away; `whole` where even that needs to know how many there are."""

    of: Slot
    result: Slot
    axis: int | tuple[int, ...] | None
    keepdims: bool
    whole: bool = False

    def step(self, sizes: Unifier) -> bool:
        if self.axis is None and not self.keepdims:
            sizes.assign(self.result, ())
            if not self.whole:
                return True
        shape = ranked(sizes, self.of)
        if shape is None:
            return False
        axes = {axis % len(shape) for axis in self._axes(len(shape)) if -len(shape) <= axis < len(shape)}
        kept = [1 if i in axes else dim for i, dim in enumerate(shape) if self.keepdims or i not in axes]
        sizes.assign(self.result, tuple(kept))
        return True

    def needs(self) -> Iterator[Need]:
        if self.whole or self.keepdims or self.axis is not None:
            given = self._axes(0)
            yield Need(self.of, least=max((axis + 1 if axis >= 0 else -axis for axis in given), default=1))

    def _axes(self, rank: int) -> Sequence[int]:
        return range(rank) if self.axis is None else [self.axis] if isinstance(self.axis, int) else self.axis


@dataclass(eq=False)
class Along(Constraint):
    """A function of vectors applied along one axis: the shape stays."""

    of: Slot
    result: Slot
    axis: int = -1

    def step(self, sizes: Unifier) -> bool:
        sizes.unify(self.of, self.result)
        return sizes.shape(self.of) is not None

    def needs(self) -> Iterator[Need]:
        yield Need(self.of, least=self.axis + 1 if self.axis >= 0 else -self.axis)


@dataclass(eq=False)
class Swap(Constraint):
    """The last two axes change places; a vector stays as it is."""

    of: Slot
    result: Slot

    def step(self, sizes: Unifier) -> bool:
        for this, other in ((self.of, self.result), (self.result, self.of)):
            shape = ranked(sizes, this)
            if shape is not None:
                sizes.assign(other, (*shape[:-2], *shape[-2:][::-1]))
                return True
        return False

    def needs(self) -> Iterator[Need]:
        yield Need(self.of)

    def seen_through(self) -> Sequence[Slot]:
        return (self.of,)


@dataclass(eq=False)
class Signature(Constraint):
    """Operands and result by a signature such as `(m,k),(k,n)->(m,n)`; batch dimensions are the same for all."""

    operands: Sequence[Slot]
    result: Slot
    signature: str

    def step(self, sizes: Unifier) -> bool:
        cores, core = parse_signature(self.signature)
        shapes = [ranked(sizes, slot) for slot in self.operands]
        known = [(shape, core) for shape, core in zip(shapes, cores, strict=True) if shape is not None]
        if len(known) < len(shapes):
            return False
        letters: dict[str, Dim] = {}
        batch = Slot()
        for shape, own in known:
            if len(shape) < len(own):
                raise Clash("the number of axes", len(shape), len(own))
            split = len(shape) - len(own)
            sizes.assign(batch, shape[:split], "a batch dimension")
            for letter, dim in zip(own, shape[split:], strict=True):
                letters[letter] = sizes.equate(letters.get(letter, dim), dim, f"dimension {letter}")
        sizes.assign(self.result, (*(ranked(sizes, batch) or ()), *(letters[letter] for letter in core)))
        return True

    def needs(self) -> Iterator[Need]:
        cores, _ = parse_signature(self.signature)
        return (Need(slot, least=len(core)) for slot, core in zip(self.operands, cores, strict=True))


@dataclass(eq=False)
class Equal(Constraint):
    """Two values have one shape, whose number of axes must be known."""

    a: Slot
    b: Slot
    result: Slot

    def step(self, sizes: Unifier) -> bool:
        sizes.unify(self.a, self.b)
        return sizes.shape(self.a) is not None

    def needs(self) -> Iterator[Need]:
        yield Need(self.a)


def ranked(sizes: Unifier, slot: Slot) -> Ranked | None:
    """The shape of a slot if it is known and not open."""
    shape = sizes.shape(slot)
    return None if isinstance(shape, Open) else shape
