"""The rule of an operation as a formula, written by its own card: from C = A B follows ∇B J = Aᵀ ∇C J.

The card's `bprop` is asked on fresh variables, one letter each, in the shapes at hand. For products there is also the
form with indices, read off the signature: (m,k),(k,n)->(m,n) says C_ik = Σ_j A_ij B_jk, hence
∂J/∂B_jk = Σ_i A_ij ∂J/∂C_ik.
"""

from __future__ import annotations

from dataclasses import dataclass

from backgraph.language.check import parse_signature
from backgraph.language.node import Node
from backgraph.language.notation import BigSum, Entry, Gradient, Name, Partial, Product, Transposed, Tree
from backgraph.language.ops.leaf import literal, variable
from backgraph.language.ops.linear import Bilinear
from backgraph.language.ops.shape import Broadcast
from backgraph.language.walk import substitute

LETTERS: dict[str, tuple[str, ...]] = {
    "cross_entropy": ("u", "t"), "where": ("c", "a", "b"), "take": ("A", "i"), "leaky_relu": ("x", "s"),
    "elu": ("x", "s"), "huber": ("e", "d"), "clip": ("x", "l", "h"), "xlogy": ("x", "y"), "xdivy": ("x", "y"),
}  # fmt: skip
"""What the operands of some cards are called in their docstrings; others are x, or a, b, c."""
PLACES = "ijklpqrs"


@dataclass(frozen=True)
class Template:
    """A rule before it is simplified: nodes on fresh variables, and what these are called."""

    names: dict[Node, Tree]
    result: Tree
    target: Tree
    forward: Node
    backward: Node

    @property
    def outputs(self) -> tuple[Node, Node]:
        """What is to be rendered: the operation, and what its rule sends back."""
        return self.forward, self.backward


@dataclass(frozen=True)
class RuleFormula:
    """result = forward implies ∇target J = backward."""

    result: Tree
    forward: Tree
    target: Tree
    backward: Tree


def template(consumer: Node, position: int, cost: Tree) -> Template:
    """The rule of `consumer`'s operation for the input at `position`, on fresh variables."""
    op, letters = consumer.op, letters_of(consumer)
    names: dict[Node, Tree] = {}
    inputs: list[Node] = []
    for place, (given, letter) in enumerate(zip(consumer.inputs, letters, strict=True)):
        inputs.append(_stand_in(given, letter, names, whole=place == position))
    result = _result_letter(consumer)
    z = variable(result, consumer.shape, consumer.dtype, "result")
    G = variable(f"gradient of {result}", consumer.shape, consumer.dtype, "gradient")
    forward = op.apply(*inputs)
    back = op.bprop(tuple(inputs), position, G)
    assert back is not None, f"{op} sent no gradient to input {position}"
    names |= {z: Name(result), G: Gradient(Name(result), cost)}
    target = Gradient(Name(letters[position]), cost)
    return Template(names, Name(result), target, forward, _replaced(back, forward, z))


def letters_of(consumer: Node) -> tuple[str, ...]:
    """A letter for each operand."""
    inputs = consumer.inputs
    if isinstance(consumer.op, Bilinear):
        return tuple(letter.upper() if node.rank > 1 else letter for letter, node in zip("ab", inputs, strict=True))
    if consumer.op.name in LETTERS:
        return LETTERS[consumer.op.name]
    if len(inputs) <= 3:
        return ("x",) if len(inputs) == 1 else tuple("abc"[: len(inputs)])
    return tuple(f"x_{i}" for i in range(1, len(inputs) + 1))


def index_form(
    consumer: Node, position: int, names: tuple[Tree, ...], incoming: Tree, cost: Tree
) -> tuple[Tree, Tree] | None:
    """∂J/∂W_jk and Σ_i H_ij G_ik for a product of operands called `names`; None for other operations."""
    if not isinstance(consumer.op, Bilinear):
        return None
    cores, result = parse_signature(consumer.op.signature)
    order = list(dict.fromkeys(letter for core in cores for letter in core))
    place = {letter: PLACES[order.index(letter)] for letter in order}
    index = ["".join(place[letter] for letter in core) for core in (*cores, result)]
    own, other = index[position], index[1 - position]
    summed = tuple(sorted({*other, *index[2]} - set(own)))
    left, right = entry_of(names[1 - position], other), entry_of(incoming, index[2])
    factors = (left, right) if position == 1 else (right, left)
    product = Product("matrix", factors)
    return Partial(cost, entry_of(names[position], own)), BigSum(product, ("".join(summed),)) if summed else product


def entry_of(tree: Tree, letters: str) -> Tree:
    """An element of what is printed: of ∇H J it is ∂J/∂H_ij, of a transpose the element with its letters turned."""
    if not letters:
        return tree
    if isinstance(tree, Gradient):
        return Partial(tree.cost, Entry(tree.of, letters))
    if isinstance(tree, Transposed) and len(letters) > 1:
        return Entry(tree.of, letters[:-2] + letters[-1] + letters[-2])
    return Entry(tree, letters)


def _stand_in(given: Node, letter: str, names: dict[Node, Tree], whole: bool) -> Node:
    """A variable in place of an operand; a number stays, and a copied scalar stays a copied scalar."""
    inner = given.inputs[0] if isinstance(given.op, Broadcast) else given
    if not whole and literal(inner) is not None:
        return given
    copied = not whole and inner is not given and inner.shape == ()
    of = inner if copied else given
    leaf = variable(letter, of.shape, of.dtype, "operand")
    names[leaf] = Name(letter)
    return given.op.apply(leaf) if copied else leaf


def _result_letter(consumer: Node) -> str:
    if not isinstance(consumer.op, Bilinear):
        return "z"
    return "C" if consumer.rank > 1 else "c"


def _replaced(output: Node, old: Node, new: Node) -> Node:
    return substitute([output], {old: new})[0]
