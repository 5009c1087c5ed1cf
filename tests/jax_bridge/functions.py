"""Functions written as JAX's documentation writes them: pytrees, `vmap`, `einsum`, indexing, activations of `jax.nn`.

Each with example arguments; the first argument is what `jax.grad` differentiates by.
"""

# pyright: reportMissingImports=false, reportUntypedFunctionDecorator=false
# JAX is there for `make test-all`, not for `make check`.

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, vmap
from jax.scipy.special import logsumexp

random = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return random.normal(size=shape)


def init_network_params(sizes: list[int]) -> list[tuple[Any, Any]]:
    return [(0.5 * normal(n, m), 0.1 * normal(n)) for m, n in pairwise(sizes)]


def predict(params: Any, image: Any) -> Any:
    activations = image
    for w, b in params[:-1]:
        outputs = jnp.dot(w, activations) + b
        activations = jnp.maximum(0, outputs)
    final_w, final_b = params[-1]
    logits = jnp.dot(final_w, activations) + final_b
    return logits - logsumexp(logits)


def mlp_loss(params: Any, images: Any, targets: Any) -> Any:
    preds = vmap(predict, in_axes=(None, 0))(params, images)
    return -jnp.mean(preds * targets)


def logistic_regression(W: Any, b: Any, inputs: Any, targets: Any) -> Any:
    preds = 0.5 * (jnp.tanh((jnp.dot(inputs, W) + b) / 2) + 1)
    label_probs = preds * targets + (1 - preds) * (1 - targets)
    return -jnp.sum(jnp.log(label_probs))


def selu(x: Any, alpha: float = 1.67, lmbda: float = 1.05) -> Any:
    return lmbda * jnp.where(x > 0, x, alpha * jnp.exp(x) - alpha)


def activations(x: Any) -> Any:
    functions = [selu, jax.nn.selu, jax.nn.relu, jax.nn.gelu, jax.nn.silu, jax.nn.softplus, jax.nn.log_sigmoid]
    return sum(jnp.sum(f(x) * (i + 1)) for i, f in enumerate([*functions, jax.nn.elu, jax.nn.leaky_relu, jnp.tanh]))


@jax.jit
def layer_norm(params: Any, x: Any) -> Any:
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.var(x, axis=-1, keepdims=True)
    inv = params["scale"] * lax.rsqrt(variance + 1e-5)
    return jnp.sum(jnp.sin(inv * (x - mean) + params["offset"]))


def attention(params: Any, x: Any) -> Any:
    """Multi-head self-attention with a causal mask: batch, time, model."""
    q, k, v = (jnp.einsum("btd,dhk->bthk", x, params[name]) for name in ("query", "key", "value"))
    logits = jnp.einsum("bthk,bshk->bhts", q, k) / jnp.sqrt(q.shape[-1])
    causal = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), dtype=bool))
    weights = jax.nn.softmax(jnp.where(causal, logits, -jnp.inf), axis=-1)
    out = jnp.einsum("bhts,bshk->bthk", weights, v)
    return jnp.mean(jnp.square(jnp.einsum("bthk,hkd->btd", out, params["output"])))


def softmax_cross_entropy(params: Any, batch: Any) -> Any:
    inputs, labels = batch
    logits = jax.nn.relu(inputs @ params["w1"] + params["b1"]) @ params["w2"]
    one_hot = jax.nn.one_hot(labels, logits.shape[-1])
    return -jnp.mean(jnp.sum(one_hot * jax.nn.log_softmax(logits), axis=-1))


def huber(w: Any, x: Any, y: Any, delta: float = 1.0) -> Any:
    error = x @ w - y
    abs_error = jnp.abs(error)
    quadratic = jnp.clip(abs_error, max=delta)
    return jnp.mean(0.5 * quadratic**2 + delta * (abs_error - quadratic))


def negative_log_likelihood(logits: Any, labels: Any) -> Any:
    logprobs = jax.nn.log_softmax(logits, axis=-1)
    return -jnp.mean(jnp.take_along_axis(logprobs, labels[:, None], axis=1))


