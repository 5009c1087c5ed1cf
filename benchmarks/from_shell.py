"""From a shell, process start to saved model: `python -m benchmarks.from_shell [--write docs/benchmarks.md]`.

The digits, one hidden layer of 64, relu, Adam 0.001, minibatches of 32, 30 epochs, a fifth held out: `backgraph train`
as it is, with its checkpoints, metrics and report, against the scripts in `benchmarks/shell`. What is taken is the time
from the start of a process to the last change of the model's file, and to its end; contestants alternate A B C A B C
after one run each that fills the caches of Python and of ours, and what counts is the median of the ratios of
neighbours. `--cold` empties ours before each run.
`--python` is the interpreter that has PyTorch and JAX, where they are not in this one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sections import write_section

SCRIPTS = Path(__file__).parent / "shell"
OURS = "backgraph train"
PEERS = {
    "scikit-learn": "scikit_learn.py",
    "PyTorch, DataLoader": "pytorch.py",
    "PyTorch, slices": "pytorch_sliced.py",
    "JAX and Optax": "jax_optax.py",
}
TRAIN = ["train", "--hidden", "64", "--epochs", "30", "--batch-size", "32", "--learning-rate", "0.001", "--json"]


@dataclass(frozen=True)
class Run:
    """One run of a contestant: seconds to the saved model, to the end and of processors, and the accuracy printed."""

    saved: float
    seconds: float
    processor: float
    accuracy: float


def run(name: str, python: str, folder: Path) -> Run:
    """Let one contestant do the job. SystemExit with what it said where it fails."""
    out, file = folder / "model", folder / "model.of.peer.npz"
    shutil.rmtree(out, ignore_errors=True)
    file.unlink(missing_ok=True)
    ours = [sys.executable, "-m", "backgraph", *TRAIN, "--out", str(out)]
    command = ours if name == OURS else [python, str(SCRIPTS / PEERS[name]), str(file)]
    own = {"PYTHONPYCACHEPREFIX": str(folder / "pyc"), "BACKGRAPH_CACHE": str(folder / "objects")}
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | own
    with (folder / "said").open("w+") as said, (folder / "wrong").open("w+") as wrong:
        began, at = time.perf_counter(), time.time()
        process = subprocess.Popen(command, stdout=said, stderr=wrong, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{name}: {wrong.seek(0) or wrong.read()}")
        last = (said.seek(0) or said.read()).splitlines()[-1]
    accuracy = json.loads(last)["validation"]["accuracy"] if name == OURS else float(last)
    saved = (out / "model.safetensors" if name == OURS else file).stat().st_mtime - at
    return Run(saved, seconds, usage.ru_utime + usage.ru_stime, accuracy)


def measured(names: list[str], python: str, turns: int, cold: bool) -> dict[str, list[Run]]:
    """The runs of each contestant, turn by turn; the first one of each, which fills the caches, is not among them."""
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns + 1):
            for name in names:
                if cold:
                    shutil.rmtree(Path(folder) / "objects", ignore_errors=True)
                found = run(name, python, Path(folder))
                if turn:
                    runs[name].append(found)
    return runs


def table(runs: dict[str, list[Run]]) -> str:
    """A row for each contestant."""
    lines = [
        "| | seconds to the model | ratio | to the end | ratio | of processors | validation accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in runs.items():
        pairs = list(zip(found, runs[OURS], strict=True))
        saved, seconds, processor = (
            statistics.median(each) for each in zip(*((r.saved, r.seconds, r.processor) for r in found), strict=True)
        )
        ratios = [
            statistics.median(ratio)
            for ratio in zip(*((r.saved / own.saved, r.seconds / own.seconds) for r, own in pairs), strict=True)
        ]
        lines.append(
            f"| {name} | {saved:.2f} | {ratios[0]:.1f} | {seconds:.2f} | {ratios[1]:.1f} | {processor:.2f} "
            f"| {found[-1].accuracy:.2%} |"
        )
    return "\n".join(lines)


TEXT = """`backgraph train` on the digits, from the start of the process to the saved model, and to its end, against the
same job in the scripts of `benchmarks/shell`: one hidden layer of 64, relu, Adam 0.001, minibatches of 32, 30 epochs, a
fifth held out. Ours also reads the table from a file, writes checkpoints and metrics, and at the end the report. Median
of {turns} runs that alternate, {warmth}; ratios are medians of those of neighbours. {machine}.
Written by `python -m benchmarks.from_shell`.

{table}"""


def machine(processors: int) -> str:
    """What it ran on."""
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    python, load = platform.python_version(), os.getloadavg()[0]
    return f"{processors} of {os.cpu_count()} processors ({model[0]}), load {load:.1f}, Python {python}"


def present(python: str) -> list[str]:
    """The peers whose libraries `python` has."""
    modules = {"scikit-learn": "sklearn", "JAX and Optax": "optax"}
    return [
        name
        for name in PEERS
        if not subprocess.run(
            [python, "-c", f"import sklearn, {modules.get(name, 'torch')}"], capture_output=True, check=False
        ).returncode
    ]


def main() -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--processors", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--write", type=Path, help="also write the section into this file")
    options = parser.parse_args()
    names = [OURS, *present(options.python)]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.processors])
    runs = measured(names, options.python, options.turns, options.cold)
    warmth = "nothing compiled before" if options.cold else "what was compiled before kept"
    text = TEXT.format(
        turns=options.turns, warmth=warmth, machine=machine(options.processors), table=table(runs)
    )  # fmt: skip
    print(text)
    if options.write:
        write_section(options.write, "From a shell", text)


if __name__ == "__main__":
    main()
