"""A program for tests: runs that die at every call of the file system, or of kill -9 at any moment, and go on.

    python -m tests.train.dying calls FOLDER FIRST STEP      faults at calls FIRST, FIRST + STEP, … of a run
    python -m tests.train.dying kills FOLDER NUMBER SEED     NUMBER kills, then the same bits as never killed

Each run is a fork of this process, in which the graph is built and compiled once; so a death costs milliseconds.
Prints a line of JSON with what was seen; anything that should not be ends in an AssertionError.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from backgraph.errors import BackgraphError, FileError
from backgraph.models.mlp import MLP
from backgraph.optim import Adam
from backgraph.train import curves, disk
from backgraph.train.callbacks import Callback, State
from backgraph.train.checkpoint import load_checkpoint
from backgraph.train.directory import RunDirectory
from backgraph.train.engine import Engine, NumpyEngine
from backgraph.train.loop import Training, begin
from backgraph.train.native import NativeEngine

CRASHED = 99
curves.WAIT_SECONDS = -1.0  # else the clock decides which calls are made
HARMLESS = frozenset({"remove"})
"""Calls whose failure loses nothing: what was to be removed stays."""


class Memory(Callback):
    """A sum over epochs that a run cannot know without its checkpoint."""

    def __init__(self) -> None:
        self.sum = np.zeros(2)

    def epoch_done(self, training: Training) -> None:
        self.sum = self.sum * 0.5 + training.history[-1]["loss"]

    def state(self) -> State:
        return {"sum": self.sum}

    def restore(self, state: State) -> None:
        self.sum = state["sum"]


@dataclasses.dataclass
class Case:
    """Training that can be begun again and again, with the same bits."""

    epochs: int
    seconds: float = 1e9
    """Between two checkpoints; those of epochs come by the number of steps, so that every run makes the same calls."""

    def __post_init__(self) -> None:
        random_rows = np.random.default_rng(0).normal(size=(50, 4))
        mlp = MLP(4, (5,), 3)
        self.data = mlp.data(random_rows, (random_rows[:, 0] > 0).astype("int64"))
        self.first = begin(mlp.network.cost, mlp.initial(1), self.data, optimizer=Adam(), batch_size=8, seed=3)

    def run(self, folder: Path | None, engine: Engine | None = None) -> str:
        """Train to the end, from wherever the folder is; gives the SHA-256 of all that comes out."""
        engine = engine or NumpyEngine()
        training = dataclasses.replace(self.first, variables=[a.copy() for a in self.first.variables], history=[])
        memory = Memory()
        arguments: dict[str, Any] = {
            "epochs": self.epochs,
            "callbacks": [memory],
            "engine": engine,
            "steps_per_call": 3,
        }
        if folder is None:
            training.run(self.data, **arguments)
        else:
            with RunDirectory(folder, seconds=self.seconds, epochs=1) as keeper:
                training.run(self.data, keeper=keeper, **arguments)
        parts = [
            *(array.tobytes() for array in training.variables),
            memory.sum.tobytes(),
            repr(training.history).encode(),
        ]
        return hashlib.sha256(b"".join(parts)).hexdigest()


def forked(work: Callable[[], int]) -> int:
    """A child that does `work` and exits with what it returns; gives its number."""
    number = os.fork()
    if number == 0:
        code = 70
        try:
            code = work()
        except FileError as error:
            code = error.exit_code
        finally:
            os._exit(code)
    return number


def code_of(number: int) -> int:
    """The exit code of a child that has ended; minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def whole(folder: Path) -> int:
    """How many checkpoints there are; each must load."""
    found = RunDirectory(folder).checkpoints()
    for path in found:
        load_checkpoint(path)
    return len(found)


Fault = Callable[[Callable[..., Any], tuple[Any, ...]], Any]