def chosen_by_two_indices(logits: Any, labels: Any) -> Any:
    return -jnp.sum(jax.nn.log_softmax(logits)[jnp.arange(labels.shape[0]), labels])


def embedding_bag(table: Any, tokens: Any) -> Any:
    return jnp.sum(jnp.tanh(jnp.mean(table[tokens], axis=1)) ** 2)


def batched_vdot(a: Any, b: Any) -> Any:
    return jnp.sum(jnp.exp(vmap(jnp.vdot)(a, b)))


def gaussian_log_density(params: Any, x: Any) -> Any:
    """log N(x; μ, L Lᵀ) with a diagonal L, as the tutorials on variational inference write it."""
    sigma = jnp.exp(params["log_sigma"])
    return jnp.sum(-0.5 * jnp.log(2 * jnp.pi) - params["log_sigma"] - 0.5 * ((x - params["mu"]) / sigma) ** 2)


def cosine_similarity(x: Any, y: Any) -> Any:
    unit = [v / jnp.maximum(jnp.linalg.norm(v, axis=-1, keepdims=True), 1e-8) for v in (x, y)]
    return jnp.mean(jnp.sum(unit[0] * unit[1], axis=-1))


def mixture(params: Any, x: Any) -> Any:
    """The log-likelihood of a mixture of Gaussians."""
    log_weights = jax.nn.log_softmax(params["logits"])
    log_probs = -0.5 * jnp.sum((x[:, None, :] - params["means"][None]) ** 2, axis=-1)
    return jnp.sum(logsumexp(log_weights + log_probs, axis=1))


def power_iteration(A: Any, v: Any) -> Any:
    def step(_: Any, v: Any) -> Any:
        u = A.T @ (A @ v)
        return u / jnp.linalg.norm(u)

    v = lax.fori_loop(0, 6, step, v)
    return v @ (A.T @ (A @ v))


def recurrent(params: Any, xs: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = jnp.tanh(params["W"] @ h + params["U"] @ x)
        return h, h[0]

    h, firsts = lax.scan(step, jnp.zeros(params["W"].shape[0]), xs)
    return jnp.sum(h**2) + jnp.sum(firsts)


def one_hot(labels: Any, k: int) -> Any:
    return np.array(np.asarray(labels)[:, None] == np.arange(k), np.float64)


labels = np.array([0, 2, 1, 2, 0])

FUNCTIONS: dict[Callable[..., Any], tuple[Any, ...]] = {
    mlp_loss: (init_network_params([6, 5, 4, 3]), normal(5, 6), one_hot(labels, 3)),
    logistic_regression: (normal(3), 0.3, normal(4, 3), np.array([True, True, False, True])),
    activations: (normal(3, 4),),
    layer_norm: ({"scale": normal(4), "offset": normal(4)}, normal(3, 4)),
    attention: (
        {"query": normal(6, 2, 3), "key": normal(6, 2, 3), "value": normal(6, 2, 3), "output": normal(2, 3, 6)},
        normal(2, 4, 6),
    ),
    softmax_cross_entropy: ({"w1": normal(4, 6), "b1": np.zeros(6), "w2": normal(6, 3)}, (normal(5, 4), labels)),
    huber: (normal(3), normal(5, 3), 2 * normal(5)),
    negative_log_likelihood: (normal(5, 3), labels),
    chosen_by_two_indices: (normal(5, 3), labels),
    embedding_bag: (normal(7, 3), np.array([[0, 6, 2], [2, 2, 5]])),
    batched_vdot: (normal(4, 3), normal(4, 3)),
    gaussian_log_density: ({"mu": normal(4), "log_sigma": normal(4)}, normal(6, 4)),
    cosine_similarity: (normal(4, 3), normal(4, 3)),
    mixture: ({"logits": normal(3), "means": normal(3, 2)}, normal(5, 2)),
    power_iteration: (normal(4, 3), normal(3)),
    recurrent: ({"W": 0.5 * normal(3, 3), "U": normal(3, 2)}, normal(4, 2)),
}
