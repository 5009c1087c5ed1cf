from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler.function import compile as compiled
from backgraph.jax_bridge import Traced, from_jax, to_jax

jax = pytest.importorskip("jax")
jnp = jax.numpy
from tests.jax_bridge.functions import FUNCTIONS  # noqa: E402  # it needs JAX

pytestmark = pytest.mark.oracle
by_name = pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def traced(f: Callable[..., Any]) -> tuple[Traced, list[bg.Node]]:
    """The graph, and the leaves of the first argument."""
    program = from_jax(f, *FUNCTIONS[f])
    first = program.arranged(program.leaves.values())[0]
    return program, jax.tree_util.tree_leaves(first)


def close(ours: Any, theirs: Any) -> None:
    for a, b in zip(ours, jax.tree_util.tree_leaves(theirs), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


@by_name
def test_value_and_gradient_are_those_of_jax(f: Callable[..., Any]) -> None:
    program, parameters = traced(f)
    value, gradient = jax.value_and_grad(f)(*FUNCTIONS[f])
    np.testing.assert_allclose(bg.evaluate(program.cost, program.values), value, rtol=1e-12)
    close(bg.evaluate(list(bg.gradient(program.cost, parameters)), program.values), gradient)


@by_name
def test_simplified_and_compiled_it_has_the_same_gradient(f: Callable[..., Any]) -> None:
    program, parameters = traced(f)
    outputs = bg.simplify([program.cost, *bg.gradient(program.cost, parameters)]).nodes
    function = compiled(list(program.leaves.values()), outputs)
    close(function(*program.values.values())[1:], jax.grad(f)(*FUNCTIONS[f]))


@by_name
def test_there_and_back(f: Callable[..., Any]) -> None:
    program, _ = traced(f)
    back = to_jax(program.cost, list(program.leaves.values()))
    flat = list(program.values.values())
    np.testing.assert_allclose(jax.jit(back)(*flat), f(*FUNCTIONS[f]), rtol=1e-12)


def test_in_float32() -> None:
    with jax.enable_x64(False):
        f = next(iter(FUNCTIONS))
        arguments = jax.tree_util.tree_map(lambda x: np.asarray(x, np.float32), FUNCTIONS[f])
        program = from_jax(f, *arguments)
        assert program.cost.dtype == "float32"
        np.testing.assert_allclose(bg.evaluate(program.cost, program.values), f(*arguments), rtol=1e-5)


# Names and structure


def test_leaves_are_named_after_keys_and_parameters() -> None:
    def cost(params: Any, x: Any, lam: Any) -> Any:
        return jnp.sum(x @ params["W"]) + params["layers"][0]["b"] + params["layers"][1]["b"] + lam

    given = ({"W": np.ones((2, 3)), "layers": [{"b": 1.0}, {"b": 2.0}]}, np.ones((4, 2)), 3.0)
    program = from_jax(cost, *given)
    assert list(program.leaves) == ["W", "params_layers_0_b", "params_layers_1_b", "x", "lam"]
    assert [node.op.role for node in program.leaves.values()] == ["parameter"] * 3 + ["input"] * 2  # type: ignore[attr-defined]
    arranged = program.arranged(program.values.values())
    assert jax.tree_util.tree_structure(arranged) == jax.tree_util.tree_structure(given)
    assert list(from_jax(cost, *given, names="abcde").leaves) == list("abcde")
    with pytest.raises(bg.BackgraphError, match=r"BG601.*5 different names"):
        from_jax(cost, *given, names="ab")


def test_several_outputs() -> None:
    program = from_jax(lambda x: {"a": x + 1, "b": (jnp.sum(x), 2.0)}, np.ones(3))
    assert [node.shape for node in program.outputs] == [(3,), (), ()]
    assert program.cost is program.outputs[0]


def test_a_label_is_a_plain_leaf_in_the_graph() -> None:
    program = from_jax(lambda table, y: table[y], np.ones((4, 2)), np.array([1, 3]))
    assert program.cost is bg.take(program.leaves["table"], program.leaves["y"])


def test_functions_that_have_a_card_are_it() -> None:
    nn = jax.nn
    program = from_jax(lambda x: (nn.relu(x), nn.softplus(x), nn.silu(x), nn.log_softmax(x, axis=0)), np.ones((3, 2)))
    x = program.leaves["x"]
    assert program.outputs == (bg.relu(x), bg.softplus(x), bg.silu(x), bg.log_softmax(x, axis=0))
    dx = bg.gradient(bg.sum(program.outputs[0]), x)[0]
    assert bg.evaluate(dx, {x: np.zeros((3, 2))}).tolist() == [[0, 0]] * 3


def test_functions_of_other_people_with_such_names_are_not() -> None:
    @jax.jit
    def relu(x: Any) -> Any:
        return jnp.maximum(x, 0.1)

    program = from_jax(relu, np.ones(3))
    assert program.cost is bg.maximum(program.leaves["x"], 0.1)


def test_softmax_holds_its_shift_constant() -> None:
    program = from_jax(lambda x: jnp.sum(jax.lax.stop_gradient(x) * x), np.array([2.0, 3.0]))
    (dx,) = bg.gradient(program.cost, [program.leaves["x"]])
    assert bg.evaluate(dx, program.values).tolist() == [2, 3]


# Indices


@pytest.mark.parametrize(
    "f",
    [
        lambda x, i: x[i, i],
        lambda x, i: x[:, i],
        lambda x, i: x[i, :, None],
        lambda x, i: x[jnp.array([2, 0])],
        lambda x, i: x[jnp.array([2, 0]), jnp.array([1, 1])],
        lambda x, i: x[None][:, i[:, None], jnp.array([1, 0])],
        lambda x, i: jnp.take(x, i, axis=1),
        lambda x, i: jnp.take_along_axis(x, i[None, :], axis=0),
        jax.vmap(lambda row, k: row[k]),
        lambda x, i: jax.nn.one_hot(i, 3) @ x,
        lambda x, i: x * i[:, None] + jnp.sum(2 * i - 1) + jnp.max(i) * jnp.where(i > 1, i, -i)[:, None],
        lambda x, i: jnp.take(i, i) * x[:, 0],
        lambda x, i: x[-1] + x[1:, ::2].sum() + x[::-1, 0],
        lambda x, i: jnp.where((i > 0) & ~(i > 1) | (i == 2), x[0], jnp.isfinite(x[1]) ^ True),
        lambda x, i: jnp.stack([x[0], x[1]]) + jnp.concatenate([x, x])[2:4] + jnp.split(x, [2])[0],
        lambda x, i: jnp.pad(x, ((1, 2), (0, 3)), constant_values=2.0),
        lambda x, i: jax.lax.pad(x, 1.5, ((-1, 2, 0), (1, -1, 1))) + jnp.tile(x[:1, :2], 2).sum(),
        lambda x, i: jax.lax.pad(x, 0.0, ((1, -2, 1), (-1, -1, 0))),
        lambda x, i: jax.lax.dynamic_slice(x, (5, 1), (2, 2)),
        lambda x, i: jax.lax.cumsum(x, 1, reverse=True) + jnp.cumsum(x, 0) + jnp.roll(x, 1),
        lambda x, i: (jnp.argmax(x, 0), jnp.argmin(x, 1), jnp.all(x > 0), jnp.any(x > 0, 1), jnp.prod(x, 1)),
        lambda x, i: (x.max(0), x.min((0, 1)), jnp.mean(x, 0), jnp.std(x), jnp.select([x > 1, x < 0], [x, 2 * x], 3.0)),
        lambda x, i: (x**3, (x**2) ** 0.3, 2.0**x, x**-2, jnp.sinh(x), jnp.cosh(x), jnp.tan(x), jnp.exp2(x)),
        lambda x, i: (jax.lax.clamp(-0.5, x, 0.5), jnp.clip(x, 0, 1), jnp.logaddexp(x, x.T), jnp.sign(x)),
        lambda x, i: (x @ x.T @ x[:, 0], x[0] @ x[1], x[:, 0] @ x, jnp.outer(x[0], x[1]), jnp.tensordot(x, x, 2)),
        lambda x, i: jnp.einsum("ij,kj,kl->il", x, x, x) + jnp.einsum("ii->i", x @ x),
        lambda x, i: jax.checkpoint(jnp.sin)(x) + jax.lax.cond(True, jnp.sin, jnp.cos, x),
        lambda x, i: jax.grad(lambda x: jnp.sum(jax.nn.relu(x) ** 3))(x),
        lambda x, i: x * jax.random.bernoulli(jax.random.key(0), 0.5, x.shape),
        lambda x, i: jax.lax.scan(lambda c, r: (c + r, c * 2), jnp.zeros(3), x, reverse=True),
    ],
)  # fmt: skip
def test_what_jnp_writes(f: Callable[..., Any]) -> None:
    x, i = np.random.default_rng(1).normal(size=(3, 3)), np.array([1, 0, 2])
    program = from_jax(f, x, i)
    wanted = jax.tree_util.tree_leaves(f(jnp.asarray(x), jnp.asarray(i)))
    for ours, theirs in zip(bg.evaluate(program.outputs, program.values), wanted, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    smooth = [place for place, node in enumerate(program.outputs) if node.dtype == "float64"]
    theirs = jax.grad(lambda x: sum(jnp.sum(jnp.sin(jax.tree_util.tree_leaves(f(x, i))[k])) for k in smooth))(x)
    cost = sum((bg.sum(bg.sin(program.outputs[k])) for k in smooth), start=bg.constant(0.0))
    close([bg.evaluate(bg.gradient(cost, next(iter(program.leaves.values())))[0], program.values)], theirs)


@pytest.mark.parametrize("f", [lambda x, i: x[i], lambda x, i: jnp.take_along_axis(x, i[:, None], axis=1)])
@pytest.mark.parametrize("outside", [-1, 3])
def test_an_index_outside_is_refused(f: Callable[..., Any], outside: int) -> None:
    program = from_jax(f, np.ones((2, 3))[:, :2], np.array([0, 1]))
    with pytest.raises(bg.BackgraphError, match=r"BG103|BG206"):
        bg.evaluate(program.cost, {**program.values, program.leaves["i"]: np.array([0, outside])})


# What is refused


def test_an_unsupported_primitive_is_named_with_its_line() -> None:
    def cost(x: Any) -> Any:
        y = jnp.tanh(x)
        return jnp.sum(jax.lax.erf(y) + jnp.sort(y))

    with pytest.raises(bg.BackgraphError, match=r"BG104.*test_from_jax.py:\d+: JAX's primitive erf has no counterpart"):
        from_jax(cost, np.ones(3))


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, x), "BG104.*cond branches on a value"),
        (lambda x: jax.lax.while_loop(lambda v: v[0] < 1, lambda v: v + 1, x), "BG104.*while"),
        (lambda x: x.astype(jnp.int32) // 2, "BG104.*div"),
        (lambda x: x.astype(jnp.bfloat16), "BG102.*bfloat16"),
        (lambda x: x.astype(jnp.int32) & 1, "BG104.*and"),
    ],
)
def test_what_has_no_counterpart_is_refused(f: Callable[..., Any], error: str) -> None:
    with pytest.raises(bg.BackgraphError, match=error):
        from_jax(f, np.ones(3))


