"""Costly functions that several maps need: computed once, where that is less, and the same bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import backgraph as bg
from backgraph.compiler import pipeline
from backgraph.compiler.common import common
from backgraph.compiler.function import compile
from backgraph.compiler.nest import Call, Expr
from backgraph.compiler.pipeline import in_memory, scheduled
from backgraph.compiler.schedule import Program
from tests.compiler.programs import gated
from tests.compiler.test_passes import unscheduled
from tests.compiler.test_random_graphs import with_gradients
from tests.random_graphs import Graph, graphs


def calls(program: Program, name: str) -> int:
    """How often a function is called in all bodies."""
    return sum(each.name == name for nest in program.nests for write in nest.writes for each in within(write.body))


def within(expr: Expr) -> Iterator[Call]:
    if isinstance(expr, Call):
        yield expr
        for argument in expr.arguments:
            yield from within(argument)


def test_silu_and_its_derivative_share_the_sigmoid() -> None:
    program = scheduled(unscheduled(gated())[0])
    assert calls(program, "sigmoid") == 2  # layers
    labels = [value.label for value in in_memory(program, [])]
    assert labels.count("sigmoid") == 1  # of the first layer; the derivative of the last one runs with it
    assert labels.count("matmul") == 3  # the three gradients: what goes into silu stays in registers


def test_what_has_fewer_elements_than_its_readers_is_not_kept() -> None:
    """exp(y) of 17 numbers in maps of m × 17: kept by them it would be computed as often, and read besides."""
    x, y = bg.input("x", ("m", 17)), bg.input("y", (17,))
    program, _ = unscheduled(([bg.exp(y) * x, bg.exp(y) + x], {x: np.ones((3, 17)), y: np.ones(17)}))
    inlined = next(each for each in pipeline.PASSES if each.name == "inline").run(program)
    assert common(inlined) is inlined


def test_the_pass_gives_the_same_program_each_time() -> None:
    texts = {str([str(nest) for nest in scheduled(unscheduled(gated())[0]).nests]) for _ in range(5)}
    assert len(texts) == 1


@given(graphs())
@settings(
    max_examples=max(8, settings().max_examples // 8),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_the_same_bits_with_and_without(graph: Graph) -> None:
    outputs, values = with_gradients(graph)
    others = tuple(each for each in pipeline.PASSES if each.run is not common)
    ours = compile(list(values), outputs)(*values.values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "PASSES", others)
        theirs = compile(list(values), outputs)(*values.values())
    for a, b in zip(ours, theirs, strict=True):
        assert a.tobytes() == b.tobytes()
