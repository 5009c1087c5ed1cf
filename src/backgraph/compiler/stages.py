"""Every stage of the pipeline as text, for a cost typed in and its gradients: what `backgraph compile --show` prints.

graph      nodes in the order of evaluation, with shapes
rules      what the rewrite rules changed
nests      the lowered loop nests, before any pass
schedule   phases after all passes, the axis that threads share out, the memory of the arena
llvm, asm  the optimised module and the machine code
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

from backgraph.calculus.backprop import gradient
from backgraph.compiler.function import batch_symbol, specialised
from backgraph.compiler.memory import bytes_of, lifetimes, plan
from backgraph.compiler.nest import Affine, Expr, Index, Lookup, Nest, Read, Value, Write, mapped, printed
from backgraph.compiler.phases import phases, shared_axis
from backgraph.compiler.pipeline import Compiled, compile_program, in_memory, lowered
from backgraph.compiler.schedule import Program
from backgraph.compiler.target import Target
from backgraph.errors import UsageError, nearest
from backgraph.language.dims import shape_text, symbols
from backgraph.language.node import Node
from backgraph.language.parse import parse
from backgraph.language.walk import topological_order
from backgraph.rules import Simplified, simplify


class Names:
    """What nodes are called: variables and numbers as they are written, anything else t1, t2, … as it comes up."""

    def __init__(self) -> None:
        self._known: dict[Node, str] = {}

    def __call__(self, node: Node) -> str:
        """The name of a node."""
        if node.is_leaf:
            return str(node.op)
        return self._known.setdefault(node, f"t{len(self._known) + 1}")

    def applied(self, node: Node) -> str:
        """The operation applied to names, as in `matmul(X, W)`."""
        return str(node.op) if node.is_leaf else f"{node.op}({', '.join(map(self, node.inputs))})"


@dataclass(frozen=True)
class Stages:
    """A cost with its gradients on its way to machine code.

    `results` are the simplified outputs by name; `sizes` what is given for symbolic dimensions.
    """

    results: dict[str, Node]
    leaves: tuple[Node, ...]
    simplified: Simplified
    sizes: Mapping[str, int]
    target: Target | None = None

    @cached_property
    def batch(self) -> str | None:
        """The dimension that stays a run-time count."""
        return batch_symbol(self.leaves)

    @cached_property
    def specialised(self) -> tuple[list[Node], dict[Node, Value]]:
        """The outputs with every size but the batch put in, and a value for each leaf of theirs."""
        known = {name: size for name, size in self.sizes.items() if name != self.batch}
        outputs, new = specialised(list(self.results.values()), self.leaves, known)
        return outputs, {leaf: Value(str(leaf.op), leaf.shape, leaf.dtype, "argument") for leaf in new.values()}  # type: ignore[arg-type]

    @cached_property
    def lowered(self) -> Program:
        """The program before any pass."""
        outputs, arguments = self.specialised
        return lowered(outputs, arguments, {})[0]

    @cached_property
    def compiled(self) -> Compiled:
        """The program after all passes, and its machine code."""
        outputs, arguments = self.specialised
        return compile_program(outputs, arguments, target=self.target)


def stages(
    text: str,
    *,
    wrt: Sequence[str] = (),
    shapes: str = "",
    sizes: Mapping[str, int] | None = None,
    dtype: str = "float64",
    target: Target | None = None,
) -> Stages:
    """The stages of the cost `text` and its gradients in `wrt`.

    Raises what `language.parse` and `gradient` raise, and UsageError BG601 for a size of a dimension that is not there.
    """
    read = parse(text, shapes=shapes, dtype=dtype, wrt=wrt)
    nodes = [read.cost, *(gradient(read.cost, [read.names[name] for name in wrt]).nodes if wrt else ())]
    simple = simplify(nodes)
    names = ["the cost", *(f"the gradient of {name}" for name in wrt)]
    found = Stages(
        dict(zip(names, simple.nodes, strict=True)), tuple(read.leaves.values()), simple, sizes or {}, target
    )
    _check_sizes(found)
    return found


def _dimensions(found: Stages) -> list[str]:
    return list(dict.fromkeys(name for leaf in found.leaves for name in sorted(symbols(leaf.shape))))


def _check_sizes(found: Stages) -> None:
    known = _dimensions(found)
    for name, size in found.sizes.items():
        if name not in known:
            hint = nearest(name, known)
            raise UsageError(
                "BG601", "--size", "no dimension has this name", got=name, expected=", ".join(known), hint=hint
            )
        if size < 1:
            raise UsageError("BG601", "--size", "not a size", got=f"{name}={size}", expected="1 or more")


def check_sizes_known(found: Stages) -> None:
    """All dimensions but the batch must have a size before lowering. Raises UsageError BG601."""
    for leaf in found.leaves:
        if not isinstance(leaf.shape, tuple):
            where, hint = (
                f"--shape of {leaf.op}",
                f"annotate it: --shape '{leaf.op}:' for a scalar, '{leaf.op}:n' for a vector",
            )
            raise UsageError("BG601", where, "the text leaves this shape open", hint=hint)
    missing = [name for name in _dimensions(found) if name not in found.sizes and name != found.batch]
    if missing:
        what = f"the size of {', '.join(missing)} is not known"
        raise UsageError("BG601", "--size", what, hint=f"add --size {','.join(f'{name}=8' for name in missing)}")


def graph_text(found: Stages) -> str:
    """The nodes in the order of evaluation, then which of them are results."""
    names = Names()
    order = topological_order(list(found.results.values()))
    rows = [(names(node), names.applied(node), f"{shape_text(node.shape)} {node.dtype}") for node in order]
    rows = [(name, "" if name == body else f"= {body}", shape) for name, body, shape in rows]
    results = [f"{what}: {names(node)}" for what, node in found.results.items()]
    return "\n".join([*_table(rows), "", *results])


def rules_text(found: Stages) -> str:
    """One line for every step of the rewriting: the rule, what it met, what it made of it."""
    names = Names()
    rows = [
        (step.rule.name, names.applied(step.before), f"→ {names.applied(step.after)}")
        for step in found.simplified.trace
    ]
    return "\n".join(_table(rows)) or "no rule applies"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def nests_text(found: Stages) -> str:
    """The nests before any pass."""
    label = labels(found.lowered.nests)
    return "\n".join(printed(renamed(nest, label)) for nest in found.lowered.nests)


def labels(nests: Sequence[Nest]) -> dict[Value, str]:
    """A name of its own for every value: a second `sum` is sum2."""
    used: Counter[str] = Counter()
    result: dict[Value, str] = {}
    for nest in nests:
        for value in [*(r.value for r in nest.reads), *(w.value for w in nest.writes)]:
            if value not in result:
                used[value.label] += 1
                result[value] = value.label + (str(used[value.label]) if used[value.label] > 1 else "")
    return result


def renamed(nest: Nest, label: Mapping[Value, str]) -> Nest:
    """The nest, for printing, with every value under its name."""

    def change(expr: Expr) -> Expr | None:
        if not isinstance(expr, Read):
            return None
        return Read(replace(expr.value, label=label[expr.value]), tuple(map(index, expr.index)))

    def index(at: Index) -> Index:
        return at if isinstance(at, Affine) else Lookup(cast("Read", change(at.read)))

    writes = tuple(
        Write(replace(w.value, label=label[w.value]), tuple(map(index, w.index)), mapped(w.body, change))
        for w in nest.writes
    )
    return replace(nest, operands=tuple(mapped(o, change) for o in nest.operands), writes=writes)


def schedule_text(program: Program, sizes: Mapping[str, int]) -> str:
    """The phases of a scheduled program, with the axis that threads share out in each nest, and the arena.

    The arena needs the size of every dimension; without them its line is left out.
    """
    groups, label = phases(program.nests, dict(program.in_place)), labels(program.nests)
    lines: list[str] = []
    for number, phase in enumerate(groups, 1):
        lines.append(f"phase {number}")
        for nest in phase.nests:
            axis = shared_axis(nest)
            lines.append(f"  // {'one thread' if axis is None else f'threads share {axis}'}")
            lines += [f"  {line}" for line in printed(renamed(nest, label)).splitlines()]
        lines.append("  barrier")
    lines += [f"{label[new]} takes the place of {old}" for new, old in program.in_place.items()]
    return "\n".join([*lines, *_arena(program, sizes)]) + "\n"


def _arena(program: Program, sizes: Mapping[str, int]) -> list[str]:
    groups = phases(program.nests, dict(program.in_place))
    stored = set(in_memory(program, ())) - {*program.kept, *program.in_place}
    lives = [life for life in lifetimes(groups, ()) if life.value in stored]
    if not all(name in sizes for life in lives for name in symbols(life.value.shape)):
        return []
    label = labels(program.nests)
    offsets, total = plan(lives, sizes)
    rows = [
        (f"  {label[v]}", shape_text(v.shape), f"{bytes_of(v, sizes)} bytes", f"at {at}") for v, at in offsets.items()
    ]
    return [f"arena: {total} bytes", *_table(rows)]


SHOWN: dict[str, Callable[[Stages], str]] = {
    "graph": graph_text,
    "rules": rules_text,
    "nests": nests_text,
    "schedule": lambda found: schedule_text(found.compiled.program, found.sizes),
    "llvm": lambda found: found.compiled.library.ir(),
    "asm": lambda found: found.compiled.library.assembly(),
}
"""Every stage by name, in the order of the pipeline."""
SYMBOLIC = ("graph", "rules")
"""Stages that need no sizes."""


def stage_text(found: Stages, show: str) -> str:
    """One stage as text. Raises UsageError BG601 for an unknown one, and where sizes are missing."""
    if show not in SHOWN:
        hint = nearest(show, list(SHOWN))
        raise UsageError("BG601", "--show", "unknown stage", got=show, expected=", ".join(SHOWN), hint=hint)
    if show not in SYMBOLIC:
        check_sizes_known(found)
    return SHOWN[show](found)
