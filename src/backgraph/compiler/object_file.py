"""Object files: which symbols does freshly generated code expect to find elsewhere?

Reads the symbol table of a 64-bit little-endian ELF file, which is what LLVM emits in memory on Linux. Source: System V
Application Binary Interface, chapters 4 "Sections" and "Symbol Table".
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
SYMBOL_TABLE = 2
MAGIC = b"\x7fELF\x02\x01"


def _name(strings: bytes, offset: int) -> str:
    return strings[offset : strings.index(b"\0", offset)].decode()


def undefined_symbols(code: bytes) -> frozenset[str]:
    """The names that an object file uses but does not define. Raises ValueError if it is not 64-bit ELF."""
    if not code.startswith(MAGIC):
        raise ValueError("not a 64-bit little-endian ELF object file")
    header = HEADER.unpack_from(code)
    first, size, count = header[6], header[11], header[12]
    sections = [SECTION.unpack_from(code, first + i * size) for i in range(count)]
    found: set[str] = set()
    for _, kind, _, _, offset, length, link, _, _, _ in sections:
        if kind == SYMBOL_TABLE:
            strings = code[sections[link][4] :][: sections[link][5]]
            symbols = SYMBOL.iter_unpack(code[offset : offset + length])
            found |= {_name(strings, symbol[0]) for symbol in symbols if symbol[0] and symbol[3] == 0}
    return frozenset(found)
