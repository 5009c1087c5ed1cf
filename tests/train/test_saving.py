"""Saving: whole or not at all, whatever call of the file system fails, and no failure is swallowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.errors import SaveError
from backgraph.train import disk
from backgraph.train.disk import append, make_folder, save_atomically, sweep
from backgraph.train.files import load_tensors, pack, save_tensors
from tests.train.test_files import METADATA, TENSORS, names_in, same

Calls = dict[str, Callable[..., Any]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """A copy of disk.CALLS that a test may spoil."""
    copy = dict(disk.CALLS)
    monkeypatch.setattr(disk, "CALLS", copy)
    return copy


def fails_at(calls: Calls, number: int, failure: BaseException | None) -> list[str]:
    """Makes call `number` (from 0, over all of CALLS) raise `failure`; the list of calls grows as they are made."""
    made: list[str] = []

    def spoilt(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            made.append(name)
            if len(made) == number + 1 and failure is not None:
                if name == "close":  # A descriptor is closed even when close reports an error.
                    call(*arguments)
                raise failure
            return call(*arguments)

        return run

    calls.update({name: spoilt(name, call) for name, call in disk.CALLS.items()})
    return made


def number_of_calls() -> int:
    """How many calls a save makes; one more, so that the last case fails nowhere."""
    return len(["open", "write", "synchronise", "close", "open", "read", "read", "close", "rename", "open"]) + 3


FAILURES = [OSError(28, "No space left on device"), PermissionError(13, "Permission denied"), KeyboardInterrupt()]


@pytest.mark.parametrize("failure", FAILURES, ids=["disk full", "denied", "Ctrl-C"])
@pytest.mark.parametrize("number", range(number_of_calls()))
@pytest.mark.parametrize("existing", [False, True], ids=["new", "over an old file"])
def test_a_fault_at_every_call(
    tmp_path: Path, calls: Calls, failure: BaseException, number: int, existing: bool
) -> None:
    path, old = tmp_path / "m", {"old": np.zeros(3)}
    if existing:
        path.write_bytes(pack(old, None))
    made = fails_at(calls, number, failure)
    raised: BaseException | None = None
    try:
        save_tensors(path, TENSORS, METADATA)
    except (SaveError, KeyboardInterrupt) as error:
        raised = error
    assert (raised is None) == (len(made) <= number), "no failed save is swallowed"
    renamed = "rename" in made[: number + (raised is None)]
    assert not isinstance(raised, SaveError) or (raised.code, raised.exit_code) == ("BG552" if renamed else "BG551", 3)
    assert names_in(tmp_path) == (["m"] if existing or renamed else [])
    if path.exists():
        assert same(load_tensors(path)[0], TENSORS if renamed else old)


def test_the_order_of_calls(tmp_path: Path, calls: Calls) -> None:
    made = fails_at(calls, -1, None)
    save_tensors(tmp_path / "m", TENSORS, METADATA)
    written = ["open", "write", "synchronise", "close"]
    assert made == [*written, "open", "read", "read", "close", "rename", "open", "synchronise", "close"]
    assert len(made) == number_of_calls() - 1


def test_a_disk_that_returns_other_bytes(tmp_path: Path, calls: Calls) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"old")
    read = calls["read"]
    calls["read"] = lambda descriptor, size: read(descriptor, size)[:-1]
    with pytest.raises(SaveError, match=r"BG551.*reads back differently"):
        save_tensors(path, TENSORS, METADATA)
    assert path.read_bytes() == b"old"


def test_short_writes_are_completed(tmp_path: Path, calls: Calls) -> None:
    write = calls["write"]
    calls["write"] = lambda descriptor, data: write(descriptor, bytes(data)[:100])
    save_tensors(tmp_path / "m", TENSORS, METADATA)
    assert same(load_tensors(tmp_path / "m")[0], TENSORS)


def test_a_failing_writer_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"old")

    def write(file: Any) -> None:
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_atomically(tmp_path / "m", write)
    assert names_in(tmp_path) == ["m"]
    assert (tmp_path / "m").read_bytes() == b"old"


def test_links_and_permissions_are_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    save_atomically(link, lambda file: file.writelines([b"new"]))
    assert link.is_symlink()
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o640)


@pytest.mark.parametrize("name", [".", "no/m", "x" * 300, "/dev/null", "/proc/m"])
def test_where_nothing_can_be_saved(tmp_path: Path, name: str) -> None:
    with pytest.raises(SaveError, match="BG551"):
        save_tensors(tmp_path / name, TENSORS, METADATA)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["-rf", "a\nb", "*", "; touch x", "é" * 100])
def test_names_are_literal(tmp_path: Path, name: str) -> None:
    save_tensors(tmp_path / name, TENSORS, METADATA)
    assert names_in(tmp_path) == [name]
    assert same(load_tensors(tmp_path / name)[0], TENSORS)


@pytest.mark.parametrize("wait", [True, False])
def test_appending_is_complete_and_waits_if_asked(tmp_path: Path, calls: Calls, wait: bool) -> None:
    path = tmp_path / "lines"
    path.write_text("first\n")
    made = fails_at(calls, -1, None)
    append(path, "second é\n", wait)
    assert made == ["open", "write", *(["synchronise"] if wait else []), "close"]
    assert path.read_text("utf-8") == "first\nsecond é\n"


def test_appending_in_small_pieces(tmp_path: Path, calls: Calls) -> None:
    write = calls["write"]
    calls["write"] = lambda descriptor, data: write(descriptor, bytes(data)[:3])
    append(tmp_path / "lines", "0123456789")
    assert (tmp_path / "lines").read_text() == "0123456789"


@pytest.mark.parametrize("number", range(4))
def test_a_fault_while_appending_is_said(tmp_path: Path, calls: Calls, number: int) -> None:
    fails_at(calls, number, OSError(28, "No space left on device"))
    with pytest.raises(SaveError, match=r"BG551.*No space left"):
        append(tmp_path / "lines", "text")


def test_folders_are_made_with_those_above(tmp_path: Path, calls: Calls) -> None:
    made = fails_at(calls, -1, None)
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert made == ["make folder", "open", "synchronise", "close"] * 2
    made.clear()
    make_folder(tmp_path / "a" / "b")
    assert made == []


def test_only_unfinished_files_are_swept_up(tmp_path: Path) -> None:
    for name in (".backgraph-12.temporary", "model", ".hidden"):
        (tmp_path / name).write_text("")
    sweep(tmp_path)
    assert names_in(tmp_path) == [".hidden", "model"]


def test_a_temporary_file_is_never_one_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a link that somebody has put there to have another file overwritten."""
    monkeypatch.setattr(disk.secrets, "token_hex", lambda length: "0")
    (tmp_path / "precious").write_text("x")
    (tmp_path / ".backgraph-0.temporary").symlink_to(tmp_path / "precious")
    with pytest.raises(SaveError, match=r"BG551.*File exists"):
        save_tensors(tmp_path / "m", TENSORS, METADATA)
    assert (tmp_path / "precious").read_text() == "x"
