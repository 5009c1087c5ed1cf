"""Random orders that are the same on every machine and in every version of NumPy.

`Generator.permutation` may change between NumPy versions; the words of the bit generator Philox may not. So an order of
n rows is the stable argsort of n raw words of Philox. Its *key* is two integers, (seed, epoch): the order of epoch 7 is
found without drawing those of epochs 0 to 6, which is what resuming bit for bit needs.
Philox: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backgraph.errors import TrainingError

Indices = npt.NDArray[np.int64]
"""Row numbers from 0, int64."""

KEY_LENGTH = 2


def random_words(n: int, key: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    """`n` random words, uint64 (n,), that depend on `key` alone: one or two integers from 0 to 2^64 - 1.

    Raises TrainingError BG401 for another key.
    """
    if not 1 <= len(key) <= KEY_LENGTH or not all(0 <= word < 2**64 for word in key):
        expected = "one or two integers from 0 to 2^64 - 1"
        raise TrainingError("BG401", "seed", "cannot key random numbers", got=key, expected=expected)
    padded = (*key, *[0] * (KEY_LENGTH - len(key)))
    return np.random.Philox(key=np.array(padded, dtype=np.uint64)).random_raw(n)


def permutation(n: int, key: tuple[int, ...]) -> Indices:
    """The numbers 0 … n-1, int64 (n,), in a random order that depends on `n` and `key` alone."""
    return np.argsort(random_words(n, key), kind="stable").astype(np.int64, copy=False)


def minibatch_indices(n: int, batch: int, seed: int, epoch: int) -> tuple[Indices, Indices]:
    """The rows of each minibatch of one epoch: `full`, (n // batch, batch), and `remainder`, (n % batch,).

    Each of the `n` rows is in exactly one minibatch. A batch larger than the data gives no full minibatch and all rows
    as remainder. Raises TrainingError BG401 for a batch below 1.
    """
    if batch < 1:
        raise TrainingError("BG401", "batch", "is not a size", got=batch, expected="at least 1")
    order = permutation(n, (seed, epoch))
    whole = n - n % batch
    return order[:whole].reshape(-1, batch), order[whole:]
