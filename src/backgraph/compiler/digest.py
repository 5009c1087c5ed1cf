"""Digests of what machine code is made from, the compiler itself included: equal ones stand for equal code."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

import llvmlite
import numpy as np


def digest(text: str) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(f"{text} {sources()}".encode()).hexdigest()


@cache
def sources() -> str:
    """A digest of the compiler as it is installed, and of the version of llvmlite."""
    found = hashlib.sha256(f"{llvmlite.__version__} {np.__version__}".encode())
    for file in sorted(resources.files("backgraph.compiler").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            found.update(file.read_bytes())
    return found.hexdigest()
