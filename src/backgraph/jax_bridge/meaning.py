"""From a graph to JAX: what every card means in `jax.numpy`, and the function that a graph is.

The tables follow the cards' `numpy` method, ties included, so that `jax.grad` of the function agrees with `gradient`.
Where the evaluator refuses an index outside its array, JAX cannot: a row that is not there reads as NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from backgraph.errors import CalculusError, GraphError, UsageError
from backgraph.evaluate import concrete, measure
from backgraph.jax_bridge.extra import Module, jax, jnp
from backgraph.jax_bridge.philox import random_mask
from backgraph.language.node import Node
from backgraph.language.op import Operation
from backgraph.language.ops.shape import Slice
from backgraph.language.walk import topological_order

Array = Any
"""An array of JAX, or a tracer."""
Meaning = Callable[..., Array]


def to_jax(outputs: Node | Sequence[Node], inputs: Sequence[Node]) -> Callable[..., Any]:
    """A function of JAX that computes `outputs` (an array, or a list of them) from arrays for `inputs`, in order.

    It can be transformed by `jax.jit`, `jax.grad`, `jax.vmap`; symbolic dimensions take their sizes from the arrays.
    A graph in float64 needs `jax.config.update("jax_enable_x64", True)`.

    Raises CalculusError BG302 for a variable that is not among `inputs`, GraphError BG104 for a card that is not in
    the tables; when called, CalculusError BG302 for shapes that do not fit, UsageError BG602 without JAX.
    """
    wanted = [outputs] if isinstance(outputs, Node) else list(outputs)
    order = topological_order([*inputs, *wanted])
    for node in order:
        if node.op.is_variable and node not in inputs:
            raise CalculusError("BG302", str(node.op), "this input is not among the function's", hint="add it")
        if not node.op.is_variable:
            _meaning(node.op)

    def function(*arrays: Any) -> Any:
        table, sizes = _bound(inputs, arrays)
        _need_float64(order)
        for node in order:
            if node not in table:
                op = concrete(node, sizes)
                table[node] = _meaning(op)(*[table[given] for given in node.inputs])
        results = [table[node] for node in wanted]
        return results[0] if isinstance(outputs, Node) else results

    return function


def _bound(inputs: Sequence[Node], arrays: Sequence[Any]) -> tuple[dict[Node, Array], dict[str, Any]]:
    """Arrays by variable, and the sizes of symbolic dimensions."""
    if len(arrays) != len(inputs):
        expected = f"{len(inputs)}: " + ", ".join(str(node.op) for node in inputs)
        raise UsageError("BG601", "to_jax", "wrong number of arrays", got=len(arrays), expected=expected)
    table: dict[Node, Array] = {}
    sizes: dict[str, Any] = {}
    for node, array in zip(inputs, arrays, strict=True):
        table[node] = jnp.asarray(array)
        measure(node, table[node].shape, sizes)
    return table, sizes


def _need_float64(nodes: Sequence[Node]) -> None:
    if not jax.config.jax_enable_x64 and any(node.dtype == "float64" for node in nodes):
        what, hint = "the graph is in float64, JAX is not", 'jax.config.update("jax_enable_x64", True)'
        raise UsageError("BG601", "to_jax", what, hint=hint)


def _meaning(op: Operation) -> Meaning:
    """The function of arrays that a card is."""
    if op.name in OF_OPERANDS:
        return OF_OPERANDS[op.name]
    if op.name in OF_CARD:
        return partial(OF_CARD[op.name], op)
    hint = f"put its function into backgraph.jax_bridge.OF_OPERANDS[{op.name!r}]"
    raise GraphError("BG104", "to_jax", f"what {op.name} is in JAX is not known", hint=hint)


def _named(name: str, module: str = "jax.numpy", **given: Any) -> Meaning:
    """The function of that name in a module of JAX, which is imported when it is called."""
    return lambda *arrays: getattr(Module(module), name)(*arrays, **given)


def _larger(a: Array, b: Array) -> Array:
    return jnp.where((a >= b) | jnp.isnan(a), a, b)


def _smaller(a: Array, b: Array) -> Array:
    return jnp.where((a <= b) | jnp.isnan(a), a, b)


def _elu(x: Array, s: Array) -> Array:
    return jnp.where(x > 0, x, s * jnp.expm1(jnp.where(x > 0, 0.0, x)))


def _huber(e: Array, d: Array) -> Array:
    return jnp.where(abs(e) <= d, e * e / 2, d * (abs(e) - d / 2))


def _xdivy(x: Array, y: Array) -> Array:
    return x / jnp.where((x == 0) & (y == 0), 1.0, y)


def _broadcast(op: Any, x: Array) -> Array:
    if op.axes is None:
        return jnp.broadcast_to(x, op.to)
    return jax.lax.broadcast_in_dim(x, op.to, op.axes)


def _sum_to(x: Array, like: Array) -> Array:
    x = x.sum(axis=tuple(range(x.ndim - like.ndim)))
    stretched = tuple(axis for axis, n in enumerate(like.shape) if n == 1 != x.shape[axis])
    return x.sum(axis=stretched, keepdims=True)


def _index(op: Any) -> tuple[slice, ...]:
    """What is taken between brackets, by a card with bounds."""
    return Slice(op.bounds).index()


def _place(op: Any, x: Array) -> Array:
    return jnp.zeros(op.to, x.dtype).at[_index(op)].set(x)


def _take(table: Array, index: Array) -> Array:
    return table.at[index].get(mode="fill", fill_value=float("nan"), wrap_negative_indices=False)


def _scatter_add(op: Any, x: Array, index: Array) -> Array:
    return jnp.zeros(op.to, x.dtype).at[index].add(x, mode="drop", wrap_negative_indices=False)


def _cumsum(op: Any, x: Array) -> Array:
    return jax.lax.cumsum(x, x.ndim - 1, reverse=op.reverse)


def _prod_of_others(x: Array) -> Array:
    one = jnp.ones_like(x[..., :1])
    before = jnp.cumprod(jnp.concatenate([one, x[..., :-1]], -1), -1)
    after = jnp.cumprod(jnp.concatenate([one, x[..., :0:-1]], -1), -1)[..., ::-1]
    return before * after


def _one_hot(op: Any, y: Array) -> Array:
    return (y[..., None] == jnp.arange(op.depth)).astype(op.to)


def _cross_entropy(u: Array, t: Array) -> Array:
    logs = jax.nn.log_softmax(u)
    return -jnp.sum(t * jnp.where((t == 0) & jnp.isneginf(logs), 0.0, logs), axis=-1)


OF_OPERANDS: dict[str, Meaning] = {
    **{
        name: _named(name)
        for name in (
            "sqrt", "square", "exp", "log", "log1p", "expm1", "sin", "cos", "tanh", "sign", "maximum",
            "minimum", "where", "power", "greater", "less", "greater_equal", "less_equal", "equal", "not_equal",
        )
    },
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda x: -x,
    "abs": lambda x: x * jnp.sign(x),
    "sigmoid": _named("sigmoid", "jax.nn"),
    "softplus": _named("softplus", "jax.nn"),
    "relu": _named("relu", "jax.nn"),
    "leaky_relu": lambda x, s: jnp.where(x > 0, x, s * x),
    "elu": _elu,
    "silu": _named("silu", "jax.nn"),
    "gelu": _named("gelu", "jax.nn", approximate=True),
    "stop_gradient": _named("stop_gradient", "jax.lax"),
    "clip": lambda x, low, high: _smaller(_larger(x, low), high),
    "huber": _huber,
    "xlogy": _named("xlogy", "jax.scipy.special"),
    "xdivy": _xdivy,
    "size_of": lambda x: jnp.asarray(x.size, x.dtype),
    "matmul": _named("matmul"),
    "matvec": lambda A, x: jnp.matmul(A, x[..., None])[..., 0],
    "vecmat": lambda x, A: jnp.matmul(x[..., None, :], A)[..., 0, :],
    "vecdot": lambda x, y: jnp.matmul(x[..., None, :], y[..., None])[..., 0, 0],
    "outer": lambda x, y: x[..., :, None] * y[..., None, :],
    "max": _named("max", axis=-1),
    "argmax": _named("argmax", axis=-1),
    "logsumexp": _named("logsumexp", "jax.nn", axis=-1),
    "softmax": _named("softmax", "jax.nn", axis=-1),
    "log_softmax": _named("log_softmax", "jax.nn", axis=-1),
    "prod": _named("prod", axis=-1),
    "prod_of_others": _prod_of_others,
    "sum_to": _sum_to,
    "take": _take,
    "cross_entropy": _cross_entropy,
}  # fmt: skip
"""Cards by name, as functions of their operands; a card of your own belongs here too."""


OF_CARD: dict[str, Meaning] = {
    "constant": lambda op: jnp.asarray(op.numpy()),
    "size": lambda op: jnp.asarray(op.numpy()),
    "eye": lambda op: jnp.eye(op.dim, dtype=op.of_dtype),
    "sum": lambda op, x: x.sum(axis=op.axes),
    "cumsum": _cumsum,
    "broadcast": _broadcast,
    "transpose": lambda op, x: jnp.transpose(x, op.permutation),
    "reshape": lambda op, x: jnp.reshape(x, op.to),
    "slice": lambda op, x: x[_index(op)],
    "place": _place,
    "concatenate": lambda op, *operands: jnp.concatenate(operands, op.axis),
    "scatter_add": _scatter_add,
    "cast": lambda op, x: x.astype(op.to),
    "one_hot": _one_hot,
    "random_mask": random_mask,
}
"""Cards with parameters by name, as functions of the card itself and its operands."""
