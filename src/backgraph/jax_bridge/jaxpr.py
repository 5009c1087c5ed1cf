"""From JAX to a graph: a function is traced by `jax.make_jaxpr`, and its equations become nodes one by one.

    jaxpr       JAX's intermediate language: a list of equations, each one primitive applied to variables or literals
    primitive   an operation of that language; `primitives.PRIMITIVES` says what each is in operations of backgraph
    known       a value that depends on no argument; JAX computes it at once (masks from `jnp.tril`, `jnp.arange`, …)

Functions that JAX calls (`jit`, `checkpoint`) are inlined, loops of a known length (`lax.scan`) unrolled.
Source: the JAX documentation, "JAX internals: the jaxpr language".
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backgraph.errors import GraphError, UsageError
from backgraph.jax_bridge.arithmetic import as_node, dtype_named
from backgraph.jax_bridge.extra import Module, jax, jaxpr_core
from backgraph.jax_bridge.naming import leaf_names
from backgraph.jax_bridge.primitives import OWN_FUNCTIONS, PRIMITIVES, stack
from backgraph.language.node import FLOATS, Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import variable

Value = Any
"""What a variable of a jaxpr stands for: a node, or an array if it is known."""


@dataclass(frozen=True)
class Traced:
    """A JAX function as a graph.

    `outputs` are what it returns, flattened; `cost` is the first of them. `leaves` are its arguments, flattened, by
    name; `values` the example arguments by leaf, ready for `evaluate`.
    """

    outputs: tuple[Node, ...]
    leaves: dict[str, Node]
    values: dict[Node, Array]
    structure: Any

    @property
    def cost(self) -> Node:
        """The first output."""
        return self.outputs[0]

    def arranged(self, items: Iterable[Any]) -> Any:
        """One item for each leaf, in their order, arranged as the arguments were: a tuple of pytrees."""
        return jax.tree_util.tree_unflatten(self.structure, list(items))


def from_jax(
    f: Callable[..., Any],
    *arguments: Any,
    names: Sequence[str] | None = None,
    custom_derivatives: str = "refuse",
) -> Traced:
    """The graph of `f` for arguments of the shapes and dtypes of these examples (arrays, or pytrees of them).

    Floating-point leaves of the first argument become parameters, integers labels, the rest inputs; they are named
    after the parameters of `f` and the keys of dictionaries, or by `names`, in flattened order. float64 needs
    `jax.config.update("jax_enable_x64", True)`. Integers are int64. An index outside an array is an error when the
    graph is evaluated: none counts from the end, is clipped or filled. At kinks the cards' conventions hold, which are
    JAX's, but for |x|: its slope at 0 is 0, in JAX 1.

    A function with a derivative of its own (`jax.custom_jvp`, `custom_vjp`) that is not JAX's is refused, or with
    `custom_derivatives="inline"` differentiated as what it computes.

    Raises GraphError BG104 for a primitive with no counterpart, BG102 for another dtype; UsageError BG602 without JAX.
    """
    if custom_derivatives not in ("refuse", "inline"):
        where, expected = "from_jax", "'refuse' or 'inline'"
        raise UsageError("BG601", where, "unknown custom_derivatives", got=custom_derivatives, expected=expected)
    closed = jax.make_jaxpr(f)(*arguments)
    paths, structure = jax.tree_util.tree_flatten_with_path(arguments)
    labels = leaf_names([path for path, _ in paths], _parameters(f), names)
    leaves: dict[str, Node] = {}
    values: dict[Node, Array] = {}
    for name, (path, example), place in zip(labels, paths, closed.jaxpr.invars, strict=True):
        dtype = dtype_named(place.aval.dtype.name, f"from_jax {name}")
        leaves[name] = variable(name, place.aval.shape, dtype, _role(dtype, path[0].idx))
        values[leaves[name]] = np.asarray(example).astype(dtype)
    results = Translation(custom_derivatives == "inline").run(closed.jaxpr, closed.consts, list(leaves.values()))
    return Traced(tuple(as_node(result) for result in results), leaves, values, structure)


def _parameters(f: Callable[..., Any]) -> list[str]:
    try:
        given = inspect.signature(f).parameters.values()
    except ValueError:  # some functions of NumPy and JAX do not say
        return []
    return [each.name for each in given if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]


def _role(dtype: str, argument: int) -> str:
    if dtype not in FLOATS:
        return "labels"
    return "parameter" if argument == 0 else "input"


@dataclass(frozen=True)
class Translation:
    """Runs a jaxpr on nodes; `inline_custom` says what becomes of derivatives that users defined."""

    inline_custom: bool

    def run(self, jaxpr: Any, constants: Sequence[Value], arguments: Sequence[Value]) -> list[Value]:
        """What the jaxpr returns; equations that nothing depends on are left out."""
        literal = jaxpr_core.Literal
        table = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True))

        def read(atom: Any) -> Value:
            return np.asarray(atom.val, atom.aval.dtype) if isinstance(atom, literal) else table[atom]

        for equation in _needed(jaxpr, literal):
            results = self.apply(equation, [read(atom) for atom in equation.invars])
            table.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def apply(self, equation: Any, values: list[Value]) -> list[Value]:
        """The results of one equation."""
        name = equation.primitive.name
        if name in CALLS:
            return CALLS[name](self, equation, values)
        if not any(isinstance(value, Node) for value in values):
            return _computed(equation, values)
        if name in CONTROL:
            return CONTROL[name](self, equation, values)
        if name not in PRIMITIVES:
            raise unsupported(equation)
        result = PRIMITIVES[name](*[as_node(value) for value in values], **equation.params)
        results = list(result) if isinstance(result, (list, tuple)) else [result]
        for node, place in zip(results, equation.outvars, strict=True):
            if node is None or node.shape != place.aval.shape or node.dtype != dtype_named(place.aval.dtype.name, name):
                raise unsupported(equation)
        return results

    def inlined(self, inner: Any, values: Sequence[Value]) -> list[Value]:
        """The results of a jaxpr, closed over its constants or without any."""
        return self.run(_open(inner), () if _open(inner) is inner else inner.consts, values)


def unsupported(equation: Any, why: str = "has no counterpart among the operations") -> GraphError:
    """The error for an equation that cannot be translated: what it is, and the line of the function it is from."""
    place = _line(equation)
    return GraphError(
        "BG104", f"from_jax {place}".strip(), f"JAX's primitive {equation.primitive.name} {why}",
        got=" ".join(str(equation).split()), hint="write that step with other functions, or outside the cost",
    )  # fmt: skip


def _line(equation: Any) -> str:
    """`file:line` of an equation, where this version of JAX tells it."""
    try:
        frame = Module("jax._src.source_info_util").user_frame(equation.source_info.traceback)
        return f"{Path(frame.file_name).name}:{frame.start_line}"
    except (AttributeError, TypeError, UsageError):
        return ""


def _needed(jaxpr: Any, literal: type) -> list[Any]:
    wanted = {atom for atom in jaxpr.outvars if not isinstance(atom, literal)}
    kept = []
    for equation in reversed(jaxpr.eqns):
        if any(place in wanted for place in equation.outvars):
            kept.append(equation)
            wanted.update(atom for atom in equation.invars if not isinstance(atom, literal))
    return kept[::-1]


def _computed(equation: Any, values: list[Value]) -> list[Value]:
    """The results for known operands, by JAX."""
    results = equation.primitive.bind(*values, **equation.params)
    return list(results) if equation.primitive.multiple_results else [results]


def _call(key: str, translation: Translation, equation: Any, values: list[Value]) -> list[Value]:
    inner = equation.params[key]
    return _own_function(inner, values) or translation.inlined(inner, values)


def _custom(key: str, translation: Translation, equation: Any, values: list[Value]) -> list[Value]:
    """A function with a derivative of its own. JAX's own differ from that of what they compute at most at kinks."""
    name, is_own = _origin(equation.params[key])
    if not (is_own or translation.inline_custom):
        raise GraphError(
            "BG104", f"from_jax {_line(equation)}".strip(), "a function with a derivative of its own", got=name,
            hint="custom_derivatives='inline' differentiates what it computes",
        )  # fmt: skip
    return _call(key, translation, equation, values)


