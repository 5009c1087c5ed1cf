"""Copies and reshapes: both are made as late as possible, so that what is copied is computed once."""

from __future__ import annotations

from backgraph.language.dims import Shape, as_shape, symbol
from backgraph.language.node import Node
from backgraph.language.op import Elementwise
from backgraph.language.ops.elementwise import clip, sub, tanh
from backgraph.language.ops.reduce import Sum
from backgraph.language.ops.shape import Broadcast, Reshape, SumTo, scalar_to
from backgraph.rules.rule import Hole, Rule, Sides, array, rules_into

COPIES: list[Rule] = []
rule = rules_into(COPIES)

Axes = tuple[int, ...]
MATRIX = as_shape(("m", "n"))
FLAT = (symbol("m") * symbol("n"),)


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


@rule(x="n", f=tanh, to=MATRIX, axes=(1,))
def function_of_copy(x: Node, f: Elementwise, to: Shape, axes: Axes) -> Sides:
    """f(broadcast(x)) = broadcast(f(x)) for every elementwise f."""
    copy = Broadcast(to, axes).apply
    return f.apply(copy(x)), copy(f.apply(x))


@rule(x="n", y="n", f=sub, to=MATRIX, axes=(1,))
def function_of_two_copies(x: Node, y: Node, f: Elementwise, to: Shape, axes: Axes) -> Sides:
    """f(broadcast(x), broadcast(y)) = broadcast(f(x, y)) for every elementwise f."""
    copy = Broadcast(to, axes).apply
    return f.apply(copy(x), copy(y)), copy(f.apply(x, y))


@rule(x="n", y="n", z="n", f=clip, to=MATRIX, axes=(1,))
def function_of_three_copies(*, x: Node, y: Node, z: Node, f: Elementwise, to: Shape, axes: Axes) -> Sides:
    """f(broadcast(x), broadcast(y), broadcast(z)) = broadcast(f(x, y, z)) for every elementwise f."""
    copy = Broadcast(to, axes).apply
    return f.apply(copy(x), copy(y), copy(z)), copy(f.apply(x, y, z))


@rule(x="n", a="m n", to=MATRIX, axes=(1,))
def add_copy_of_negative(x: Node, a: Node, to: Shape, axes: Axes) -> Sides:
    """a + broadcast(−x) = a − broadcast(x)."""
    copy = Broadcast(to, axes).apply
    return a + copy(-x), a - copy(x)


@rule(x="n", a="m n", to=MATRIX, axes=(1,))
def subtract_copy_of_negative(x: Node, a: Node, to: Shape, axes: Axes) -> Sides:
    """a − broadcast(−x) = a + broadcast(x)."""
    copy = Broadcast(to, axes).apply
    return a - copy(-x), a + copy(x)


@rule(x="n", a="m n", to=MATRIX, axes=(1,))
def times_copy_of_negative(x: Node, a: Node, to: Shape, axes: Axes) -> Sides:
    """broadcast(−x) a = −(broadcast(x) a)."""
    copy = Broadcast(to, axes).apply
    return copy(-x) * a, -(copy(x) * a)


@rule(x="n", to=MATRIX, axes=(1,))
def negative_of_copy_of_negative(x: Node, to: Shape, axes: Axes) -> Sides:
    """−broadcast(−x) = broadcast(x)."""
    copy = Broadcast(to, axes).apply
    return -copy(-x), copy(x)


@rule(x="n", a="m n", to=MATRIX, axes=(1,))
def copy_of_negative_less(x: Node, a: Node, to: Shape, axes: Axes) -> Sides:
    """broadcast(−x) − a = −(broadcast(x) + a)."""
    copy = Broadcast(to, axes).apply
    return copy(-x) - a, -(copy(x) + a)


@rule(x="n", a=Hole("m n", domain="nonzero"), to=MATRIX, axes=(1,))
def copy_of_negative_over(x: Node, a: Node, to: Shape, axes: Axes) -> Sides:
    """broadcast(−x) / a = −(broadcast(x) / a)."""
    copy = Broadcast(to, axes).apply
    return copy(-x) / a, -(copy(x) / a)


@rule(x="n", to=MATRIX, axes=(1,), over=(0,))
def sum_of_copy_of_negative(x: Node, to: Shape, axes: Axes, over: Axes | None) -> Sides:
    """Σ broadcast(−x) = −Σ broadcast(x)."""
    copy = Broadcast(to, axes).apply
    return Sum(over).apply(copy(-x)), -Sum(over).apply(copy(x))


@rule(s="", t="", v=array("n"), to=MATRIX, axes=(1,))
def scale_of_copied_scale(s: Node, t: Node, v: Node, to: Shape, axes: Axes) -> Sides:
    """s broadcast(t v) = (s t) broadcast(v)."""
    copy = Broadcast(to, axes).apply
    return s * copy(t * v), (s * t) * copy(v)


