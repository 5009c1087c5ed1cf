"""An image of palette colours as PNG, stored without compression, so that the same pixels always give the same bytes.

Portable Network Graphics (PNG) Specification, W3C (2003): signature, IHDR, PLTE, IDAT, IEND.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from backgraph.language.op import Array


def data_uri(pixels: Array, palette: Sequence[tuple[int, int, int]]) -> str:
    """A `data:` address of the image; `pixels` are rows of indices into a palette of at most 256 colours."""
    return "data:image/png;base64," + base64.b64encode(png(pixels, palette)).decode("ascii")


def png(pixels: Array, palette: Sequence[tuple[int, int, int]]) -> bytes:
    """The file."""
    rows = np.asarray(pixels, np.uint8)
    height, width = rows.shape
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = bytes(part for colour in palette for part in colour)
    chunks = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
