"""What a reader must know to read an explanation: the conventions that apply to it, and what the gradient costs.

Each convention is a function of the derivation that returns the values for its sentence, or None where it has nothing
to say. `CONVENTIONS` is the list, in the order they are printed; its names are keys of the word tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from backgraph.language.dims import Dim, Open, Polynomial, count, symbols, symbols_within
from backgraph.language.node import Node
from backgraph.language.notation import Apply, BigSum, Gradient, Iverson, Name, Number, Product, Tree
from backgraph.language.ops.leaf import Size, SizeOf, literal
from backgraph.language.ops.linear import Bilinear
from backgraph.language.ops.reduce import LastAxis, Sum
from backgraph.language.walk import topological_order
from backgraph.show.derive import Arrival, Derivation
from backgraph.show.lifetimes import kept_values, readers
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


def conventions(derivation: Derivation, words: Words, ties: Words, operations: Words) -> list[Sentence]:
    """The sentences that apply."""
    found = [(key, values) for key, ask in CONVENTIONS.items() if (values := ask(derivation)) is not None]
    sentences = [_filled(words, f"convention_{key}", _called(values, operations)) for key, values in found]
    kinked = {term.rule.name: term.rule.ties for term in derivation.gradients.terms if term.rule.ties}
    for op, said in kinked.items():
        sentences.append(fill(words["convention_ties"], op=operations.get(op, op), ties=ties.get(op, said)))
    return sentences


def _called(values: Values, operations: Words) -> Values:
    """Lists of operations by what they are called."""
    return {
        key: [operations.get(v, v) for v in value] if isinstance(value, list) else value
        for key, value in values.items()
    }


def _filled(words: Words, key: str, values: Values) -> Sentence:
    lists = {name: listed(v, words["comma"], words["and"]) if isinstance(v, list) else v for name, v in values.items()}
    return fill(words[key], **lists)


def _gradient(derivation: Derivation) -> Values | None:
    if not derivation.targets:
        return None
    V = Name(derivation.names[derivation.targets[0].of])
    return {"gradient": Gradient(V, derivation.cost), "V": V, "J": derivation.cost}


def _mean(derivation: Derivation) -> Values | None:
    sizes = _divisors(derivation)
    return {"m": sizes[-1].op.notation((), *(Name(str(n.op)) for n in sizes[-1].inputs))} if sizes else None


def _divisors(derivation: Derivation) -> list[Node]:
    """The sizes that a mean over all examples divides by."""
    for node in topological_order([derivation.gradients.cost]):
        divided = node.op.name == "mul" and any(isinstance(given.op, Sum) for given in node.inputs)
        sizes = [n for given in node.inputs if given.op.name == "div" for n in given.inputs if _is_size(n)]
        if divided and sizes:
            return sizes
    return []


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


def _row_by_row(derivation: Derivation) -> list[Node]:
    order = topological_order([derivation.gradients.cost])
    found = [n for n in order if n.inputs and _is_of_rows(n) and n.inputs[0].shape[1:] != ()]  # type: ignore[index]
    return [node for node in found if node.op.signature != "(n)->()"]  # what reduces names the axis


def _rows(derivation: Derivation) -> Values | None:
    counted = {*examples(derivation)}
    names = [node.op.name for node in _row_by_row(derivation) if counted & symbols(node.inputs[0].shape[:1])]  # type: ignore[index]
    return {"ops": list(dict.fromkeys(names))} if names else None


def _last_axis(derivation: Derivation) -> Values | None:
    counted = {*examples(derivation)}
    names = [node.op.name for node in _row_by_row(derivation) if not counted & symbols(node.inputs[0].shape[:1])]  # type: ignore[index]
    return {"ops": list(dict.fromkeys(names))} if names else None


def _is_of_rows(node: Node) -> bool:
    card = node.op
    return isinstance(node.inputs[0].shape, tuple) and (isinstance(card, LastAxis) or card.signature == "(k),(k)->()")


def _sums(derivation: Derivation) -> Values | None:
    order = topological_order([derivation.gradients.cost])
    return {} if sum(isinstance(node.op, Sum) and node.op.axes is None for node in order) > 1 else None


def _repeats(derivation: Derivation) -> Values | None:
    lines = (*derivation.forward, *derivation.steps)
    return {} if any(repeat.along or not repeat.filled for line in lines for repeat in line.repeats) else None


def _open(derivation: Derivation) -> Values | None:
    order = topological_order([derivation.gradients.cost])
    return {} if any(node.op.name == "broadcast" and isinstance(node.shape, Open) for node in order) else None


def _stacked(derivation: Derivation) -> Values | None:
    order = topological_order([derivation.gradients.cost])
    products = (node.shape for node in order if isinstance(node.op, Bilinear))
    return {} if any(isinstance(shape, tuple) and len(shape) > 2 for shape in products) else None


def _axes(derivation: Derivation) -> Values | None:
    return _example_of_axes(derivation, numbered=False)


def _numbered_axes(derivation: Derivation) -> Values | None:
    return _example_of_axes(derivation, numbered=True)


def _example_of_axes(derivation: Derivation, *, numbered: bool) -> Values | None:
    for tree in _trees(derivation):
        if isinstance(tree, (BigSum, Apply)) and tree.over and any(" " in axis for axis in tree.over) == numbered:
            x = Name("x")
            whole = (
                BigSum(x, tree.over, tree.symbol) if isinstance(tree, BigSum) else Apply(tree.function, (x,), tree.over)
            )
            return {"example": whole}
    return None


def _sum_to(derivation: Derivation) -> Values | None:
    for tree in _trees(derivation):
        if isinstance(tree, BigSum) and tree.to is not None:
            return {"example": BigSum(Name("x"), (), to=tree.to), "V": tree.to}
    return None


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
    "last_axis": _last_axis,
    "sums": _sums,
    "axes": _axes,
    "numbered_axes": _numbered_axes,
    "repeats": _repeats,
    "open": _open,
    "sum_to": _sum_to,
    "stacked": _stacked,
    "decay": _decay,
}
"""By key: what a convention's sentence needs, or None where it does not apply."""


