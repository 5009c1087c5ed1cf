from __future__ import annotations

import re

import pytest

import backgraph as bg
from backgraph.compiler.contract import tile_shape
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
    tile, held = tile_shape(target, dtype), target.lanes(8 * BYTES[dtype])
    across = tile.vectors * tile.lanes // held
    assert tile.rows * across + across < target.registers, "sums, columns of B, and one element of A"
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
