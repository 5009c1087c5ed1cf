"""Write src/backgraph/data/digits.csv.gz: the UCI handwritten digits, as scikit-learn distributes them.

Needs scikit-learn. The compressed bytes carry no time and no name, so the same zlib writes the same file.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

from sklearn.datasets import load_digits

TARGET = Path(__file__).parents[1] / "src" / "backgraph" / "data" / "digits.csv.gz"


def table() -> str:
    """The 1,797 images as CSV: a header, 64 counts and the digit per row."""
    digits = load_digits()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([f"pixel_{row}_{column}" for row in range(8) for column in range(8)] + ["digit"])
    for pixels, digit in zip(digits.data.astype(int), digits.target, strict=True):
        writer.writerow([*pixels.tolist(), int(digit)])
    return text.getvalue()


def main() -> None:
    """Compress the table and put it beside the code that reads it."""
    TARGET.write_bytes(gzip.compress(table().encode("ascii"), compresslevel=9, mtime=0))
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
