"""Arrays: copies, transposes, sums and products of matrices.

A copy (broadcast) is made as late as possible, so that what is copied is computed once. A transpose moves down to the
operands of a product, where reading in another order costs nothing.
"""

from __future__ import annotations

from backgraph.language.dims import Dim, Open, Shape, as_shape, product, symbol
from backgraph.language.node import Node
from backgraph.language.op import BUILT_IN, CARDS, Elementwise
from backgraph.language.ops.leaf import SizeOf, constant, eye, size
from backgraph.language.ops.loss import one_hot
from backgraph.language.ops.reduce import Sum, softmax, sum
from backgraph.language.ops.shape import Broadcast, Reshape, Slice, SumTo, Transpose, scalar_to, transpose
from backgraph.rules.rule import Domain, Hole, Rule, Sides, Text, array, rules_into

ARRAYS: list[Rule] = []
rule = rules_into(ARRAYS)

Axes = tuple[int, ...]
MATRIX = as_shape(("m", "n"))


# Copies


@rule(x="n", to=as_shape(("k", "m", "n")), axes=(0, 2), middle=as_shape(("k", "n")), inside=(1,))
def copy_of_copy(x: Node, to: Shape, axes: Axes | None, middle: Shape, inside: Axes | None) -> Sides:
    """broadcast(broadcast(x)) = broadcast(x)."""
    left = Broadcast(to, axes).apply(Broadcast(middle, inside).apply(x))
    if inside is None or (axes is None and inside != ()):
        return None
    return left, Broadcast(to, () if axes is None else tuple(axes[i] for i in inside)).apply(x)


@rule(x="m n", to=MATRIX, axes=(0, 1))
def copy_to_itself(x: Node, to: Shape, axes: Axes | None) -> Sides:
    """broadcast(x) = x where the shape is that of x."""
    return (Broadcast(to, axes).apply(x), x) if x.shape == to else None


def _copies(card: Elementwise) -> None:
    """f(broadcast(x), broadcast(y)) = broadcast(f(x, y))."""
    domains = card.domain.replace(" ", "").split(",")
    domains = domains * len(card.rules) if len(domains) == 1 else domains

    def last(to: Shape, axes: Axes, **inputs: Node) -> Sides:
        copies = [Broadcast(to, axes).apply(x) for x in inputs.values()]
        return card.apply(*copies), Broadcast(to, axes).apply(card.apply(*inputs.values()))

    known: dict[str, Domain] = {"positive": "positive", "nonzero": "nonzero"}
    names = "xyz"[: len(card.rules)]
    holes = {name: Hole("n", "any", known.get(domains[i], "real")) for i, name in enumerate(names)}
    inside = ", ".join(f"broadcast({name})" for name in names)
    equation = f"{card.name}({inside}) = broadcast({card.name}({', '.join(names)}))"
    rule(f"copy_after_{card.name}", equation, **holes, to=MATRIX, axes=(1,))(last)


for _name in sorted(BUILT_IN - {"where"}):
    _card = CARDS[_name]
    if isinstance(_card, Elementwise):
        _copies(_card)


@rule(x="m n", like="m n", to=MATRIX)
def sum_to_own_shape(x: Node, like: Node, to: Shape) -> Sides:
    """sum_to(x, shape of x) = x."""
    return (SumTo(to).apply(x, like), x) if x.shape == to else None


# Transposes and reshapes


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


@rule(x="m n", to=as_shape(("n", "m")), middle=as_shape((1, "m", "n")))
def reshape_of_reshape(x: Node, to: Shape, middle: Shape) -> Sides:
    """reshape(reshape(x)) = reshape(x)."""
    return Reshape(to).apply(Reshape(middle).apply(x)), Reshape(to).apply(x)


@rule(x="m n", to=MATRIX)
def reshape_to_own_shape(x: Node, to: Shape) -> Sides:
    """reshape(x) = x where the shape is that of x."""
    return (Reshape(to).apply(x), x) if x.shape == to else None


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


def _product_rules(name: str, first: str, second: str) -> None:
    made = CARDS[name]
    card = made() if isinstance(made, type) else made

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


@rule(A="m n")
def identity_first(A: Node) -> Sides:
    """I A = A."""
    return eye(A.shape[-2], A.dtype) @ A, A  # type: ignore[index]


@rule(A="m n")
def identity_second(A: Node) -> Sides:
    """A I = A."""
    return A @ eye(A.shape[-1], A.dtype), A  # type: ignore[index]
