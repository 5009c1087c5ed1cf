"""Object files: which symbols code has and which it expects to find elsewhere; several files as one.

Reads the symbol table of a 64-bit little-endian ELF file, which is what LLVM emits in memory on Linux. Source: System V
Application Binary Interface, chapters 4 "Sections" and "Symbol Table".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
SYMBOL_TABLE = 2
MAGIC = b"\x7fELF\x02\x01"


def _name(strings: bytes, offset: int) -> str:
    return strings[offset : strings.index(b"\0", offset)].decode()


def symbols(code: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """The names that an object file defines, and those it uses only. Raises ValueError if it is not 64-bit ELF."""
    if not code.startswith(MAGIC):
        raise ValueError("not a 64-bit little-endian ELF object file")
    header = HEADER.unpack_from(code)
    first, size, count = header[6], header[11], header[12]
    sections = [SECTION.unpack_from(code, first + i * size) for i in range(count)]
    defined, used = set[str](), set[str]()
    for _, kind, _, _, offset, length, link, _, _, _ in sections:
        if kind == SYMBOL_TABLE:
            strings = code[sections[link][4] :][: sections[link][5]]
            for name, _, _, section, _, _ in SYMBOL.iter_unpack(code[offset : offset + length]):
                if name:
                    (defined if section else used).add(_name(strings, name))
    return frozenset(defined), frozenset(used)


def joined(codes: Sequence[bytes]) -> bytes:
    """Several object files as one piece: how many, the length of each, one behind the other."""
    return b"".join((struct.pack(f"<{1 + len(codes)}Q", len(codes), *map(len, codes)), *codes))


def separated(piece: bytes) -> list[bytes]:
    """The object files that `joined` made one piece of."""
    (count,) = struct.unpack_from("<Q", piece)
    at, codes = 8 + 8 * count, list[bytes]()
    for length in struct.unpack_from(f"<{count}Q", piece, 8):
        codes.append(piece[at : at + length])
        at += length
    return codes