@rule(s="", t="", v=array("n"), B=array("m n"), to=MATRIX, axes=(1,))
def scale_of_copied_scale_times(*, s: Node, t: Node, v: Node, B: Node, to: Shape, axes: Axes) -> Sides:
    """s (broadcast(t v) B) = (s t) (broadcast(v) B)."""
    copy = Broadcast(to, axes).apply
    return s * (copy(t * v) * B), (s * t) * (copy(v) * B)


@rule(s="", t="", v=array("n 1"), to=MATRIX, axes=(1,), middle=as_shape(("n",)))
def scale_of_copied_reshaped_scale(*, s: Node, t: Node, v: Node, to: Shape, axes: Axes, middle: Shape) -> Sides:
    """s broadcast(reshape(t v)) = (s t) broadcast(reshape(v))."""
    copy, again = Broadcast(to, axes).apply, Reshape(middle).apply
    return s * copy(again(t * v)), (s * t) * copy(again(v))


@rule(s="", t="", v=array("n 1"), B=array("m n"), to=MATRIX, axes=(1,), middle=as_shape(("n",)))
def scale_of_copied_reshaped_scale_times(
    *, s: Node, t: Node, v: Node, B: Node, to: Shape, axes: Axes, middle: Shape
) -> Sides:
    """s (broadcast(reshape(t v)) B) = (s t) (broadcast(reshape(v)) B)."""
    copy, again = Broadcast(to, axes).apply, Reshape(middle).apply
    return s * (copy(again(t * v)) * B), (s * t) * (copy(again(v)) * B)


@rule(x="m n", like="m n", to=MATRIX)
def sum_to_own_shape(x: Node, like: Node, to: Shape) -> Sides:
    """sum_to(x, shape of x) = x."""
    return (SumTo(to).apply(x, like), x) if x.shape == to else None


@rule(x="m n", like="n", to=as_shape(("n",)))
def sum_to_of_negative(x: Node, like: Node, to: Shape) -> Sides:
    """sum_to(−x) = −sum_to(x)."""
    return SumTo(to).apply(-x, like), -SumTo(to).apply(x, like)


@rule(s="", A=array("m n"), like="n", to=as_shape(("n",)), alone=True)
def sum_to_of_scale(s: Node, A: Node, like: Node, to: Shape) -> Sides:
    """sum_to(s x) = s sum_to(x)."""
    return SumTo(to).apply(s * A, like), s * SumTo(to).apply(A, like)


# Reshapes


@rule(x="m n", to=as_shape(("n", "m")), middle=as_shape((1, "m", "n")))
def reshape_of_reshape(x: Node, to: Shape, middle: Shape) -> Sides:
    """reshape(reshape(x)) = reshape(x)."""
    return Reshape(to).apply(Reshape(middle).apply(x)), Reshape(to).apply(x)


@rule(x="m n", to=MATRIX)
def reshape_to_own_shape(x: Node, to: Shape) -> Sides:
    """reshape(x) = x where the shape is that of x."""
    return (Reshape(to).apply(x), x) if x.shape == to else None


@rule(x="m n", f=tanh, to=FLAT)
def function_of_reshape(x: Node, f: Elementwise, to: Shape) -> Sides:
    """f(reshape(x)) = reshape(f(x)) for every elementwise f."""
    again = Reshape(to).apply
    return f.apply(again(x)), again(f.apply(x))


@rule(x="m n", y="m n", f=sub, to=FLAT)
def function_of_two_reshapes(x: Node, y: Node, f: Elementwise, to: Shape) -> Sides:
    """f(reshape(x), reshape(y)) = reshape(f(x, y)) for every elementwise f."""
    again = Reshape(to).apply
    return f.apply(again(x), again(y)), again(f.apply(x, y))


@rule(s="", x="m n", f=sub, to=FLAT)
def function_of_scalar_and_reshape(s: Node, x: Node, f: Elementwise, to: Shape) -> Sides:
    """f(s, reshape(x)) = reshape(f(s, x)) for every elementwise f and a copied scalar s."""
    again = Reshape(to).apply(x)
    return f.apply(scalar_to(s, to), again), Reshape(to).apply(f.apply(scalar_to(s, x.shape), x))


@rule(s="", x="m n", f=sub, to=FLAT)
def function_of_reshape_and_scalar(s: Node, x: Node, f: Elementwise, to: Shape) -> Sides:
    """f(reshape(x), s) = reshape(f(x, s)) for every elementwise f and a copied scalar s."""
    again = Reshape(to).apply(x)
    return f.apply(again, scalar_to(s, to)), Reshape(to).apply(f.apply(x, scalar_to(s, x.shape)))
