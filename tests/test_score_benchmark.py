"""The pieces of `benchmarks.score` that take no time: its tables, what is to be measured, what it says of rows."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.score import in_order, missing, wanted
from benchmarks.score_data import fashion, gaps
from benchmarks.score_page import race_table, results, score_table, verdict
from benchmarks.score_picture import curves, duration, lowest
from benchmarks.score_race import first_at_most, shared_loss


def fit(data: str, contestant: str, score: float, seconds: float, *, seed: int = 0, budget: int | None = None) -> Any:
    return {
        "kind": "fit", "data": data, "contestant": contestant, "budget": budget, "seed": seed,
        "score": score, "seconds": seconds,
    }  # fmt: skip


ROWS = [
    fit("a", "backgraph", 0.9, 1.0), fit("a", "backgraph", 0.8, 3.0, seed=1),
    fit("a", "HistGradientBoosting", 0.8, 4.0), fit("a", "HistGradientBoosting", 0.8, 4.0, seed=1),
    fit("b", "backgraph", 0.5, 3.0), fit("b", "HistGradientBoosting", 0.6, 1.0),
    fit("b", "backgraph", 0.4, 1.0, budget=2),
    {"kind": "first", "data": "a", "contestant": "backgraph", "seconds": 7.0},
]  # fmt: skip


def test_fits_of_the_first_seed_come_first_and_those_known_or_too_slow_are_left_out() -> None:
    keys = wanted(["a", "b"], ["backgraph", "HistGradientBoosting"], 3)
    assert [key[3] for key in keys] == sorted(key[3] for key in keys)
    assert ("a", "backgraph", 2, 0) in keys
    assert ("a", "backgraph", 2, 1) not in keys
    left = missing(keys, ROWS, limit=3.5)
    assert ("a", "backgraph", None, 0) not in left
    assert ("a", "backgraph", None, 2) in left
    assert not [key for key in left if key[:2] == ("a", "HistGradientBoosting")]


def test_rows_stand_in_the_order_of_sets_and_contestants() -> None:
    keys = [("digits", "LightGBM"), ("digits", "backgraph"), ("wine", None), ("wine", "PyTorch"), ("digits", None)]
    rows = [{"data": data} | ({"contestant": name} if name else {}) for data, name in keys]
    assert in_order(rows, ["wine", "digits"]) == [rows[n] for n in (2, 3, 1, 4, 0)]


def test_the_table_has_means_medians_and_the_number_of_seeds() -> None:
    text = score_table(ROWS)
    assert "| a | 0.8500 ± 0.0500, 2.00 s | 0.8000 ± 0.0000, 4.00 s | 7.00 s |" in text
    assert "| b | 0.5000 ± 0.0000, 3.00 s (1 of 2 seeds) |" in text


def test_the_verdict_names_what_is_lost() -> None:
    text = verdict(ROWS)
    assert "at least as high on 1, no more seconds on 1, both on 1; behind in both on 1: b." in text
    assert "score -0.0250, 1.75 times the seconds" in text
    assert verdict(ROWS, "nobody") == ""


def test_a_race_is_to_the_loss_that_all_reach() -> None:
    loss = shared_loss([[3.0, 1.0, 0.5], [2.0, 1.5], [4.0, 0.1]])
    assert loss == 1.5
    assert [first_at_most(losses, loss) for losses in ([3.0, 1.0], [2.0, 1.5], [1.0])] == [1, 1, 0]
    row = {"kind": "race", "data": "a", "loss": 1.5, "first": 0.9}
    times = {"seconds": {"backgraph": 1.0, "PyTorch": 6.0}, "epoch": {"backgraph": 0.1, "PyTorch": 0.8}}
    assert "| a | 1.500 | 1.00 | 6.00 | 0.90 | 6.0 | 8.0 |" in race_table([row | times])
    assert race_table([]) == ""


def test_the_picture_has_a_panel_for_each_set_and_a_point_for_each_budget() -> None:
    svg = curves(results(ROWS))
    assert svg.count("<polyline") == 4
    assert svg.count("<circle") == 5


def test_a_score_far_below_the_others_does_not_flatten_them() -> None:
    assert lowest([0.9]) == 0.9
    assert lowest([0.7, 0.8, 0.9, 0.9]) == 0.7
    assert -1 < lowest([-4.7, 0.3, 0.35, 0.4, 0.4, 0.4]) < 0.3
    assert [duration(seconds) for seconds in (0.0042, 0.12, 67.7)] == ["4.2 ms", "0.12 s", "68 s"]


def test_gaps_leave_the_other_numbers_alone() -> None:
    values = np.arange(1000.0)
    found = gaps(values, np.random.default_rng(0), 0.2)
    missing_ones = np.isnan(found)
    assert 150 < missing_ones.sum() < 250
    assert (found[~missing_ones] == values[~missing_ones]).all()


@pytest.mark.parametrize("images", [3])
def test_fashion_reads_the_files_of_bytes(tmp_path: Path, images: int) -> None:
    pixels = np.arange(images * 4, dtype="u1").reshape(images, 2, 2)
    for part in ("train", "t10k"):
        for name, array in (("images-idx3", pixels), ("labels-idx1", np.arange(images, dtype="u1"))):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            (tmp_path / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
    data = fashion(tmp_path)
    np.testing.assert_array_equal(data.y, [0, 1, 2, 0, 1, 2])
    np.testing.assert_allclose(data.X[4], pixels[1].ravel() / 255, rtol=1e-6)
