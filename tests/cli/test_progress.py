"""What the progress bar says, and that it is shown on a terminal alone."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backgraph.cli.progress import Meter, duration, progress


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (-3, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (750, "12:30"), (3600, "1:00:00"), (11_105, "3:05:05")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def state(done: int, **scores: float) -> Any:
    history = [{name.replace("_", " "): value for name, value in scores.items()}] if scores else []
    return SimpleNamespace(done=done, steps_per_epoch=10, examples=320, history=history)


def test_loss_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 2.0, 4.0, 100.0, 101.0])
    monkeypatch.setattr("backgraph.cli.progress.time.perf_counter", lambda: next(now))
    meter = Meter(epochs=5)
    assert meter.line(state(10)) == ""
    meter.steps_done(state(10))  # resumed after an epoch
    assert meter.line(state(10)) == ""
    meter.steps_done(state(20))
    assert meter.line(state(20, loss=0.25)) == "loss 0.25  160 rows/s  0:06 left"
    meter.steps_done(state(30))
    assert (
        meter.line(state(30, loss=0.25, validation_AUC=0.9)) == "loss 0.25  160 rows/s  0:04 left  validation AUC 0.9"
    )
    meter.steps_done(state(31))  # after a pause: what was long ago does not count
    meter.steps_done(state(41))
    assert meter.line(state(41)) == "320 rows/s  0:01 left"


def test_nobody_watches() -> None:
    with progress(3) as callbacks:
        assert callbacks == []


@pytest.mark.slow
def test_a_terminal_shows_it(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "backgraph", "train", "--epochs", "400", "--out", str(tmp_path / "m"), "--json"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 1 << 16):
                shown += chunk
        except OSError:  # how a terminal says that its other end is closed
            pass
        process.communicate()
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"epoch .*/400 loss 0\.\d+ +[\d,]+ rows/s +\d+:\d\d left +validation loss", text), text
