"""Accounts: what a cost and its gradient take, in multiply-adds and bytes, as formulas and as numbers.

Section 6.5.7 counts O(w) multiply-adds for w weights and O(m·n_h) memory: what the hidden non-linearity needs lives
from the moment it is computed until the backward pass returns to it. Here both are read off the graph, executed one
operation at a time in topological order, forward pass first.

    work       multiply-adds of products; elementwise operations are not counted as such
    lifetime   from the step that makes a value to the last one that reads it
    kept       forward values that the backward pass reads
    view       a value that is another one seen differently (transposed, broadcast, reshaped): it takes no bytes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backgraph.calculus.backprop import gradient
from backgraph.errors import CalculusError
from backgraph.language.dims import Dim, at, count, shape_text
from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Name, Tree
from backgraph.language.walk import topological_order
from backgraph.rules import simplify
from backgraph.show.names import display_name
from backgraph.show.naming import name_intermediates
from backgraph.show.render import SHORT, letters, render
from backgraph.show.text import text

BYTES = {"float32": 4, "float64": 8, "int64": 8, "bool": 1}


@dataclass(frozen=True)
class Line:
    """One executed operation: its step (from 1), the node, and its multiply-adds. `formula` is its maths as text."""

    step: int
    node: Node
    formula: str
    backward: bool
    work: Dim


@dataclass(frozen=True)
class Lifetime:
    """A value in memory from step `made` to step `last` (both included), its bytes, and the steps that read it."""

    node: Node
    name: str
    made: int
    last: int
    bytes: Dim
    readers: tuple[int, ...]


@dataclass(frozen=True)
class Accounts:
    """What `accounts` found. Polynomials in the graph's symbols; numbers where every size is known."""

    lines: tuple[Line, ...]
    lifetimes: tuple[Lifetime, ...]
    turn: int
    """The last step of the forward pass."""
    outputs: tuple[Node, ...] = ()
    """What is executed: the cost, then the gradients, simplified."""

    @property
    def forward(self) -> Dim:
        """Multiply-adds of the forward pass."""
        return _total(line.work for line in self.lines if not line.backward)

    @property
    def backward(self) -> Dim:
        """Multiply-adds of the backward pass."""
        return _total(line.work for line in self.lines if line.backward)

    @property
    def kept(self) -> tuple[Lifetime, ...]:
        """Values of the forward pass that the backward pass reads, in the order in which they are made."""
        return tuple(life for life in self.lifetimes if life.made <= self.turn < max(life.readers, default=0))

    def live(self, step: int) -> Dim:
        """Bytes alive while a step runs."""
        return _total(life.bytes for life in self.lifetimes if life.made <= step <= life.last)

    def peak(self, sizes: Mapping[str, int] | None = None) -> tuple[int, int]:
        """The step with the most bytes alive, and how many; `sizes` gives every symbol its number."""
        totals = [_number(self.live(line.step), sizes or {}) for line in self.lines]
        most = max(totals, default=0)
        return (totals.index(most) + 1 if totals else 0), most

    def table(self, sizes: Mapping[str, int] | None = None) -> str:
        """The accounts as text; with `sizes` numbers stand beside the formulas."""
        return "\n".join([*_work_table(self, sizes), "", *_memory_table(self, sizes)])

    def __str__(self) -> str:
        return self.table()


def accounts(cost: Node, wrt: Sequence[Node], names: Mapping[Node, str] | None = None) -> Accounts:
    """The accounts of `cost` and its simplified gradients by `wrt`; raises what `gradient` raises.

    Leaves belong to the caller and are not counted as memory.
    """
    gradients = gradient(cost, wrt)
    simple = simplify([cost, *gradients.of.values(), *gradients.nodes])
    outputs = [simple.nodes[0], *simple.nodes[-len(gradients.nodes) :]]
    forward = topological_order(outputs[:1])
    order = topological_order(outputs)
    steps = [node for node in order if node.inputs and not node.op.is_view]
    known = {simple.new.get(node, node): name for node, name in (names or {}).items()}
    named: dict[Node, str | Tree] = dict(
        name_intermediates(outputs[:1], {**known, outputs[0]: known.get(outputs[0], "J")})
    )
    for node, arriving in zip(gradients.of, simple.nodes[1:], strict=False):
        own = named.get(simple.new.get(node, node))
        if isinstance(own, str) and node is not cost:
            named.setdefault(arriving, Gradient(Name(own), Name(str(named[outputs[0]]))))
    number = {node: step for step, node in enumerate(steps, start=1)}
    _name_long(number, named)
    first = set(forward)
    lines = tuple(_line(number[node], node, named, node not in first) for node in steps)
    turn = max((line.step for line in lines if not line.backward), default=0)
    return Accounts(lines, _lifetimes(order, steps, number, named, outputs), turn, tuple(outputs))


