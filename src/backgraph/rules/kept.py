"""Patterns of backgraph's own rules, as `patterns.txt` keeps them.

To learn the patterns of all rules, two hundred samples of equations are built: that takes longer than to train on a
small table. The file is written by `python -m scripts.patterns`, and holds for the sources of the rules that its first
line names: where one of them has changed since, patterns are learnt from the samples, as those of users' rules always
are. Each further line is of one rule: its key, its topmost card, and its patterns as JSON, which is read when a graph
has that card.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).with_name("patterns.txt")


@functools.cache
def kept_patterns() -> Mapping[str, tuple[str, str]]:
    """By `Rule.key` the topmost card and the JSON; nothing where they are not those of the sources."""
    if not FILE.exists():
        return {}
    digest, *lines = FILE.read_text("utf-8").splitlines()
    if digest != digest_of_sources():
        return {}
    return {key: (card, patterns) for key, card, patterns in (line.split("\t") for line in lines)}


def digest_of_sources() -> str:
    """SHA-256 of the modules of this package, in the order of their names."""
    digest = hashlib.sha256()
    for module in sorted(FILE.parent.glob("*.py")):
        digest.update(module.name.encode() + b"\0" + module.read_bytes() + b"\0")
    return digest.hexdigest()
