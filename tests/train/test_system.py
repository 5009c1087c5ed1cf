"""Files where the system is another one: the modules that are not there are taken away, those that are, imitated."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from backgraph.train import system

ELSEWHERE = """
    import errno, os, sys, types
    from pathlib import Path

    sys.modules["fcntl"] = None
    for name in ("O_CLOEXEC", "O_DIRECTORY", "pread", "preadv"):
        delattr(os, name)
    held = set()

    def locking(descriptor, mode, count):
        place = os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR)
        if place in held:
            raise PermissionError(errno.EACCES, "Permission denied")
        held.add(place)

    sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)

    from backgraph.errors import FileError
    from backgraph.train.disk import append, save_text
    from backgraph.train.directory import RunDirectory

    with RunDirectory(sys.argv[1]) as folder:
        save_text(folder.path / "text", "as it is\\n")
        append(folder.path / "text", "and more\\n")
        try:
            RunDirectory(sys.argv[1]).__enter__()
        except FileError as error:
            print(error.code, str(os.getpid()) in error.what)
    print(repr(Path(sys.argv[1], "text").read_bytes()))
"""


def test_a_run_where_there_is_no_fcntl(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(ELSEWHERE), str(tmp_path / "m")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == ["BG504 True", r"b'as it is\nand more\n'"], run.stderr


@pytest.mark.parametrize("by_turns", [False, True])
def test_reading_at_a_place(tmp_path: Path, by_turns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if by_turns:
        monkeypatch.delattr(os, "preadv")
    (tmp_path / "f").write_bytes(bytes(range(10)))
    descriptor = os.open(tmp_path / "f", os.O_RDONLY | system.AS_BYTES)
    found = bytearray(4)
    assert [system.read_at(descriptor, memoryview(found), place) for place in (3, 8, 10)] == [4, 2, 0]
    assert bytes(found) == bytes([8, 9, 5, 6])
    os.close(descriptor)
