"""The fingerprint of a program: the same for two programs exactly if the same machine code is made of them.

It goes over everything that code is made from: nests with their axes, expressions and values, numbered in the order in
which they come up; which values are in memory; row blocks; target, level, and the sources of the compiler itself. Not
over labels, which only people read.
"""

from __future__ import annotations

from collections.abc import Sequence

from backgraph.compiler.digest import digest
from backgraph.compiler.nest import Value
from backgraph.compiler.phases import Phase
from backgraph.compiler.program import Body
from backgraph.compiler.spelling import Spelling
from backgraph.compiler.target import Target


def fingerprint(phases: Sequence[Phase], values: Sequence[Value], body: Body, target: Target, level: int) -> str:
    """64 hexadecimal digits."""
    spelled = Spelling()
    text = spelled(([phase.nests for phase in phases], list(values), body.phases, body.rows, level, target))
    local = sorted(spelled.number[value] for value in body.local if value in spelled.number)
    return digest(f"{text} {local}")
