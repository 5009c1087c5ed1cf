"""One contestant in a process of its own: `python -m benchmarks.contestants NAME` speaks JSON lines.

Every contestant does the same mathematics: one hidden layer, relu, cross-entropy, weight decay, SGD, on the same
batches from the same starting weights. First line in: the problem. First line out: where the weights after 20 steps
lie.
Then each line in is a number of steps to do, each line out the seconds they took.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES = 4096
RATE, DECAY = 0.1, 1e-4
CHECKED_STEPS = 20


@dataclass(frozen=True)
class Problem:
    """m rows a minibatch, d inputs, h hidden units, k classes."""

    m: int
    d: int
    h: int
    k: int
    threads: int
    folder: str
    isa: str | None = None

    def arrays(self) -> tuple[Any, ...]:
        """X, y, W1, W2: the same for every contestant."""
        r = np.random.default_rng(0)
        X, y = r.normal(size=(EXAMPLES, self.d)).astype("f4"), r.integers(0, self.k, EXAMPLES)
        W1 = (r.normal(size=(self.d, self.h)) * self.d**-0.5).astype("f4")
        W2 = (r.normal(size=(self.h, self.k)) * self.h**-0.5).astype("f4")
        return X, y, W1, W2

    def index(self, steps: int) -> Any:
        """The rows of every step."""
        return np.random.default_rng(1).integers(0, EXAMPLES, (steps, self.m))


Run = Callable[[int], Any]
"""Do so many steps and return the weights."""


def backgraph(problem: Problem) -> Run:
    """Our native loop."""
    import backgraph as bg
    from backgraph.compiler.target import host_target
    from backgraph.optim.sgd import SGD
    from backgraph.train.native import NativeEngine
    from backgraph.train.step import training_step

    X, y = bg.input("X", ("m", problem.d), "float32"), bg.labels("y")
    W1 = bg.parameter("W1", (problem.d, problem.h), "float32")
    W2 = bg.parameter("W2", (problem.h, problem.k), "float32")
    cost = bg.cross_entropy(bg.relu(X @ W1) @ W2, y) + DECAY * (bg.sum(W1**2) + bg.sum(W2**2))
    step = training_step(cost, [W1, W2], SGD(learning_rate=RATE))
    x, labels, *weights = problem.arrays()
    data = {X: x, y: labels}
    engine = NativeEngine(problem.threads, host_target(problem.isa) if problem.isa else None)
    loop = engine.loop(step, data, problem.m)
    variables = [w.copy() for w in weights]

    def run(steps: int) -> Any:
        index, scalars = problem.index(steps), step.schedule(0, steps)
        loop(variables, data, index, scalars, threads=problem.threads)
        return variables

    return run


def jax_loop(problem: Problem, scan: bool) -> Run:
    """JAX with donated buffers: the whole loop in lax.scan, or one jitted step after the other."""
    import jax
    import jax.numpy as jnp

    x, labels, *weights = problem.arrays()
    X, y = jnp.asarray(x), jnp.asarray(labels)

    def cost(W: Any, rows: Any) -> Any:
        U = jax.nn.relu(X[rows] @ W[0]) @ W[1]
        logs = jax.nn.log_softmax(U)
        fit = -jnp.mean(jnp.take_along_axis(logs, y[rows][:, None], 1))
        return fit + DECAY * (jnp.sum(W[0] ** 2) + jnp.sum(W[1] ** 2))

    def step(W: Any, rows: Any) -> Any:
        loss, g = jax.value_and_grad(cost)(W, rows)
        return [w - RATE * dw for w, dw in zip(W, g, strict=True)], loss

    loop = jax.jit(lambda W, index: jax.lax.scan(step, W, index), donate_argnums=0)
    one = jax.jit(step, donate_argnums=0)
    state = [jnp.asarray(w) for w in weights]

    def run(steps: int) -> Any:
        nonlocal state
        index = problem.index(steps)
        if scan:
            state, _ = loop(state, jnp.asarray(index))
        else:
            for rows in index:
                state, _ = one(state, rows)
        jax.block_until_ready(state)
        return [np.asarray(w) for w in state] if steps == CHECKED_STEPS else None

    return run


def torch_steps(problem: Problem, compiled: bool) -> Run:
    """PyTorch as a user writes it, the cost compiled or not."""
    import torch

    torch.set_num_threads(problem.threads)
    x, labels, *weights = problem.arrays()
    X, y = torch.from_numpy(x), torch.from_numpy(labels)
    W = [torch.from_numpy(w.copy()).requires_grad_() for w in weights]
    optimizer = torch.optim.SGD(W, lr=RATE, weight_decay=2 * DECAY)

    def cost(rows: Any) -> Any:
        return torch.nn.functional.cross_entropy(torch.relu(X[rows] @ W[0]) @ W[1], y[rows])

    cost = torch.compile(cost) if compiled else cost

    def run(steps: int) -> Any:
        for rows in torch.from_numpy(problem.index(steps)):
            optimizer.zero_grad()
            cost(rows).backward()
            optimizer.step()
        return [w.detach().numpy() for w in W]

    return run


CONTESTANTS: dict[str, Callable[[Problem], Run]] = {
    "backgraph": backgraph,
    "jax scan": partial(jax_loop, scan=True),
    "jax jit": partial(jax_loop, scan=False),
    "torch eager": partial(torch_steps, compiled=False),
    "torch compile": partial(torch_steps, compiled=True),
}


def main() -> None:
    """Serve one problem."""
    problem = Problem(**json.loads(sys.stdin.readline()))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: problem.threads])
    run = CONTESTANTS[sys.argv[1]](problem)
    path = Path(problem.folder) / f"{sys.argv[1].replace(' ', '-')}-{os.getpid()}.npz"
    np.savez(path, *(run(CHECKED_STEPS)))
    print(json.dumps(str(path)), flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        run(steps)
        print(json.dumps(time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
