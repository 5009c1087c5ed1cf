from __future__ import annotations

from dataclasses import replace

import llvmlite.binding as llvm
import pytest

import backgraph as bg
from backgraph.compiler import target
from backgraph.compiler.jit import ALLOWED, object_code
from backgraph.compiler.nest import Value
from backgraph.compiler.object_file import symbols
from backgraph.compiler.pipeline import in_memory, in_phases, lowered, scheduled
from backgraph.compiler.program import build
from backgraph.compiler.target import host_levels, host_target
from backgraph.errors import UsageError


def test_the_fastest_level_is_the_default() -> None:
    assert host_target().name == host_levels()[0]


def test_every_machine_has_the_baseline() -> None:
    assert host_levels()[-1] == "baseline"


@pytest.mark.parametrize("name", host_levels())
def test_a_level_can_be_forced(name: str) -> None:
    found = host_target(name)
    assert found.name == name
    assert found.lanes(32) * 32 == found.lanes(64) * 64 == found.vector_bits


def test_an_unknown_level_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"BG601.*did you mean baseline\?"):
        host_target("bassline")


def test_a_missing_level_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "host_levels", lambda: ("baseline",))
    with pytest.raises(UsageError, match=r"BG601.*this machine lacks"):
        host_target("avx512")


def test_code_for_other_machines_uses_their_vectors() -> None:
    """AArch64: vector multiply-adds in registers, no call of a C library. (Emitted here, run on such machines only.)"""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    arm = replace(
        host_target("baseline"), cpu="generic", triple="aarch64-unknown-linux-gnu", registers=32, has_fma=True
    )
    X, W = bg.input("X", ("m", 64), "float32"), bg.parameter("W", (64, 40), "float32")
    arguments = {leaf: Value(str(leaf.op), leaf.shape, leaf.dtype, "argument") for leaf in (X, W)}  # type: ignore[arg-type]
    program, groups, body = in_phases(scheduled(lowered([bg.tanh(X @ W)], arguments, {})[0]), None)
    parts = build(groups, in_memory(program, list(arguments.values())), arm, body)
    codes = [object_code(part.text(), arm, 3) for part in parts]
    defined, used = (frozenset().union(*names) for names in zip(*map(symbols, codes), strict=True))
    assert used <= ALLOWED | {"sched_yield"} | defined
    assert {code[18:20] for code in codes} == {b"\xb7\x00"}  # ELF's number of AArch64
