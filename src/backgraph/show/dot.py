"""A drawing's content as text for Graphviz, for those who have it: the rows as ranks, from the bottom up."""

from __future__ import annotations

from backgraph.show.colours import LIGHT
from backgraph.show.ladder import Item, Ladder, Link
from backgraph.show.text import text


def quoted(words: str) -> str:
    """A string of the DOT language."""
    plain = "".join(letter if letter.isprintable() else " " for letter in words)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def dot(ladder: Ladder, title: str) -> str:
    """The whole graph, from the bottom up."""
    lines = [f"digraph {quoted(title)} {{", "  rankdir=BT;", '  node [shape=box, style="rounded,filled"];']
    lines += map(_node, ladder.items)
    lines += (_edge(link, ladder) for link in ladder.links)
    return "\n".join([*lines, "}"]) + "\n"


def _node(item: Item) -> str:
    style = LIGHT.styles[item.path]
    number = f"{item.order}. " if item.order else ""
    label = quoted(f"{number}{text(item.tree)}")
    tip = quoted(item.title)
    return f'  n{item.number} [label={label}, tooltip={tip}, color="{style.stroke}", fillcolor="{style.fill}"];'


def _edge(link: Link, ladder: Ladder) -> str:
    kept = ladder.words["keeps"] + ", ".join(map(text, link.kept))
    words = kept if link.kept else "1" if link.seed else link.source.shape
    line = ", style=dotted" if link.path == "kept" else ""
    colour = LIGHT.styles[link.path].stroke
    return f'  n{link.source.number} -> n{link.target.number} [label={quoted(words)}, color="{colour}"{line}];'
