"""Writes src/backgraph/rules/patterns.txt: the patterns of all rules, and the digest of the sources they are of.

python -m scripts.patterns
"""

from __future__ import annotations

import json

from backgraph.rules import RULES, UPDATE_RULES
from backgraph.rules.kept import FILE, digest_of_sources
from backgraph.rules.rule import Rule


def line(rule: Rule) -> str:
    """Key, topmost card and patterns of a rule."""
    patterns = rule.learnt()
    return "\t".join([rule.key, patterns[0].card, json.dumps([each.plain for each in patterns])])


def content() -> str:
    """What the file is to hold."""
    return "\n".join([digest_of_sources(), *map(line, (*RULES, *UPDATE_RULES))]) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), "utf-8")
