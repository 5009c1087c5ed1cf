"""One contestant in a process of its own: `python -m benchmarks.contestants NAME` speaks JSON lines.

Every contestant does the same mathematics: layers without biases, relu, cross-entropy, and SGD with weight decay or
AdamW (Loshchilov and Hutter, 2019, algorithm 2), on the same batches from the same starting weights. scikit-learn has
biases and cannot leave them out: they are put back to zero after each step; it has no AdamW, and one output for two
classes. Adam's corrections 1 − ρᵗ are worked out in float64 for all: in float32 they err by 1e-5, which 20 steps make
up to 1e-2 of the largest weight.

First line in: the problem. First line out: where the weights after 20 steps lie. Then each line in is a number of steps
to do, each line out the seconds they took; an empty line asks for the most memory that the process ever had, in MiB,
and is the last.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES = 4096
DECAY = 1e-4
ADAM_RATE, BETA1, BETA2, EPSILON, DECOUPLED = 1e-3, 0.9, 0.999, 1e-8, 0.01
CHECKED_STEPS = 20


@dataclass(frozen=True)
class Problem:
    """m rows a minibatch; inputs, hidden units of each layer, and classes are the widths."""

    m: int
    widths: Sequence[int]
    threads: int
    folder: str
    optimizer: str = "sgd"
    dtype: str = "float32"
    isa: str | None = None

    @property
    def rate(self) -> float:
        """Of SGD; with 0.1 eight hidden layers would stand where rounding decides what becomes of them."""
        return 0.1 if len(self.widths) < 6 else 0.003

    def arrays(self) -> tuple[Any, ...]:
        """X, y, W1, W2, ...: the same for every contestant."""
        r = np.random.default_rng(0)
        X = r.normal(size=(EXAMPLES, self.widths[0])).astype(self.dtype)
        y = r.integers(0, self.widths[-1], EXAMPLES)
        gain = 1.0 if len(self.widths) == 3 else 2.0
        W = [(r.normal(size=(d, h)) * (gain / d) ** 0.5).astype(self.dtype) for d, h in pairwise(self.widths)]
        return X, y, *W

    def index(self, steps: int) -> Any:
        """The rows of every step."""
        return np.random.default_rng(1).integers(0, EXAMPLES, (steps, self.m))

    def corrections(self, done: int, steps: int) -> Any:
        """1 − ρ₁ᵗ and 1 − ρ₂ᵗ of every step, rounded once."""
        t = np.arange(done + 1, done + steps + 1)[:, None]
        return (1 - np.array([BETA1, BETA2]) ** t).astype(self.dtype)


Run = Callable[[int], Any]
"""Do so many steps and return the weights."""


def backgraph(problem: Problem) -> Run:
    """Our native loop."""
    import backgraph as bg
    from backgraph.compiler.target import host_target
    from backgraph.optim import SGD, AdamW
    from backgraph.train.native import NativeEngine
    from backgraph.train.step import training_step

    X, y = bg.input("X", ("m", problem.widths[0]), problem.dtype), bg.labels("y")
    W = [bg.parameter(f"W{n}", shape, problem.dtype) for n, shape in enumerate(pairwise(problem.widths), 1)]
    u = X @ W[0]
    for each in W[1:]:
        u = bg.relu(u) @ each
    cost = bg.cross_entropy(u, y)
    if problem.optimizer == "sgd":
        step = training_step(cost + DECAY * sum(bg.sum(each**2) for each in W), W, SGD(learning_rate=problem.rate))
    else:
        step = training_step(cost, W, AdamW(learning_rate=ADAM_RATE, decoupled_decay=DECOUPLED))
    x, labels, *weights = problem.arrays()
    data = {X: x, y: labels}
    engine = NativeEngine(problem.threads, host_target(problem.isa) if problem.isa else None)
    loop = engine.loop(step, data, problem.m)
    variables = step.arrays(dict(zip(W, weights, strict=True)))
    done = 0

    def run(steps: int) -> Any:
        nonlocal done
        index, scalars = problem.index(steps), step.schedule(done, steps)
        done += steps
        loop(variables, data, index, scalars, threads=problem.threads)
        return variables[: len(W)]

    return run


def jax_loop(problem: Problem, scan: bool) -> Run:
    """JAX with donated buffers: the whole loop in lax.scan, or one jitted step after the other."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", problem.dtype == "float64")
    x, labels, *weights = problem.arrays()
    X, y = jnp.asarray(x), jnp.asarray(labels)
    sgd = problem.optimizer == "sgd"

    def cost(W: Any, rows: Any) -> Any:
        u = X[rows] @ W[0]
        for w in W[1:]:
            u = jax.nn.relu(u) @ w
        fit = -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(u), y[rows][:, None], 1))
        return fit + DECAY * sum(jnp.sum(w**2) for w in W) if sgd else fit

    def adamw(w: Any, dw: Any, s: Any, r: Any, corrections: Any) -> Any:
        s, r = BETA1 * s + (1 - BETA1) * dw, BETA2 * r + (1 - BETA2) * dw**2
        move = s / corrections[0] / (jnp.sqrt(r / corrections[1]) + EPSILON)
        return w - ADAM_RATE * DECOUPLED * w - ADAM_RATE * move, s, r

    def step(state: Any, given: Any) -> Any:
        (W, S, R), (rows, corrections) = state, given
        loss, g = jax.value_and_grad(cost)(W, rows)
        if sgd:
            return ([w - problem.rate * dw for w, dw in zip(W, g, strict=True)], S, R), loss
        moved = [adamw(*each, corrections) for each in zip(W, g, S, R, strict=True)]
        return tuple(map(list, zip(*moved, strict=True))), loss

    loop = jax.jit(lambda state, given: jax.lax.scan(step, state, given), donate_argnums=0)
    one = jax.jit(step, donate_argnums=0)
    zeros = [[] if sgd else [jnp.zeros(w.shape, w.dtype) for w in weights] for _ in range(2)]
    state = ([jnp.asarray(w) for w in weights], *zeros)
    done = 0

    def run(steps: int) -> Any:
        nonlocal state, done
        index, corrections = problem.index(steps), problem.corrections(done, steps)
        done += steps
        if scan:
            state, _ = loop(state, (jnp.asarray(index), jnp.asarray(corrections)))
        else:
            for given in zip(index, corrections, strict=True):
                state, _ = one(state, given)
        jax.block_until_ready(state)
        return [np.asarray(w) for w in state[0]] if steps == CHECKED_STEPS else None

    return run


