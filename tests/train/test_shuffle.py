"""Random orders: permutations, the same for ever, independent between epochs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph.errors import TrainingError
from backgraph.train.shuffle import minibatch_indices, permutation, random_words

WORD = st.integers(0, 2**64 - 1)


def philox(counter: int, key: tuple[int, int]) -> list[int]:
    """Philox 4x64 with 10 rounds, after Salmon and others, 2011; four words."""
    words, keys = [counter, 0, 0, 0], list(key)
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * words[0], 0xCA5A826395121157 * words[2]
        words = [second >> 64 ^ words[1] ^ keys[0], second % 2**64, first >> 64 ^ words[3] ^ keys[1], first % 2**64]
        keys = [(keys[0] + 0x9E3779B97F4A7C15) % 2**64, (keys[1] + 0xBB67AE8584CAA73B) % 2**64]
    return words


@given(WORD, WORD)
def test_the_words_are_those_of_the_paper(seed: int, epoch: int) -> None:
    """NumPy counts from 1."""
    assert random_words(8, (seed, epoch)).tolist() == philox(1, (seed, epoch)) + philox(2, (seed, epoch))


@given(st.integers(0, 500), WORD, WORD)
def test_each_number_once(n: int, seed: int, epoch: int) -> None:
    order = permutation(n, (seed, epoch))
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))
    assert order.tolist() == permutation(n, (seed, epoch)).tolist()


@given(st.integers(1, 300), st.integers(1, 400), WORD)
def test_minibatches_cover_the_epoch(n: int, batch: int, seed: int) -> None:
    full, remainder = minibatch_indices(n, batch, seed, epoch=3)
    assert full.shape == (n // batch, batch)
    assert remainder.shape == (n % batch,)
    assert [*full.ravel().tolist(), *remainder.tolist()] == permutation(n, (seed, 3)).tolist()


def test_the_same_order_for_ever() -> None:
    """Written down once: a change would break bit-for-bit resuming of saved checkpoints."""
    assert random_words(2, (0, 0)).tolist() == [213000021201967259, 4455796210202625458]
    assert permutation(8, (0, 0)).tolist() == [0, 2, 1, 5, 4, 3, 6, 7]
    assert permutation(8, (0, 1)).tolist() == [5, 3, 7, 2, 4, 1, 0, 6]


def test_seeds_and_epochs_give_different_orders() -> None:
    orders = {tuple(permutation(20, (seed, epoch))) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400
    assert permutation(20, (5,)).tolist() == permutation(20, (5, 0)).tolist()


def test_every_place_is_equally_likely() -> None:
    first = np.bincount([permutation(4, (0, epoch))[0] for epoch in range(4000)], minlength=4)
    assert np.all(np.abs(first - 1000) < 5 * np.sqrt(750))


@pytest.mark.parametrize("key", [(), (1, 2, 3), (-1, 0), (2**64,)])
def test_bad_keys_are_refused(key: tuple[int, ...]) -> None:
    with pytest.raises(TrainingError, match="BG401"):
        permutation(3, key)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"BG401.*got 0"):
        minibatch_indices(10, 0, 0, 0)