def account(derivation: Derivation, words: Words) -> list[Sentence]:
    """Multiply-adds forward and backward, what is kept, and why one goes backward."""
    return [*_work_account(derivation, words), *_memory_account(derivation, words), _sweep(derivation, words)]


def _work_account(derivation: Derivation, words: Words) -> Iterator[Sentence]:
    """Multiply-adds, and how many that is for one example."""
    forward = topological_order([derivation.gradients.cost])
    backward = set(topological_order(derivation.gradients.nodes)) - set(forward)
    work, more = _work(forward), _work(backward)
    if work == 0 and more == 0:
        return
    yield fill(words["account_work"], forward=str(work), backward=str(more))
    if not isinstance(work, Polynomial) or not isinstance(more, Polynomial):
        return
    one = next((name for name in examples(derivation) if name in work.in_every_term & more.in_every_term), "")
    if one:
        each, back = work.over(one), more.over(one)
        key = "account_linear" if each == _weights(derivation) else "account_one"
        yield fill(words[key], m=Name(one), forward=str(each), backward=str(back))


def examples(derivation: Derivation) -> list[str]:
    """Symbols that count examples: of the sizes that a mean in the cost divides by, and that no target has."""
    targets = {name for target in derivation.gradients.targets for name in symbols(target.shape)}
    return [name for node in _divisors(derivation) for name in sorted(symbols_within(vars(node.op).get("dim")))
            if name not in targets]  # fmt: skip


def _weights(derivation: Derivation) -> Dim:
    """The elements of those targets that stand in products as they are."""
    total: Dim = 0
    order = topological_order([derivation.gradients.cost])
    multiplied = {given for node in order if isinstance(node.op, Bilinear) for given in node.inputs}
    for target in derivation.gradients.targets:
        total = total + (count(target.shape) if target in multiplied else 0)
    return total


def _memory_account(derivation: Derivation, words: Words) -> Iterator[Sentence]:
    """What is kept from the forward pass, for whom, and how much that is."""
    kept, asked = kept_values(derivation), readers(derivation)
    if kept:
        rows = [_kept(derivation, node, asked[node], words) for node in kept]
        yield fill(words["account_kept"], list=listed(rows, words["semicolon"], words["semicolon"]))
        total: Dim = 0
        for node in kept:
            total = total + count(node.shape)
        shared = total.in_every_term if isinstance(total, Polynomial) else frozenset[str]()
        one = next((name for name in examples(derivation) if name in shared), "")
        if one:
            yield fill(words["account_memory"], n=str(total), m=Name(one))
    computed = [d.node for d in derivation.forward if d.node.shape != () and d.node not in kept]
    if computed:
        dropped = [Name(derivation.names[node]) for node in computed]
        yield fill(words["account_not_kept"], list=listed(dropped, words["comma"], words["and"]))


def _sweep(derivation: Derivation, words: Words) -> Sentence:
    elements: Dim = 0
    for target in derivation.gradients.targets:
        elements = elements + count(target.shape)
    targets = listed([Name(derivation.names[n]) for n in derivation.gradients.targets], words["comma"], words["and"])
    key = "account_one_element" if elements == 1 else "account_one_sweep"
    return fill(words[key], J=derivation.cost, n=str(elements), targets=targets)


def _kept(derivation: Derivation, node: Node, steps: list[int], words: Words) -> Sentence:
    shape = shape_words(node.shape, words)
    value, listing = Name(derivation.names[node]), listed(map(str, steps), words["comma"], words["and_number"])
    key = "account_until" if len(steps) == 1 else "account_until_several"
    return fill(words[key], value=value, shape=shape, steps=listing, last=str(steps[-1]))


def _work(nodes: list[Node] | set[Node]) -> Dim:
    total: Dim = 0
    for node in nodes:
        total = total + node.op.work(node.inputs)
    return total


def _trees(derivation: Derivation) -> list[Tree]:
    stack = [d.formula for d in derivation.forward] + [s.formula for s in derivation.steps]
    stack += [formula for step in derivation.steps for _, formula in step.lets]
    found: list[Tree] = []
    while stack:
        tree = stack.pop()
        found.append(tree)
        stack += children(tree)
    return found
