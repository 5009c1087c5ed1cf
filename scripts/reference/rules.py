"""Pages of the rewrite rules, one for each set: every rule with both sides, why it may be applied, and where it was.

Labels stand in English and Chinese; equations need neither. What is said of a rule is computed from it: that both sides
agree is tried on random values, that it lowers the cost of `rules.cost` is measured, and the example is the first use
in the gallery's gradients, or else the rule's own sample.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Iterator, Mapping

import numpy as np

from backgraph.calculus.backprop import gradient
from backgraph.evaluate import evaluate
from backgraph.language.dims import shape_text
from backgraph.language.node import Node
from backgraph.language.notation import Name, Tree
from backgraph.language.op import Array
from backgraph.language.ops.leaf import input
from backgraph.language.ops.shape import Broadcast
from backgraph.language.parse import parse
from backgraph.language.walk import topological_order
from backgraph.rules import RULES, UPDATE_RULES, Rule, simplify
from backgraph.rules.cost import cost
from backgraph.rules.rewrite import Step
from backgraph.show.names_zh import RULES as CHINESE
from backgraph.show.render import render
from backgraph.show.text import text
from scripts.reference.costs import COSTS, Cost

SIZES = {"m": 3, "n": 4, "k": 5}
MEASURED = input("measured", SIZES)
"""Gives the symbols their sizes where no hole does."""
SETS: dict[str, tuple[str, str]] = {
    "stable": ("Stability", "数值稳定"),
    "numbers": ("Numbers", "数"),
    "signs": ("Signs", "符号"),
    "algebra": ("Algebra", "代数"),
    "terms": ("Terms and factors that meet again", "同类项与约分"),
    "copies": ("Copies", "复制"),
    "arrays": ("Arrays", "数组"),
    "update": ("The update", "更新"),
}
KINDS = {
    "any": "anything · 任意", "scalar": "a scalar · 标量", "array": "an array · 数组", "number": "a number · 数",
    "size": "a size · 大小", "labels": "labels · 标签", "condition": "a condition · 条件",
}  # fmt: skip
LONGEST = 110


def files() -> Iterator[tuple[str, str]]:
    """Paths with what they hold."""
    yield "docs/rules/README.md", "\n".join(index()) + "\n"
    for name in SETS:
        yield f"docs/rules/{name}.md", "\n".join(page(name)) + "\n"


def rules_of(name: str) -> list[Rule]:
    """The rules of a set, in the order in which they are tried."""
    return [rule for rule in (*RULES, *UPDATE_RULES) if module_of(rule) == name]


def module_of(rule: Rule) -> str:
    """The set a rule stands in: the module of its table."""
    module = sys.modules[rule.sides.__module__]
    return module.__name__.rpartition(".")[2]


def index() -> Iterator[str]:
    """All rules by name."""
    yield "# Rewrite rules · 改写规则"
    yield ""
    yield (
        "Rules are equations, applied from left to right until none applies; they make a gradient what one would write "
        "by hand and keep it from overflowing. Each lowers a cost, so rewriting ends. These pages are made from the "
        "rules by `python -m scripts.reference`."
    )
    yield ""
    yield "规则是等式，从左到右使用，直到没有规则可用。每条规则都降低一个代价，所以改写必然结束。本页由规则本身生成。"
    for name, (title, title_zh) in SETS.items():
        yield ""
        yield f"## [{title} · {title_zh}]({name}.md)"
        yield ""
        for rule in rules_of(name):
            yield f"* [{spoken(rule)}]({name}.md#{anchor(rule)}): {rule.equation}"


def anchor(rule: Rule) -> str:
    """Where a rule stands on its page."""
    return rule.name.replace("_", "-")


def spoken(rule: Rule) -> str:
    """Its name in both languages."""
    chinese = CHINESE.get(rule.name, ("", ""))[0]
    return rule.name.replace("_", " ") + (f" · {chinese}" if chinese else "")


def page(name: str) -> Iterator[str]:
    """A set of rules."""
    title, title_zh = SETS[name]
    rules = rules_of(name)
    yield f"# {title} · {title_zh}"
    yield ""
    module = sys.modules[rules[0].sides.__module__]
    yield from (inspect.getdoc(module) or "").split("\n")
    for rule in rules:
        yield from ("", f'<a id="{anchor(rule)}"></a>', "", *section(rule))
    yield from ("", "[All rules · 全部规则](README.md)")


def section(rule: Rule) -> Iterator[str]:
    """One rule."""
    leaves, left, right = rule.sample()
    names: dict[Node, str | Tree] = {leaf: Name(name) for name, leaf in leaves.items()}
    yield f"## {spoken(rule)}"
    yield ""
    yield rule.equation
    yield ""
    if in_chinese := CHINESE.get(rule.name, ("", ""))[1]:
        yield in_chinese
        yield ""
    yield from ("```text", f"{written(left, names)}", f"  = {written(right, names)}", "```", "")
    yield from (f"* {line}" for line in facts(rule, leaves, left, right))
    yield from used(rule)


def written(node: Node, names: Mapping[Node, str | Tree]) -> str:
    """A side as maths; where copies or shapes are what it is about, which maths does not write, as operations."""
    maths = text(render(node, names))
    plain = any(isinstance(each.op, Broadcast) or each.op.name in ("reshape", "sum_to") for each in below(node))
    return f"{maths}    {applied(node, names)}" if plain else maths


def below(node: Node) -> list[Node]:
    """A node and all it is computed from."""
    return topological_order([node])


def applied(node: Node, names: Mapping[Node, str | Tree]) -> str:
    """`mul(broadcast(s, m×n), A)`."""
    if node in names or not node.inputs:
        return text(render(node, names))
    parts = [applied(given, names) for given in node.inputs]
    if isinstance(node.op, Broadcast) or node.op.name in ("reshape", "sum_to"):
        parts.append(shape_text(node.shape))
    return f"{node.op.name}({', '.join(parts)})"


def facts(rule: Rule, leaves: Mapping[str, Node], left: Node, right: Node) -> Iterator[str]:
    """Holes, conditions, agreement, cost, extremes."""
    holes = [f"{name}: {KINDS[hole.kind]}{domain(hole.domain)}" for name, hole in rule.holes.items()]
    if holes:
        yield "holes · 占位：" + "; ".join(holes)
    if rule.parameters:
        yield "parameters · 参数：" + ", ".join(rule.parameters)
    if rule.alone:
        yield "only where inner results have no other use · 仅当内部结果没有其他用途"
    if rule.ordered:
        yield "operands in this order only · 操作数次序固定"
    if agree(rule, leaves, left, right):
        yield "both sides agree to 12 digits on random values · 两边在随机数值上有 12 位相同"
    before, after = cost([left]), cost([right])
    if after < before:
        yield f"cost · 代价：{before} → {after}"
    if rule.extreme:
        yield extreme(rule, leaves, left, right)


def domain(name: str) -> str:
    """What values it may have."""
    return "" if name == "real" else f" ({name})"


def values_of(rule: Rule, leaves: Mapping[str, Node], seed: int) -> dict[Node, Array]:
    """Random values for the holes, in extended precision."""
    random = np.random.default_rng(seed)
    found: dict[Node, Array] = {MEASURED: np.zeros(tuple(SIZES.values()))}
    for name, leaf in leaves.items():
        hole = rule.holes[name]
        shape = tuple(SIZES[dim] if dim in SIZES else int(dim) for dim in hole.shape.split())
        if hole.kind in ("labels", "condition"):
            found[leaf] = random.integers(0, 2, shape).astype("int64" if hole.kind == "labels" else "bool")
            continue
        x = random.normal(size=shape)
        if hole.domain == "distribution":
            x = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
        found[leaf] = (np.abs(x) + 0.1 if hole.domain in ("positive", "nonzero") else x).astype("longdouble")
    return {leaf: value for leaf, value in found.items() if leaf.op.is_variable}


def agree(rule: Rule, leaves: Mapping[str, Node], left: Node, right: Node) -> bool:
    """Whether both sides are equal at three random points."""
    for seed in range(3):
        a, b, _ = evaluate([left, right, MEASURED], values_of(rule, leaves, seed))
        if not np.allclose(np.asarray(a, "longdouble"), np.asarray(b, "longdouble"), rtol=1e-12, atol=1e-15):
            return False
    return True


def extreme(rule: Rule, leaves: Mapping[str, Node], left: Node, right: Node) -> str:
    """What both sides give where the left one fails."""
    values = values_of(rule, leaves, 0)
    for name, value in rule.extreme.items():
        values[leaves[name]].flat[0] = value
    a, b, _ = evaluate([left, right, MEASURED], {leaf: np.asarray(v, leaf.dtype) for leaf, v in values.items()})
    a, b = np.broadcast_arrays(a, b)
    failed = np.flatnonzero(~np.isclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-6))
    place = int(failed[0]) if len(failed) else 0
    shown = " → ".join(figure(float(each.flat[place])) for each in (a, b))
    at = ", ".join(f"{name} = {value:g}" for name, value in rule.extreme.items())
    return f"where the first element is {at} · 当首元素为 {at}: {shown}"


def figure(value: float) -> str:
    """A number in six digits."""
    return "NaN" if np.isnan(value) else f"{value:.6g}".replace("inf", "∞").replace("-", "−")


def used(rule: Rule) -> Iterator[str]:
    """The first use in the gallery."""
    found = uses().get(rule.name)
    if found is None:
        return
    where, before, after = found
    yield f"* [{where.title} · {where.title_zh}](../gallery.md#{where.name.replace('_', '-')}):"
    yield from ("", "  ```text", f"  {before}", f"    → {after}", "  ```")


@functools.cache
def uses() -> dict[str, tuple[Cost, str, str]]:
    """For each rule, the first step that is short enough to be read."""
    found: dict[str, tuple[Cost, str, str]] = {}
    for each in COSTS:
        program = parse(each.text, shapes=each.shapes, wrt=each.wrt.split(","))
        names: dict[Node, str | Tree] = {}
        for name, node in program.names.items():
            names.setdefault(node, name)
        targets = [program.names[name] for name in each.wrt.split(",")]
        for step in simplify([program.cost, *gradient(program.cost, targets).nodes]).trace:
            if step.rule.name not in found and (pair := shown(step, names)) is not None:
                found[step.rule.name] = (each, *pair)
    return found


def shown(step: Step, names: Mapping[Node, str | Tree]) -> tuple[str, str] | None:
    """A step as maths, where it is short and both sides look different."""
    before, after = (
        text(render(node, {k: v for k, v in names.items() if k is not node})) for node in (step.before, step.after)
    )
    short = max(len(before), len(after)) <= LONGEST and not re.search("t[₀-₉]", before + after)
    return (before, after) if short and before != after else None
