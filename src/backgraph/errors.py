"""Errors: one line that says where, what, got, expected, and what to type.

    backgraph: error[BG101] matmul: inner dimensions differ; got (m,5) @ (3,2), expected (m,k),(k,n). transpose one operand

The tree (every class is also the built-in exception its callers would catch):

    BackgraphError
    ├── GraphError(ValueError)      BG1xx  building a graph: shapes, dtypes, text
    ├── DataError(ValueError)       BG2xx  tables, columns, labels
    ├── CalculusError(ValueError)   BG3xx  gradients and evaluation
    ├── TrainingError(ValueError)   BG4xx  hyper-parameters; divergence is DivergenceError
    │   └── DivergenceError         BG45x  exit code 4
    ├── FileError(OSError)          BG5xx  reading and writing files; SaveError has exit code 3
    │   └── SaveError               BG55x
    └── UsageError(TypeError)       BG6xx  a wrong kind of argument, a missing extra
"""

from __future__ import annotations

from typing import ClassVar

CATALOGUE: dict[str, str] = {
    "BG101": "Shapes do not fit the signature of an operation. Every operation states its shapes once, as in "
    "(m,k),(k,n)->(m,n); the message names the operation, both operands and the dimension that clashes.",
    "BG102": "Data types do not fit. float32 and float64 never mix silently: use cast(x, 'float64').",
    "BG103": "An axis, permutation or index lies outside the shape of its operand.",
    "BG104": "A name in the text is not an operation or a constant that backgraph knows.",
    "BG105": "The text of a cost is not an expression of the language; see the grammar in docs/language.md.",
    "BG106": "A shape annotation is malformed or contradicts the text.",
    "BG107": "The shapes cannot be worked out from the text alone; annotate names with --shape.",
    "BG108": "A cost must be a scalar; reduce it with sum or mean.",
    "BG109": "An operation has a parameter outside its range.",
    "BG110": "A graph that was written as text cannot be read back: the text is damaged, or names an operation that this "
    "program does not have.",
    "BG201": "The table is empty or has no rows.",
    "BG202": "A column is not in the table.",
    "BG203": "A cell is not a number, or a row is too long or too short.",
    "BG204": "The file is not in the encoding or compression it claims.",
    "BG205": "Two columns share a name.",
    "BG206": "A label is missing, unknown, fractional or of mixed type.",
    "BG207": "Arrays do not fit together: rows, columns or dimensions differ.",
    "BG208": "A table is larger than allowed, or unpacks to much more than its file.",
    "BG209": "The first line is not a line of column names, or the separator is not the file's.",
    "BG210": "A column is neither numbers nor text: nested, binary or complex.",
    "BG211": "A data file changed while it was trained on; the last checkpoint is kept.",
    "BG301": "There is no differentiable path from the cost to a target.",
    "BG302": "A value is missing, unknown, or of the wrong shape or dtype for its input.",
    "BG303": "A gradient does not agree with the numerical one.",
    "BG401": "A hyper-parameter is outside its range.",
    "BG451": "Training diverged: a value became NaN or infinite.",
    "BG501": "A file or folder cannot be read.",
    "BG502": "A model or checkpoint is damaged, truncated, or of another kind.",
    "BG503": "A file was written by a newer version of backgraph.",
    "BG504": "Another process works in this folder; the message names it. A lock ends with the process that holds it.",
    "BG505": "A run cannot be resumed with another graph, other data or other options; the message names the differences.",
    "BG551": "A file could not be saved; whatever was there before is unchanged.",
    "BG552": "A file was saved, but its folder could not be synchronised: the new file may not survive a power loss.",
    "BG601": "An argument has the wrong type.",
    "BG602": "An optional package is needed; the message names the extra to install.",
}
"""Every error code with its explanation; codes are stable and never reused."""

MAXIMUM_SHOWN = 60


def shown(value: object) -> str:
    """`value` quoted for an error line, cut to 60 characters, control characters escaped."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= MAXIMUM_SHOWN else text[: MAXIMUM_SHOWN - 1] + "…"


class BackgraphError(Exception):
    """Base of all errors of backgraph; prints as one line.

    Attributes: `code` (a key of CATALOGUE), `where`, `what`, `got`, `expected`, `hint` (something to type).
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        code: str,
        where: str,
        what: str,
        *,
        got: object = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.code, self.where, self.what = code, where, what
        self.got, self.expected, self.hint = got, expected, hint
        super().__init__(self.line())

    def line(self) -> str:
        """The whole message on one line, without the `backgraph: ` in front."""
        found = [] if self.got is None else [f"got {shown(self.got)}"]
        wanted = [] if self.expected is None else [f"expected {self.expected}"]
        facts = ", ".join(found + wanted)
        said = f"error[{self.code}] {self.where}: {self.what}{'; ' + facts if facts else ''}"
        return said if self.hint is None else f"{said}{'' if said.endswith('?') else '.'} {self.hint}"

    def __str__(self) -> str:
        return self.line()


class GraphError(BackgraphError, ValueError):
    """A graph cannot be built: shapes, dtypes, parameters of an operation, or its text."""


class DataError(BackgraphError, ValueError):
    """A table, a column, a label or an array does not serve."""


class CalculusError(BackgraphError, ValueError):
    """A gradient is undefined, or a graph cannot be evaluated with the values given."""


class TrainingError(BackgraphError, ValueError):
    """A hyper-parameter is outside its range."""


class DivergenceError(TrainingError):
    """Training produced NaN or infinity; names the tensor and the step."""

    exit_code: ClassVar[int] = 4


class FileError(BackgraphError, OSError):
    """A file cannot be read, or is not what it claims to be."""


class SaveError(FileError):
    """A file could not be saved; what was there before is unchanged."""

    exit_code: ClassVar[int] = 3


class UsageError(BackgraphError, TypeError):
    """A wrong kind of argument, or a missing optional package."""


def nearest(name: str, known: list[str]) -> str | None:
    """`did you mean NAME?` for the closest known name, or None."""
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else None
