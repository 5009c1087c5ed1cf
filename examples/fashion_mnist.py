"""Fashion-MNIST as two tables: converts the four IDX files in a folder to CSV and prints how to train and test on them.

    python examples/fashion_mnist.py FOLDER [OUT]

FOLDER holds train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and
t10k-labels-idx1-ubyte.gz, from https://github.com/zalandoresearch/fashion-mnist (MIT licence; Xiao, Rasul and Vollgraf,
2017). OUT, by default build/fashion-mnist, receives train.csv (60,000 rows) and test.csv (10,000 rows): a column for
each of the 28 × 28 pixels, 0 to 255, and the class.
"""

from __future__ import annotations

import gzip
import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
PARTS = {"train": "train", "t10k": "test"}
SIDE = 28


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of bytes: two zeros, the type 8, the number of axes, their lengths, the elements."""
    content = gzip.decompress(path.read_bytes())
    rank = content[3] if len(content) > 3 else 0
    if content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * rank:
        raise SystemExit(f"{path}: not an IDX file of bytes")
    shape = [int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(rank)]
    if len(content) != 4 + 4 * rank + math.prod(shape):
        raise SystemExit(f"{path}: {len(content)} bytes do not hold {shape}")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def write_csv(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """One row for each image: its pixels from left to right, top to bottom, then its class."""
    names = [f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE)]
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join([*names, "class"]) + "\n")
        for image, label in zip(images.reshape(len(labels), -1).tolist(), labels.tolist(), strict=True):
            file.write(",".join(map(str, image)) + f",{CLASSES[label]}\n")


def main(folder: Path, out: Path) -> None:
    """Convert, and print the commands that come next."""
    out.mkdir(parents=True, exist_ok=True)
    for prefix, name in PARTS.items():
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        write_csv(out / f"{name}.csv", images, labels)
        print(f"{out / name}.csv: {len(labels):,} images")
    for hidden in ("100", "256,128,100"):
        model = out / f"model-{hidden.replace(',', '-')}"
        how = f"--target class --hidden {hidden} --epochs 15 --batch-size 128"
        print(f"\nbackgraph train {out}/train.csv {how} --out {model}")
        print(f"backgraph predict {model} {out}/test.csv --out {model}/test-predictions.csv --overwrite")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "build/fashion-mnist"))
