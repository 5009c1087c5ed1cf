"""Every stage of the pipeline as text, for a cost typed in and its gradients: what `backgraph compile --show` prints.

graph      nodes in the order of evaluation, with shapes
rules      what the rewrite rules changed
nests      the lowered loop nests, before any pass
schedule   phases after all passes, the axis that threads share out, the memory of the arena
llvm, asm  the optimised module and the machine code
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from backgraph.calculus.backprop import gradient
from backgraph.compiler.function import batch_symbol, specialised
from backgraph.compiler.nest import Value, printed
from backgraph.compiler.pipeline import Compiled, compile_program, lowered, scheduled
from backgraph.compiler.schedule import Program
from backgraph.compiler.schedule_text import labels, renamed, schedule_text, table
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
    memory: int | None = None

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
        blocked = None if self.memory is None else self.batch
        return compile_program(outputs, arguments, target=self.target, blocked=blocked)


def stages(
    text: str,
    *,
    wrt: Sequence[str] = (),
    cost: str = "",
    shapes: str = "",
    sizes: Mapping[str, int] | None = None,
    dtype: str = "float64",
    target: Target | None = None,
    memory: int | None = None,
) -> Stages:
    """The stages of the cost in `text` (the last statement, or the one named `cost`) and its gradients in `wrt`.

    Raises what `language.parse` and `gradient` raise, and UsageError BG601 for a size of a dimension that is not there.
    """
    read = parse(text, shapes=shapes, dtype=dtype, wrt=wrt, cost=cost)
    nodes = [read.cost, *(gradient(read.cost, [read.names[name] for name in wrt]).nodes if wrt else ())]
    simple = simplify(nodes)
    names = ["the cost", *(f"the gradient of {name}" for name in wrt)]
    found = Stages(
        dict(zip(names, simple.nodes, strict=True)), tuple(read.leaves.values()), simple, sizes or {}, target, memory
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
    return "\n".join([*table(rows), "", *results])


def rules_text(found: Stages) -> str:
    """One line for every step of the rewriting: the rule, what it met, what it made of it."""
    names = Names()
    rows = [
        (step.rule.name, names.applied(step.before), f"→ {names.applied(step.after)}")
        for step in found.simplified.trace
    ]
    return "\n".join(table(rows)) or "no rule applies"


def nests_text(found: Stages) -> str:
    """The nests before any pass."""
    label = labels(found.lowered.nests)
    return "\n".join(printed(renamed(nest, label)) for nest in found.lowered.nests)


SHOWN: dict[str, Callable[[Stages], str]] = {
    "graph": graph_text,
    "rules": rules_text,
    "nests": nests_text,
    "schedule": lambda found: schedule_text(
        scheduled(found.lowered), found.sizes, None if found.memory is None else found.batch, found.memory
    ),
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
