"""`cost`: the accounts of a cost and its gradients as tables, and lifetimes as a picture in text or SVG.

Formulas in the graph's symbols; with sizes, numbers beside them. What was measured (`show.measure`) stands below, with
whether it is what the accounts say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backgraph.errors import UsageError
from backgraph.language.dims import Dim, Open, Polynomial, at, shape_text
from backgraph.language.walk import leaves
from backgraph.show.cost import Accounts, Lifetime
from backgraph.show.cost_words import WORDS
from backgraph.show.measure import Measured
from backgraph.show.names import display_name
from backgraph.show.page import width, wrapped

ROWS, COLUMNS, LABEL = 24, 60, 36
"""The lifetimes picture has at most so many rows, columns of steps, and letters in a label."""


@dataclass(frozen=True)
class CostPage:
    """Accounts with the sizes of dimensions, and what was measured, if it was."""

    accounts: Accounts
    sizes: Mapping[str, int]
    measured: Measured | None = None
    lang: str = "en"

    def __post_init__(self) -> None:
        if self.lang not in WORDS:
            raise UsageError("BG601", "cost", "unknown lang", got=self.lang, expected=", ".join(WORDS))

    @property
    def missing(self) -> list[str]:
        """Dimensions whose size is not given."""
        dims = [life.bytes for life in self.accounts.lifetimes] + [line.work for line in self.accounts.lines]
        known = {name for dim in dims if isinstance(dim, Polynomial) for name in dim.symbols}
        unshaped = {f"|{leaf.op}|" for leaf in leaves(self.accounts.outputs) if isinstance(leaf.shape, Open)}
        return sorted((known - self.sizes.keys()) | unshaped)

    def say(self, key: str, **values: object) -> str:
        """A sentence of the table."""
        return WORDS[self.lang][key].format(**values)

    @property
    def work(self) -> int:
        """Multiply-adds in all, where every size is known; else 0."""
        total = at(self.accounts.forward + self.accounts.backward, self.sizes)
        return total if isinstance(total, int) else 0

    def text(self) -> str:
        """Multiply-adds, memory, lifetimes, and what was measured."""
        measured = self.measured_lines()
        return self.text_without_measures() + ("\n\n" + "\n".join(measured) if measured else "") + "\n"

    def text_without_measures(self) -> str:
        """Multiply-adds, memory and lifetimes."""
        return "\n\n".join("\n".join(part) for part in (self._work(), self._memory(), self._lives()) if part)

    def missing_words(self) -> list[str]:
        """What to type to see the compiled program."""
        return [self.say("compiled_title"), *wrapped(self._what_to_type("compiled_sizes"), "  ")]

    def _what_to_type(self, key: str) -> str:
        """Which sizes to give; and which shapes, where the text leaves them open."""
        open_names = sorted(
            {name for each in self.missing if each.startswith("|") for name in each.strip("|").split(",")}
        )
        if open_names:
            shapes = ", ".join(f"{name}:n" for name in open_names)
            return self.say("open", names=self.say("comma").join(map(display_name, open_names)), shapes=shapes)
        return self.say(key, sizes=",".join(f"{name}=8" for name in self.missing))

    def __str__(self) -> str:
        return self.text()

    def _beside(self, dim: Dim) -> str:
        """A formula, and its number where that is known."""
        value = at(dim, self.sizes)
        known = isinstance(dim, Polynomial) and isinstance(value, int)
        return f"{dim} = {value:,}" if known else f"{dim:,}" if isinstance(dim, int) else str(dim)

    def _work(self) -> list[str]:
        found = self.accounts
        names = {life.made: life.name for life in found.lifetimes}
        rows = [
            (str(line.step), equation(names[line.step], line.formula), shape_text(line.node.shape),
             self._beside(line.work))
            for line in found.lines if line.work != 0
        ]  # fmt: skip
        totals = [
            ("", self.say("forward"), "", self._beside(found.forward)),
            ("", self.say("backward"), "", self._beside(found.backward)),
            ("", self.say("all"), "", self._beside(found.forward + found.backward)),
        ]
        return [self.say("work_title"), *table([*rows, *totals])]

    def _memory(self) -> list[str]:
        found = self.accounts
        rows = [
            (life.name, shape_text(life.node.shape), self.say("bytes", n=self._beside(life.bytes)),
             self.say("step") + " " + self.say("steps", made=life.made, last=life.last), self._needed_by(life))
            for life in found.kept
        ]  # fmt: skip
        total: Dim = 0
        for life in found.kept:
            total = total + life.bytes
        sums = [(self.say("all"), "", self.say("bytes", n=self._beside(total)), "", "")] if len(rows) > 1 else []
        lines = [self.say("kept_title"), *(table([*rows, *sums]) or ["  " + self.say("nothing_kept")])]
        return [*lines, *wrapped(self._peak(), "  "), *wrapped(self.say("not_counted"), "  ")]

    def _needed_by(self, life: Lifetime) -> str:
        """The steps of the backward pass that read it, by what they make."""
        made = {each.made: each for each in self.accounts.lifetimes}
        backward = [self.label(made[step]) for step in life.readers if step > self.accounts.turn]
        return self.say("needed_by", list=self.say("comma").join(backward))

    def label(self, life: Lifetime) -> str:
        """What a value is called; one called after its step is told with its formula."""
        line = self.accounts.lines[life.made - 1]
        return equation(life.name, line.formula) if life.name == display_name(f"v_{life.made}") else life.name

    def _peak(self) -> str:
        if self.missing:
            return self._what_to_type("peak_unknown")
        step, most = self.accounts.peak(self.sizes)
        made = next((self.label(life) for life in self.accounts.lifetimes if life.made == step), "")
        return self.say("peak", n=f"{most:,}", step=step, formula=made)

    def rows_of_picture(self) -> list[Lifetime]:
        """The values of the lifetimes picture: arrays in the order in which they are made, the largest if many."""
        arrays = [life for life in self.accounts.lifetimes if life.node.shape != ()]
        sizes = dict.fromkeys((n for life in arrays for n in symbols_of(life.bytes)), 8) | dict(self.sizes)
        largest = sorted(arrays, key=lambda life: -int(str(at(life.bytes, sizes))))[:ROWS]
        return [life for life in arrays if life in largest]

    def _lives(self) -> list[str]:
        found, rows = self.accounts, self.rows_of_picture()
        if not rows:
            return []
        each = -(-len(found.lines) // COLUMNS)
        head = [self.say("lives_title", turn=found.turn)]
        if each > 1 or len(rows) < sum(life.node.shape != () for life in found.lifetimes):
            head.append("  " + self.say("lives_fewer", n=len(rows), columns=each))
        return head + table([(self._short(life), shape_text(life.node.shape), self._bar(life, each)) for life in rows])

    def _short(self, life: Lifetime) -> str:
        label = self.label(life)
        return label if len(label) <= LABEL else label[: LABEL - 1] + "…"

    def _bar(self, life: Lifetime, each: int) -> str:
        """`····██████··`, a bar of the picture; │ stands where the forward pass ends."""
        marks = ""
        for start in range(1, len(self.accounts.lines) + 1, each):
            alive = life.made < start + each and start <= life.last
            turn = start <= self.accounts.turn < start + each
            marks += ("█" if alive else "·") + ("│" if turn else "")
        return marks

    def measured_lines(self) -> list[str]:
        """What was measured, beside what was accounted; nothing if nothing was."""
        measured, found = self.measured, self.accounts
        if measured is None:
            return []
        work = (at(found.forward, self.sizes), at(found.backward, self.sizes))
        words = self.say("measured_work", forward=f"{measured.forward:,}", backward=f"{measured.backward:,}")
        same = (measured.forward, measured.backward) == work
        peak, alive = found.peak(self.sizes)[1], self.say("measured_peak", n=f"{measured.peak:,}")
        return [
            self.say("measured_title"),
            *wrapped(f"{words}{self.verdict(same, f'{work[0]}, {work[1]}')}", "  "),
            *wrapped(f"{alive}{self.verdict(measured.peak == peak, f'{peak:,}')}", "  "),
        ]

    def verdict(self, same: bool, said: str) -> str:
        """Whether a measured number is the accounted one."""
        return self.say("as_said") if same else self.say("not_as_said", n=said)

    def to_json(self) -> dict[str, Any]:
        """The accounts as data: formulas as text, numbers where they are known."""
        found = self.accounts
        return {
            "sizes": dict(self.sizes),
            "multiply_adds": {
                name: self._data(dim) for name, dim in (("forward", found.forward), ("backward", found.backward))
            },
            "turn": found.turn,
            "steps": [
                {"step": line.step, "formula": line.formula, "backward": line.backward, "work": self._data(line.work)}
                for line in found.lines
            ],
            "lifetimes": [
                {"name": life.name, "made": life.made, "last": life.last, "readers": list(life.readers),
                 "kept": life in found.kept, "bytes": self._data(life.bytes)}
                for life in found.lifetimes
            ],
            "peak": None if self.missing else dict(zip(("step", "bytes"), found.peak(self.sizes), strict=True)),
            "measured": None if self.measured is None else vars(self.measured).copy(),
        }  # fmt: skip

    def _data(self, dim: Dim) -> dict[str, Any]:
        value = at(dim, self.sizes)
        return {"formula": str(dim), "value": value if isinstance(value, int) else None}


def symbols_of(dim: Dim) -> Iterable[str]:
    """Names of the symbols in a dimension."""
    return sorted(dim.symbols) if isinstance(dim, Polynomial) else ()


def equation(name: str, formula: str) -> str:
    """name = formula; a value without a name is its formula."""
    return formula if name == formula else f"{name} = {formula}"


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows with aligned columns."""
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    padded = ([cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=True)] for row in rows)
    return ["  " + "  ".join(cells).rstrip() for cells in padded]
