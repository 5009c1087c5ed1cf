"""What every document keeps to: links lead somewhere, files and functions that are named exist, no loose ends."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.markdown import CODE, DOCUMENTS, ROOT, links, prose, read

SOURCE = ROOT / "src" / "backgraph"
MACHINE = re.compile(r"(?<![\w.])/(work|home|tmp|root|Users|mnt)/|localhost|\b\d{2,3}(?:\.\d{1,3}){3}\b")
LOOSE_ENDS = re.compile(r"\b(TODO|FIXME|XXX|TBD|WIP|lorem)\b", re.IGNORECASE)
FILE = re.compile(r"[\w/.-]+\.(?:py|md|toml|lock)")
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")


@cache
def defined(path: Path) -> frozenset[str]:
    """Functions, classes, `Class.member` and variables at the top of a module, and what it imports."""
    names: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        names |= names_of(node)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{name}" for member in node.body for name in names_of(member)}
    return frozenset(names)


def names_of(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def place(document: str, name: str) -> Path | None:
    """The file that a document means: as seen from the root, the package, or the document."""
    starts = (ROOT, SOURCE, (ROOT / document).parent)
    return next((start / name for start in starts if (start / name).exists()), None)


def missing(line: str, document: str = "docs/book.md") -> list[str]:
    """Code spans of a line that are a file that does not exist, or a name that the file before it does not define."""
    problems: list[str] = []
    file: Path | None = None
    for span in CODE.findall(line):
        if FILE.fullmatch(span):
            file = place(document, span)
            problems += [] if file else [span]
        elif file is not None and file.suffix == ".py" and NAME.fullmatch(span) and span not in defined(file):
            problems.append(f"{file.relative_to(ROOT)}: {span}")
    return problems


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    assert not [target for target in links(read(document)) if not (folder / target).exists()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_machine_and_no_loose_end(document: str) -> None:
    text = read(document)
    assert not [m.group() for m in (*MACHINE.finditer(text), *LOOSE_ENDS.finditer(text))]


@pytest.mark.parametrize("document", ["README.md", "docs/architecture.md"])
def test_files_that_are_named_exist(document: str) -> None:
    spans = [span for span in CODE.findall(prose(read(document))) if span.endswith(".py")]
    assert not [span for span in spans if place(document, span) is None]


def test_the_book_leads_to_files_and_functions() -> None:
    rows = [line for line in read("docs/book.md").splitlines() if line.startswith("| ")]
    assert len([row for row in rows if ".py`" in row]) > 40
    assert not [problem for row in rows for problem in missing(row)]


def test_decisions_have_their_parts() -> None:
    decisions = [d for d in DOCUMENTS if d.startswith("docs/decisions/")]
    assert [Path(d).name[:4] for d in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for decision in decisions:
        assert re.findall("^## (.*)", read(decision), re.MULTILINE) == [
            "Context", "Decision", "Consequences", "Counter-example",
        ], decision  # fmt: skip


def test_a_missing_name_is_found() -> None:
    assert missing("| 6.5.6 | `calculus/backprop.py` `gradient`, `Gradients.of` |") == []
    assert missing("| 6.5.6 | `errors.py` `shows` |") == ["src/backgraph/errors.py: shows"]
    assert missing("| 6.5.6 | `calculus/forward.py` `gradient` |") == ["calculus/forward.py"]


def test_a_loose_end_is_found() -> None:
    assert LOOSE_ENDS.search("a TODO here")
    assert MACHINE.search("see /home/someone/x.py")
    assert not MACHINE.search("a/home/b and version 0.1.0")
