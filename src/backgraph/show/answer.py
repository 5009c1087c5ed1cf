"""Answers to exercises as text: read as the language of costs, with the names of an explanation.

Besides the language, an answer may use what explanations print: `onehot(y)`, `[H > 0]` and `(H > 0)` as 1 and 0, sizes
by their symbol (`/m`), and the signs − ⊙ ᵀ ⁽²⁾.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from backgraph.errors import GraphError, nearest
from backgraph.language.dims import Open, symbols
from backgraph.language.node import Node
from backgraph.language.ops.leaf import size
from backgraph.language.ops.loss import OneHot
from backgraph.language.parse import parse
from backgraph.language.walk import leaves, substitute, topological_order

SIGNS = {"−": "-", "⊙": "*", "·": "*", "ᵀ": ".T", "⁽": "", "⁾": "", "^T": ".T", "^": "**"}
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
COMPARISON = re.compile(r"[<>]=?|[=!]=")
ONE_HOT = re.compile(r"\b(?:onehot|one_hot)\(\s*(\w+)\s*\)")


def read_answer(text: str, names: Mapping[str, Node], graph: Node) -> Node:
    """The node of an answer on the nodes that `names` stand for; `graph` knows sizes and one-hot rows.

    Raises GraphError as `parse` does, BG104 for a name that is not known (or not yet: the gradient of a later step).
    """
    known = {**_sizes(graph), **names}
    hot = {f"onehot_{node.inputs[0].op}": node for node in topological_order([graph]) if isinstance(node.op, OneHot)}
    known |= {name: node for name, node in hot.items() if name not in known}
    written = _bracketed(ONE_HOT.sub(lambda m: f"onehot_{m[1]}" if f"onehot_{m[1]}" in hot else m[0], _plain(text)))
    used = {name for name in re.findall(r"[^\W\d]\w*", written) if name in known}
    shapes = {name: shape for name in used if not isinstance(shape := known[name].shape, Open)}
    program = parse(written, shapes=shapes, dtype=graph.dtype, scalar_cost=False)
    for name in program.leaves:
        if name not in known:
            hint = nearest(name, list(names)) or f"names are {', '.join(names)}"
            raise GraphError("BG104", "answer", "no such name here", got=name, hint=hint)
    return substitute([program.cost], {leaf: known[name] for name, leaf in program.leaves.items()})[0]


def _plain(text: str) -> str:
    """The printed signs as the language writes them."""
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    return text.translate(RAISED)


def _sizes(graph: Node) -> dict[str, Node]:
    """The dimensions of the graph's leaves, as numbers."""
    names = dict.fromkeys(name for leaf in leaves([graph]) for name in sorted(symbols(leaf.shape)))
    return {name: size(name, graph.dtype) for name in names}


def _bracketed(text: str) -> str:
    """Square brackets, and round ones around a comparison, that stand by themselves become 1 and 0."""
    at = 0
    while at < len(text):
        if text[at] in "([" and not re.search(r"[\w\])]\s*$", text[:at]):
            end = _closing(text, at)
            inside = text[at + 1 : end]
            if end < len(text) and (text[at] == "[" or _compares(inside)):
                text = f"{text[:at]}where({inside}, 1.0, 0.0){text[end + 1 :]}"
                at += len("where(")
                continue
        at += 1
    return text


def _compares(inside: str) -> bool:
    """Whether a comparison stands in it outside of further brackets."""
    depth, bare = 0, ""
    for c in inside:
        depth += (c in "([") - (c in ")]")
        bare += c if depth == 0 else " "
    return COMPARISON.search(bare) is not None


def _closing(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "([") - (text[at] in ")]")
        if depth == 0:
            return at
    return len(text)
