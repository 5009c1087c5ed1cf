"""The just-in-time compiler: LLVM modules in, native functions out. The only file that sees machine addresses.

A library is made of parts, a module each. Several are compiled at a time, one by a thread, and those whose code is kept
(`compiler.cache`) not at all: nets that have layers in common share their code.

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
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache as once
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from llvmlite.binding.ffi import lib  # pyright: ignore[reportMissingTypeStubs]
from llvmlite.binding.newpassmanagers import NewPassManager

from backgraph.compiler import cache
from backgraph.compiler.object_file import joined, separated, symbols
from backgraph.compiler.processors import available_processors
from backgraph.compiler.target import Target
from backgraph.errors import UsageError

ALLOWED = frozenset({"memcpy", "memset", "memmove"})
"""What generated code may call: LLVM writes loops that copy or fill as calls of these."""

WITHOUT_FMA = frozenset({"fma", "fmaf"})
"""What it may call as well where the machine cannot fuse: exact functions, so the same bits."""

LONG_CALLS = ("LLVMPY_RunNewModulePassManager", "LLVMPY_TargetMachineEmitToMemory")
"""Where compiling takes its time. Modules in contexts of their own may be worked on at once."""


@once
def _prepare() -> None:
    """LLVM's own start-up, once for the process. llvmlite lets one call in at a time; not these any more."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for name in LONG_CALLS:
        getattr(lib, name)._lock = nullcontext()


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


@dataclass(frozen=True)
class Part:
    """A module of a library. Parts of one `key` have the same code, in any library; that without one is not kept."""

    make: Callable[[], ir.Module]
    key: str | None = None

    def text(self) -> str:
        """The module, as LLVM text."""
        return str(self.make())


def compiled(parts: Sequence[Part], target: Target, level: int) -> list[bytes]:
    """Object code of each part: kept, or else compiled, with as many threads as there are processors."""
    _prepare()  # here, as no thread may start LLVM while another compiles
    codes = {part: None if part.key is None else cache.known(part.key) for part in parts}
    missing = [part for part, code in codes.items() if code is None]

    def make(part: Part) -> bytes:
        return object_code(part.text(), target, level)

    threads = min(available_processors(), len(missing))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            codes |= zip(missing, pool.map(make, missing), strict=True)
    else:
        codes |= {part: make(part) for part in missing}
    cache.keep({part.key: code for part in missing if part.key is not None and (code := codes[part]) is not None})
    return [code for code in codes.values() if code is not None]


class Library:
    """Native code of one or several LLVM modules, optimised at `level` 0 to 3 for `target`.

    `externals` are symbols that it may call besides memory copies and each other. Parts given as a function are made
    only where their object code is not in the cache under `key`. Raises UsageError (BG601) for a call of any other
    symbol, and RuntimeError if a module is not LLVM (a defect of the emitter).
    """

    def __init__(
        self,
        parts: ir.Module | Callable[[], Sequence[Part]],
        target: Target,
        level: int = 3,
        externals: frozenset[str] = frozenset(),
        key: str | None = None,
    ) -> None:
        self.target, self.level = target, level
        self._parts = (lambda: [Part(lambda: parts)]) if isinstance(parts, ir.Module) else parts
        codes = separated(self._object_code() if key is None else cache.object_code(key, self._object_code))
        _check(codes, ALLOWED | externals | (frozenset() if target.has_fma else WITHOUT_FMA))
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine(target, level))
        for code in codes:
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.close = weakref.finalize(self, self._engine.close)
        # A worker may still run when the interpreter ends: then the operating system takes the memory back.
        self.close.atexit = False

    def _object_code(self) -> bytes:
        return joined(compiled(self._parts(), self.target, self.level))

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
        """The modules after optimisation, as LLVM text."""
        return self._shown(lambda module, _: str(module))

    def assembly(self) -> str:
        """The code as assembly text."""
        return self._shown(lambda module, machine: machine.emit_assembly(module))

    def _shown(self, show: Callable[[llvm.ModuleRef, llvm.TargetMachine], str]) -> str:
        shown: list[str] = []
        for part in self._parts():
            with _optimized(part.text(), self.target, self.level) as found:
                shown.append(show(*found))
        return "\n".join(shown)


def _check(codes: Sequence[bytes], allowed: frozenset[str]) -> None:
    found = [symbols(code) for code in codes]
    known = allowed.union(*(defined for defined, _ in found))
    unknown = frozenset[str]().union(*(used for _, used in found)) - known
    if unknown:
        names = ", ".join(sorted(unknown))
        raise UsageError("BG601", "compile", "generated code calls a function it may not", got=names)
