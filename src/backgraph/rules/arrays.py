"""Arrays: transposes, sums and products of matrices.

A transpose moves down to the
operands of a product, where reading in another order costs nothing.
"""

from __future__ import annotations

from backgraph.language.dims import Dim, Open, Shape, as_shape, product, symbol
from backgraph.language.node import Node
from backgraph.language.op import CARDS, Operation
from backgraph.language.ops.leaf import SizeOf, constant, eye, size
from backgraph.language.ops.loss import one_hot
from backgraph.language.ops.reduce import Sum, softmax, sum
from backgraph.language.ops.shape import Broadcast, Reshape, Slice, Transpose, expand, scalar_to, transpose
from backgraph.rules.cost import is_front
from backgraph.rules.rule import Hole, Rule, Sides, Text, array, rules_into

ARRAYS: list[Rule] = []
rule = rules_into(ARRAYS)

Axes = tuple[int, ...]
MATRIX = as_shape(("m", "n"))


# Transposes


@rule(x="m n k", p=(1, 2, 0), q=(0, 2, 1))
def transpose_of_transpose(x: Node, p: Axes, q: Axes) -> Sides:
    """Aᵀᵀ = A; in general the permutations are composed."""
    return Transpose(p).apply(Transpose(q).apply(x)), transpose(x, tuple(q[axis] for axis in p))


@rule(A="m k", B="k n", alone=True)
def transpose_of_product(A: Node, B: Node) -> Sides:
    """(A B)ᵀ = Bᵀ Aᵀ."""
    return (A @ B).T, B.T @ A.T


@rule(A="m n", p=(1, 0))
def transpose_of_negative(A: Node, p: Axes) -> Sides:
    """(−A)ᵀ = −Aᵀ."""
    return Transpose(p).apply(-A), -Transpose(p).apply(A)


@rule(s="", A=array("m n"), p=(1, 0))
def transpose_of_scale(s: Node, A: Node, p: Axes) -> Sides:
    """(s A)ᵀ = s Aᵀ."""
    return Transpose(p).apply(s * A), s * Transpose(p).apply(A)


@rule(s="", p=(1, 0), to=MATRIX)
def transpose_of_copied_scalar(s: Node, p: Axes, to: Shape) -> Sides:
    """A transposed constant matrix is one."""
    left = Transpose(p).apply(Broadcast(to, ()).apply(s))
    return left, scalar_to(s, left.shape)


@rule(s="", to=MATRIX, again=as_shape(("n", "m")))
def reshape_of_copied_scalar(s: Node, to: Shape, again: Shape) -> Sides:
    """reshape(broadcast(s)) = broadcast(s)."""
    return Reshape(again).apply(Broadcast(to, ()).apply(s)), scalar_to(s, again)


@rule(s="", to=as_shape((4, "n")), bounds=((0, 2, 1), (0, symbol("n"), 1)))
def slice_of_copied_scalar(s: Node, to: Shape, bounds: tuple) -> Sides:  # type: ignore[type-arg]
    """broadcast(s)[…] = broadcast(s)."""
    left = Slice(bounds).apply(Broadcast(to, ()).apply(s))
    return left, scalar_to(s, left.shape)


# Sums


@rule(x="n", to=as_shape(("m", "n")), axes=(1,), over=(0,))
def sum_of_copies(x: Node, to: Shape, axes: Axes | None, over: Axes | None) -> Sides:
    """Σ over the m copies of x = m x."""
    copies = Broadcast(to, axes).apply(x)
    left = Sum(over).apply(copies)
    if isinstance(to, Open):
        return (left, SizeOf().apply(copies) * x) if x.shape == left.shape == () else None
    summed = tuple(range(len(to))) if over is None else over
    if axes is None or set(summed) & set(axes):
        return None
    kept = [axis for axis in range(len(to)) if axis not in summed]
    count = size(product(to[axis] for axis in summed), x.dtype)
    return left, Broadcast(left.shape, tuple(kept.index(axis) for axis in axes)).apply(count * x)


@rule(s="", x=array("m n"), over=(0,))
def sum_of_shifted(s: Node, x: Node, over: Axes | None) -> Sides:
    """Σ (x + s) = Σ x + n s for n terms."""
    if isinstance(x.shape, Open) or is_front(x):
        return None
    count = size(product(x.shape[axis] for axis in over or range(x.rank)), x.dtype)
    return Sum(over).apply(x + s), Sum(over).apply(x) + count * s


@rule(x="m n k", over=(0,), p=(2, 0, 1))
def sum_of_transpose(x: Node, over: Axes | None, p: Axes) -> Sides:
    """Σ over axes of a transpose is Σ over other axes, where the rest keeps its order."""
    left = Sum(over).apply(Transpose(p).apply(x))
    if over is None:
        return left, Sum(None).apply(x)
    kept = [axis for position, axis in enumerate(p) if position not in over]
    right = Sum(tuple(sorted(p[position] for position in over))).apply(x)
    return (left, right) if kept == sorted(kept) else None