def torch_steps(problem: Problem, compiled: bool) -> Run:
    """PyTorch as a user writes it, with fused optimizers, the cost compiled or not."""
    import torch

    torch.set_num_threads(problem.threads)
    x, labels, *weights = problem.arrays()
    X, y = torch.from_numpy(x), torch.from_numpy(labels)
    W = [torch.from_numpy(w.copy()).requires_grad_() for w in weights]
    if problem.optimizer == "sgd":
        optimizer: Any = torch.optim.SGD(W, lr=problem.rate, weight_decay=2 * DECAY, fused=True)
    else:
        rates = {"betas": (BETA1, BETA2), "eps": EPSILON, "weight_decay": DECOUPLED}
        optimizer = torch.optim.AdamW(W, lr=ADAM_RATE, fused=True, **rates)

    def cost(rows: Any) -> Any:
        u = X[rows] @ W[0]
        for w in W[1:]:
            u = torch.relu(u) @ w
        return torch.nn.functional.cross_entropy(u, y[rows])

    cost = torch.compile(cost) if compiled else cost

    def run(steps: int) -> Any:
        for rows in torch.from_numpy(problem.index(steps)):
            optimizer.zero_grad()
            cost(rows).backward()
            optimizer.step()
        return [w.detach().numpy() for w in W]

    return run


def sklearn_steps(problem: Problem) -> Run:
    """MLPClassifier.partial_fit, a minibatch a call. Its penalty is alpha / 2m times the squares."""
    from sklearn.neural_network import MLPClassifier

    X, y, *weights = problem.arrays()
    net = MLPClassifier(
        tuple(problem.widths[1:-1]), solver="sgd", learning_rate_init=problem.rate, momentum=0,
        nesterovs_momentum=False, alpha=2 * DECAY * problem.m, batch_size=problem.m,
    )  # fmt: skip
    net.partial_fit(X[: problem.m], y[: problem.m], classes=np.arange(problem.widths[-1]))
    for own, given in zip(net.coefs_, weights, strict=True):
        own[...] = given
    for bias in net.intercepts_:
        bias[...] = 0

    def run(steps: int) -> Any:
        for rows in problem.index(steps):
            net.partial_fit(X[rows], y[rows])
            for bias in net.intercepts_:
                bias[...] = 0
        return net.coefs_

    return run


