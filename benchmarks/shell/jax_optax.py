"""The digits with JAX and Optax, one jitted step, as their guides have it: `python jax_optax.py MODEL`."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    (X / 16).astype("float32"), y, test_size=0.2, random_state=0, stratify=y
)
first, second = jax.random.split(jax.random.key(0))
params = {
    "W1": jax.random.normal(first, (64, 64)) / 32**0.5,
    "b1": jnp.zeros(64),
    "W2": jax.random.normal(second, (64, 10)) / 64**0.5,
    "b2": jnp.zeros(10),
}
optimizer = optax.adam(1e-3)


def net(params, X):
    return jax.nn.relu(X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]


def loss(params, X, y):
    return optax.softmax_cross_entropy_with_integer_labels(net(params, X), y).mean()


@jax.jit
def step(params, state, X, y):
    updates, state = optimizer.update(jax.grad(loss)(params, X, y), state, params)
    return optax.apply_updates(params, updates), state


state = optimizer.init(params)
random = np.random.default_rng(0)
for _ in range(30):
    order = random.permutation(len(X_train))
    for begin in range(0, len(order), 32):
        rows = order[begin : begin + 32]
        params, state = step(params, state, X_train[rows], y_train[rows])
np.savez(sys.argv[1], **params)
print((net(params, X_test).argmax(1) == y_test).mean())
