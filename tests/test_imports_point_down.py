"""Imports point down: a module imports from its own layer or a lower one, never from a higher one.

LAYERS is the order. Imports inside functions and under TYPE_CHECKING count too: what a layer knows of, it depends on.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"collector", "errors", "version"}),
    frozenset({"language"}),
    frozenset({"evaluate"}),
    frozenset({"calculus"}),
    frozenset({"rules"}),
    frozenset({"show"}),
    frozenset({"compiler"}),
    frozenset({"optim", "train"}),
    frozenset({"data", "models"}),
    frozenset({"sklearn", "scale", "jax_bridge", "export"}),
    frozenset({"cli"}),
)
"""Lowest first. `backgraph/__init__.py` stands above all of them but cli; nothing below may import it."""

RANK = {layer: rank for rank, layers in enumerate(LAYERS) for layer in layers}
LIGHT = ("collector", "errors", "language", "evaluate", "calculus", "rules", "show")
"""Layers that load numpy and nothing else, and so does `import backgraph`."""
FREE = ("data", "models", "train", "cli")
"""Layers that may load any dependency at the top of a module."""

SOURCE = Path(__file__).parents[1] / "src" / "backgraph"
MODULES = {".".join(path.relative_to(SOURCE.parent).with_suffix("").parts): path for path in SOURCE.rglob("*.py")}


def layer(module: str) -> str:
    """`show` for `backgraph.show.text`; `__init__` for the package itself."""
    return [*module.split("."), "__init__"][1]


def package(module: str) -> list[str]:
    """The parts of the package that relative imports in `module` start from."""
    return module.split(".")[:-1]


def imported(node: ast.AST, module: str) -> list[str]:
    """Full names of what one statement of `module` imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    start = package(module)[: len(package(module)) - node.level + 1] if node.level else []
    base = ".".join(start + ([node.module] if node.module else []))
    return [f"{base}.{alias.name}" for alias in node.names] if base == "backgraph" else [base]


def at_top(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run when the module is imported: not those in functions or under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_top(child)


def allowed_outside(module: str) -> set[str]:
    """Third-party packages that `module` may import at its top."""
    name = layer(module)
    if name in LIGHT:
        return {"numpy"}
    return {"numpy", "llvmlite"} | ({"sklearn"} if name == "sklearn" else set())


def upward(module: str, text: str) -> list[str]:
    """The imports in `text`, the source of `module`, that point up."""
    own = RANK[layer(module)] if layer(module) != "__init__" else RANK["cli"] - 1
    names = [name for node in ast.walk(ast.parse(text)) for name in imported(node, module)]
    inside = [name for name in names if name.split(".")[0] == "backgraph"]
    return [name for name in inside if RANK.get(layer(name), len(LAYERS)) > own]


def heavy(module: str, text: str) -> list[str]:
    """The third-party packages that `text`, the source of `module`, should not import at its top."""
    names = [name.split(".")[0] for node in at_top(ast.parse(text)) for name in imported(node, module)]
    known = {"backgraph", *sys.stdlib_module_names, *allowed_outside(module)}
    return [name for name in names if name not in known]


def test_every_module_has_a_layer() -> None:
    unknown = {module for module in MODULES if layer(module) not in {*RANK, "__init__", "__main__"}}
    assert not unknown, "give them a place in LAYERS"


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"backgraph.__main__"}))
def test_imports_point_down(module: str) -> None:
    assert not upward(module, MODULES[module].read_text("utf-8")), f"{module} imports from above"


@pytest.mark.parametrize("module", sorted(module for module in MODULES if layer(module) not in {*FREE, "__main__"}))
def test_only_numpy_and_llvmlite_at_the_top(module: str) -> None:
    assert not heavy(module, MODULES[module].read_text("utf-8")), f"{module}: import it where it is used"


@pytest.mark.parametrize("name", ["backgraph", *(f"backgraph.{each}" for each in LIGHT if each in map(layer, MODULES))])
def test_loads_numpy_only(name: str) -> None:
    program = f"import sys, numpy; before = set(sys.modules); import {name}; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {module.split(".")[0] for module in run.stdout.split()}
    assert loaded <= {"backgraph", "numpy", *sys.stdlib_module_names}


@pytest.mark.parametrize(
    "line",
    [
        "from backgraph.cli import main",
        "import backgraph",
        "from backgraph import cli, errors",
        "from backgraph import gradient",
        "from .. import train",
        "from ..train.loop import fit",
        "def f():\n    from ..compiler import jit",
    ],
)
def test_an_upward_import_is_found(line: str) -> None:
    assert upward("backgraph.show.text", line)


@pytest.mark.parametrize("line", ["from ..language import node", "from . import svg", "from backgraph import errors"])
def test_a_downward_import_is_fine(line: str) -> None:
    assert not upward("backgraph.show.text", line)


def test_a_heavy_import_is_found_only_at_the_top() -> None:
    assert heavy("backgraph.show.text", "try:\n    import rich\nexcept ImportError:\n    pass") == ["rich"]
    assert heavy("backgraph.show.text", "import llvmlite") == ["llvmlite"]
    assert not heavy("backgraph.show.text", "def f():\n    import rich")
