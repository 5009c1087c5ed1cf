"""What a reader must know to read an explanation: the conventions that apply to it, and what the gradient costs.

Each convention is a function of the derivation that returns the values for its sentence, or None where it has nothing
to say. `CONVENTIONS` is the list, in the order they are printed; its names are keys of the word tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from backgraph.language.dims import Dim, count
from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Iverson, Name, Number, Product, Tree
from backgraph.language.op import CARDS
from backgraph.language.ops.leaf import Size, SizeOf, literal
from backgraph.language.ops.reduce import LastAxis, Sum
from backgraph.language.walk import topological_order
from backgraph.show.derive import Arrival, Derivation, is_number
from backgraph.show.names import parts_of
from backgraph.show.page import Sentence, Value, fill, listed, shape_words
from backgraph.show.render import children

Words: TypeAlias = Mapping[str, str]
Values: TypeAlias = dict[str, Value | list[str]]


def is_decay(arrival: Arrival, name: str) -> bool:
    """Whether a contribution is a scalar times the target itself, straight from the cost: weight decay."""
    tree = arrival.formula
    if arrival.origins or not isinstance(tree, Product) or tree.kind != "scale" or tree.factors[-1] != Name(name):
        return False
    return all(node is arrival.term.target or node.shape == () for node in arrival.reads)


def conventions(derivation: Derivation, words: Words, ties: Mapping[str, str]) -> list[Sentence]:
    """The sentences that apply."""
    found = [(key, values) for key, ask in CONVENTIONS.items() if (values := ask(derivation)) is not None]
    sentences = [_filled(words, f"convention_{key}", values) for key, values in found]
    kinked = dict.fromkeys(term.rule.name for term in derivation.gradients.terms if term.rule.ties)
    return sentences + [fill(words["convention_ties"], op=op, ties=ties.get(op, CARDS[op].ties)) for op in kinked]


def _filled(words: Words, key: str, values: Values) -> Sentence:
    lists = {name: listed(v, words["comma"], words["and"]) if isinstance(v, list) else v for name, v in values.items()}
    return fill(words[key], **lists)


def _gradient(derivation: Derivation) -> Values | None:
    V = Name(derivation.names[derivation.targets[0].of])
    return {"gradient": Gradient(V, derivation.cost), "V": V, "J": derivation.cost}


def _mean(derivation: Derivation) -> Values | None:
    for node in topological_order([derivation.gradients.cost]):
        divided = node.op.name == "mul" and any(isinstance(given.op, Sum) for given in node.inputs)
        sizes = [n for given in node.inputs if given.op.name == "div" for n in given.inputs if _is_size(n)]
        if divided and sizes:
            return {"m": sizes[-1].op.notation((), *(Name(str(n.op)) for n in sizes[-1].inputs))}
    return None


def _is_size(node: Node) -> bool:
    return isinstance(node.op, (Size, SizeOf)) or (literal(node) or 0) > 1


def _layers(derivation: Derivation) -> Values | None:
    layered = [name for name in derivation.names.values() if parts_of(name).layer]
    targets = [name for step in derivation.targets if (name := derivation.names[step.of]) in layered]
    return {"W": Name([*targets, *layered][-1 if not targets else 0])} if layered else None


def _powers(derivation: Derivation) -> Values | None:
    order = topological_order([derivation.gradients.cost])
    return {} if any(node.op.name in ("square", "power") and node.shape != () for node in order) else None


def _hadamard(derivation: Derivation) -> Values | None:
    return {} if any(isinstance(tree, Product) and tree.kind == "hadamard" for tree in _trees(derivation)) else None


def _iverson(derivation: Derivation) -> Values | None:
    return {} if any(isinstance(tree, Iverson) for tree in _trees(derivation)) else None


def _rows(derivation: Derivation) -> Values | None:
    order = topological_order([derivation.gradients.cost])
    names = [n.op.name for n in order if n.inputs and _is_of_rows(n) and n.inputs[0].shape[1:] != ()]  # type: ignore[index]
    return {"ops": list(dict.fromkeys(names))} if names else None


def _is_of_rows(node: Node) -> bool:
    card = node.op
    return isinstance(node.inputs[0].shape, tuple) and (isinstance(card, LastAxis) or card.signature == "(k),(k)->()")


def _sums(derivation: Derivation) -> Values | None:
    order = topological_order([derivation.gradients.cost])
    return {} if sum(isinstance(node.op, Sum) and node.op.axes is None for node in order) > 1 else None


def _paths(derivation: Derivation) -> Values | None:
    several = [step.of for step in derivation.steps if len(step.arrivals) > 1]
    return {"V": Name(derivation.names[several[0]]), "J": derivation.cost} if several else None


def _decay(derivation: Derivation) -> Values | None:
    if _mean(derivation) is None:
        return None
    for step in derivation.targets:
        for arrival in step.arrivals:
            tree = arrival.formula
            if is_decay(arrival, derivation.names[step.of]) and isinstance(tree, Product) and len(tree.factors) == 3:
                return {"c": tree.factors[1]} if tree.factors[0] == Number(2.0) else None
    return None


CONVENTIONS: dict[str, Callable[[Derivation], Values | None]] = {
    "gradient": _gradient,
    "paths": _paths,
    "mean": _mean,
    "layers": _layers,
    "powers": _powers,
    "hadamard": _hadamard,
    "iverson": _iverson,
    "rows": _rows,
    "sums": _sums,
    "decay": _decay,
}
"""By key: what a convention's sentence needs, or None where it does not apply."""


def account(derivation: Derivation, words: Words) -> list[Sentence]:
    """Multiply-adds forward and backward, what is kept, and why one goes backward."""
    forward = topological_order([derivation.gradients.cost])
    backward = set(topological_order(derivation.gradients.nodes)) - set(forward)
    totals = {"forward": str(_work(forward)), "backward": str(_work(backward))}
    sentences = [fill(words["account_work"], **totals)] if totals != {"forward": "0", "backward": "0"} else []
    if kept := kept_values(derivation):
        rows = [_kept(derivation, node, step, words) for node, step in kept.items()]
        sentences.append(fill(words["account_kept"], list=listed(rows, words["comma"], words["comma"])))
    elements: Dim = 0
    for target in derivation.gradients.targets:
        elements = elements + count(target.shape)
    targets = listed([Name(derivation.names[n]) for n in derivation.gradients.targets], words["comma"], words["and"])
    return [*sentences, fill(words["account_one_sweep"], J=derivation.cost, n=str(elements), targets=targets)]


def _kept(derivation: Derivation, node: Node, step: int, words: Words) -> Sentence:
    shape = shape_words(node.shape, words["scalar"])
    return fill(words["account_until"], value=Name(derivation.names[node]), shape=shape, step=str(step))


def kept_values(derivation: Derivation) -> dict[Node, int]:
    """The computed forward values that some step reads, in the order of computation, with the last step that does."""
    last: dict[Node, int] = {}
    for number, step in enumerate(derivation.steps, start=1):
        for arrival in step.arrivals:
            last |= {derivation.stand_ins.origin[leaf]: number for leaf in arrival.reads}
    return {d.node: last[d.node] for d in derivation.forward if d.node in last and not is_number(d.node)}


def _work(nodes: list[Node] | set[Node]) -> Dim:
    total: Dim = 0
    for node in nodes:
        total = total + node.op.work(node.inputs)
    return total


def _trees(derivation: Derivation) -> list[Tree]:
    stack = [d.formula for d in derivation.forward] + [s.formula for s in derivation.steps]
    found: list[Tree] = []
    while stack:
        tree = stack.pop()
        found.append(tree)
        stack += children(tree)
    return found
