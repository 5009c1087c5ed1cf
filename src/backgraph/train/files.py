"""Tensor files: what was saved loads whole or not at all.

A tensor file is safetensors: eight bytes with the length of a JSON header, the header, the tensors. The header holds,
in its metadata, our format version, the SHA-256 of the whole file (taken with the digest itself as zeros) and the
caller's JSON. Loading parses JSON and copies bytes; it executes nothing. `train.disk` says how it gets to the disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from backgraph.errors import FileError, UsageError
from backgraph.train.disk import save_atomically

Tensors: TypeAlias = dict[str, npt.NDArray[Any]]

FORMAT = 1
"""The version of the file format; a file with a greater one is refused."""
KEY = "backgraph"
RESERVED = "__metadata__"
"""The entry of a safetensors header that is no tensor."""
NO_DIGEST = "0" * 64
LENGTH_BYTES = 8

HOSTILE: tuple[tuple[bytes, str], ...] = (
    (b"\x80\x02", "a pickle, which could run code"),
    (b"\x80\x03", "a pickle, which could run code"),
    (b"\x80\x04", "a pickle, which could run code"),
    (b"\x80\x05", "a pickle, which could run code"),
    (b"PK\x03\x04", "a zip archive (.pt, .npz, .keras), which may hold a pickle"),
    (b"\x89HDF\r\n\x1a\n", "HDF5 (.h5)"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"\x1f\x8b", "gzip"),
    (b"\x7fELF", "a program"),
    (b"#!", "a script"),
)
"""How files begin that are mistaken for models, and the word for them."""


def save_tensors(path: str | os.PathLike[str], tensors: Mapping[str, npt.NDArray[Any]], metadata: object) -> None:
    """Saves `tensors` and `metadata` (anything that is JSON; floats keep their bits) at `path`, atomically.

    The same tensors and metadata give the same bytes. Raises UsageError BG601 for what is neither, SaveError BG551.
    """
    content = pack(tensors, metadata)

    def write(file: BinaryIO) -> None:
        file.write(content)

    save_atomically(path, write)


def pack(tensors: Mapping[str, npt.NDArray[Any]], metadata: object) -> bytes:
    """The bytes of a tensor file. UsageError BG601 for a tensor that is not numbers, or metadata that is not JSON."""
    from safetensors import SafetensorError
    from safetensors.numpy import save

    # The digest comes first and nothing before it can contain 64 zeros, so its place is that of the first.
    try:
        described = {"sha256": NO_DIGEST, "format": FORMAT, "metadata": metadata}
        text = json.dumps(described, allow_nan=False, ensure_ascii=True)
        plain = save({name: _plain(name, tensors[name]) for name in sorted(tensors)}, {KEY: text})
    except (TypeError, ValueError, RecursionError, KeyError, SafetensorError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError("BG601", "save", "cannot be written", got=str(error), expected="tensors and JSON") from None
    return plain.replace(NO_DIGEST.encode(), hashlib.sha256(plain).hexdigest().encode(), 1)


def _plain(name: str, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`tensor` in C order and little-endian, as safetensors stores it; 0-dimensional ones stay so."""
    if name == RESERVED:
        raise UsageError("BG601", f"tensor {name!r}", "has the name of the metadata", expected="another name")
    if tensor.dtype.kind not in "biuf":
        raise UsageError("BG601", f"tensor {name!r}", "is not real numbers", got=str(tensor.dtype), expected="numbers")
    return np.array(tensor, dtype=tensor.dtype.newbyteorder("<"), order="C")


def load_tensors(path: str | os.PathLike[str]) -> tuple[Tensors, Any]:
    """The tensors and the metadata that `save_tensors` wrote at `path`.

    Raises FileError BG501 when it cannot be read, BG502 when a byte has changed, the end is missing or it is a file of
    another kind, BG503 when a newer version wrote it.
    """
    return unpack(_content(path), os.fspath(path))


def _content(path: str | os.PathLike[str]) -> bytes:
    try:
        with Path(path).open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileError("BG501", os.fspath(path), "is not a file", expected="a model file")
            return file.read()
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        reason = error.strerror if isinstance(error, OSError) else None
        raise FileError("BG501", os.fspath(path), "cannot be read", got=reason or str(error)) from None


def unpack(content: bytes, where: str) -> tuple[Tensors, Any]:
    """The tensors and the metadata in the bytes of a tensor file; errors as of `load_tensors`, at `where`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        described = _described(content, where)
    except FileError:
        # Not before: the length of a header may happen to be the bytes that another kind of file begins with.
        for mark, word in HOSTILE:
            if content.startswith(mark):
                raise FileError("BG502", where, f"is {word}", expected="a file that backgraph saved") from None
        raise
    _check_format(described.get("format"), where)
    _check_digest(content, described.get("sha256"), where)
    try:
        return load(content), described.get("metadata")
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise _damaged(where, str(error)) from None


def _damaged(where: str, reason: str) -> FileError:
    return FileError("BG502", where, "is damaged, truncated or of another kind", got=reason)


def _described(content: bytes, where: str) -> dict[str, Any]:
    """What the header says under KEY."""
    length = int.from_bytes(content[:LENGTH_BYTES], "little")
    if len(content) < LENGTH_BYTES or length > len(content) - LENGTH_BYTES:
        raise _damaged(where, f"{len(content)} bytes")
    try:
        header = json.loads(content[LENGTH_BYTES : LENGTH_BYTES + length])
        described = json.loads(header[RESERVED][KEY])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(where, "a header without our metadata") from None
    if not isinstance(described, dict):
        raise _damaged(where, "a header without our metadata")
    return cast("dict[str, Any]", described)


def _check_format(version: object, where: str) -> None:
    if type(version) is not int or version < 1:
        raise _damaged(where, f"format {version!r}")
    if version > FORMAT:
        hint = "pip install --upgrade backgraph"
        raise FileError("BG503", where, "was saved by a newer backgraph", got=version, expected=f"{FORMAT}", hint=hint)


def _check_digest(content: bytes, digest: object, where: str) -> None:
    if not isinstance(digest, str) or len(digest) != len(NO_DIGEST) or not digest.isascii():
        raise _damaged(where, "no digest")
    if hashlib.sha256(content.replace(digest.encode(), NO_DIGEST.encode(), 1)).hexdigest() != digest:
        raise _damaged(where, "a digest that does not fit the content")
