"""Reads printed ASCII maths back and computes it: the judge of brackets. It knows only how mathematics is read.

relation := sum [> sum]           sum    := [−] hadamard (± hadamard)*      hadamard := quotient (.* quotient)*
quotient := run [/ atom]          run    := postfix postfix*                postfix  := atom (^T | ^atom)*
atom     := number | name | function(relation, …) | (relation) | [relation]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

TOKEN = re.compile(r"\s*(\d+\.?\d*(?:e-?\d+)?|[A-Za-z_]\w*'*|\.\*|\^T|>=|<=|[-+/()\[\],^><])")
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "tanh": np.tanh, "sqrt": np.sqrt, "abs": np.abs, "sum": np.sum, "relu": lambda x: np.maximum(x, 0),
}  # fmt: skip


def read(text: str, values: Mapping[str, Any]) -> Any:
    """The value of `text`."""
    reader = _Reader(TOKEN.findall(text), values)
    assert "".join(reader.tokens) == text.replace(" ", ""), f"stray characters in {text}"
    value = reader.relation()
    assert reader.here == "", f"stopped before {reader.here} in {text}"
    return value


class _Reader:
    def __init__(self, tokens: list[str], values: Mapping[str, Any]) -> None:
        self.tokens, self.values, self.place = tokens, values, 0

    @property
    def here(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        if self.here and (not wanted or self.here in wanted):
            self.place += 1
            return self.tokens[self.place - 1]
        return ""

    def relation(self) -> Any:
        left = self.sum()
        return left > self.sum() if self.take(">") else left

    def sum(self) -> Any:
        total = -self.hadamard() if self.take("-") else self.hadamard()
        while sign := self.take("+", "-"):
            term = self.hadamard()
            total = total + term if sign == "+" else total - term
        return total

    def hadamard(self) -> Any:
        value = self.quotient()
        while self.take(".*"):
            value = value * self.quotient()
        return value

    def quotient(self) -> Any:
        above = self.run()
        return above / self.postfix() if self.take("/") else above

    def run(self) -> Any:
        value = self.postfix()
        while self.here and (self.here[0].isalnum() or self.here in "(["):
            factor = self.postfix()
            value = value * factor if np.ndim(value) == 0 or np.ndim(factor) == 0 else value @ factor
        return value

    def postfix(self) -> Any:
        value = self.atom()
        while mark := self.take("^T", "^"):
            value = np.transpose(value) if mark == "^T" else value ** self.atom()
        return value

    def atom(self) -> Any:
        token = self.take()
        if token in ("(", "["):
            value = self.relation()
            assert self.take(")" if token == "(" else "]")
            return np.where(value, 1.0, 0.0) if token == "[" else value
        if token in FUNCTIONS and self.take("("):
            arguments = [self.relation()]
            while self.take(","):
                arguments.append(self.relation())
            assert self.take(")")
            return FUNCTIONS[token](*arguments)
        return self.values[token] if token in self.values else float(token)
