"""Row blocks: within the memory asked for, and the same bits as with all rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import backgraph as bg
from backgraph.compiler import blocks, budget, cache, contract, emit_reduce, program
from backgraph.compiler import call as calls
from backgraph.compiler.budget import arena_bytes, byte_count, peak_bytes
from backgraph.compiler.function import compile
from backgraph.compiler.program import Body
from backgraph.errors import TrainingError
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.models.mlp import MLP
from backgraph.optim import SGD, Adam
from backgraph.optim.optimizer import Optimizer
from backgraph.train.interrupt import Interrupt
from backgraph.train.native import NativeEngine, NativeLoop
from backgraph.train.step import training_step
from tests.compiler.programs import PROGRAMS
from tests.compiler.test_random_graphs import (  # noqa: F401  (a fixture)
    hostile_arena,  # pyright: ignore[reportUnusedImport]
    relaxed,
    with_gradients,
)
from tests.random_graphs import Graph, graphs

SHORT = 2
FEWER = max(6, settings().max_examples // 10)


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums are cut at multiples of 2, a block has 2 rows, and phases have more parts than threads: small graphs too."""
    for module in (emit_reduce, contract):
        monkeypatch.setattr(module, "CHUNK", SHORT)
    monkeypatch.setattr(program, "GRAIN", 1)
    monkeypatch.setattr(blocks, "BLOCK", SHORT)
    monkeypatch.setattr(budget, "BLOCK", SHORT)

    def two(_lives: object, body: Body, sizes: Mapping[str, int], limit: int | None, _scratch: int = 0) -> int:
        return SHORT if limit is not None and body.phases else max(int(sizes.get("m", 1)), 1)

    monkeypatch.setattr(calls, "rows_in_block", two)
    monkeypatch.setattr(cache, "known", lambda _key: None)
    monkeypatch.setattr(cache, "keep", lambda _codes: None)


def results(outputs: Sequence[Node], values: dict[Node, Array], memory: str | None, threads: int = 1) -> list[Array]:
    return compile(list(values), list(outputs), memory=memory, threads=threads)(*values.values())


def assert_same(outputs: Sequence[Node], values: dict[Node, Array]) -> None:
    whole = results(outputs, values, None)
    for ours, theirs in zip(results(outputs, values, "1GiB", threads=3), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.usefixtures("short_chunks")
def test_a_dozen_programs(name: str) -> None:
    assert_same(*PROGRAMS[name]())


@given(graphs(largest=25))
@settings(relaxed, max_examples=FEWER)
@pytest.mark.usefixtures("short_chunks")
def test_random_graphs(graph: Graph) -> None:
    assert_same(*with_gradients(graph))


def trained(mlp: MLP, rows: int, memory: str | None, optimizer: Optimizer) -> tuple[list[bytes], NativeLoop]:
    rng = np.random.default_rng(0)
    data = mlp.data(rng.normal(size=(rows, mlp.inputs)), rng.integers(0, mlp.outputs, rows))
    network = mlp.network
    step = training_step(network.cost, network.parameters, optimizer)
    engine, variables = NativeEngine(memory=memory, threads=2), step.arrays(mlp.initial(0))
    index = np.stack([rng.permutation(rows) for _ in range(2)])
    losses = engine.run(step, variables, data, index=index, scalars=step.schedule(0, 2), interrupt=Interrupt())
    return [losses.tobytes(), *(array.tobytes() for array in variables)], engine.loop(step, data)


def planned(loop: NativeLoop, rows: int, limit: int) -> tuple[int, int, int]:
    """Rows of a block, what the plan takes with them, and what the formula says."""
    compiled = loop.compiled
    place = compiled.program.in_place
    lives = [life for life in compiled.lives if life.value not in place and life.value not in compiled.outputs]
    block = budget.rows_in_block(lives, compiled.body, {"m": rows}, limit)
    asked = lives, compiled.body, {"m": rows}, block
    return block, arena_bytes(*asked), peak_bytes(*asked)


@pytest.mark.parametrize(
    "optimizer", [SGD(learning_rate=0.1), pytest.param(Adam(), marks=pytest.mark.slow)], ids=["sgd", "adam"]
)
def test_training_within_a_budget(optimizer: Optimizer) -> None:
    mlp = MLP(20, (17, 9), 4, decay=1e-3)
    whole, unbounded = trained(mlp, 1000, None, optimizer)
    parts, bounded = trained(mlp, 1000, "200KiB", optimizer)
    assert parts == whole
    assert bounded.arena_bytes <= 200 * 1024 < unbounded.arena_bytes
    block, taken, formula = planned(bounded, 1000, 200 * 1024)
    assert block in (256, 512)
    assert bounded.arena_bytes == taken == formula


@pytest.mark.slow
def test_a_minibatch_of_65536_rows_in_8_mib() -> None:
    mlp = MLP(784, (512,), 10, decay=1e-3)
    whole, _ = trained(mlp, 65_536, None, SGD(learning_rate=0.1))
    parts, loop = trained(mlp, 65_536, "8MiB", SGD(learning_rate=0.1))
    assert parts == whole
    _, taken, formula = planned(loop, 65_536, 8 * 2**20)
    assert loop.arena_bytes == taken == formula <= 8 * 2**20


def test_rows_that_depend_on_one_another_are_kept_whole() -> None:
    """A softmax over the batch needs all rows before it can give any."""
    X, W = bg.input("X", ("m", 5)), bg.parameter("W", (5, 3))
    outputs = [bg.sum(bg.softmax(X @ W, axis=0) ** 2)]
    rng = np.random.default_rng(1)
    values: dict[Node, Array] = {X: rng.normal(size=(700, 5)), W: rng.normal(size=(5, 3))}
    assert_same(outputs, values)


@pytest.mark.parametrize(
    ("memory", "what"),
    [
        ("8 parsecs", "BG401.*memory: not a size of memory; got 8 parsecs"),
        (0, "BG401.*not a size"),
        (-1, "BG401.*not a size"),
        (True, "BG401.*not a size"),
        ("1KiB", r"BG401.*memory: too little for this step; got 1024, expected \d+ or more"),
    ],
)
def test_what_is_no_budget(memory: Any, what: str) -> None:
    with pytest.raises(TrainingError, match=what):
        trained(MLP(20, (17,), 4), 600, memory, SGD(learning_rate=0.1))


@pytest.mark.parametrize(
    ("text", "number"), [("8MiB", 8 << 20), ("1.5 GB", 1_500_000_000), (77, 77), ("77", 77), ("2 kib", 2048)]
)
def test_sizes_of_memory(text: int | str, number: int) -> None:
    assert byte_count(text) == number
