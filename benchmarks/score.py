"""Score against seconds on tables: `python -m benchmarks.score --write docs/benchmarks.md [--fashion FOLDER]`.

Every contestant has its default settings, and others with fewer epochs or trees (the curves; one seed). Seconds are
those of `fit` with all processors, preparation included, in a new process for each set and seed; modules are imported
before. Our machine code is found in the cache on disk, as from the second fit on; "first fit" is one with an empty
cache, compilation included. The score is that on rows which nobody has seen: accuracy, or R²; ± is the deviation over
the seeds, which change the parts and the initial weights.

Our defaults were chosen on other tables than these. The nets of scikit-learn and PyTorch stand behind medians for gaps,
scaling and one-hot categories; PyTorch's has our layers, optimiser, schedule, minibatches and epochs. A fit that took
more than `--limit` seconds is not repeated with other seeds. Where seeds, Fashion-MNIST or a contestant
are missing, they are not measured yet. On a machine that others use, seconds of the same fit differ up to tenfold.

Rows are kept in `--rows`, a line of JSON for each, as they come: what is there is not measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.score_contestants import CONTESTANTS, Budget
from benchmarks.score_data import FASHION, SETS, loaded, parted
from benchmarks.score_page import Row, race_table, results, score_table, verdict
from benchmarks.score_picture import curves
from benchmarks.score_race import EPOCHS, race
from benchmarks.sections import write_section

HEADING = "Score against seconds on tables"
PATIENT = {"OMP_WAIT_POLICY": "passive"}
"""Of --patient: threads of the peers give their processors back while they wait. On a busy machine they are much faster
so; on one that does nothing else 5 to 10 times slower, so there OpenMP is left to itself."""
QUICK = ("wine", "diabetes")
"""The sets of --quick."""
Key = tuple[str, str, Budget, int]
PAGE = """{doc}

{table}

{verdicts}

![test score against seconds of fit, logarithmic](images/score.svg)

### Seconds to the same validation loss

{race_doc}

{race}

