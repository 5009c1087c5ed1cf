"""A derivation as plain data, for `--format json` and for other programs; formulas as text, ASCII and LaTeX."""

from __future__ import annotations

from typing import Any

from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.notation import Gradient, Name, Number, Relation, Tree
from backgraph.show.derive import Arrival, Derivation, Step
from backgraph.show.latex import latex
from backgraph.show.text import text
from backgraph.show.worked import Worked


def as_data(derivation: Derivation, worked: Worked | None = None) -> dict[str, Any]:
    """cost, targets, forward, steps, gradients and rewrites as dicts, lists and strings; and numbers, if any."""
    names = derivation.names
    numbers = {} if worked is None else {"values": _numbers(derivation, worked)}
    return numbers | {
        "cost": text(derivation.cost),
        "targets": [names[node] for node in derivation.gradients.targets],
        "forward": [
            _equation(d.name, d.formula) | {"shape": shape_text(d.node.shape), "operation": d.node.op.name}
            for d in derivation.forward
        ],
        "steps": [_step(step, number, derivation) for number, step in enumerate(derivation.steps, start=1)],
        "gradients": {names[node]: _maths(tree) for node, tree in _gradients(derivation).items()},
        "rewrites": [{"rule": r.name, "equation": r.equation, "times": n} for r, n in derivation.rewrites],
    }


def _gradients(derivation: Derivation) -> dict[Node, Tree]:
    """The gradient of each target in the order it was asked for; that of the cost by itself is 1."""
    found = {step.of: step.formula for step in derivation.targets}
    return {node: found.get(node, Number(1.0)) for node in derivation.gradients.targets}


def _numbers(derivation: Derivation, worked: Worked) -> dict[str, Any]:
    """The numbers at every node; a gradient that was not asked for is null, never 0."""
    names = {node: name for node, name in derivation.names.items() if node in worked.values}
    gradients = {name: worked.gradients[node].tolist() if node in worked.gradients else None
                 for node, name in names.items() if node is not derivation.gradients.cost}  # fmt: skip
    checks = {names[node]: {"status": check.status, "method": check.method, "error": check.worst.error}
              for node, check in worked.checks.items() if check.worst is not None}  # fmt: skip
    return {
        "sizes": dict(worked.sizes),
        "forward": {name: worked.values[node].tolist() for node, name in names.items()},
        "gradients": gradients,
        "checks": checks,
    }


def _step(step: Step, number: int, derivation: Derivation) -> dict[str, Any]:
    gradient = Gradient(Name(derivation.names[step.of]), derivation.cost)
    return _equation(step.name, step.formula) | {
        "number": number,
        "gradient_of": derivation.names[step.of],
        "gradient": text(gradient),
        "shape": shape_text(step.of.shape),
        "with": [_equation(name, formula) for name, formula in step.lets],
        "paths": [_arrival(arrival, derivation) for arrival in step.arrivals],
        "goes_to": [text(tree) for tree in step.goes_to],
    }


def _arrival(arrival: Arrival, derivation: Derivation) -> dict[str, Any]:
    rule, origin = arrival.rule, derivation.stand_ins.origin
    return {
        "through": [derivation.names[node] for node in arrival.origins],
        "operations": [term.rule.name for term in arrival.way],
        "position": arrival.term.position,
        "contribution": _maths(arrival.formula),
        "rule": {
            "operation": text(Relation("=", rule.result, rule.forward)),
            "sends_back": text(Relation("=", rule.target, rule.backward)),
        },
        "index_form": text(Relation("=", *arrival.index)) if arrival.index is not None else None,
        "reads": [derivation.names[origin[leaf]] for leaf in arrival.reads],
    }


def _equation(name: Tree, formula: Tree) -> dict[str, Any]:
    return {"name": text(name)} | _maths(formula)


def _maths(tree: Tree) -> dict[str, Any]:
    return {"text": text(tree), "ascii": text(tree, ascii=True), "latex": latex(tree)}
