"""Object code on disk: found again by another process, never trusted when damaged, bounded, private."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import backgraph as bg
from backgraph.compiler import cache, digest
from backgraph.compiler.cache import object_code
from backgraph.compiler.function import compile
from backgraph.compiler.target import host_levels, host_target

CODE = b"code" * 100


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and nothing in memory."""
    place = tmp_path / "objects"
    monkeypatch.setenv("BACKGRAPH_CACHE", str(place))
    forget()
    return place


def forget() -> None:
    cache._recent.clear()


def never() -> bytes:
    raise AssertionError("compiled although the code is known")


def test_what_was_made_is_found_again(folder: Path) -> None:
    assert object_code("a" * 64, lambda: CODE) == CODE
    assert object_code("a" * 64, never) == CODE
    forget()
    assert object_code("a" * 64, never) == CODE
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in folder.iterdir()] == ["a" * 64]


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:40] + b"X" + b[41:], lambda _: b""])
def test_a_damaged_entry_is_made_anew(folder: Path, damage: object) -> None:
    object_code("a" * 64, lambda: CODE)
    entry = folder / ("a" * 64)
    entry.write_bytes(damage(entry.read_bytes()))  # type: ignore[operator]
    forget()
    assert object_code("a" * 64, lambda: CODE + b"again") == CODE + b"again"
    forget()
    assert object_code("a" * 64, never) == CODE + b"again"


def test_the_oldest_entries_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT", 3 * (len(CODE) + 32))
    for n in range(5):
        object_code(f"{n}" * 64, lambda: CODE)
        os.utime(folder / (f"{n}" * 64), (n, n))
    object_code("9" * 64, lambda: CODE)
    assert sorted(file.name[0] for file in folder.iterdir()) == ["3", "4", "9"]
    monkeypatch.setattr(cache, "RECENT", 2)
    object_code("8" * 64, lambda: CODE)
    assert len(cache._recent) == 2


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no owners here")
def test_a_folder_that_others_may_write_to_is_not_used(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    folder.chmod(0o777)
    assert object_code("a" * 64, lambda: CODE) == CODE
    assert not list(folder.iterdir())


@pytest.mark.parametrize("told", ["off", "/dev/null/nowhere", "/proc/nowhere"])
def test_without_a_folder_everything_still_compiles(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKGRAPH_CACHE", told)
    forget()
    assert object_code("b" * 64, lambda: CODE) == CODE
    assert cache.cache_folder() is None


PROGRAM = """
import sys
import numpy as np
import backgraph as bg
from backgraph.compiler import jit
made = []
inner = jit.object_code
jit.object_code = lambda *given: made.append(1) or inner(*given)
x = bg.input(sys.argv[1], ("m", 3))
function = bg.compile([x], bg.sum(bg.tanh(x) * float(sys.argv[2])))
print(len(made) or (function(np.ones((2, 3))), len(made))[1])
"""


def test_another_process_compiles_nothing(folder: Path) -> None:
    """Nor does it where only a name differs. Another number is another program, but not in all of its parts."""

    def compilations(*arguments: str) -> int:
        environment = {**os.environ, "BACKGRAPH_CACHE": str(folder)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    first, again, renamed, other = (compilations(*given) for given in (("x", "2"), ("x", "2"), ("y", "2"), ("x", "3")))
    assert (again, renamed) == (0, 0)
    assert 0 < other < first


def keys(
    monkeypatch: pytest.MonkeyPatch, *, axis: int = 1, n: int = 3, dtype: str = "float64", **options: object
) -> set[str]:
    """What a small program is filed under."""
    seen: set[str] = set()
    inner = cache.object_code
    with monkeypatch.context() as patch:
        patch.setattr(cache, "object_code", lambda key, make: seen.add(key) or inner(key, make))
        x = bg.input("x", ("m", n), dtype)
        compile([x], bg.sum(bg.exp(x), axis=axis), **options)(np.ones((2, n), dtype))  # type: ignore[arg-type]
    return seen


@pytest.mark.usefixtures("folder")
def test_whatever_code_depends_on_is_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    first = keys(monkeypatch)
    assert len(first) == 1
    assert keys(monkeypatch) == first
    others = [
        keys(monkeypatch, axis=0),
        keys(monkeypatch, n=4),
        keys(monkeypatch, dtype="float32"),
        keys(monkeypatch, level=0),
        keys(monkeypatch, memory="1MiB"),
        keys(monkeypatch, target=host_target(host_levels()[-1])),
    ]
    digest.sources.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(digest.llvmlite, "__version__", "another")
        others.append(keys(monkeypatch))
    digest.sources.cache_clear()
    assert len(set().union(first, *others)) == 8
