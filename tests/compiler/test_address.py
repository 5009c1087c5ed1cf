"""Addresses of arrays, by either way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backgraph.compiler.address import address, read, told
from backgraph.language.op import Array

ARRAYS: dict[str, Callable[[], Array]] = {
    "plain": lambda: np.ones((3, 5)),
    "scalar": lambda: np.array(1.0),
    "empty": lambda: np.empty((0, 3), np.float32),
    "view": lambda: np.ones((6, 6))[2:, 3:],
    "transposed": lambda: np.ones((6, 2)).T,
    "backwards": lambda: np.arange(9)[::-1],
    "read only": lambda: np.broadcast_to(np.float32(1), (3, 3)),
    "of bytes": lambda: np.frombuffer(b"abcdef", np.uint8),
    "of a subclass": lambda: np.ones((2, 2)).view(np.recarray),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_both_ways_lead_to_one_place(name: str) -> None:
    array = ARRAYS[name]()
    assert address(array) == read(array) == told(array) == array.__array_interface__["data"][0]


def test_a_mapped_file(tmp_path: object) -> None:
    array = np.memmap(f"{tmp_path}/numbers", np.float64, "w+", shape=(4, 2))
    assert read(array[1:]) == told(array) + 16