def _own_function(inner: Any, values: Sequence[Value]) -> list[Value] | None:
    """The result of a function of JAX that has a card."""
    name, is_own = _origin(inner)
    if not is_own or name not in OWN_FUNCTIONS or not any(isinstance(value, Node) for value in values):
        return None
    result = OWN_FUNCTIONS[name](_open(inner), *[as_node(value) for value in values])
    return None if result is None else [result]


def _origin(inner: Any) -> tuple[str, bool]:
    """The name of the function that a jaxpr is of, and whether it is one of JAX itself."""
    name, _, place = str(_open(inner).debug_info.func_src_info).partition(" at ")
    return name, place.startswith(str(Path(jax.__file__).parent))


def _open(inner: Any) -> Any:
    """A jaxpr without the constants it may be closed over."""
    return inner.jaxpr if isinstance(inner, jaxpr_core.ClosedJaxpr) else inner


def _cond(translation: Translation, equation: Any, values: list[Value]) -> list[Value]:
    """A branch, if which one is known."""
    which, *operands = values
    if isinstance(which, Node):
        raise unsupported(equation, "branches on a value that depends on an argument")
    branches = equation.params["branches"]
    return translation.inlined(branches[int(np.clip(which, 0, len(branches) - 1))], operands)


def _scan(translation: Translation, equation: Any, values: list[Value]) -> list[Value]:
    """A loop of known length, unrolled: constants, values carried along, and rows of what it runs over."""
    given = equation.params
    fixed, carried = given["num_consts"], given["num_consts"] + given["num_carry"]
    constants, carry, columns = values[:fixed], values[fixed:carried], values[carried:]
    if not given["length"]:
        raise unsupported(equation, "runs no time")
    steps = range(given["length"])
    rows: dict[int, list[Value]] = {}
    for step in reversed(steps) if given["reverse"] else steps:
        results = translation.inlined(given["jaxpr"], [*constants, *carry, *(column[step] for column in columns)])
        carry, rows[step] = results[: given["num_carry"]], results[given["num_carry"] :]
    return [*carry, *(stack(*map(as_node, column), axis=0) for column in zip(*(rows[i] for i in steps), strict=True))]


Handler = Callable[[Translation, Any, list[Value]], list[Value]]

CALLS: dict[str, Handler] = {
    **dict.fromkeys(("jit", "pjit", "closed_call", "remat", "remat2", "checkpoint"), partial(_call, "jaxpr")),
    "core_call": partial(_call, "call_jaxpr"),
    "custom_jvp_call": partial(_custom, "call_jaxpr"),
    "custom_vjp_call": partial(_custom, "call_jaxpr"),
    "custom_vjp_call_jaxpr": partial(_custom, "fun_jaxpr"),
}
"""Primitives that run another jaxpr once."""

CONTROL: dict[str, Handler] = {"cond": _cond, "scan": _scan}
"""Primitives that run others, or themselves, as often as a value says."""
