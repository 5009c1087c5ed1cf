"""Without AVX, and without a fused multiply-add, the same bits: code for what every x86-64 machine has."""

from __future__ import annotations

import dataclasses

import pytest

from backgraph.compiler import call as calls
from backgraph.compiler.function import compile
from backgraph.compiler.target import Target, host_target
from tests.compiler.guarded import survives
from tests.compiler.programs import PROGRAMS, batches, example
from tests.compiler.test_native_engine import NativeEngine, assert_same, run

QUICK = ("affine_logsumexp", "rows_computed")
NAMES = (*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in PROGRAMS if name not in QUICK))


def without_avx() -> Target:
    """The baseline, with every later feature forbidden by name."""
    found = host_target("baseline")
    if not found.triple.startswith("x86_64"):
        pytest.skip("this machine is no x86-64")
    return dataclasses.replace(found, features="-avx,-avx2,-avx512f,-fma,-f16c,-sse4.2,-sse4.1,-ssse3,-sse3")


@pytest.mark.parametrize("name", NAMES)
def test_programs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WORK_PER_THREAD", 1)
    outputs, values = PROGRAMS[name]()
    expected = compile(list(values), outputs, threads=1)(*values.values())
    for threads in (1, 2):
        f = compile(list(values), outputs, threads=threads, target=without_avx())
        for a, b in zip(f(*values.values()), expected, strict=True):
            assert a.tobytes() == b.tobytes()
    survives(lambda: f(*values.values()))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training(dtype: str) -> None:
    step, variables, data = example("adam", dtype)
    expected = run(NativeEngine(1), step, variables, data, batches(4))
    assert_same(run(NativeEngine(2, without_avx()), step, variables, data, batches(4)), expected)


def test_no_vector_of_avx_in_the_code() -> None:
    outputs, values = PROGRAMS["affine_logsumexp"]()
    f = compile(list(values), outputs, target=without_avx())
    f(*values.values())
    (program,) = f.programs.values()
    assembly = program.compiled.library.assembly()
    assert "xmm" in assembly
    assert "ymm" not in assembly
    assert "zmm" not in assembly
