"""How long the values of an explanation live, counted in its steps.

reads      what a step needs: values of the forward pass, inputs, and gradients of earlier steps
kept       a computed forward value that some step reads; it lives until the last one that does
freed      what no later step reads any more
"""

from __future__ import annotations

from backgraph.language.node import Node
from backgraph.language.notation import Tree
from backgraph.language.walk import topological_order
from backgraph.show.derive import Derivation, Step, is_number


def reads_of(step: Step, derivation: Derivation) -> list[Node]:
    """The named values that a step reads, as stand-ins, in the order in which it meets them."""
    known = derivation.stand_ins.trees
    return [leaf for leaf in topological_order(step.parts) if leaf in known and not is_number(leaf)]


def last_reads(derivation: Derivation) -> dict[Node, int]:
    """For each stand-in that is read, the number of the last step that does."""
    last: dict[Node, int] = {}
    for number, step in enumerate(derivation.steps, start=1):
        last |= dict.fromkeys(reads_of(step, derivation), number)
    return last


def kept_values(derivation: Derivation) -> dict[Node, int]:
    """The computed forward values that some step reads, in the order of computation, with the last step that does."""
    origin = derivation.stand_ins.origin
    last = {origin[leaf]: number for leaf, number in last_reads(derivation).items() if leaf in origin}
    return {d.node: last[d.node] for d in derivation.forward if d.node in last and not is_number(d.node)}


def readers(derivation: Derivation) -> dict[Node, list[int]]:
    """For each forward value that is read, the numbers of the steps that do."""
    origin = derivation.stand_ins.origin
    table: dict[Node, list[int]] = {}
    for number, step in enumerate(derivation.steps, start=1):
        for leaf in reads_of(step, derivation):
            if leaf in origin:
                table.setdefault(origin[leaf], []).append(number)
    return table


def freed_after(derivation: Derivation) -> dict[int, list[Tree]]:
    """For each step, what is not needed any more when it is done; inputs and what was asked for stay."""
    stand_ins, gradients = derivation.stand_ins, derivation.gradients
    stays = {stand_ins.of.get(gradients.of[target]) for target in gradients.targets}
    freed: dict[int, list[Tree]] = {}
    for leaf, number in last_reads(derivation).items():
        is_given = leaf in stand_ins.origin and stand_ins.origin[leaf].is_leaf
        if not is_given and leaf not in stays:
            freed.setdefault(number, []).append(stand_ins.trees[leaf])
    return freed
