"""The keyed random mask: the generator's known answers, its independence of everything but the key, dropout."""

from __future__ import annotations

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler.function import compile
from backgraph.errors import GraphError
from backgraph.language.ops.random import philox, random_mask

# From the paper's own collection of known answers for philox4x32, 10 rounds.
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_known_answers(counter: list[int], key: list[int], expected: list[int]) -> None:
    assert [int(word) for word in philox(counter, key)] == expected


def test_mask_depends_on_key_and_stream_alone() -> None:
    key = bg.input("key", (), "int64")
    a, b = random_mask(key, (50, 40), 0.25), random_mask(key, (50, 40), 0.25, stream=1)
    first, second = bg.evaluate([a, b], {key: 7})
    assert np.array_equal(first, bg.evaluate(a, {key: 7}))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, bg.evaluate(a, {key: 8}))
    for mask in (first, second):
        assert set(np.unique(mask)) == {0.0, 1.0}
        assert abs((mask == 0).mean() - 0.25) < 0.03
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


def test_compiled_is_the_same_to_the_bit() -> None:
    key, x = bg.input("key", (), "int64"), bg.input("x", ("m", 37), "float32")
    y = bg.dropout(x, key, 0.3, stream=2)
    function = compile([key, x], y)
    for rows, number in ((5, -1), (33, 2**40 + 3)):
        values = {key: np.int64(number), x: np.random.default_rng(0).normal(size=(rows, 37)).astype("f4")}
        np.testing.assert_array_equal(function(*values.values()), bg.evaluate(y, values))


def test_four_neighbours_have_the_four_words_of_one_counter() -> None:
    key, stream, rate = 2**40 + 3, 5, 0.5
    mask = bg.evaluate(random_mask(bg.constant(np.array(key)), (2, 3, 6), rate, stream), {})
    for line in range(6):
        words = [w for block in range(2) for w in philox((block, line, stream, 0), (key % 2**32, key >> 32))]
        kept = [int(word) >= 2**31 for word in words][:6]
        np.testing.assert_array_equal(mask.reshape(6, 6)[line], kept)


@pytest.mark.parametrize("length", [1, 3, 16, 50, 131, 200])
def test_masks_of_odd_lines_are_the_same_to_the_bit(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared by columns, moved, turned, cut: also where 16 neighbours do not begin at a multiple of 4."""
    key = bg.input("key", (), "int64")
    line, grid = random_mask(key, (length,), 0.4, stream=1), random_mask(key, (3, length), 0.4, stream=2)
    outputs = [line, grid, bg.transpose(grid), grid[:, length // 3 :], line[length // 7 :]]
    expected = bg.evaluate(outputs, {key: -9})
    for threads in (1, 2, 3):
        monkeypatch.setattr("backgraph.compiler.function.number_of_threads", lambda *_, n=threads: n)
        for ours, theirs in zip(compile([key], outputs)(np.array(-9)), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_gradient_flows_through_what_is_kept() -> None:
    key, x = bg.input("key", (), "int64"), bg.parameter("x", (200,))
    (g,) = bg.gradient(bg.sum(bg.dropout(x, key)), x)
    slope = bg.evaluate(g, {key: 3, x: np.ones(200)})
    assert set(np.unique(slope)) == {0.0, 2.0}


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_rate_out_of_range(rate: float) -> None:
    with pytest.raises(GraphError, match="BG109"):
        random_mask(bg.input("key", (), "int64"), (3,), rate)