Names = Mapping[Node, "str | Tree"]


def _name_long(number: Mapping[Node, int], names: dict[Node, str | Tree]) -> None:
    """Call a value whose formula is long, and has no name, after its step: v₅ is made in step 5."""
    for node, step in number.items():
        if node not in names and letters(render(node, names)) > SHORT:
            names[node] = f"v_{step}"


def _line(step: int, node: Node, names: Names, backward: bool) -> Line:
    others = {named: name for named, name in names.items() if named is not node}
    return Line(step, node, text(render(node, others)), backward, node.op.work(node.inputs))


def _lifetimes(
    order: Sequence[Node], steps: Sequence[Node], number: Mapping[Node, int], names: Names, ends: Sequence[Node]
) -> tuple[Lifetime, ...]:
    """A view lives in the value it shows: reading it is reading that."""
    base: dict[Node, Node] = {}
    for node in order:
        base[node] = base[node.inputs[0]] if node.op.is_view else node
    readers: dict[Node, list[int]] = {node: [] for node in steps}
    for node in steps:
        for given in dict.fromkeys(base[x] for x in node.inputs):
            if given in readers:
                readers[given].append(number[node])
    last = {node: max([number[node], *readers[node]]) for node in steps} | {base[n]: len(steps) for n in ends}
    return tuple(Lifetime(n, _name(n, names), number[n], last[n], _bytes(n), tuple(readers[n])) for n in steps)


def _name(node: Node, names: Names) -> str:
    known = names.get(node)
    if known is None:
        return text(render(node, names))
    return display_name(known) if isinstance(known, str) else text(known)


def _bytes(node: Node) -> Dim:
    return count(node.shape) * BYTES[node.dtype]


def _total(parts: object) -> Dim:
    total: Dim = 0
    for part in parts:  # type: ignore[attr-defined]
        total = total + part
    return total


def _number(dim: Dim, sizes: Mapping[str, int]) -> int:
    value = at(dim, sizes)
    if not isinstance(value, int):
        raise CalculusError("BG302", "accounts", "a size is not given", got=str(value), hint="give sizes={'m': 32, …}")
    return value


def _beside(dim: Dim, sizes: Mapping[str, int] | None) -> str:
    return str(dim) if not sizes or isinstance(dim, int) else f"{dim} = {_number(dim, sizes):,}"


def _work_table(found: Accounts, sizes: Mapping[str, int] | None) -> list[str]:
    rows = [
        (str(line.step), line.formula, shape_text(line.node.shape), _beside(line.work, sizes)) for line in found.lines
    ]
    shown = [row for row, line in zip(rows, found.lines, strict=True) if line.work != 0]
    return [
        "Multiply-adds in products",
        *_aligned(shown),
        f"  forward   {_beside(found.forward, sizes)}",
        f"  backward  {_beside(found.backward, sizes)}",
    ]


def _memory_table(found: Accounts, sizes: Mapping[str, int] | None) -> list[str]:
    rows = [(life.name, f"steps {life.made}–{life.last}", _beside(life.bytes, sizes) + " bytes") for life in found.kept]
    lines = [f"Kept from the forward pass (steps 1–{found.turn}) until the backward pass has used it", *_aligned(rows)]
    if sizes:
        step, most = found.peak(sizes)
        lines.append(f"  peak      {most:,} bytes at step {step}")
    return lines


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
