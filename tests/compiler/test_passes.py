"""Every pass keeps the values: at each boundary the nests, run in NumPy, give what the evaluator gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backgraph import evaluate
from backgraph.compiler.function import specialised
from backgraph.compiler.nest import Value, storage
from backgraph.compiler.pipeline import PASSES, lowered, scheduled
from backgraph.compiler.run_nests import run_nests
from backgraph.compiler.schedule import Program
from backgraph.compiler.schedule_text import schedule_text
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.train.native import NativeEngine
from tests.compiler.programs import PROGRAMS, Graph, attention_block, example, matrix_factorisation


def unscheduled(graph: Graph, in_place: dict[int, Node] | None = None) -> tuple[Program, dict[Value, Array]]:
    """The program before any pass, and the arrays of its arguments."""
    outputs, values = graph
    new_outputs, new = specialised(outputs, list(values), {})
    arguments = {leaf: Value(str(leaf.op), new[leaf].shape, leaf.dtype, "argument") for leaf in values}  # type: ignore[arg-type]
    places = {number: new[leaf] for number, leaf in (in_place or {}).items()}
    program, _ = lowered(new_outputs, {new[leaf]: value for leaf, value in arguments.items()}, places)
    return program, {arguments[leaf]: np.asarray(array) for leaf, array in values.items()}


def sizes_of(values: dict[Node, Array]) -> dict[str, int]:
    return {
        str(dim): n for leaf, array in values.items() for dim, n in zip(leaf.shape, np.shape(array), strict=True)  # type: ignore[arg-type]
        if not isinstance(dim, int)
    }  # fmt: skip


def constants(program: Program) -> dict[Value, Array]:
    found = {storage(r.value) for nest in program.nests for r in nest.reads}
    return {
        v: np.frombuffer(v.bits, v.dtype).reshape(tuple(int(str(n)) for n in v.shape))
        for v in found
        if v.role == "constant"
    }


def results(program: Program, given: dict[Value, Array], sizes: dict[str, int]) -> list[Array]:
    memory = run_nests(program.nests, given | constants(program), sizes)
    return [
        memory[storage(value)].reshape([n if isinstance(n, int) else n.at(sizes) for n in value.shape])
        for value in program.kept
    ]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_pass_keeps_the_values(name: str) -> None:
    graph = PROGRAMS[name]()
    expected = evaluate(*graph)
    program, given = unscheduled(graph)
    sizes = sizes_of(graph[1])
    for boundary, each in (("lower", None), *((p.name, p) for p in PASSES)):
        program = each.run(program) if each is not None else program
        found = results(program, given, sizes)[: len(expected)]  # then come guards
        for node, a, b in zip(graph[0], found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13, err_msg=f"{node.op} after {boundary}")


@pytest.mark.parametrize("name", PROGRAMS)
def test_scheduling_ends(name: str) -> None:
    """A second run of the passes that only move nests finds nothing to do."""
    program = scheduled(unscheduled(PROGRAMS[name]())[0])
    for each in PASSES:
        if each.name in ("drop unread", "pack"):
            assert [str(n) for n in each.run(program).nests] == [str(n) for n in program.nests]


@pytest.mark.parametrize("build", [attention_block, matrix_factorisation])
def test_schedules(build: Callable[[], Graph], golden: Callable[[str, str], None]) -> None:
    outputs, values = build()
    program, _ = unscheduled((outputs, values))
    golden(f"compile/{build.__name__}.txt", schedule_text(scheduled(program), sizes_of(values)))


def test_schedule_of_the_example(golden: Callable[[str, str], None]) -> None:
    step, _, data = example("sgd", "float32")
    program = NativeEngine().loop(step, data).compiled.program
    golden("compile/example.txt", schedule_text(program, {"m": 16}))
