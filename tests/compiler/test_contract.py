from __future__ import annotations

import re

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler.contract import FEW, single_row, tile_shape
from backgraph.compiler.function import compile
from backgraph.compiler.llvm import BYTES, LANES
from backgraph.compiler.target import host_levels, host_target

FUSED = tuple(level for level in host_levels() if host_target(level).has_fma)


def busiest(assembly: str) -> str:
    """From its label to its last multiply-add, the block with most of them: the kernel's innermost loop."""
    blocks = re.findall(r"^\.LBB\w+:\n(?:\t.*\n)*\tvfmadd.*", assembly, re.MULTILINE)
    return max(blocks, key=lambda block: block.count("vfmadd"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", host_levels())
def test_a_tile_fits_the_registers(level: str, dtype: str) -> None:
    target = host_target(level)
    for tile in (tile_shape(target, dtype), single_row(target, dtype)):
        across = tile.vectors * tile.lanes // target.lanes(8 * BYTES[dtype])
        in_flight = across if tile.rows > 1 else 1
        assert tile.rows * across + in_flight < target.registers, "sums, columns of B, and one element of A"
        assert LANES % tile.lanes == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", FUSED)
@pytest.mark.parametrize("depth", [12, 2048])
def test_the_innermost_loop_stays_in_registers(level: str, dtype: str, depth: int) -> None:
    """Plain and packed: nothing is put on the stack and taken back between multiply-adds."""
    target = host_target(level)
    X, W = bg.parameter("X", (420, depth), dtype), bg.parameter("W", (depth, 512), dtype)
    compiled = compile([X, W], X @ W, threads=1, target=target).program({}).compiled
    assert bool(compiled.scratch) == (depth == 2048)
    block, tile = busiest(compiled.library.assembly()), tile_shape(target, dtype)
    across = tile.vectors * tile.lanes // target.lanes(8 * BYTES[dtype])
    assert block.count("vfmadd") == tile.rows * across
    assert "%rsp" not in block


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", host_levels())
@pytest.mark.parametrize("columns", [1, 16, 70, 128, 300])
def test_few_rows_have_the_bits_of_many(level: str, dtype: str, columns: int) -> None:
    """Also where threads share the columns, where k takes two chunks, and where the matrix lies the other way."""
    random = np.random.default_rng(1)
    depth = 300 if columns > 16 else 20
    X, W = bg.input("X", ("m", depth), dtype), bg.parameter("W", (depth, columns), dtype)
    V = bg.parameter("V", (columns, depth), dtype)
    f = compile([X, W, V], [bg.tanh(X @ W), X @ V.T], target=host_target(level))
    x, w, v = (random.normal(size=size).astype(dtype) for size in ((40, depth), (depth, columns), (columns, depth)))
    many = f(x, w, v)
    for rows in (1, 2, FEW, FEW + 1):
        for few, whole in zip(f(x[:rows], w, v), many, strict=True):
            np.testing.assert_array_equal(few, whole[:rows])
