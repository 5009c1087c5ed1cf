"""Every rule of the tables: true, cheaper, and not dead; generic over the tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from backgraph.evaluate import evaluate
from backgraph.language.node import Node
from backgraph.language.ops.leaf import input
from backgraph.rules import RULES, UPDATE_RULES, Rule, simplify
from backgraph.rules.cost import Cost, cost, measures
from backgraph.rules.rule import Hole
from backgraph.rules.update import update_cost

SIZES = {"m": 3, "n": 4, "k": 5}
MEASURED = input("measured", SIZES)
"""Gives the symbols their sizes where no hole does."""
ALL = pytest.mark.parametrize("rule", [*RULES, *UPDATE_RULES], ids=lambda rule: rule.name)
LOWERING = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
EXTREME = pytest.mark.parametrize("rule", [rule for rule in RULES if rule.extreme], ids=lambda rule: rule.name)


def value(hole: Hole, random: np.random.Generator) -> np.ndarray:
    shape = tuple(SIZES[dim] if dim in SIZES else int(dim) for dim in hole.shape.split())
    if hole.kind in ("labels", "condition"):
        return random.integers(0, 2, shape).astype("int64" if hole.kind == "labels" else "bool")
    x = random.normal(size=shape)
    if hole.domain == "distribution":
        return (np.exp(x) / np.exp(x).sum(-1, keepdims=True)).astype("longdouble")
    return (np.abs(x) + 0.1 if hole.domain != "real" else x).astype("longdouble")


def bindings(rule: Rule, leaves: Mapping[str, Node], seed: int) -> dict[Node, np.ndarray]:
    random = np.random.default_rng(seed)
    return {leaf: value(rule.holes[name], random) for name, leaf in leaves.items() if leaf.op.is_variable}


@ALL
@pytest.mark.parametrize("seed", range(3))
def test_both_sides_are_equal(rule: Rule, seed: int) -> None:
    """In long double, on values where the unstable side is fine too."""
    leaves, left, right = rule.sample()
    assert (left.shape, left.dtype) == (right.shape, right.dtype)
    values = {**bindings(rule, leaves, seed), MEASURED: np.zeros(tuple(SIZES.values()))}
    a, b, _ = evaluate([left, right, MEASURED], values)
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    assert np.isfinite(a).all()


@ALL
def test_equation_is_told(rule: Rule) -> None:
    assert rule.equation
    assert rule.name.isidentifier()


def test_names_are_unique() -> None:
    names = [rule.name for rule in (*RULES, *UPDATE_RULES)]
    assert len(set(names)) == len(names)


def linear(node: Node, leaves: list[Node], measure: int) -> list[int]:
    """A measure as a linear form: its value at the least measures of the leaves, and how it grows with each."""
    least = measures([node, *leaves])

    def at(shift: Mapping[Node, int]) -> int:
        moved = {leaf: tuple(x + shift.get(leaf, 0) for x in least[leaf]) for leaf in leaves}
        return measures([node], moved)[node][measure]  # type: ignore[arg-type]

    base = at({})
    return [base, *(at({leaf: 1}) - base for leaf in leaves)]


@LOWERING
def test_right_side_is_cheaper_whatever_the_holes_stand_for(rule: Rule) -> None:
    leaves, left, right = rule.sample()
    variables = [leaf for leaf in leaves.values() if leaf.op.is_variable]
    for measure in range(len(Cost.__args__)):  # type: ignore[attr-defined]
        forms = zip(linear(left, variables, measure), linear(right, variables, measure), strict=True)
        saved = [a - b for a, b in forms]
        assert min(saved) >= 0, f"measure {measure} may grow"
        if saved[0] > 0:
            return  # otherwise it is the same at least for the simplest holes, and the next measure decides
    pytest.fail("both sides cost the same")


@pytest.mark.parametrize("rule", UPDATE_RULES, ids=lambda rule: rule.name)
def test_updates_are_cheaper_by_their_own_cost(rule: Rule) -> None:
    _, left, right = rule.sample()
    assert update_cost([right]) < update_cost([left])


@LOWERING
def test_rule_fires_among_all_rules(rule: Rule) -> None:
    _, left, _ = rule.sample()
    result = simplify(left)
    assert rule in [step.rule for step in result.trace], [step.rule.name for step in result.trace]
    assert cost(result.nodes) < cost([left])


@EXTREME
def test_right_side_is_finite_where_the_left_fails(rule: Rule) -> None:
    leaves, left, right = rule.sample()
    values = {name: np.zeros_like(value(rule.holes[name], np.random.default_rng(0)), "float64") for name in leaves}
    for name, extreme in rule.extreme.items():
        values[name][..., 0] = extreme
    for name in leaves.keys() - rule.extreme.keys():
        values[name][..., 1] = 1.0
    a, b = evaluate([left, right], {leaves[name]: values[name] for name in leaves})
    assert not np.isfinite(a).all()
    assert np.isfinite(b).all()
