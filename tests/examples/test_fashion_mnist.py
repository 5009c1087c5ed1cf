"""The example that turns Fashion-MNIST into tables, on two images of our own."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from backgraph.data.read import read_table
from examples.fashion_mnist import main, read_idx


def idx(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + lengths + array.astype("uint8").tobytes())


@pytest.mark.slow
def test_tables_hold_pixels_and_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = np.arange(2 * 28 * 28).reshape(2, 28, 28) % 256
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(np.array([9, 0])))
    main(tmp_path, tmp_path / "out")
    table = read_table(tmp_path / "out" / "test.csv")
    assert len(table.names) == 785
    assert list(table.column("class")) == ["boot", "T-shirt"]
    assert list(table.column("pixel_27_27")) == [images[0, 27, 27], images[1, 27, 27]]
    assert "--hidden 256,128,100" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x09\x01\x00\x00\x00\x01a", b"\x00\x00\x08\x01\x00\x00\x00\x02a"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(SystemExit, match=r"IDX|do not hold"):
        read_idx(path)