def _crash(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    os._exit(CRASHED)


def _crash_in_the_middle(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Half of a write arrives."""
    call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
    os._exit(CRASHED)


def _partial(number: int) -> Fault:
    """Half of a write arrives, then the error: a disk that fills up."""

    def fault(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if call is os.write:
            call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        if call is os.close:  # it is closed even where the call reports an error
            call(*arguments)
        raise OSError(number, os.strerror(number))

    return fault


ENTRIES = frozenset({"open", "rename", "remove", "make folder", "list", "lock"})
"""Calls about names, which may be denied; the others are about what an open file holds."""
FAULTS: dict[str, tuple[Fault, Callable[[str], bool]]] = {
    "crash": (_crash, lambda name: True),
    "crash in the middle": (_crash_in_the_middle, lambda name: name == "write"),
    "ENOSPC": (_partial(errno.ENOSPC), lambda name: True),
    "EACCES": (_partial(errno.EACCES), lambda name: name in ENTRIES),
    "EIO": (_partial(errno.EIO), lambda name: name not in ENTRIES),
}
"""Each fault, and the calls that can have it. A crash after a call is a crash before the next."""


def spoil(fault: Fault | None, at: int) -> list[str]:
    """Put `fault` at call number `at`; the list of calls grows as they are made."""
    made: list[str] = []

    def spoilt(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            made.append(name)
            return fault(call, arguments) if fault is not None and len(made) == at + 1 else call(*arguments)

        return run

    disk.CALLS.update({name: spoilt(name, call) for name, call in dict(disk.CALLS).items()})
    return made


def calls_of(case: Case, folder: Path) -> list[str]:
    """The names of all calls of a whole run."""
    read, write = os.pipe()

    def work() -> int:
        made = spoil(None, 0)
        case.run(folder)
        os.write(write, json.dumps(made).encode())
        return 0

    assert code_of(forked(work)) == 0
    os.close(write)
    with os.fdopen(read) as file:
        return json.load(file)


def every_call(folder: Path, first: int, step: int) -> Iterator[str]:
    """Each fault at each chosen call: what is there loads, and the run goes on to the same bits."""
    case = Case(epochs=2)
    names = calls_of(case, folder / "count")
    expected = case.run(None)
    for at in range(first, len(names), step):
        for word, (fault, applies) in FAULTS.items():
            if not applies(names[at]):
                continue
            place = folder / f"{at} {word}"

            def work(fault: Fault = fault, at: int = at, place: Path = place) -> int:
                spoil(fault, at)
                case.run(place)
                return 0

            code = code_of(forked(work))
            said = f"{word} at call {at}, {names[at]}: exit {code}"
            assert code == CRASHED if word.startswith("crash") else code in (2, 3) or names[at] in HARMLESS, said
            whole(place)
            assert case.run(place) == expected, said
            shutil.rmtree(place)
            yield f"{word}: {names[at]}"


def kills(folder: Path, number: int, seed: int) -> dict[str, int]:
    """Kill runs at random moments, one after the other in one folder until it is done, until `number` were killed."""
    case, chance = Case(epochs=60, seconds=0.0), random.Random(seed)
    engines = [NativeEngine(threads=threads) for threads in (1, 2)]
    (expected,) = {case.run(None, engine) for engine in engines}
    killed = runs = finished = 0
    while killed < number:
        place = folder / str(finished)

        def work(engine: Engine = engines[runs % 2], place: Path = place) -> int:
            return 0 if case.run(place, engine) == expected else 1

        child = forked(work)
        runs += 1
        time.sleep(chance.uniform(0.0, 0.25))
        os.kill(child, signal.SIGKILL)
        code = code_of(child)
        if place.exists():
            whole(place)
        assert code in (0, -signal.SIGKILL), f"exit {code} after {killed} kills"
        killed += code != 0
        finished += code == 0
    assert case.run(folder / str(finished), engines[0]) == expected
    return {"killed": killed, "finished": finished + 1}


def main(what: str, folder: Path, *numbers: int) -> None:
    if what == "calls":
        print(json.dumps(Counter(every_call(folder, *numbers))))
    else:
        print(json.dumps(kills(folder, *numbers)))


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
    except BackgraphError as error:
        raise AssertionError(str(error)) from error
