"""Targets: what instruction sets this machine offers, found by feature flags and never by the reported CPU name.

Under virtualisation the name can be wrong (a `rocketlake` with the tiles of a later machine), so code is generated
for one of LLVM's generic levels `x86-64-v4` (AVX-512), `x86-64-v3` (AVX2) or the platform's baseline. The levels
differ in speed alone: every level computes the same bits (decision 9), which is tested by forcing one.

Vocabulary: a *target* is an instruction set with its vector width and number of vector registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm

from backgraph.errors import UsageError, nearest

AVX2_FLAGS = ("avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
AVX512_FLAGS = (*AVX2_FLAGS, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")


@dataclass(frozen=True)
class Target:
    """What code is generated for: LLVM's names, and the figures that tile sizes are chosen by.

    Without `has_fma` a fused multiply-add is a call of the C library's `fma`: slow, but the same bits.
    """

    name: str
    cpu: str
    features: str
    triple: str
    vector_bits: int
    registers: int
    has_fma: bool

    def lanes(self, bits: int = 32) -> int:
        """How many numbers of so many bits one vector register holds."""
        return self.vector_bits // bits


def _avx512(triple: str) -> Target:
    # LLVM's tuning of this level splits 512-bit vectors, a caution for machines that lowered their clock for them.
    return Target("avx512", "x86-64-v4", "-prefer-256-bit", triple, vector_bits=512, registers=32, has_fma=True)


def _avx2(triple: str) -> Target:
    return Target("avx2", "x86-64-v3", "", triple, vector_bits=256, registers=16, has_fma=True)


def _baseline(triple: str) -> Target:
    if triple.startswith(("aarch64", "arm64")):
        return Target("baseline", "generic", "", triple, vector_bits=128, registers=32, has_fma=True)
    cpu = "x86-64" if triple.startswith("x86_64") else ""
    return Target("baseline", cpu, "", triple, vector_bits=128, registers=16, has_fma=False)


_LEVELS = {"avx512": (AVX512_FLAGS, _avx512), "avx2": (AVX2_FLAGS, _avx2), "baseline": ((), _baseline)}
"""From the fastest to the one that every machine has: the flags a level needs, and its target."""


@cache
def host_levels() -> tuple[str, ...]:
    """The levels this machine has, fastest first."""
    flags = llvm.get_host_cpu_features()
    return tuple(name for name, (needed, _) in _LEVELS.items() if all(flags.get(flag, False) for flag in needed))


def host_target(isa: str | None = None) -> Target:
    """The fastest target of this machine, or the one named: "avx512", "avx2" or "baseline".

    Raises UsageError (BG601) for an unknown name and for one that this machine lacks.
    """
    levels = host_levels()
    name = levels[0] if isa is None else isa
    if name not in levels:
        what = "this machine lacks the instruction set" if name in _LEVELS else "unknown instruction set"
        hint = nearest(name, list(levels))
        raise UsageError("BG601", "target", what, got=isa, expected=" or ".join(levels), hint=hint)
    return _LEVELS[name][1](llvm.get_process_triple())
