"""Functions written in JAX by others, as they stand in JAX and Optax, come through with the gradients of `jax.grad`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backgraph as bg

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")
jnp = jax.numpy
pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True)
def in_float64() -> Any:
    with jax.enable_x64(True):
        yield


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def of_examples_of_jax(W: Any, X: Any, y: Any) -> Any:
    """The network of JAX's own example of classifying digits, made of its layers."""
    from jax.example_libraries import stax

    _, network = stax.serial(stax.Dense(8), stax.Relu, stax.Dense(5), stax.Relu, stax.Dense(4), stax.LogSoftmax)
    return -jnp.mean(jnp.sum(network(W, X) * y, axis=1))


DENSE = [(numbers(6, 8), numbers(8)), (), (numbers(8, 5), numbers(5)), (), (numbers(5, 4), numbers(4)), ()]
ONE_HOT, LABELS = np.eye(4)[[0, 3, 1]], np.array([0, 3, 1])
HEADS = (1, 5, 2, 3)

CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "stax network": (of_examples_of_jax, (DENSE, numbers(3, 6), ONE_HOT)),
    "attention": (
        lambda q, k, v: jnp.sum(jax.nn.dot_product_attention(q, k, v) ** 2),
        tuple(numbers(*HEADS, seed=seed) for seed in range(3)),
    ),
    "layer norm": (lambda x, w: jnp.sum(jax.nn.standardize(x) * w), (numbers(3, 6), numbers(3, 6, seed=1))),
    "gated linear unit": (lambda x: jnp.sum(jax.nn.glu(x) ** 2), (numbers(3, 6),)),
    "softmax": (lambda x, w: jnp.sum(jax.nn.softmax(x) * w), (numbers(3, 4), numbers(3, 4, seed=1))),
    "logsumexp": (lambda x: jnp.sum(jax.nn.logsumexp(x, axis=1) ** 2), (numbers(3, 4),)),
    "gelu": (lambda x: jnp.sum(jax.nn.gelu(x) ** 2), (numbers(7),)),
    "celu": (lambda x: jnp.sum(jax.nn.celu(x) ** 2), (numbers(7),)),
    "soft sign": (lambda x: jnp.sum(jax.nn.soft_sign(x) ** 2), (numbers(7),)),
    "squareplus": (lambda x: jnp.sum(jax.nn.squareplus(x) ** 2), (numbers(7),)),
    "cross-entropy": (
        lambda u: jnp.mean(optax.losses.softmax_cross_entropy(u, ONE_HOT)), (numbers(3, 4),),
    ),
    "cross-entropy of labels": (
        lambda u: jnp.mean(optax.losses.softmax_cross_entropy_with_integer_labels(u, LABELS)), (numbers(3, 4),),
    ),
    "poly loss": (lambda u: jnp.mean(optax.losses.poly_loss_cross_entropy(u, ONE_HOT)), (numbers(3, 4),)),
    "binary cross-entropy": (
        lambda u: jnp.mean(optax.losses.sigmoid_binary_cross_entropy(u, ONE_HOT)), (numbers(3, 4),),
    ),
    "focal loss": (lambda u: jnp.mean(optax.losses.sigmoid_focal_loss(u, ONE_HOT)), (numbers(3, 4),)),
    "huber": (lambda p, t: jnp.mean(optax.losses.huber_loss(p, t)), (2 * numbers(9), numbers(9, seed=1))),
    "log cosh": (lambda p, t: jnp.mean(optax.losses.log_cosh(p, t)), (numbers(9), numbers(9, seed=1))),
    "hinge": (lambda p: jnp.mean(optax.losses.hinge_loss(p, np.sign(numbers(9, seed=1)))), (numbers(9),)),
    "kullback-leibler": (
        lambda u: jnp.mean(optax.losses.kl_divergence(jax.nn.log_softmax(u), np.full((3, 4), 0.25))), (numbers(3, 4),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES))
def test_gradients_of_what_others_wrote(name: str) -> None:
    function, arguments = CASES[name]
    places = tuple(range(1 if name == "stax network" else len(arguments)))
    value, slopes = jax.value_and_grad(function, argnums=places)(*arguments)
    traced = bg.from_jax(function, *arguments)
    leaves = [leaf for leaf in traced.leaves.values() if leaf.dtype == "float64"]
    expected = jax.tree.leaves(slopes)
    derived = bg.gradient(traced.cost, leaves[: len(expected)])
    found = bg.evaluate([traced.cost, *derived], traced.values)
    single = name == "attention"  # JAX takes its softmax in float32, whatever the operands
    np.testing.assert_allclose(found[0], value, rtol=1e-6 if single else 1e-12)
    for ours, theirs in zip(found[1:], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4 if single else 1e-10, atol=1e-6 if single else 1e-14)
