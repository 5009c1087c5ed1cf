"""Runs that die: at every call of the file system, by kill -9 at any moment, at system calls. See `dying.py`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from backgraph.train import disk
from tests.docs.markdown import ROOT
from tests.train.dying import Case, whole

QUIET = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
"""One thread: a process with more cannot fork safely."""


def dying(*arguments: object, timeout: float = 300) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.train.dying", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=QUIET, timeout=timeout)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def names_of(seen: dict[str, int]) -> Counter[str]:
    """How often each call was spoiled, by name."""
    names: Counter[str] = Counter()
    for said, count in seen.items():
        names[said.partition(": ")[2]] += count
    return names


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: processes die here, not machines, and disks are slow."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def test_faults_at_some_calls(place: Path) -> None:
    """One call in thirty."""
    assert sum(dying("calls", place, 11, 30).values()) >= 10


@pytest.mark.slow
def test_faults_at_every_call(place: Path) -> None:
    seen = names_of(dying("calls", place, 0, 1))
    assert set(seen) == set(disk.CALLS), "every call of the table is made, and was spoiled"
    assert sum(seen.values()) >= 250


def test_five_kills_change_no_bit(place: Path) -> None:
    assert dying("kills", place, 5, 1)["killed"] == 5


@pytest.mark.slow
def test_forty_kills_change_no_bit(place: Path) -> None:
    assert dying("kills", place, 40, 2)["killed"] == 40


@pytest.mark.nightly
def test_a_thousand_kills_change_no_bit(place: Path) -> None:
    assert dying("kills", place, 1000, 3, timeout=3600)["killed"] == 1000


INJECTED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("write", "fsync", "rename", "mkdir", "ftruncate", "flock"), ()),
    **dict.fromkeys(("openat", "close"), ("", "lock", "metrics.csv", "metrics.jsonl", "checkpoints")),
}
"""System calls by which a run changes what is on the disk; of those that Python makes too, the files that count."""


def can_trace() -> bool:
    """Whether strace is here and may trace."""
    found = shutil.which("strace")
    return (
        found is not None and subprocess.run([found, "-qq", "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.nightly
@pytest.mark.parametrize("call", INJECTED)
def test_faults_at_system_calls(tmp_path: Path, call: str) -> None:
    """The kernel itself reports the error, or kills, at the n-th call in the run's folder: whatever is there loads."""
    if not can_trace():
        pytest.skip("strace is not here, or may not trace")
    program = "import sys; from pathlib import Path; from tests.train.dying import Case; "
    program += "sys.exit(len(Case(epochs=2).run(Path(sys.argv[1]))) != 64)"
    expected, environment = Case(epochs=2).run(None), QUIET | {"PYTHONDONTWRITEBYTECODE": "1"}
    for how in ("error=ENOSPC", "error=EIO", "signal=KILL"):
        for n in (1, 2, 3, 5, 8, 13, 21):
            folder = tmp_path / f"{how} {n}"
            folder.mkdir()
            paths = [option for name in INJECTED[call] for option in ("-P", str(folder / name))]
            options = ["-f", "-qq", "-o", "/dev/null", *paths, "-e", f"inject={call}:{how}:when={n}"]
            command = ["strace", *options, sys.executable, "-c", program, str(folder)]
            run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
            assert run.returncode != 0 or n > 1, "the first such call was spoiled, and the run noticed"
            whole(folder)
            assert Case(epochs=2).run(folder) == expected
