"""Names for the dimensions that the user did not name.

    k        classes: the last axis of the scores of cross_entropy and nll
    h        the hidden width: what a product with a computed factor sums over; h1, h2, … where there are several
    m        the rows of the first matrix (the examples of a minibatch), or the length of labels
    d, h, k, n, …   all others, in the order of the text

No name is that of a variable or of a dimension the user wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count

from backgraph.language.dims import Dim, Polynomial, Shape, symbol, symbols
from backgraph.language.text.constraints import Product
from backgraph.language.text.conventions import Solver
from backgraph.language.text.layouts import Appended, Classes
from backgraph.language.text.unify import is_placeholder

LETTERS = ("d", "h", "k", "n", "p", "q", "r", "s", "l", "u", "v", "w")


def name_dimensions(solver: Solver, taken: Iterable[str]) -> dict[str, Dim]:
    """A symbol for each placeholder in the shapes of leaves and of results."""
    names: dict[str, Dim] = {}
    used = {*taken}

    def give(dim: Dim, candidates: Iterable[str]) -> None:
        name = _placeholder(solver, dim)
        if name is not None and name not in names:
            chosen = next(each for each in candidates if each not in used)
            used.add(chosen)
            names[name] = symbol(chosen)

    used.update(_rigid(solver))
    for dim in _classes(solver):
        give(dim, _numbered("k", ("k",)))
    hidden = [dim for dim in _hidden(solver) if _placeholder(solver, dim) not in names]
    widths = _numbered("h", ("h",) if len(hidden) == 1 else ())
    for dim in hidden:
        give(dim, widths)
    if len(hidden) > 1:
        used.add("h")
    rows = next((dim for dim in _rows(solver) if _placeholder(solver, dim)), 0)
    give(rows, _numbered("m", ("m",)))
    others = _numbered("d", LETTERS)
    for dim in _all(solver):
        give(dim, others)
    return names


def named_shape(solver: Solver, names: dict[str, Dim], shape: Shape) -> Shape:
    """A shape with solved placeholders replaced and the others named."""
    return tuple(named(solver, names, dim) for dim in shape) if isinstance(shape, tuple) else shape


def named(solver: Solver, names: dict[str, Dim], dim: Dim) -> Dim:
    """A dimension with solved placeholders replaced and the others named."""
    dim = solver.sizes.resolve(dim)
    return dim.at(names) if isinstance(dim, Polynomial) else dim


def _numbered(letter: str, first: Iterable[str]) -> Iterator[str]:
    return chain(first, (f"{letter}{number}" for number in count(1)))


def _placeholder(solver: Solver, dim: Dim) -> str | None:
    dim = solver.sizes.resolve(dim)
    names = list(dim.symbols) if isinstance(dim, Polynomial) else []
    return names[0] if len(names) == 1 and dim == symbol(names[0]) and is_placeholder(names[0]) else None


def _classes(solver: Solver) -> list[Dim]:
    return [
        dim for constraint, _ in solver.constraints if isinstance(constraint, Classes) for dim in constraint.classes
    ]


def _hidden(solver: Solver) -> list[Dim]:
    dims = [dim for constraint, _ in solver.constraints if isinstance(constraint, Product) for dim in constraint.inner]
    return [symbol(name) for name in dict.fromkeys(_placeholder(solver, dim) for dim in dims) if name is not None]


def _leaf_shapes(solver: Solver) -> list[tuple[Dim, ...]]:
    shapes = (solver.sizes.shape(value.slot) for value in solver.leaves.values())
    return [shape for shape in shapes if isinstance(shape, tuple)]


def _rows(solver: Solver) -> Iterator[Dim]:
    yield from [shape[0] for shape in _leaf_shapes(solver) if len(shape) > 1][:1]
    for constraint, _ in solver.constraints:
        indices = [constraint.labels] if isinstance(constraint, Classes) else []
        indices += [constraint.index] if isinstance(constraint, Appended) else []
        shapes = [solver.sizes.shape(slot) for slot in indices]
        yield from (shape[0] for shape in shapes if isinstance(shape, tuple) and shape)


def _all(solver: Solver) -> Iterator[Dim]:
    yield from (dim for shape in _leaf_shapes(solver) for dim in shape)
    for constraint, _ in solver.constraints:
        shape = solver.sizes.shape(constraint.result)
        yield from shape if isinstance(shape, tuple) else ()
    yield from (symbol(f"?{number}") for number in range(solver.sizes.count))


def _rigid(solver: Solver) -> set[str]:
    shapes = [*_leaf_shapes(solver), *(solver.sizes.shape(constraint.result) for constraint, _ in solver.constraints)]
    return {name for shape in shapes if shape is not None for name in symbols(shape) if not is_placeholder(name)}