def pytensor_steps(problem: Problem) -> Run:
    """PyTensor, the successor of Theano: data and weights are shared variables, a compiled function updates them."""
    import pytensor  # pyright: ignore[reportMissingImports]
    import pytensor.tensor as pt  # pyright: ignore[reportMissingImports]
    from pytensor.tensor.special import log_softmax  # pyright: ignore[reportMissingImports]

    pytensor.config.floatX = problem.dtype
    number = np.dtype(problem.dtype).type
    x, labels, *weights = problem.arrays()
    X, y, rows = pytensor.shared(x), pytensor.shared(labels), pt.lvector()
    corrections = pt.vector()
    W = [pytensor.shared(w) for w in weights]
    u = X[rows] @ W[0]
    for w in W[1:]:
        u = pt.maximum(u, number(0)) @ w
    cost = -pt.mean(log_softmax(u, axis=1)[pt.arange(problem.m), y[rows]])
    if problem.optimizer == "sgd":
        cost = cost + number(DECAY) * sum(pt.sum(w**2) for w in W)
    g, updates = pytensor.grad(cost, W), []
    for w, dw in zip(W, g, strict=True):
        if problem.optimizer == "sgd":
            updates.append((w, w - number(problem.rate) * dw))
            continue
        s, r = (pytensor.shared(np.zeros_like(w.get_value())) for _ in range(2))
        new_s, new_r = number(BETA1) * s + number(1 - BETA1) * dw, number(BETA2) * r + number(1 - BETA2) * dw**2
        move = new_s / corrections[0] / (pt.sqrt(new_r / corrections[1]) + number(EPSILON))
        updates += [(s, new_s), (r, new_r), (w, w - number(ADAM_RATE * DECOUPLED) * w - number(ADAM_RATE) * move)]
    step = pytensor.function([rows, corrections], [], updates=updates, on_unused_input="ignore")
    step.trust_input = True
    done = 0

    def run(steps: int) -> Any:
        nonlocal done
        for given in zip(problem.index(steps), problem.corrections(done, steps), strict=True):
            step(*given)
        done += steps
        return [w.get_value() for w in W] if steps == CHECKED_STEPS else None

    return run


CONTESTANTS: dict[str, Callable[[Problem], Run]] = {
    "backgraph": backgraph,
    "jax scan": partial(jax_loop, scan=True),
    "jax jit": partial(jax_loop, scan=False),
    "torch eager": partial(torch_steps, compiled=False),
    "torch compile": partial(torch_steps, compiled=True),
    "PyTensor": pytensor_steps,
    "scikit-learn": sklearn_steps,
}


def able(name: str, problem: Problem) -> bool:
    """Whether this contestant can do the same mathematics."""
    return name != "scikit-learn" or (problem.optimizer == "sgd" and problem.widths[-1] > 2)


def peak_mebibytes() -> int | None:
    """The most memory that this program had, without what its parent had before; None where /proc does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text("utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM:")), None)


def serve(contestants: Mapping[str, Callable[[Problem], Run]], checked: int = CHECKED_STEPS) -> None:
    """Serve one problem: say where the result of `checked` steps is, then the seconds of as many as each line asks."""
    problem = Problem(**json.loads(sys.stdin.readline()))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: problem.threads])
    run = contestants[sys.argv[1]](problem)
    path = Path(problem.folder) / f"{sys.argv[1].replace(' ', '-')}-{os.getpid()}.npz"
    np.savez(path, *(run(checked)))
    print(json.dumps(str(path)), flush=True)
    for line in sys.stdin:
        if not line.strip():
            print(json.dumps(peak_mebibytes()), flush=True)
            break
        steps = int(line)
        start = time.perf_counter()
        run(steps)
        print(json.dumps(time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    serve(CONTESTANTS)
