"""What text cannot tell, settled one question at a time, and noted as assumptions.

In this order, after everything that follows from the operations themselves:

    case     where an operation must know a name's number of axes, an upper-case name is a matrix, another a vector
    cost     the cost is a scalar, so is what only scales it
    alike    names added to a matrix (vector) whose case says matrix (vector) have its shape; Greek letters are exempt
    late     shapes of slices and reshapes, which need sizes
    open     every other name fits into what it meets: its shape stays open
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from backgraph.language.dims import Open, Shape
from backgraph.language.text.constraints import Broadcast
from backgraph.language.text.functions import Equation, Value
from backgraph.language.text.layouts import Classes, Forward
from backgraph.language.text.unify import Constraint, Need, Slot, Unifier, Unknown, find

GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "eps", "zeta", "eta", "theta", "kappa", "lam", "lambda_", "mu", "nu"}
    | {"xi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"}
)
"""Greek letters by name; as letters (λ) they are recognised too. They may be scalars or vectors."""


@dataclass
class Solver:
    """All constraints of a text, those still pending, and the assumptions made: leaf → case, alike, cost, open."""

    leaves: dict[str, Value]
    sizes: Unifier = field(default_factory=lambda: Unifier({}))
    constraints: list[tuple[Constraint, Equation]] = field(default_factory=list[tuple[Constraint, Equation]])
    pending: list[tuple[Constraint, Equation]] = field(default_factory=list[tuple[Constraint, Equation]])
    assumed: dict[str, str] = field(default_factory=dict[str, str])
    at: Equation | None = None

    def add(self, equation: Equation) -> None:
        """Take what the equation's function says."""
        self.at = equation
        said = [(constraint, equation) for constraint in equation.function.says(equation, self.sizes)]
        self.constraints += said
        self.pending += said

    def propagate(self) -> None:
        """Step all pending constraints until none learns more."""
        progress = True
        while progress:
            progress = False
            before, self.pending = self.pending, []
            for constraint, equation in before:
                self.at = equation
                if constraint.step(self.sizes):
                    progress = True
                else:
                    self.pending.append((constraint, equation))

    def solve(self, cost: Slot | None) -> None:
        """Everything: propagate, then ask the first question that can be answered, and again.

        Raises Clash, and Unknown where the text leaves a number of axes open that an operation needs.
        """
        self.propagate()
        while self.case() or self.scalar_cost(cost) or self.alike() or self.late() or self.open():
            self.propagate()
        for constraint, equation in self.pending:
            self.at = equation
            raise Unknown(constraint.result)

    def case(self) -> bool:
        """Give the first slot that needs a rank the one its names suggest."""
        for need in self.needs():
            if self.half_known(need.slot):
                return True
            names = self.names_behind(need.slot)
            rank = need.rank if need.rank is not None else 2 if any(map(is_matrix, names)) else 1
            if not names:
                continue
            if rank < need.least:
                raise Unknown(need.slot)
            self.assume(need.slot, self.sizes.fresh(rank), "case")
            return True
        return False

    def half_known(self, slot: Slot) -> bool:
        """Settle what is added to something known to make `slot`: the b of relu(X@W + b)."""
        for constraint, _ in self.pending:
            if not isinstance(constraint, Broadcast) or find(constraint.result) is not find(slot):
                continue
            shapes = [self.sizes.shape(each) for each in constraint.operands]
            if all(shape in (None, ()) for shape in shapes):
                continue
            if self.alike_in(constraint):
                return True
            unknown = next(each for each, shape in zip(constraint.operands, shapes, strict=True) if shape is None)
            return self.half_known(unknown) or self.left_open(self.names_behind(unknown))
        return False

    def scalar_cost(self, cost: Slot | None) -> bool:
        """Let an unknown cost be a scalar."""
        if cost is None or self.sizes.shape(cost) is not None:
            return False
        for name, value in self.leaves.items():
            if self.sizes.shape(value.slot) is None:
                self.assumed.setdefault(name, "cost")
        self.sizes.assign(cost, ())
        return True

    def alike(self) -> bool:
        """Settle one operand of a broadcast by what it stands beside; and labels that are expressions."""
        for constraint, equation in self.pending:
            self.at = equation
            if isinstance(constraint, Broadcast) and self.alike_in(constraint):
                return True
            if isinstance(constraint, Classes) and self.sizes.shape(constraint.scores) is not None:
                self.sizes.unify(constraint.labels, constraint.scores)
                return True
        return False

    def alike_in(self, broadcast: Broadcast) -> bool:
        """Settle one operand of this broadcast, if its shape follows from the others' or from the result's."""
        shapes = [self.sizes.shape(slot) for slot in broadcast.operands]
        result = self.sizes.shape(broadcast.result)
        known = self.sizes.broadcast([shape for shape in shapes if shape is not None])
        target = known if result is None or isinstance(result, Open) else result
        if isinstance(target, Open) or target == ():
            return False
        unknown = [slot for slot, shape in zip(broadcast.operands, shapes, strict=True) if shape is None]
        fitting = [slot for slot in unknown if broadcast.alike and self.suits(slot, len(target))]
        if not fitting and known != target:
            fitting = [slot for slot in unknown if self.suits(slot, len(target))] or unknown
        if fitting:
            self.assume(fitting[0], target, "alike")
        return bool(fitting)

    def suits(self, slot: Slot, rank: int) -> bool:
        """Whether the slot is that of a name whose case says so many axes."""
        names = self.names_of(slot)
        return bool(names) and all(not is_greek(name) and (2 if is_matrix(name) else 1) == rank for name in names)

    def late(self) -> bool:
        """Let the first slice or reshape go ahead with symbols for the sizes not known."""
        for constraint, equation in self.pending:
            if isinstance(constraint, Forward) and self.sizes.shape(constraint.of) is not None and constraint.patient:
                self.at = equation
                constraint.patient = False
                return True
        return False

    def open(self) -> bool:
        """Leave the first name that is still unknown open."""
        return self.left_open(self.leaves)

    def left_open(self, names: Iterable[str]) -> bool:
        """Leave the first of `names` that is unknown open."""
        for name in names:
            slot = self.leaves[name].slot
            if self.sizes.shape(slot) is None:
                self.assume(slot, Open(frozenset({name})), "open")
                return True
        return False

    def assume(self, slot: Slot, shape: Shape, why: str) -> None:
        """Give a slot a shape and note why, for each name that has it."""
        for name in self.names_of(slot):
            self.assumed[name] = why
        self.sizes.assign(slot, shape)

    def needs(self) -> Iterator[Need]:
        """What pending constraints must know and do not."""
        for constraint, equation in self.pending:
            self.at = equation
            yield from (need for need in constraint.needs() if self.sizes.shape(need.slot) is None)

    def names_of(self, slot: Slot) -> list[str]:
        """The leaves that have this very shape."""
        found = find(slot)
        return [name for name, value in self.leaves.items() if find(value.slot) is found]

    def names_behind(self, slot: Slot) -> list[str]:
        """The leaves of this shape, or those the value is computed from, operand by operand."""
        names: list[str] = []
        stack, seen = [find(slot)], set[Slot]()
        while stack:
            found = stack.pop()
            if found in seen or self.sizes.shape(found) is not None:
                continue
            seen.add(found)
            names += self.names_of(found)
            stack += (find(below) for below in self._computed_from(found))
        return names

    def _computed_from(self, found: Slot) -> Sequence[Slot]:
        return [
            below for constraint, _ in self.pending if find(constraint.result) is found
            for below in constraint.seen_through()
        ]  # fmt: skip


def is_matrix(name: str) -> bool:
    """Whether a name is written like a matrix: in upper case."""
    return name.lstrip("_")[:1].isupper()


def is_greek(name: str) -> bool:
    """Whether a name is a Greek letter, with or without a number."""
    stem = name.rstrip("0123456789").split("_")[0] or name
    return name in GREEK or stem.lower() in GREEK or "α" <= stem[:1].lower() <= "ω"