@rule(x="m n", over=(0,))
def sum_of_negative(x: Node, over: Axes | None) -> Sides:
    """Σ −x = −Σ x."""
    return Sum(over).apply(-x), -Sum(over).apply(x)


@rule(s="", A=array("m n"), over=(0,), alone=True)
def sum_of_scale(s: Node, A: Node, over: Axes | None) -> Sides:
    """Σ s x = s Σ x."""
    return Sum(over).apply(s * A), s * Sum(over).apply(A)


@rule(y=Hole("m", "labels"), depth=symbol("k"), dtype=Text("float64"))
def sum_of_one_hot(y: Node, depth: Dim, dtype: str) -> Sides:
    """Σ_k onehot(y)_k = 1."""
    return sum(one_hot(y, depth, dtype), axis=-1), scalar_to(constant(1.0, dtype), y.shape)


@rule(x="m n")
def sum_of_softmax(x: Node) -> Sides:
    """Σ_k softmax(x)_k = 1."""
    return sum(softmax(x), axis=-1), scalar_to(constant(1.0, x.dtype), x.shape[:-1])  # type: ignore[index]


# Products


PRODUCTS = {
    "matmul": ("m k", "k n"), "matvec": ("m k", "k"), "vecmat": ("k", "k n"), "vecdot": ("k", "k"), "outer": ("m", "n"),
}  # fmt: skip
"""Products linear in both operands, with sample shapes."""


def _card(name: str) -> Operation:
    made = CARDS[name]
    return made() if isinstance(made, type) else made


def _product_rules(name: str, first: str, second: str) -> None:
    card = _card(name)

    def negative_first(A: Node, B: Node) -> Sides:
        return card.apply(-A, B), -card.apply(A, B)

    def negative_second(A: Node, B: Node) -> Sides:
        return card.apply(A, -B), -card.apply(A, B)

    def scale_first(s: Node, A: Node, B: Node) -> Sides:
        return card.apply(s * A, B), s * card.apply(A, B)

    def scale_second(s: Node, A: Node, B: Node) -> Sides:
        return card.apply(A, s * B), s * card.apply(A, B)

    holes = {"A": Hole(first), "B": Hole(second)}
    arrays = {"s": Hole("", "scalar"), "A": array(first), "B": array(second)}
    rule(f"negative_first_in_{name}", f"(−A) B = −(A B) for {name}", **holes)(negative_first)
    rule(f"negative_second_in_{name}", f"A (−B) = −(A B) for {name}", **holes)(negative_second)
    rule(f"scale_of_first_in_{name}", f"(s A) B = s (A B) for {name}", alone=True, **arrays)(scale_first)
    rule(f"scale_of_second_in_{name}", f"A (s B) = s (A B) for {name}", alone=True, **arrays)(scale_second)


for _name, _shapes in PRODUCTS.items():
    _product_rules(_name, *_shapes)


CONSTANT_OPERANDS: tuple[tuple[str, int, int | None, int | None], ...] = (
    ("matmul", 0, -2, -2), ("matmul", 1, -1, -1), ("matvec", 0, -1, -1), ("matvec", 1, -1, None),
    ("vecmat", 0, -2, None), ("vecmat", 1, -1, -1), ("vecdot", 0, -1, None), ("vecdot", 1, -1, None),
    ("outer", 0, None, -2), ("outer", 1, None, -1),
)  # fmt: skip
"""Products with a copied scalar: which operand it is, the axis summed of the other, the axis to copy along."""


def _constant_operand(name: str, position: int, summed: int | None, copied: int | None) -> None:
    card = _card(name)

    def sides(s: Node, B: Node, to: Shape) -> Sides:
        copies = Broadcast(to, ()).apply(s)
        left = card.apply(*((copies, B) if position == 0 else (B, copies)))
        sums = B if summed is None else sum(B, axis=summed)
        return left, s * (sums if copied is None else expand(sums, (left.rank + copied,), left.shape))

    shapes = PRODUCTS[name]
    to = as_shape(shapes[position].split())
    word = "first" if position == 0 else "second"
    equation = f"{name} with s everywhere in its {word} operand is s times {'copies' if summed is None else 'sums'}"
    rule(f"constant_{word}_in_{name}", equation, s=Hole("", "scalar"), B=array(shapes[1 - position]), to=to)(sides)


for _entry in CONSTANT_OPERANDS:
    _constant_operand(*_entry)


@rule(A="m n")
def identity_first(A: Node) -> Sides:
    """I A = A."""
    return eye(A.shape[-2], A.dtype) @ A, A  # type: ignore[index]


@rule(A="m n")
def identity_second(A: Node) -> Sides:
    """A I = A."""
    return A @ eye(A.shape[-1], A.dtype), A  # type: ignore[index]