def test_what_nothing_depends_on_is_not_translated() -> None:
    def cost(x: Any) -> Any:
        _unused = jax.lax.erf(x)
        return x * 2

    assert from_jax(cost, np.ones(3)).cost.shape == (3,)


def test_a_derivative_of_ones_own_is_refused_or_inlined() -> None:
    @jax.custom_jvp
    def clipped(x: Any) -> Any:
        return x * x

    clipped.defjvp(lambda primals, tangents: (clipped(*primals), jnp.clip(tangents[0], -1, 1)))
    with pytest.raises(bg.BackgraphError, match=r"BG104.*derivative of its own.*clipped.*'inline'"):
        from_jax(clipped, np.ones(3))
    program = from_jax(clipped, np.ones(3), custom_derivatives="inline")
    assert program.cost is bg.square(program.leaves["x"]) or program.cost is program.leaves["x"] * program.leaves["x"]
    with pytest.raises(bg.BackgraphError, match=r"BG601"):
        from_jax(clipped, np.ones(3), custom_derivatives="ignore")


def test_a_custom_vjp_is_inlined_on_demand() -> None:
    @jax.custom_vjp
    def through(x: Any) -> Any:
        return jnp.sin(x)

    through.defvjp(lambda x: (jnp.sin(x), None), lambda _, g: (g,))
    assert from_jax(through, np.ones(3), custom_derivatives="inline").cost.op is bg.sin
