"""The gallery: costs typed as text, with their gradients in named form and their drawings, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import backgraph as bg
from backgraph.language.node import Node
from backgraph.language.parse import parse
from backgraph.show.draw import draw
from scripts.reference.costs import COSTS, Cost

HEAD: dict[str, tuple[str, str, str]] = {
    "en": (
        "# Gallery",
        "English | [简体中文](gallery.zh-CN.md)",
        (
            "Costs as one types them, with the gradient that comes out of the graph and its drawing. Every line and "
            "every picture on this page is made by `python -m scripts.reference` from the text of the cost alone; "
            "`backgraph explain` derives each gradient step by step, `backgraph jacobian` shows the Jacobian on every "
            "edge."
        ),
    ),
    "zh": (
        "# 图库",
        "[English](gallery.md) | 简体中文",
        (
            "直接键入的代价，以及由计算图得到的梯度和图。本页的每一行、每一幅图都由 `python -m scripts.reference` "
            "仅从代价的文本生成；`backgraph explain` 逐步推导每个梯度，`backgraph jacobian` 给出每条边上的雅可比矩阵。"
        ),
    ),
}
DRAWING = {"en": "Drawing: ", "zh": "图："}
PAGES = {"en": "docs/gallery.md", "zh": "docs/gallery.zh-CN.md"}


def files() -> Iterator[tuple[str, str]]:
    """Paths with what they hold."""
    for lang, page in PAGES.items():
        yield page, "\n".join(lines(lang)) + "\n"
        for cost in COSTS:
            yield f"docs/{picture(cost, lang)}", drawing(cost, lang)


def picture(cost: Cost, lang: str) -> str:
    """Where the drawing is, as seen from the page."""
    return f"gallery/{cost.name}.svg" if lang == "en" else f"gallery/{cost.name}.{lang}.svg"


def costs_of(cost: Cost) -> tuple[list[Node], list[Node], dict[Node, str]]:
    """All costs that the text has, the targets, and the names the text gives."""
    program = parse(cost.text, shapes=cost.shapes, wrt=cost.wrt.split(","))
    names: dict[Node, str] = {}
    for name, node in program.names.items():
        names.setdefault(node, name)
    return list(program.outputs), [program.names[name] for name in cost.wrt.split(",")], names


def drawing(cost: Cost, lang: str) -> str:
    """The drawing of the forward graph and the gradient."""
    costs, targets, names = costs_of(cost)
    return draw(costs if len(costs) > 1 else costs[0], targets, names, lang=lang).svg


def lines(lang: str) -> Iterator[str]:
    """The page."""
    title, other, intro = HEAD[lang]
    yield from (title, "", other, "", intro, "")
    for cost in COSTS:
        name = title_of(cost, lang)
        anchor = cost.name.replace("_", "-")
        yield f"* [{name}](#{anchor})"
    for cost in COSTS:
        yield from ("", f'<a id="{cost.name.replace("_", "-")}"></a>', "", *section(cost, lang))


def title_of(cost: Cost, lang: str) -> str:
    """Its name in a language."""
    return cost.title if lang == "en" else cost.title_zh


def section(cost: Cost, lang: str) -> Iterator[str]:
    """Title, remark, command, graph and gradients, drawing."""
    yield f"## {title_of(cost, lang)}"
    yield ""
    yield cost.remark if lang == "en" else cost.remark_zh
    yield from ("", "```sh", *command(cost), "```", "", "```text")
    yield from maths(cost)
    yield from ("```", "", f"![{DRAWING[lang]}{title_of(cost, lang)}]({picture(cost, lang)})")


def command(cost: Cost) -> Iterator[str]:
    """What to type; long lines are broken as a shell allows."""
    shape = f' --shape "{cost.shapes}"' if cost.shapes else ""
    several = len(costs_of(cost)[0]) > 1
    if several:
        yield "# of several costs, explain takes the last; draw all of them with backgraph.draw([J1, J2], …) in Python"
    for name, out in (("explain", ""), *([] if several else [("draw", f" -o {cost.name}.svg")])):
        first, rest = f'backgraph {name} "{cost.text}"', f"--wrt {cost.wrt}{shape}{out}"
        yield from [f"{first} {rest}"] if len(first) + len(rest) < 110 else [f"{first} \\", f"    {rest}"]


def maths(cost: Cost) -> Iterator[str]:
    """The forward graph, then the gradients from the cost back; of several costs one after the other."""
    costs, targets, names = costs_of(cost)
    told = dict.fromkeys(line for each in costs for line in forward(found(each, targets, names)))
    yield from told
    for each in costs:
        yield ""
        yield from backward(found(each, targets, names))


def found(cost: Node, targets: list[Node], names: dict[Node, str]) -> dict[str, Any]:
    """What `explain` finds, as data."""
    return bg.explain(cost, targets, names, cost_name=names.get(cost, "J")).to_json()


def forward(data: dict[str, Any]) -> Iterator[str]:
    """The lines of the forward graph."""
    return (f"{each['name']} = {each['text']}" for each in data["forward"])


def backward(data: dict[str, Any]) -> Iterator[str]:
    """The gradients in named form."""
    for step in data["steps"]:
        yield f"{step['name']} = {step['text']}"
        yield from (f"    {each['name']} = {each['text']}" for each in step["with"])
