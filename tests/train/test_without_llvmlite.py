"""Where llvmlite is not installed, NumPy trains and predicts, and says so; what is wrong in our own code passes."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import sys
    import numpy as np
    sys.modules[sys.argv[1]] = None
    from backgraph.data.table import Table
    from backgraph.models.trainer import Recipe, Trainer
    from backgraph.optim import Adam

    x = np.arange(40.0)
    trainer = Trainer(Table({"x": x, "y": 2 * x + 0.5}), "y", Recipe((4,), Adam()))
    trainer.run(2)
    print(trainer.training.epoch, len(trainer.fitted.predict(Table({"x": x}))))
"""


@pytest.mark.parametrize(
    ("absent", "code", "said"),
    [
        ("llvmlite", 0, "backgraph: no native code without llvmlite; training with NumPy, slower"),
        (
            "backgraph.compiler.jit",
            1,
            "ModuleNotFoundError: import of backgraph.compiler.jit halted; None in sys.modules",
        ),
    ],
)
def test_what_is_absent(absent: str, code: int, said: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), absent]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == code, run.stderr
    assert run.stderr.splitlines()[-1] == said
    assert run.stdout == ("" if code else "2 40\n")
