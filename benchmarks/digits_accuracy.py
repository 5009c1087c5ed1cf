"""Held-out accuracy on the digits that come with the package: 20 seeds, each with its own split and initial weights.

    python benchmarks/digits_accuracy.py [SEEDS]

The networks are those of `backgraph train --hidden 64 --epochs 30`, whose defaults were not tuned on these digits.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from backgraph.data.datasets import digits
from backgraph.models.trainer import Recipe, Trainer
from backgraph.optim import SGD, Adam, Optimizer

CASES: dict[str, tuple[bool, Optimizer]] = {
    "no biases, SGD": (False, SGD(learning_rate=0.1)),
    "no biases, Adam": (False, Adam()),
    "biases, Adam": (True, Adam()),
}


def accuracies(biases: bool, optimizer: Optimizer, seeds: int) -> Iterator[float]:
    table = digits()
    for seed in range(seeds):
        trainer = Trainer(table, "digit", Recipe((64,), optimizer, biases=biases, seed=seed))
        trainer.run(30)
        yield trainer.scores(trainer.validation_part)["accuracy"]


def main(seeds: int = 20) -> None:
    print(f"{'hidden 64, 30 epochs':<22} {'mean':>7} {'worst':>7} {'best':>7}   ({seeds} seeds)")
    for name, (biases, optimizer) in CASES.items():
        found = list(accuracies(biases, optimizer, seeds))
        print(f"{name:<22} {statistics.mean(found):7.2%} {min(found):7.2%} {max(found):7.2%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
