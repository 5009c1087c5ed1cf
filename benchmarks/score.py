"""Score against seconds on tables: `python -m benchmarks.score --write docs [--seeds 5] [--only digits,towns]`.

Every contestant has its default settings and is fitted with several numbers of epochs or trees; seconds are those of
`fit`, compilation included, and the score is that on a quarter of the rows, which nobody has seen: accuracy, or R². The
data are scikit-learn's bundled sets and three generated tables with categories and missing values.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.score_picture import curves

CLASSES, NUMBERS = "classes", "numbers"


@dataclass(frozen=True)
class Data:
    """A table (an array or a data frame), and what is to be predicted."""

    name: str
    kind: str
    X: Any
    y: Any


@dataclass(frozen=True)
class Result:
    """A contestant with a budget on a data set: means over seeds."""

    data: str
    contestant: str
    budget: str
    score: float
    spread: float
    seconds: float


def bundled() -> Iterator[Data]:
    """What comes with scikit-learn."""
    from sklearn import datasets

    for name, kind in (("breast_cancer", CLASSES), ("wine", CLASSES), ("digits", CLASSES), ("diabetes", NUMBERS)):
        yield Data(name, kind, *getattr(datasets, f"load_{name}")(return_X_y=True))


def generated() -> Iterator[Data]:
    """Three tables with categories and gaps, 20,000 rows each: towns (classes), sales and waits (numbers)."""
    import pandas as pd

    random, n = np.random.default_rng(0), 20_000
    town = random.integers(0, 40, n)
    kind = random.integers(0, 5, n)
    a, b, c = random.normal(size=n), random.exponential(size=n), random.uniform(-3, 3, n)
    effect = random.normal(size=40)[town] + 0.5 * np.array([0.0, 1.0, -1.0, 2.0, 0.5])[kind]
    signal = effect + np.sin(2 * a) + np.log1p(b) * (c > 0) - 0.3 * c
    columns = {"a": gaps(a, random, 0.1), "b": gaps(b, random, 0.2), "c": c}
    levels = {"town": [f"town {k}" for k in town], "kind": np.array(list("vwxyz"))[kind]}
    frame = pd.DataFrame({name: pd.Categorical(cells) for name, cells in levels.items()} | columns)
    yield Data("towns", CLASSES, frame, np.digitize(signal + 0.5 * random.normal(size=n), [-0.5, 1.0]))
    yield Data("sales", NUMBERS, frame, signal + 0.5 * random.normal(size=n))
    yield Data("waits", NUMBERS, frame, np.exp(signal / 2) * random.gamma(4, 0.25, n))


def gaps(values: Any, random: Any, share: float) -> Any:
    """Some values missing."""
    return np.where(random.random(len(values)) < share, np.nan, values)


def ours(data: Data, seed: int, budget: int | None) -> Any:
    """backgraph's estimator."""
    from backgraph.sklearn import MLPClassifier, MLPRegressor

    return (MLPClassifier if data.kind == CLASSES else MLPRegressor)(random_state=seed, max_iter=budget)


def trees(data: Data, seed: int, budget: int | None) -> Any:
    """scikit-learn's gradient boosting, which knows categories of a data frame by their dtype."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if data.kind == CLASSES else HistGradientBoostingRegressor
    return kind(random_state=seed, **({} if budget is None else {"max_iter": budget}))


def their_net(data: Data, seed: int, budget: int | None) -> Any:
    """scikit-learn's MLP behind the preparation that its users write: scaling, medians, one-hot."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    net = (MLPClassifier if data.kind == CLASSES else MLPRegressor)(
        random_state=seed, **({} if budget is None else {"max_iter": budget})
    )
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    if isinstance(data.X, np.ndarray):
        return make_pipeline(numbers, net)
    levels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (levels, make_column_selector(dtype_include="category")),
        (numbers, make_column_selector(dtype_include="number")),
    )
    return make_pipeline(columns, net)


CONTESTANTS: dict[str, tuple[Callable[[Data, int, int | None], Any], tuple[int | None, ...]]] = {
    "backgraph": (ours, (4, 16, None)),
    "HistGradientBoosting": (trees, (10, 30, None)),
    "scikit-learn MLP": (their_net, (10, 50, None)),
}
"""From data, seed and budget (epochs or trees; None: the default) to an estimator, and the budgets."""


def measured(data: Data, name: str, budget: int | None, seeds: int) -> Result:
    """The mean of `seeds` splits."""
    from sklearn.model_selection import train_test_split

    found: list[tuple[float, float]] = []
    for seed in range(seeds):
        strata = data.y if data.kind == CLASSES else None
        X, X_new, y, y_new = train_test_split(data.X, data.y, test_size=0.25, random_state=seed, stratify=strata)
        model = CONTESTANTS[name][0](data, seed, budget)
        began = time.perf_counter()
        model.fit(X, y)
        found.append((model.score(X_new, y_new), time.perf_counter() - began))
    scores, seconds = zip(*found, strict=True)
    label = "default" if budget is None else str(budget)
    return Result(
        data.name, name, label, statistics.mean(scores), statistics.pstdev(scores), statistics.median(seconds)
    )


def table(results: list[Result]) -> str:
    """A row for each data set: score ± deviation over the splits, and seconds, of the default settings."""
    names = list(dict.fromkeys(result.contestant for result in results))
    lines = ["| data | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for data in dict.fromkeys(result.data for result in results):
        of_data = {r.contestant: r for r in results if r.data == data and r.budget == "default"}
        cells = [f"{r.score:.4f} ± {r.spread:.4f}, {r.seconds:.2f} s" for r in (of_data[name] for name in names)]
        lines.append(f"| {data} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine() -> str:
    """What it was measured on."""
    import sklearn

    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    load = os.getloadavg()[0]
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}"
    return f"{os.cpu_count()} processors ({model}), load {load:.1f} at the end; {versions}"


PAGE = """# Score against seconds on tables

{doc}

{table}

![test score against seconds of fit, logarithmic]({picture})

{machine}; {seeds} splits. Measured by `python -m benchmarks.score --write docs`.
"""


def main() -> None:
    """Measure, print the table, and write page and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results: list[Result] = []
    for data in (*bundled(), *generated()):
        if options.only and data.name not in options.only.split(","):
            continue
        for name, (_, budgets) in CONTESTANTS.items():
            for budget in budgets:
                results.append(measured(data, name, budget, options.seeds))
                print(results[-1], flush=True)
    print(table(results))
    if options.write:
        (options.write / "score.svg").write_text(curves(results), "utf-8")
        text = PAGE.format(
            doc=(__doc__ or "").split("\n\n", 1)[1].strip(), table=table(results), picture="score.svg",
            machine=machine(), seeds=options.seeds,
        )  # fmt: skip
        (options.write / "benchmarks-tables.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
