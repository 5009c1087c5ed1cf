"""The contestants of `benchmarks.predict`: each a function from the problem to a function that predicts many times.

All have the same weights, no biases, and give the probabilities of every class for the first m rows. They take the rows
as a NumPy array and give a NumPy array, as whoever serves a model does; what a library needs to be told once, such as
the weights, it is told before.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contestants import Problem, Run, serve


def repeated(predict: Any, rows: Any) -> Run:
    """Predict so many times, and give what came of the last."""

    def run(times: int) -> Any:
        for _ in range(times - 1):
            predict(rows)
        return [np.asarray(predict(rows))]

    return run


def given(problem: Problem) -> tuple[Any, list[Any]]:
    """The rows, repeated where the problem asks for more than there are, and the weights."""
    X, _, *weights = problem.arrays()
    return np.ascontiguousarray(np.resize(X, (problem.m, X.shape[1]))), weights


def graph(problem: Problem) -> tuple[Any, list[Any], Any]:
    """The rows, the weights and the probabilities in the graph language."""
    import backgraph as bg

    x = bg.input("x", ("m", problem.widths[0]), dtype=problem.dtype)
    W = [bg.parameter(f"W{n}", shape, dtype=problem.dtype) for n, shape in enumerate(pairwise(problem.widths), 1)]
    u = x @ W[0]
    for w in W[1:]:
        u = bg.relu(u) @ w
    return x, W, bg.softmax(u)


def backgraph(problem: Problem) -> Run:
    """A compiled function, the weights bound."""
    import backgraph as bg

    rows, weights = given(problem)
    x, W, probabilities = graph(problem)
    f = bg.compile([x, *W], probabilities, threads=problem.threads)
    return repeated(f.bind(dict(zip(W, weights, strict=True))), rows)


def onnx_runtime(problem: Problem) -> Run:
    """ONNX Runtime, with the same graph exported."""
    import onnxruntime

    from backgraph.export.onnx_graph import to_onnx

    rows, weights = given(problem)
    x, W, probabilities = graph(problem)
    path = Path(problem.folder) / "net.onnx"
    to_onnx({"probabilities": probabilities}, path, dict(zip(W, weights, strict=True)))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = problem.threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return repeated(lambda rows: session.run(None, {str(x.op.label): rows})[0], rows)


def jax_jit(problem: Problem) -> Run:
    """JAX, jitted, with the weights as constants."""
    import jax

    jax.config.update("jax_enable_x64", problem.dtype == "float64")
    rows, weights = given(problem)

    @jax.jit
    def predict(x: Any) -> Any:
        u = x @ weights[0]
        for w in weights[1:]:
            u = jax.nn.relu(u) @ w
        return jax.nn.softmax(u)

    return repeated(lambda rows: np.asarray(predict(rows)), rows)


def torch_eager(problem: Problem) -> Run:
    """PyTorch in inference mode."""
    import torch

    torch.set_num_threads(problem.threads)
    rows, weights = given(problem)
    W = [torch.from_numpy(w) for w in weights]

    def predict(rows: Any) -> Any:
        with torch.inference_mode():
            u = torch.from_numpy(rows) @ W[0]
            for w in W[1:]:
                u = torch.relu(u) @ w
            return torch.softmax(u, 1).numpy()

    return repeated(predict, rows)


def numpy_by_hand(problem: Problem) -> Run:
    """NumPy, with the BLAS that it brings."""
    rows, weights = given(problem)

    def predict(rows: Any) -> Any:
        u = rows @ weights[0]
        for w in weights[1:]:
            u = np.maximum(u, 0) @ w
        e = np.exp(u - u.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return repeated(predict, rows)


def sklearn_net(problem: Problem) -> Run:
    """scikit-learn's own MLP, its weights put in."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")
    rows, weights = given(problem)
    net = MLPClassifier(problem.widths[1:-1], max_iter=1).fit(
        rows[:1].repeat(20, 0), np.arange(20) % problem.widths[-1]
    )
    net.coefs_ = weights
    net.intercepts_ = [np.zeros(w.shape[1], problem.dtype) for w in weights]
    return repeated(net.predict_proba, rows)


CONTESTANTS = {
    "backgraph": backgraph,
    "ONNX Runtime": onnx_runtime,
    "jax jit": jax_jit,
    "torch eager": torch_eager,
    "NumPy": numpy_by_hand,
    "scikit-learn": sklearn_net,
}
MODULES = {
    "ONNX Runtime": "onnxruntime",
    "jax jit": "jax",
    "torch eager": "torch",
    "NumPy": "numpy",
    "scikit-learn": "sklearn",
}
"""The library that a peer needs."""


if __name__ == "__main__":
    serve(CONTESTANTS, checked=1)
