"""The tables of `benchmarks.score`: scikit-learn's bundled sets, Fashion-MNIST, and three generated tables.

towns   20,000 rows, three classes      sales   60,000 rows, numbers      waits   200,000 rows, skewed numbers > 0

The generated ones have a category of 40 levels, one of 5, two columns with gaps and one without; what is to be said
depends on sums, on a product, on a sine and on noise. None of these tables was looked at to choose our defaults.

Sources: Xiao, Rasul, Vollgraf, "Fashion-MNIST", 2017 (files of the MNIST format of LeCun, Cortes and Burges).
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CLASSES, NUMBERS = "classes", "numbers"
TEST = 0.25
"""The share of the rows that nobody sees before the score."""
FASHION_ROWS = 10_000
"""Images to train on: with all 60,000 some peers take half an hour for each fit."""


@dataclass(frozen=True)
class Data:
    """A table (an array or a data frame, rows × columns), and what is to be predicted (rows)."""

    name: str
    kind: str
    X: Any
    y: Any


@dataclass(frozen=True)
class Parts:
    """Rows to fit, and rows to score."""

    X: Any
    y: Any
    X_new: Any
    y_new: Any


def bundled(name: str) -> Data:
    """A set that comes with scikit-learn."""
    from sklearn import datasets

    kind = NUMBERS if name == "diabetes" else CLASSES
    return Data(name, kind, *getattr(datasets, f"load_{name}")(return_X_y=True))


def generated(name: str, rows: int) -> Data:
    """One of the three generated tables."""
    import pandas as pd

    random = np.random.default_rng(list(name.encode()))
    town, kind = random.integers(0, 40, rows), random.integers(0, 5, rows)
    a, b, c = random.normal(size=rows), random.exponential(size=rows), random.uniform(-3, 3, rows)
    effect = random.normal(size=40)[town] + 0.5 * np.array([0.0, 1.0, -1.0, 2.0, 0.5])[kind]
    signal = effect + np.sin(2 * a) + np.log1p(b) * (c > 0) - 0.3 * c
    columns = {"a": gaps(a, random, 0.1), "b": gaps(b, random, 0.2), "c": c}
    levels = {"town": [f"town {k}" for k in town], "kind": np.array(list("vwxyz"))[kind]}
    frame = pd.DataFrame({name: pd.Categorical(cells) for name, cells in levels.items()} | columns)
    return Data(name, CLASSES if name == "towns" else NUMBERS, frame, TARGETS[name](signal, random))


def gaps(values: Any, random: Any, share: float) -> Any:
    """Some values missing."""
    return np.where(random.random(len(values)) < share, np.nan, values)


TARGETS: dict[str, Callable[[Any, Any], Any]] = {
    "towns": lambda signal, random: np.digitize(signal + 0.5 * random.normal(size=len(signal)), [-0.5, 1.0]),
    "sales": lambda signal, random: signal + 0.5 * random.normal(size=len(signal)),
    "waits": lambda signal, random: np.exp(signal / 2) * random.gamma(4, 0.25, len(signal)),
}
"""What is to be said of a signal (rows), with noise."""

SETS: dict[str, Callable[[], Data]] = {
    **{name: lambda name=name: bundled(name) for name in ("breast_cancer", "wine", "digits", "diabetes")},
    "towns": lambda: generated("towns", 20_000),
    "sales": lambda: generated("sales", 60_000),
    "waits": lambda: generated("waits", 200_000),
}
"""The sets by name, without Fashion-MNIST."""
FASHION = "fashion"


def loaded(name: str, folder: Path | None) -> Data:
    """A set by its name; `folder` has the four files of Fashion-MNIST."""
    if name != FASHION:
        return SETS[name]()
    if folder is None:
        raise SystemExit("fashion needs --fashion FOLDER, with the four files of Fashion-MNIST")
    return fashion(folder)


def fashion(folder: Path) -> Data:
    """Fashion-MNIST: 60,000 images to train on, then 10,000 to test; 28 × 28 pixels, 0 … 1, float32."""
    parts = [(_idx(folder / f"{part}-images-idx3-ubyte.gz"), _idx(folder / f"{part}-labels-idx1-ubyte.gz"))
             for part in ("train", "t10k")]  # fmt: skip
    images = np.concatenate([images.reshape(len(images), -1) for images, _ in parts])
    return Data(FASHION, CLASSES, (images / np.float32(255)).astype("float32"), np.concatenate([y for _, y in parts]))


def _idx(path: Path) -> Any:
    """An array of bytes in the IDX format: two zeros, the type, the number of axes, their lengths, the bytes."""
    data = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(data, ">i4", data[3], 4)
    return np.frombuffer(data, "u1", math.prod(shape), 4 + 4 * data[3]).reshape(shape)


def parted(data: Data, seed: int) -> Parts:
    """The rows to fit and to score; of Fashion-MNIST its own test part, and a sample of the rest."""
    from sklearn.model_selection import train_test_split

    if data.name == FASHION:
        chosen = np.random.default_rng(seed).permutation(len(data.X) - 10_000)[:FASHION_ROWS]
        return Parts(data.X[chosen], data.y[chosen], data.X[-10_000:], data.y[-10_000:])
    strata = data.y if data.kind == CLASSES else None
    X, X_new, y, y_new = train_test_split(data.X, data.y, test_size=TEST, random_state=seed, stratify=strata)
    return Parts(X, y, X_new, y_new)
