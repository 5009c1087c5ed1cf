"""What `benchmarks.score` says of its rows: tables of scores and seconds, the median set, and the race.

A row is a dictionary of JSON, a line of the file of rows. Kinds: "fit" (data, contestant, budget, seed, score,
seconds), "first" (data, seconds: a fit with an empty cache of machine code) and "race" (`score_race.race`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
OURS, RIVAL = "backgraph", "HistGradientBoosting"


@dataclass(frozen=True)
class Result:
    """A contestant with a budget (None: its default) on a data set: means over seeds, and the median of seconds."""

    data: str
    contestant: str
    budget: int | None
    score: float
    spread: float
    seconds: float
    seeds: int


def results(rows: Iterable[Row]) -> list[Result]:
    """The rows of kind "fit", put together by data, contestant and budget."""
    groups: dict[tuple[str, str, int | None], list[Row]] = {}
    for row in rows:
        if row["kind"] == "fit":
            groups.setdefault((row["data"], row["contestant"], row["budget"]), []).append(row)
    return [_result(key, group) for key, group in groups.items()]


def _result(key: tuple[str, str, int | None], group: Sequence[Row]) -> Result:
    scores = [row["score"] for row in group]
    seconds = statistics.median(row["seconds"] for row in group)
    return Result(*key, statistics.mean(scores), statistics.pstdev(scores), seconds, len(group))


def score_table(rows: Sequence[Row]) -> str:
    """A line for each set, a column for each contestant: score ± deviation, seconds, and the seeds if fewer."""
    defaults = [each for each in results(rows) if each.budget is None]
    names = list(dict.fromkeys(each.contestant for each in defaults))
    most = max((each.seeds for each in defaults), default=0)
    lines = ["| data | " + " | ".join(names) + " | backgraph, first fit |", "|---" * (len(names) + 2) + "|"]
    for data in dict.fromkeys(each.data for each in defaults):
        of_data = {each.contestant: each for each in defaults if each.data == data}
        cells = [_cell(of_data.get(name), most) for name in names]
        first = [row["seconds"] for row in rows if row["kind"] == "first" and row["data"] == data]
        cells.append(f"{statistics.median(first):.2f} s" if first else "–")
        lines.append(f"| {data} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(result: Result | None, most: int) -> str:
    if result is None:
        return "–"
    fewer = "" if result.seeds == most else f" ({result.seeds} of {most} seeds)"
    return f"{result.score:.4f} ± {result.spread:.4f}, {result.seconds:.2f} s{fewer}"


def verdict(rows: Sequence[Row], rival: str = RIVAL) -> str:
    """On how many sets our score is at least the rival's, and our seconds at most; and the median set."""
    by = {(each.data, each.contestant): each for each in results(rows) if each.budget is None}
    pairs = [(by[data, OURS], by[data, rival]) for data, name in by if name == OURS and (data, rival) in by]
    if not pairs:
        return ""
    gains = [round(a.score - b.score, 4) for a, b in pairs]
    ratios = [a.seconds / b.seconds for a, b in pairs]
    both = [a for a, b in pairs if a.score >= b.score and a.seconds <= b.seconds]
    lost = [a.data for a, b in pairs if a.score < b.score and a.seconds > b.seconds]
    return (
        f"Against {rival}, {len(pairs)} sets: a score at least as high on {sum(gain >= 0 for gain in gains)}, "
        f"no more seconds on {sum(ratio <= 1 for ratio in ratios)}, both on {len(both)}; "
        f"behind in both on {len(lost)}{': ' + ', '.join(lost) if lost else ''}. Medians over the sets: score "
        f"{statistics.median(gains):+.4f}, {statistics.median(ratios):.2f} times the seconds."
    )


def race_table(rows: Iterable[Row]) -> str:
    """Seconds of each to the shared loss, and how many times ours the others take: medians over the seeds."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row["kind"] == "race":
            groups.setdefault(row["data"], []).append(row)
    if not groups:
        return ""
    names = list(next(iter(groups.values()))[0]["seconds"])
    peers = [name for name in names if name != OURS]
    lines = [
        "| data | loss | " + " | ".join(f"{name}, s" for name in names) + " | our first epoch, s | "
        + " | ".join(f"{name} / ours" for name in peers) + " | "
        + " | ".join(f"{name} / ours, later epochs" for name in peers) + " |",
        "|---" * (3 + len(names) + 2 * len(peers)) + "|",
    ]  # fmt: skip
    return "\n".join([*lines, *(_race_line(data, group, names, peers) for data, group in groups.items())])


def _race_line(data: str, group: Sequence[Row], names: Sequence[str], peers: Sequence[str]) -> str:
    def middle(values: Iterable[float]) -> float:
        return statistics.median(values)

    cells = [f"{middle(row['loss'] for row in group):.3f}"]
    cells += [f"{middle(row['seconds'][name] for row in group):.2f}" for name in names]
    cells.append(f"{middle(row['first'] for row in group):.2f}")
    for what in ("seconds", "epoch"):
        cells += [f"{middle(row[what][name] / row[what][OURS] for row in group):.1f}" for name in peers]
    return f"| {data} | " + " | ".join(cells) + " |"
