"""Tensor files: loaded whole or refused, whatever byte has changed; nothing in them is ever executed."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from backgraph.errors import FileError, UsageError
from backgraph.train.files import load_tensors, pack, save_tensors, unpack

TENSORS = {"W": np.arange(6.0).reshape(2, 3), "b": np.float32([1, -0.0, np.nan]), "step": np.array(7)}
METADATA = {"names": ["é", "\n"], "rate": 0.1, "deep": {"nothing": None}}
SMALL = pack(TENSORS, METADATA)


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    """The same names, types, shapes and bits."""
    return sorted(first) == sorted(second) and all(
        (first[name].dtype, first[name].shape, first[name].tobytes())
        == (second[name].dtype, second[name].shape, second[name].tobytes())
        for name in first
    )


KINDS = st.sampled_from(["f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "?"])
ARRAYS = KINDS.flatmap(lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


NAMES = st.text(min_size=1).filter(lambda name: name != "__metadata__")


@given(st.dictionaries(NAMES, ARRAYS, max_size=3), JSON)
def test_what_was_packed_is_unpacked(tensors: dict[str, np.ndarray], metadata: Any) -> None:
    content = pack(tensors, metadata)
    found, described = unpack(content, "here")
    assert same(found, tensors)
    assert described == metadata
    assert repr(described) == repr(metadata) or isinstance(metadata, dict | list)
    assert pack(found, described) == content


def test_a_header_may_begin_like_a_file_of_another_kind() -> None:
    """The first bytes are the length of the header, a multiple of 8: one of 1,152 bytes begins as a pickle does."""
    for first in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        length = int.from_bytes(first, "little")
        content = next(c for c in (pack({}, "x" * n) for n in range(length - 200, length)) if c.startswith(first))
        assert unpack(content, "here")[1].startswith("x")


def test_saving_and_loading(tmp_path: Path) -> None:
    save_tensors(tmp_path / "m", TENSORS, METADATA)
    found, metadata = load_tensors(tmp_path / "m")
    assert same(found, TENSORS)
    assert metadata == METADATA
    assert names_in(tmp_path) == ["m"]


def test_big_endian_strided_and_misleading_tensors() -> None:
    tensors = {"0" * 64: np.arange(3.0), "a": np.arange(6, dtype=">i4")[::2], "f": np.asfortranarray(np.eye(2, 3))}
    found, _ = unpack(pack(tensors, "0" * 64), "here")
    assert found["a"].tolist() == [0, 2, 4]
    assert found["f"].tolist() == tensors["f"].tolist()
    assert found["0" * 64].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        ({"a": np.array(["x"])}, None),
        ({"a": np.array([{}], dtype=object)}, None),
        ({"a": np.array([1j])}, None),
        ({"__metadata__": np.zeros(1)}, None),
        ({}, float("nan")),
        ({}, {1, 2}),
        ({}, np.zeros(2)),
    ],
)
def test_what_cannot_be_kept_exactly_is_refused(tensors: dict[str, np.ndarray], metadata: Any) -> None:
    with pytest.raises(UsageError, match="BG601"):
        pack(tensors, metadata)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(content: bytes) -> bool:
    try:
        unpack(content, "m")
    except FileError as error:
        return error.code in {"BG502", "BG503"} and "\n" not in str(error)
    return False


def changed(content: bytes, position: int, byte: int) -> bytes:
    return content[:position] + bytes([byte]) + content[position + 1 :]


def test_a_flipped_bit_anywhere_is_refused() -> None:
    for position in range(len(SMALL)):
        bit = 1 << position % 8
        assert refused(changed(SMALL, position, SMALL[position] ^ bit)), position


@pytest.mark.slow
def test_every_change_of_one_byte_is_refused() -> None:
    for position in range(len(SMALL)):
        for byte in set(range(256)) - {SMALL[position]}:
            assert refused(changed(SMALL, position, byte)), (position, byte)


def test_every_truncation_is_refused() -> None:
    assert all(refused(SMALL[:length]) for length in range(len(SMALL)))


def test_more_at_the_end_is_refused() -> None:
    assert refused(SMALL + b"\0")
    assert refused(SMALL + SMALL)


def test_two_bytes_in_exchange_are_refused() -> None:
    for first in range(len(SMALL) - 1):
        swapped = bytearray(SMALL)
        swapped[first], swapped[first + 1] = SMALL[first + 1], SMALL[first]
        assert bytes(swapped) == SMALL or refused(bytes(swapped))


class Evil:
    """Leaves a file behind when unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, ("backgraph-was-here",)


def zipped(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Evil()))
    return path.read_bytes()


def header(data: object, tail: bytes = b"") -> bytes:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return struct.pack("<Q", len(text)) + text + tail


def ours(**fields: object) -> dict[str, object]:
    """A header with our metadata, `fields` replaced."""
    return {"__metadata__": {"backgraph": json.dumps({"sha256": "0" * 64, "format": 1, "metadata": None, **fields})}}


HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "BG502", "0 bytes"),
    "one byte": (b"\0", "BG502", "1 bytes"),
    **{f"pickle {protocol}": (pickle.dumps(Evil(), protocol), "BG502", "a pickle") for protocol in range(2, 6)},
    "pickle 0": (pickle.dumps(Evil(), 0), "BG502", "damaged"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "BG502", "HDF5"),
    "NumPy": (b"\x93NUMPY\x01\0", "BG502", ".npy"),
    "gzip": (b"\x1f\x8b\x08\0", "BG502", "gzip"),
    "script": (b"#!/bin/sh\nrm -rf /", "BG502", "a script"),
    "header longer than the file": (struct.pack("<Q", 2**63) + b"{}", "BG502", "damaged"),
    "no JSON": (header(b"\xff" * 10), "BG502", "without our metadata"),
    "JSON that is a list": (header([]), "BG502", "without our metadata"),
    "very deep JSON": (header(b"[" * 100_000), "BG502", "without our metadata"),
    "other safetensors": (header({"__metadata__": {"format": "pt"}}), "BG502", "without our metadata"),
    "metadata that is no text": (header({"__metadata__": {"backgraph": 3}}), "BG502", "without our metadata"),
    "metadata that is a list": (header({"__metadata__": {"backgraph": "[]"}}), "BG502", "without our metadata"),
    "huge number": (header({"__metadata__": {"backgraph": "1" * 10_000}}), "BG502", "without our metadata"),
    "newer format": (header(ours(format=2)), "BG503", "newer backgraph; got 2, expected 1"),
    "format 0": (header(ours(format=0)), "BG502", "format 0"),
    "format true": (header(ours(format=True)), "BG502", "format True"),
    "format text": (header(ours(format="1")), "BG502", "format '1'"),
    "no digest": (header(ours(sha256=None)), "BG502", "no digest"),
    "short digest": (header(ours(sha256="0")), "BG502", "no digest"),
    "digest that is not ASCII": (header(ours(sha256="é" * 64)), "BG502", "no digest"),
    "wrong digest": (header(ours()), "BG502", "does not fit"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, name: str) -> None:
    content, code, part = HOSTILE[name]
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(FileError) as caught:
        load_tensors(tmp_path / "m")
    assert (caught.value.code, part in str(caught.value)) == (code, True), str(caught.value)
    assert caught.value.exit_code == 2


def test_a_torch_file_is_refused(tmp_path: Path) -> None:
    zipped(tmp_path / "m.pt")
    with pytest.raises(FileError, match=r"BG502.*a zip archive \(.pt"):
        load_tensors(tmp_path / "m.pt")


@pytest.mark.parametrize(
    "tensors",
    [
        {
            "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
        },
        {"a": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}},
        {"a": {"dtype": "Q9", "shape": [2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 2**63]}},
        {"a": None},
    ],
    ids=["overlapping", "huge shape", "negative shape", "backwards", "unknown type", "beyond the end", "null"],
)
def test_lying_headers_with_a_right_digest_are_refused(tensors: dict[str, Any]) -> None:
    import hashlib

    plain = header({**ours(), **tensors}, bytes(12))
    content = plain.replace(b"0" * 64, hashlib.sha256(plain).hexdigest().encode(), 1)
    with pytest.raises(FileError, match="BG502"):
        unpack(content, "m")


def test_loading_hostile_files_executes_nothing(tmp_path: Path) -> None:
    """An audit hook stops the program at anything but reading; it cannot be removed, so it has a process of its own."""
    (tmp_path / "good").write_bytes(SMALL)
    rng = np.random.default_rng(0)
    for name, (content, _, _) in HOSTILE.items():
        (tmp_path / f"hostile {name}").write_bytes(content)
    for number in range(200):
        content = bytearray(SMALL)
        for position in rng.integers(0, len(SMALL), 3):
            content[position] = rng.integers(256)
        (tmp_path / f"mutant {number}").write_bytes(content)
    program = """
        import os, sys
        from backgraph.errors import FileError
        from backgraph.train.files import load_tensors

        folder, refused = sys.argv[1], 0
        load_tensors(f"{folder}/good")
        names = os.listdir(folder)

        def hook(event, arguments):
            harmless = event in {"object.__getattr__", "sys._getframe"} or event.startswith("gc.")
            if not harmless and not (event == "open" and arguments[1] in {"r", "rb"}):
                os._exit(99)

        sys.addaudithook(hook)
        for name in names:
            try:
                load_tensors(f"{folder}/{name}")
            except FileError:
                refused += 1
        print(len(names) - refused)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "1"), run.stderr


@pytest.mark.parametrize("path", ["missing", ".", "/dev/zero", "a\0b", "x" * 5000])
def test_what_cannot_be_read_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(OSError, match="BG501"):
        load_tensors(tmp_path / path)
