"""Ctrl-C while a long native loop runs: obeyed at once, between two steps, and what was trained is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from backgraph.train.native import NativeEngine
from tests.compiler.programs import example
from tests.compiler.test_native_engine import run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent to a process")

ROOT = Path(__file__).parents[2]
LIMIT = 1.0
"""Seconds. The promise is 0.1, on a machine that does nothing else."""

ENGINE = """
import sys
import numpy as np
from backgraph.train.interrupt import interruptible
from backgraph.train.native import NativeEngine
from tests.compiler.programs import example
step, variables, data = example()
index = np.tile(np.arange(60).reshape(4, 15), (500_000, 1))
scalars = np.repeat(step.schedule(0, 1), len(index), axis=0)
engine = NativeEngine(int(sys.argv[2]))
engine.loop(step, data)
print("ready", flush=True)
try:
    with interruptible() as interrupt:
        losses = engine.run(step, variables, data, index=index, scalars=scalars, interrupt=interrupt)
except KeyboardInterrupt:
    np.savez(sys.argv[1], losses=losses, *variables)
    print("interrupted", flush=True)
"""

FUNCTION = """
import numpy as np
import backgraph as bg
from backgraph.compiler.function import compile
x = bg.input("x", ("n", "n"))
y = x
for _ in range(10):
    y = bg.tanh(y @ x)
f = compile(x, y, threads=2)
value = np.full((600, 600), 1e-3)
f(value)
print("ready", flush=True)
try:
    while True:
        f(value)
except KeyboardInterrupt:
    assert np.isfinite(f(value)).all()
    print("interrupted", flush=True)
"""


def interrupted(program: str, *arguments: str, after: float = 0.3) -> float:
    """Run `program`, send it SIGINT, and return how many seconds passed until it said "interrupted"."""
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(after)
        sent = time.perf_counter()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        return time.perf_counter() - sent
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_training_stops_between_two_steps(threads: int, tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    assert interrupted(ENGINE, str(path), str(threads)) < LIMIT
    with np.load(path) as saved:
        losses, variables = saved["losses"], [saved[f"arr_{n}"] for n in range(2)]
    step, start, data = example()
    index = np.tile(np.arange(60).reshape(4, 15), (len(losses) // 4 + 1, 1))[: len(losses)]
    assert 0 < len(losses) < 2_000_000
    expected_losses, expected = run(NativeEngine(1), step, start, data, index)
    assert losses.tobytes() == expected_losses.tobytes()
    for a, b in zip(variables, expected, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.slow
def test_a_function_can_be_interrupted() -> None:
    assert interrupted(FUNCTION) < LIMIT


@pytest.mark.slow
def test_the_command_ends_with_130_and_a_whole_model(tmp_path: Path) -> None:
    out = tmp_path / "model"
    command = [sys.executable, "-m", "backgraph", "train", "--epochs", "100000", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        while "W⁽¹⁾" not in process.stdout.readline():
            pass
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in error
    from backgraph.models.fitted import load

    load(out / "model.safetensors")
