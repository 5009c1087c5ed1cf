"""Seconds to explain a net of 201 nodes, as text: `python -m benchmarks.explain_time`. The promise is 0.3 s.

Seconds of the processor are printed too: they say more where other programs run.
"""

from __future__ import annotations

import statistics
import time

import backgraph as bg
from backgraph.language.node import Node
from backgraph.language.walk import topological_order

LAYERS, TURNS = 32, 9


def net() -> tuple[Node, list[Node]]:
    """The cost of a net with biases, and its parameters."""
    H, parameters = bg.input("X", ("m", "n")), list[Node]()
    for layer in range(1, LAYERS + 1):
        W, b = bg.parameter(f"W{layer}", ("n", "n")), bg.parameter(f"b{layer}", ("n",))
        parameters += [W, b]
        H = bg.relu(H @ W + b)
    return bg.cross_entropy(H, bg.labels("y")), parameters


def main() -> None:
    cost, parameters = net()
    seconds, busy, lines = list[float](), list[float](), 0
    for _ in range(TURNS):
        start, processor = time.perf_counter(), time.process_time()
        lines = bg.explain(cost, parameters).text().count("\n")
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - processor)
    nodes = len(topological_order([cost]))
    print(f"explain, {nodes} nodes, {lines} lines: {statistics.median(seconds):.3f} s, first {seconds[0]:.3f} s")
    print(f"of the processor: {statistics.median(busy):.3f} s, first {busy[0]:.3f} s (median of {TURNS})")


if __name__ == "__main__":
    main()
