"""The packed contraction kernel: the bits of the plain one, for every layout of its operands and any remainder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler import blocking as sizes_of_blocks
from backgraph.compiler import cache, nest_function, packed, schedule
from backgraph.compiler import call as calls
from backgraph.compiler.blocking import Blocking, blocking
from backgraph.compiler.contract import tile_shape
from backgraph.compiler.function import Function, compile
from backgraph.compiler.target import Target, host_levels, host_target
from backgraph.evaluate import evaluate
from backgraph.language.node import Node
from backgraph.language.op import Array
from tests.compiler.test_random_graphs import (  # noqa: F401  (fills arenas with NaN, and looks at their margins)
    hostile_arena,  # pyright: ignore[reportUnusedImport]
)

Build = Callable[[int, int, int, str], tuple[list[Node], Node]]


def rows_of_weights(_m: int, k: int, n: int, dtype: str) -> tuple[list[Node], Node]:
    X, W = bg.input("X", ("m", k), dtype), bg.parameter("W", (k, n), dtype)
    return [X, W], bg.relu(X @ W)


def weights_transposed(_m: int, k: int, n: int, dtype: str) -> tuple[list[Node], Node]:
    X, W = bg.input("X", ("m", k), dtype), bg.parameter("W", (n, k), dtype)
    return [X, W], X @ W.T


def sum_over_rows(m: int, k: int, n: int, dtype: str) -> tuple[list[Node], Node]:
    X, G = bg.input("X", ("k", m), dtype), bg.input("G", ("k", n), dtype)
    W = bg.parameter("W", (m, n), dtype)
    del k
    return [X, G, W], W - 0.5 * (X.T @ G)


def both_transposed(m: int, k: int, n: int, dtype: str) -> tuple[list[Node], Node]:
    A, B = bg.parameter("A", (k, m), dtype), bg.parameter("B", (n, k), dtype)
    return [A, B], A.T @ B.T


def several_at_once(m: int, k: int, n: int, dtype: str) -> tuple[list[Node], Node]:
    A, B = bg.parameter("A", (3, m, k), dtype), bg.parameter("B", (3, k, n), dtype)
    return [A, B], A @ B


LAYOUTS: dict[str, Build] = {
    each.__name__: each
    for each in (rows_of_weights, weights_transposed, sum_over_rows, both_transposed, several_at_once)
}
SIZES = [(2, 1, 2), (14, 16, 32), (15, 17, 33), (61, 40, 31), (40, 600, 70), (29, 257, 65)]
"""m, k, n of (m×k) @ (k×n): less than a tile, just one, a bit more, several blocks and chunks."""


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is packed, and a block holds two tiles of rows and two panels: small products then have many."""
    for name in ("WALK", "NARROW_WALK", "LEAST", "LARGE"):
        monkeypatch.setattr(sizes_of_blocks, name, 0)

    def small(dtype: str, target: Target) -> Blocking:
        tile = tile_shape(target, dtype)
        return Blocking(dtype, tile.rows, tile.vectors, tile.lanes, tiles=2, panels=2)

    for module in (packed, sizes_of_blocks):
        monkeypatch.setattr(module, "blocking", small)
    monkeypatch.setattr(cache, "known", lambda _key: None)
    monkeypatch.setattr(cache, "keep", lambda _codes: None)
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)


def values(leaves: Sequence[Node], m: int, k: int) -> dict[Node, Array]:
    rng = np.random.default_rng(3)
    sizes = {"m": m, "k": k}
    shapes = {leaf: tuple(n if isinstance(n, int) else sizes[str(n)] for n in leaf.shape) for leaf in leaves}  # type: ignore[union-attr]
    return {leaf: rng.normal(size=shape).astype(leaf.dtype) for leaf, shape in shapes.items()}


def plain(*_: object) -> bool:
    return False


def scratch(compiled: Function) -> int:
    return next(iter(compiled.programs.values())).compiled.scratch


@pytest.mark.parametrize("size", [pytest.param(each, marks=pytest.mark.slow) for each in SIZES[:-1]] + SIZES[-1:])
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.usefixtures("small_blocks")
def test_the_bits_of_the_plain_kernel(
    layout: str, dtype: str, size: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    m, k, n = size
    leaves, output = LAYOUTS[layout](m, k, n, dtype)
    table = values(leaves, m, k)
    with monkeypatch.context() as patch:
        for module, name in ((nest_function, "is_packed"), (sizes_of_blocks, "is_packed"), (schedule, "is_turned")):
            patch.setattr(module, name, plain)
        expected = compile(leaves, output, threads=1)(*table.values())
    for target in [None, *(host_target(isa) for isa in host_levels()[1:2])]:
        ours = compile(leaves, output, threads=2, target=target)
        np.testing.assert_array_equal(ours(*table.values()), expected)
        assert scratch(ours)
    bound = 1e-6 if dtype == "float32" else 1e-14
    right = evaluate(output, table)
    np.testing.assert_allclose(expected, right, rtol=0, atol=k * bound * float(abs(right).max()))


@pytest.mark.usefixtures("small_blocks")
def test_no_rows_sum_to_zero() -> None:
    leaves, output = sum_over_rows(20, 0, 20, "float32")
    table = values(leaves, 0, 0)
    np.testing.assert_array_equal(compile(leaves, output)(*table.values()), table[leaves[2]])


@pytest.mark.usefixtures("small_blocks")
def test_row_blocks_resume_packed_sums() -> None:
    X, W = bg.input("X", ("m", 40), "float32"), bg.parameter("W", (40, 50), "float32")
    G = bg.gradient(bg.sum(bg.tanh(X @ W) ** 2), [W]).nodes[0]
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(700, 40)).astype("float32"), rng.normal(size=(40, 50)).astype("float32")
    whole = compile([X, W], G, threads=2)(*arrays)
    np.testing.assert_array_equal(compile([X, W], G, threads=2, memory="240KiB")(*arrays), whole)


def test_large_products_are_packed_and_small_ones_are_not() -> None:
    target = host_target()
    for (m, k, n), expected in {(64, 2048, 512): True, (64, 100, 512): False, (64, 2048, 10): False}.items():
        leaves, output = rows_of_weights(m, k, n, "float32")
        ours = compile(leaves, output)
        ours(*values(leaves, m, k).values())
        assert scratch(ours) == (-(-blocking("float32", target).bytes // 64) * 64 if expected else 0)
