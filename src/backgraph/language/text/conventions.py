"""What text cannot tell, settled one question at a time, and noted as assumptions.

In this order, after everything that follows from the operations themselves:

    case     where an operation must know a name's number of axes, an upper-case name is a matrix, another a vector
    cost     the cost is a scalar, so is what only scales it
    alike    names added to a matrix (vector) whose case says matrix (vector) have its shape; Greek letters are exempt
    late     shapes of slices and reshapes, which need sizes
    open     every other name fits into what it meets: its shape stays open
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

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


class Solver:
    """All constraints of a text, and the assumptions made: leaf → case, alike, cost, open.

    Constraints are stepped in the order of the text, and again when a slot they mention has changed. `needy` are those
    that must know a rank, `doubtful` the heap of those stepped in vain since they were last asked for an assumption.
    """

    def __init__(self, leaves: dict[str, Value]) -> None:
        self.leaves, self.sizes = leaves, Unifier({})
        self.equation_of: dict[Constraint, Equation] = {}
        self.at: Equation | None = None
        self.assumed: dict[str, str] = {}
        self.needy: deque[Constraint] = deque()
        self.layouts: list[Forward] = []
        self.doubtful: list[tuple[int, Constraint]] = []
        self.unopened = deque(leaves)

    @property
    def constraints(self) -> list[tuple[Constraint, Equation]]:
        """All of them, each with its equation, in the order of the text."""
        return list(self.equation_of.items())

    def add(self, equation: Equation) -> None:
        """Take what the equation's function says."""
        self.at = equation
        for constraint in equation.function.says(equation, self.sizes):
            constraint.order = len(self.equation_of)
            self.equation_of[constraint] = equation
            find(constraint.result).makers.append(constraint)
            for slot in constraint.slots():
                find(slot).watchers.append(constraint)
            if any(True for _ in constraint.needs()):
                self.needy.append(constraint)
            if isinstance(constraint, Forward):
                self.layouts.append(constraint)
            self.sizes.woken.append(constraint)

    def propagate(self) -> None:
        """Step what has been woken, the first in the text first, until nothing more is learnt."""
        queue: list[tuple[int, Constraint]] = []
        queued: set[Constraint] = set()
        while queue or self.sizes.woken:
            for constraint in self.sizes.woken:
                if not constraint.done and constraint not in queued:
                    heappush(queue, (constraint.order, constraint))
                    queued.add(constraint)
            self.sizes.woken.clear()
            if queue:
                _, constraint = heappop(queue)
                queued.remove(constraint)
                self.step(constraint)

    def step(self, constraint: Constraint) -> None:
        """Step one constraint; what it leaves open is a matter of assumptions."""
        self.at = self.equation_of[constraint]
        constraint.done = constraint.step(self.sizes)
        if not constraint.done and isinstance(constraint, (Broadcast, Classes)):
            heappush(self.doubtful, (constraint.order, constraint))

    def solve(self, cost: Slot | None) -> None:
        """Everything: propagate, then ask the first question that can be answered, and again.

        Raises Clash, and Unknown where the text leaves a number of axes open that an operation needs.
        """
        self.propagate()
        while self.case() or self.scalar_cost(cost) or self.alike() or self.late() or self.open():
            self.propagate()
        for constraint, equation in self.equation_of.items():
            self.at = equation
            if not constraint.done:
                raise Unknown(constraint.result)

    def case(self) -> bool:
        """Give the first slot that needs a rank the one its names suggest."""
        while self.needy and self.needy[0].done:
            self.needy.popleft()
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
        for constraint in find(slot).makers:
            shapes = (
                [self.sizes.shape(each) for each in constraint.operands] if isinstance(constraint, Broadcast) else []
            )
            if not isinstance(constraint, Broadcast) or all(shape in (None, ()) for shape in shapes):
                continue
            if self.alike_in(constraint):
                return True
            unknown = [each for each, shape in zip(constraint.operands, shapes, strict=True) if shape is None]
            return any(self.half_known(each) or self.left_open(self.names_behind(each)) for each in unknown)
        return False

    def scalar_cost(self, cost: Slot | None) -> bool:
        """Let an unknown cost be a scalar."""
        if cost is None or any(self.sizes.shape(slot) not in (None, ()) for slot in self.behind(cost)):
            return False  # it cannot be one, which is reported when its shape is known
        if self.sizes.shape(cost) is not None:
            return False
        for name, value in self.leaves.items():
            if self.sizes.shape(value.slot) is None:
                self.assumed.setdefault(name, "cost")
        self.sizes.assign(cost, ())
        return True

    def alike(self) -> bool:
        """Settle one operand of a broadcast by what it stands beside; and labels that are expressions."""
        while self.doubtful:
            order, constraint = heappop(self.doubtful)
            self.at = self.equation_of[constraint]
            if not constraint.done and self.likened(constraint):
                heappush(self.doubtful, (order, constraint))
                return True
        return False

    def likened(self, constraint: Constraint) -> bool:
        """Settle something about this constraint."""
        if isinstance(constraint, Broadcast):
            return self.alike_in(constraint)
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
        for constraint in self.layouts:
            if constraint.patient and not constraint.done and self.sizes.shape(constraint.of) is not None:
                constraint.patient = False
                self.sizes.woken.append(constraint)
                return True
        return False

    def open(self) -> bool:
        """Leave the first name that is still unknown open."""
        while self.unopened and self.sizes.shape(self.leaves[self.unopened[0]].slot) is not None:
            self.unopened.popleft()
        return self.left_open([self.unopened[0]] if self.unopened else [])

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
        for constraint in self.needy:
            self.at = self.equation_of[constraint]
            if not constraint.done:
                yield from (need for need in constraint.needs() if self.sizes.shape(need.slot) is None)

    def names_of(self, slot: Slot) -> list[str]:
        """The leaves that have this very shape."""
        return find(slot).names

    def names_behind(self, slot: Slot) -> list[str]:
        """The unknown leaves of this shape, and those of what an operation sees through to compute it."""
        return [name for each in self.behind(slot) if self.sizes.shape(each) is None for name in each.names]

    def behind(self, slot: Slot) -> Iterator[Slot]:
        """The slot, and as long as they are unknown, those that operations see through to compute it."""
        stack, seen = [find(slot)], set[Slot]()
        while stack:
            found = stack.pop()
            if found in seen:
                continue
            seen.add(found)
            yield found
            if found.shape is None:
                stack += [find(below) for maker in found.makers for below in maker.seen_through()]


def is_matrix(name: str) -> bool:
    """Whether a name is written like a matrix: in upper case."""
    return name.lstrip("_")[:1].isupper()


def is_greek(name: str) -> bool:
    """Whether a name is a Greek letter, with or without a number."""
    stem = name.rstrip("0123456789").split("_")[0] or name
    return name in GREEK or stem.lower() in GREEK or "α" <= stem[:1].lower() <= "ω"
