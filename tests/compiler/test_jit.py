from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import pytest
from llvmlite import ir

from backgraph.compiler.jit import Library
from backgraph.compiler.object_file import symbols
from backgraph.compiler.target import host_levels, host_target
from backgraph.errors import UsageError

DOUBLE, I64 = ir.DoubleType(), ir.IntType(64)
STATUS = Path("/proc/self/statm")
needs_proc = pytest.mark.skipif(not STATUS.exists(), reason="memory is read from /proc")


def _function(name: str = "f", lanes: int = 0) -> tuple[ir.Module, ir.IRBuilder, ir.Function]:
    module = ir.Module("module")
    kind = ir.VectorType(DOUBLE, lanes) if lanes else DOUBLE
    function = ir.Function(module, ir.FunctionType(kind, [kind] * 3), name)
    return module, ir.IRBuilder(function.append_basic_block()), function


def _multiply_add(factor: float = 1.5, lanes: int = 0) -> ir.Module:
    module, b, function = _function(lanes=lanes)
    x, y, z = function.args
    if lanes:
        b.ret(b.fadd(b.fmul(x, y), z))
    else:
        b.ret(b.fadd(b.fmul(b.fmul(x, y), DOUBLE(factor)), z))
    return module


def _calls(callee: str) -> ir.Module:
    module, b, function = _function()
    other = ir.Function(module, ir.FunctionType(DOUBLE, [DOUBLE]), callee)
    b.ret(b.call(other, [function.args[0]]))
    return module


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("isa", host_levels())
def test_computes(isa: str, level: int) -> None:
    library = Library(_multiply_add(), host_target(isa), level)
    assert library.function("f", ctypes.c_double, *[ctypes.c_double] * 3)(2, 3, 4) == 13


@pytest.mark.parametrize("isa", [name for name in host_levels() if name != "baseline"])
def test_a_product_and_a_sum_are_not_contracted(isa: str) -> None:
    library = Library(_multiply_add(lanes=8), host_target(isa))
    assert "vfm" not in library.assembly()
    # (1 + 2⁻³⁰)² − (1 + 2⁻²⁹) is 2⁻⁶⁰ if fused, and 0 if the product is rounded.
    scalar = Library(_multiply_add(1.0), host_target(isa)).function("f", ctypes.c_double, *[ctypes.c_double] * 3)
    assert scalar(1 + 2.0**-30, 1 + 2.0**-30, -(1 + 2.0**-29)) == 0


@pytest.mark.skipif("avx512" not in host_levels(), reason="this machine lacks avx512")
def test_vectors_of_512_bits_stay_whole() -> None:
    assert "zmm" in Library(_multiply_add(lanes=8), host_target("avx512")).assembly()


def test_a_function_keeps_its_library_alive() -> None:
    function = Library(_multiply_add(), host_target()).function("f", ctypes.c_double, *[ctypes.c_double] * 3)
    gc.collect()
    assert function(2, 3, 4) == 13


def test_unknown_names_are_refused() -> None:
    library = Library(_multiply_add(), host_target())
    with pytest.raises(KeyError):
        library.address("g")


def test_a_closed_library_has_no_addresses() -> None:
    library = Library(_multiply_add(), host_target())
    library.close()
    library.close()
    with pytest.raises(KeyError):
        library.address("f")


@pytest.mark.parametrize("callee", ["sin", "no_such_function", "llvm.sin.f64"])
def test_calls_outside_the_list_are_refused(callee: str) -> None:
    with pytest.raises(UsageError, match=r"BG601.*function"):
        Library(_calls(callee), host_target())


def test_a_call_may_be_allowed() -> None:
    library = Library(_calls("sin"), host_target(), externals=frozenset({"sin"}))
    assert library.function("f", ctypes.c_double, *[ctypes.c_double] * 3)(0, 0, 0) == 0


def test_only_elf_is_read() -> None:
    with pytest.raises(ValueError, match="ELF"):
        symbols(b"MZ")


def test_the_text_of_a_library() -> None:
    library = Library(_multiply_add(), host_target())
    assert "fmul double" in library.ir()
    assert "f:" in library.assembly()


def _pages() -> int:
    return int(STATUS.read_text().split()[1])


def _maps() -> list[str]:
    return Path("/proc/self/maps").read_text().splitlines()


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize(("different", "kibibytes"), [(False, 0.5), (True, 2.5)])
def test_compiling_and_dropping_keeps_nothing(different: bool, kibibytes: float) -> None:
    """One graph again and again comes from the cache; of ever new ones llvmlite 0.50 itself keeps 1.6 KiB each, for the
    run of its optimiser. Without the close of its passes it is 57.
    """
    target = host_target()

    def make(number: int) -> None:
        Library(_multiply_add(number * different), target, key=None if different else "one graph")

    for i in range(300):
        make(i)
    pages, maps = _pages(), len(_maps())
    for i in range(1000, 2000):
        make(i)
    gc.collect()
    assert (_pages() - pages) * 4 / 1000 < kibibytes
    assert abs(len(_maps()) - maps) <= 16


@needs_proc
def test_no_page_is_writable_and_executable() -> None:
    before = sum("rwx" in line for line in _maps())
    library = Library(_multiply_add(), host_target())
    assert sum("rwx" in line for line in _maps()) == before
    library.close()
