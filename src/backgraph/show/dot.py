"""A drawing's content as text for Graphviz, for those who have it: one cluster for each band."""

from __future__ import annotations

from backgraph.show.colours import STYLES
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
    lines += map(_edge, ladder.links)
    return "\n".join([*lines, "}"]) + "\n"


def _node(item: Item) -> str:
    style = STYLES[item.path]
    number = f"{item.order}. " if item.order else ""
    label = quoted(f"{number}{text(item.tree)}")
    tip = quoted(item.title)
    return f'  n{item.number} [label={label}, tooltip={tip}, color="{style.stroke}", fillcolor="{style.fill}"];'


def _edge(link: Link) -> str:
    style = STYLES[link.path]
    words = "keeps " + ", ".join(map(text, link.kept)) if link.kept else "1" if link.seed else link.source.shape
    line = ", style=dotted" if style.dashes else ""
    return f'  n{link.source.number} -> n{link.target.number} [label={quoted(words)}, color="{style.stroke}"{line}];'
