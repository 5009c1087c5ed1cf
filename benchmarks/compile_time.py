"""Seconds to compile the training step of a network, cold and again: `python -m benchmarks.compile_time`.

Cold is the first compilation in a new process, LLVM's start-up included; again is another engine of the same process,
which finds the object code in memory.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

NETWORKS = {
    "two layers, SGD": ((784, 256, 10), "sgd"),
    "two layers, Adam": ((784, 256, 10), "adam"),
    "four layers, AdamW": ((100, 256, 256, 256, 10), "adamw"),
}
TURNS = 5

PROGRAM = """
import json, sys, time
import numpy as np
from backgraph.models.mlp import MLP
from backgraph.optim import OPTIMIZERS
from backgraph.train.native import NativeEngine
from backgraph.train.step import training_step
widths, optimizer = json.loads(sys.argv[1])
mlp = MLP(widths[0], tuple(widths[1:-1]), widths[-1], decay=1e-4)
data = mlp.data(np.zeros((10, widths[0])), np.zeros(10))
times = [time.perf_counter()]
step = training_step(mlp.network.cost, mlp.network.parameters, OPTIMIZERS[optimizer]())
times.append(time.perf_counter())
for _ in range(2):
    NativeEngine().loop(step, data)
    times.append(time.perf_counter())
print(json.dumps([b - a for a, b in zip(times, times[1:])]))
"""


def measured(case: object) -> list[float]:
    command = [sys.executable, "-c", PROGRAM, json.dumps(case)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    print(f"{'seconds, median of ' + str(TURNS):<22} {'gradients':>10} {'cold':>8} {'again':>8}")
    for name, case in NETWORKS.items():
        columns = zip(*(measured(case) for _ in range(TURNS)), strict=True)
        graph, cold, again = (statistics.median(column) for column in columns)
        print(f"{name:<22} {graph:10.3f} {cold:8.3f} {again:8.3f}", flush=True)


if __name__ == "__main__":
    main()
