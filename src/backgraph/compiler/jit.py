"""The just-in-time compiler: an LLVM module in, native functions out. The only file that sees machine addresses.

Each library has an engine of its own, and each compilation a context: an engine shared by many modules keeps 12 KiB of
each, and the global context keeps every constant it has ever seen. The engine finds an address even for a symbol that
does not exist, without a word; so the symbols that object code needs are compared with a list before it is loaded.
(llvmlite 0.50 itself keeps 1,488 bytes of every pass builder, its list of callbacks, and nothing else.)

Nothing here may change a rounding. LLVM fuses or reorders arithmetic only where instructions carry fast-math flags, and
ours carry none; level 0 and level 3 give the same bits, which is tested.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache as once
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from llvmlite.binding.newpassmanagers import NewPassManager

from backgraph.compiler import cache
from backgraph.compiler.object_file import undefined_symbols
from backgraph.compiler.target import Target
from backgraph.errors import UsageError

ALLOWED = frozenset({"memcpy", "memset", "memmove"})
"""What generated code may call: LLVM writes loops that copy or fill as calls of these."""

WITHOUT_FMA = frozenset({"fma", "fmaf"})
"""What it may call as well where the machine cannot fuse: exact functions, so the same bits."""


@once
def _prepare() -> None:
    """LLVM's own start-up; once for the process."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def target_machine(target: Target, level: int) -> llvm.TargetMachine:
    """A new target machine; whoever makes an engine of it gives it away."""
    _prepare()
    family = llvm.Target.from_triple(target.triple)
    return family.create_target_machine(
        cpu=target.cpu, features=target.features, opt=level, reloc="static", codemodel="jitdefault", jit=True
    )


def optimize(module: llvm.ModuleRef, machine: llvm.TargetMachine, level: int) -> None:
    """Runs LLVM's standard pipeline of this level over the module, in place.

    The loops that matter arrive as vectors already, tiled and unrolled by the schedule: LLVM's own vectorisers and
    unrolling would only take time over what is left.
    """
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    passes = builder.getModulePassManager()
    passes.run(module, builder)
    # close() of the passes finds the empty method of another base class, and would keep 50 KiB (llvmlite 0.50).
    NewPassManager._dispose(passes)  # pyright: ignore[reportPrivateUsage]
    passes.detach()
    builder.close()
    options.close()


@contextmanager
def _optimized(text: str, target: Target, level: int) -> Generator[tuple[llvm.ModuleRef, llvm.TargetMachine]]:
    """The module of this LLVM text, checked and optimised, and a machine to emit it with."""
    machine, context = target_machine(target, level), llvm.create_context()
    module = llvm.parse_assembly(text, context)
    try:
        module.triple, module.data_layout = target.triple, str(machine.target_data)
        module.verify()
        optimize(module, machine, level)
        yield module, machine
    finally:
        for part in (module, machine, context):
            part.close()


def object_code(text: str, target: Target, level: int) -> bytes:
    """Object code of LLVM text."""
    with _optimized(text, target, level) as (module, machine):
        return machine.emit_object(module)


class Library:
    """Native code of one LLVM module, optimised at `level` 0 to 3 for `target`.

    `externals` are symbols that it may call besides memory copies. A module given as a function is made only where its
    object code is not in the cache under `key`. Raises UsageError (BG601) for a call of any other symbol, and
    RuntimeError if the module is not LLVM (a defect of the emitter).
    """

    def __init__(
        self,
        module: ir.Module | Callable[[], ir.Module],
        target: Target,
        level: int = 3,
        externals: frozenset[str] = frozenset(),
        key: str | None = None,
    ) -> None:
        self.target, self.level, self._module = target, level, module
        code = self._object_code() if key is None else cache.object_code(key, self._object_code)
        _check(code, ALLOWED | externals | (frozenset() if target.has_fma else WITHOUT_FMA))
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine(target, level))
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.close = weakref.finalize(self, self._engine.close)
        # A worker may still run when the interpreter ends: then the operating system takes the memory back.
        self.close.atexit = False

    def _text(self) -> str:
        return str(self._module() if callable(self._module) else self._module)

    def _object_code(self) -> bytes:
        return object_code(self._text(), self.target, self.level)

    def address(self, name: str) -> int:
        """Where the function lies; only as long as this library lives. Raises KeyError for an unknown name."""
        found = self._engine.get_function_address(name) if self.close.alive else 0
        if not found:
            raise KeyError(name)
        return found

    def function(self, name: str, restype: Any, *argtypes: Any) -> Callable[..., Any]:
        """The function as a callable with these ctypes; it releases the GIL and keeps this library alive."""
        call = ctypes.CFUNCTYPE(restype, *argtypes)(self.address(name))
        call.library = self  # pyright: ignore[reportAttributeAccessIssue]
        return call

    def ir(self) -> str:
        """The module after optimisation, as LLVM text."""
        with _optimized(self._text(), self.target, self.level) as (module, _):
            return str(module)

    def assembly(self) -> str:
        """The code as assembly text."""
        with _optimized(self._text(), self.target, self.level) as (module, machine):
            return machine.emit_assembly(module)


def _check(code: bytes, allowed: frozenset[str]) -> None:
    unknown = undefined_symbols(code) - allowed
    if unknown:
        names = ", ".join(sorted(unknown))
        raise UsageError("BG601", "compile", "generated code calls a function it may not", got=names)