{remark}{machine}. Written by `python -m benchmarks.score --write docs/benchmarks.md`, never by hand.
"""


def wanted(sets: list[str], contestants: list[str], seeds: int) -> list[Key]:
    """All fits: the first seed of all sets, with the smaller budgets too, before the second."""
    keys: list[Key] = []
    for seed in range(seeds):
        for data in sets:
            for name in contestants:
                budgets = CONTESTANTS[name][1] if not seed else (None,)
                keys += [(data, name, budget, seed) for budget in budgets]
    return keys


def missing(keys: list[Key], rows: list[Row], limit: float) -> list[Key]:
    """The fits that are not among the rows, and did not take too long with another seed."""
    fits = [row for row in rows if row["kind"] == "fit"]
    known = {(row["data"], row["contestant"], row["budget"], row["seed"]) for row in fits}
    slow = {(row["data"], row["contestant"]) for row in fits if row["seconds"] > limit}
    return [key for key in keys if key not in known and key[:2] not in slow]


def fitted(keys: list[Key], folder: Path | None) -> None:
    """Do fits of one set and seed, and print a row for each. In a process of its own."""
    warnings.simplefilter("ignore")
    data = loaded(keys[0][0], folder)
    parts = parted(data, keys[0][3])
    for _, name, budget, seed in keys:
        model = CONTESTANTS[name][0](data.kind, seed, budget)
        began = time.perf_counter()
        model.fit(parts.X, parts.y)
        seconds = time.perf_counter() - began
        row = {"kind": "fit", "data": data.name, "contestant": name, "budget": budget, "seed": seed}
        print(json.dumps(row | {"score": model.score(parts.X_new, parts.y_new), "seconds": seconds}), flush=True)


def raced(name: str, seed: int, folder: Path | None) -> None:
    """Race on a set, and print the row."""
    warnings.simplefilter("ignore")
    found = race(parted(loaded(name, folder), seed), EPOCHS[name], seed)
    print(json.dumps({"kind": "race", "data": name, "seed": seed, **found}), flush=True)


class Runs:
    """The rows, in a file and in memory, and the processes that make more of them."""

    def __init__(self, path: Path, fashion: Path | None, minutes: float, patient: bool) -> None:
        self.path, self.fashion, self.until = path, fashion, time.monotonic() + 60 * minutes
        self.environment = os.environ | (PATIENT if patient else {})
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8") if path.exists() else ""
        self.rows: list[Row] = [json.loads(line) for line in text.splitlines()]

    def more(self, job: list[Any], kind: str = "", cache: str | None = None) -> None:
        """Run a job in a process of its own and keep the rows that it prints, as they come."""
        command = [sys.executable, "-m", "benchmarks.score", "--job", json.dumps(job)]
        command += [] if self.fashion is None else ["--fashion", str(self.fashion)]
        env = self.environment | ({} if cache is None else {"BACKGRAPH_CACHE": cache})
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
            assert process.stdout is not None
            for line in process.stdout:
                self._keep(json.loads(line) | ({"kind": kind} if kind else {}))
        if process.returncode:
            raise SystemExit(f"a job ended with {process.returncode}: {job}")

    def _keep(self, row: Row) -> None:
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print({key: round(each, 4) if isinstance(each, float) else each for key, each in row.items()}, flush=True)

    @property
    def late(self) -> bool:
        """Whether the minutes are over."""
        return time.monotonic() > self.until

    def fits(self, keys: list[Key], limit: float) -> None:
        """The fits that are missing: a process for each set and seed."""
        for place in dict.fromkeys((key[3], key[0]) for key in keys):
            these = [key for key in missing(keys, self.rows, limit) if (key[3], key[0]) == place]
            if these and not self.late:
                self.more(these)

    def firsts(self, sets: list[str]) -> None:
        """A fit of ours on each set with an empty cache of machine code."""
        for name in sets:
            if not self.late and not any(row["kind"] == "first" and row["data"] == name for row in self.rows):
                with tempfile.TemporaryDirectory() as empty:
                    self.more([(name, "backgraph", None, 0)], "first", empty)

    def races(self, sets: list[str], seeds: int) -> None:
        """The races that are missing."""
        known = {(row["data"], row["seed"]) for row in self.rows if row["kind"] == "race"}
        for seed in range(seeds):
            for name in sets:
                if (name, seed) not in known and not self.late:
                    self.more([name, seed])


def machine() -> str:
    """What it was measured on."""
    import sklearn

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}"
    return f"{os.cpu_count()} processors ({model}), load {os.getloadavg()[0]:.1f} at the end; {versions}"


def write(page: Path, rows: list[Row], remark: str) -> None:
    """The section of the page, and the picture beside it."""
    import benchmarks.score_race as racing

    peers = [name for name in CONTESTANTS if name != "backgraph"]
    text = PAGE.format(
        doc=_after_title(__doc__), race_doc=_after_title(racing.__doc__), table=score_table(rows),
        verdicts="\n".join(f"* {found}" for peer in peers if (found := verdict(rows, peer))),
        race=race_table(rows), machine=machine(), remark=f"{remark}\n\n" if remark else "",
    )  # fmt: skip
    (page.parent / "images").mkdir(exist_ok=True)
    (page.parent / "images" / "score.svg").write_text(curves(results(rows)), "utf-8")
    write_section(page, HEADING, text)


def _after_title(doc: str | None) -> str:
    return (doc or "").split("\n\n", 1)[1].strip()


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--races", type=int, default=3, help="seeds of the race")
    parser.add_argument("--only", default="", help="sets, such as digits,towns")
    parser.add_argument("--peers", default=",".join(CONTESTANTS), help="contestants, by name")
    parser.add_argument("--quick", action="store_true", help=f"only {' and '.join(QUICK)}, one seed")
    parser.add_argument("--fashion", type=Path, help="folder with the files of Fashion-MNIST; without it left out")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds; slower fits are not repeated")
    parser.add_argument("--patient", action="store_true", help="OMP_WAIT_POLICY=passive, for a busy machine")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin nothing new after so many")
    parser.add_argument("--rows", type=Path, default=Path("build/score.jsonl"))
    parser.add_argument("--write", type=Path, help="the page whose section is to be written")
    parser.add_argument("--remark", default="", help="what is to be said of this measurement, for --write")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    return parser.parse_args()


def in_order(rows: list[Row], sets: Sequence[str]) -> list[Row]:
    """By set and contestant, in whatever order they were measured."""
    names = list(CONTESTANTS)
    return sorted(rows, key=lambda row: (sets.index(row["data"]), names.index(row.get("contestant", "backgraph"))))


def main() -> None:
    """Measure what is missing, print the tables, and write the section and the picture."""
    options = arguments()
    if options.job:
        job = json.loads(options.job)
        raced(*job, options.fashion) if isinstance(job[0], str) else fitted(
            [tuple(key) for key in job], options.fashion
        )
        return
    sets = [*SETS, *([FASHION] if options.fashion else [])]
    chosen = list(QUICK) if options.quick else [name for name in options.only.split(",") if name] or sets
    seeds = 1 if options.quick else options.seeds
    runs = Runs(options.rows, options.fashion, options.minutes, options.patient)
    runs.firsts(chosen)
    runs.fits(wanted(chosen, options.peers.split(","), seeds), options.limit)
    runs.races([name for name in chosen if name in EPOCHS], min(seeds, options.races))
    rows = in_order([row for row in runs.rows if row["data"] in chosen], chosen)
    print(score_table(rows), verdict(rows), race_table(rows), sep="\n\n")
    if options.write:
        write(options.write, rows, options.remark)


if __name__ == "__main__":
    main()
