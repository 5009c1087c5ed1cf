"""Random graphs, compiled: what the evaluator gives, the same bits however they are run, and no stray byte touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from backgraph import evaluate
from backgraph.calculus.backprop import backpropagate
from backgraph.calculus.numerical import extended, size_of_terms
from backgraph.compiler import call as calls
from backgraph.compiler.function import compile
from backgraph.compiler.target import host_target
from backgraph.errors import UsageError
from backgraph.language.node import Node
from backgraph.language.op import Array
from tests.compiler.guarded import FORKS, survives
from tests.random_graphs import Graph, graphs, leaves_in

TOLERANCE = 1e-13
CANARY = 192
MARGIN = 256
relaxed = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
)


def with_gradients(graph: Graph) -> tuple[list[Node], dict[Node, Array]]:
    outputs, values = graph
    table, _ = backpropagate(outputs[0], leaves_in(values))
    return [*outputs, *(table[leaf] for leaf in leaves_in(values) if leaf in table)], values


@pytest.fixture(autouse=True)
def hostile_arena(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Array]]:
    """Arenas start full of NaN, with margins that must stay as they are."""
    blocks: list[Array] = []

    def new_arena(size: int) -> Array:
        block = np.full(size + 2 * MARGIN + 64, CANARY, np.uint8)
        start = MARGIN + -(block.ctypes.data + MARGIN) % 64
        block[start : start + size] = 255
        blocks.append(block)
        blocks.append(np.array([start, size]))
        return block[start : start + size]

    monkeypatch.setattr(calls, "new_arena", new_arena)
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)
    yield blocks
    for block, (start, size) in zip(blocks[::2], blocks[1::2], strict=True):
        assert (block[:start] == CANARY).all()
        assert (block[start + size :] == CANARY).all()


def run(outputs: Sequence[Node], values: dict[Node, Array], **options: object) -> list[Array]:
    return compile(list(values), list(outputs), **options)(*values.values())  # type: ignore[arg-type]


@given(graphs(), strategies.integers(0, 3))
@relaxed
def test_compiled_is_what_the_evaluator_gives(graph: Graph, level: int) -> None:
    outputs, values = with_gradients(graph)
    sizes = size_of_terms(outputs, values)
    exact = evaluate(outputs, extended(values))
    f = compile(list(values), outputs, threads=1, level=level)
    results = f(*values.values())
    for node, found, right, size in zip(outputs, results, exact, sizes, strict=True):
        assert np.all(abs(found - np.asarray(right)) <= TOLERANCE * np.maximum(size, 1e-300)), str(node.op)
    if FORKS:
        survives(lambda: f(*values.values()))


def isas() -> list[str]:
    found: list[str] = []
    for name in ("avx512", "avx2", "baseline"):
        try:
            host_target(name)
        except UsageError:
            continue
        found.append(name)
    return found


@given(graphs(largest=25))
@settings(relaxed, max_examples=max(8, settings.default.max_examples // 8))
def test_the_same_bits_however_it_runs(graph: Graph) -> None:
    outputs, values = with_gradients(graph)
    first = run(outputs, values, threads=1)
    others = [run(outputs, values, threads=n) for n in (2, 3, 16)]
    others += [run(outputs, values, target=host_target(isa), threads=1) for isa in isas()[1:]]
    others.append(run(outputs, values, threads=1, level=0))
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a, b)
