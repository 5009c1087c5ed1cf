"""`python -m scripts.reference` writes the generated pages; with `--check` it says which are not as they should be."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.reference import gallery, jacobians, operations, rules, tour

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs/operations", "docs/rules", "docs/gallery", "docs/jacobians", "docs/tour/images")
"""Folders that hold nothing else."""


def files() -> Iterator[tuple[str, str]]:
    """All generated files: paths from the root, with what they hold."""
    yield from operations.files()
    yield from rules.files()
    yield from gallery.files()
    yield from jacobians.files()
    yield from tour.files()


def differences(root: Path = ROOT) -> list[str]:
    """Paths of files that are missing, differ, or are no longer made."""
    made = dict(files())
    wrong = [path for path, text in made.items() if not (root / path).is_file() or read(root / path) != text]
    there = (each for folder in FOLDERS for each in (root / folder).glob("*") if each.is_file())
    return wrong + [path for each in there if (path := each.relative_to(root).as_posix()) not in made]


def read(path: Path) -> str:
    """A file as it is, line ends included."""
    return path.read_bytes().decode("utf-8")


def write(root: Path = ROOT) -> list[str]:
    """Write what differs, remove what is no longer made; returns the paths."""
    made = dict(files())
    wrong = differences(root)
    for path in wrong:
        if path in made:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(made[path].encode("utf-8"))
        else:
            (root / path).unlink()
    return wrong


def main(arguments: list[str]) -> int:
    """The command."""
    wrong = differences() if "--check" in arguments else write()
    for path in wrong:
        print(path)
    if "--check" in arguments and wrong:
        print(f"{len(wrong)} generated files are not up to date; run python -m scripts.reference")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
