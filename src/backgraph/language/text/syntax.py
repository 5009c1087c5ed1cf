"""From tokens to statements: precedence climbing with the precedences of Python.

    statements  statement ((";" | end of line) statement)*
    statement   [NAME "="] expression
    expression  sum [(">" | "<" | ">=" | "<=" | "==" | "!=") sum]
    sum         product (("+" | "-") product)*
    product     signed (("*" | "/" | "@") signed)*
    signed      ("-" | "+") signed | power
    power       postfix ["**" signed]
    postfix     atom ("." "T" | "[" index ("," index)* "]")*
    atom        NUMBER | NAME | NAME "(" arguments ")" | "(" expression ")" | "(" expression "," … ")"

Every operation, infix or called, becomes a `Call` of a name in the table of functions. Source: Richards (1979) for
precedence climbing; nesting is bounded, chains such as a + b + c + … are loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from backgraph.language.text.source import LITERALS, Source, Token, tokens
from backgraph.language.text.tree import Call, Identifier, Literal, Number, Several, Statement, Tree

MOST_NESTED = 50

BINARY: dict[str, tuple[int, str]] = {
    ">": (1, "greater"), "<": (1, "less"), ">=": (1, "greater_equal"), "<=": (1, "less_equal"),
    "==": (1, "equal"), "!=": (1, "not_equal"),
    "+": (2, "add"), "-": (2, "sub"), "*": (3, "mul"), "/": (3, "div"), "@": (3, "matmul"),
}  # fmt: skip
"""Infix operators: how tightly they bind, and the function they call."""

FOLDED: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
}  # fmt: skip
"""Arithmetic of literals that exponents and options may use; never powers, so nothing grows beyond reason."""


def statements(source: Source) -> list[Statement]:
    """The statements of the text. Raises GraphError BG105 where it is not in the language."""
    reader = Reader(source)
    result: list[Statement] = []
    while reader.skip_ends().kind != "stop":
        result.append(reader.statement())
        if reader.token.kind not in ("end", "stop"):
            raise reader.unexpected("an operator or the end of the statement")
    if not result:
        raise source.error(0, "the text is empty", expected="a cost such as sum(x**2)")
    return result


class Reader:
    """Reads statements from tokens, left to right, one token ahead."""

    def __init__(self, source: Source) -> None:
        self.source, self.tokens = source, tokens(source)
        self.position = self.depth = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.position]

    @property
    def end(self) -> int:
        """Where the last token read ends."""
        last = self.tokens[self.position - 1]
        return last.start + len(last.text)

    def take(self) -> Token:
        """Read the next token."""
        self.position += 1
        return self.tokens[self.position - 1]

    def accept(self, *texts: str) -> Token | None:
        """Read the next token if it is one of these operators."""
        return self.take() if self.token.kind == "operator" and self.token.text in texts else None

    def expect(self, text: str, opened: Token) -> None:
        """Read the operator that closes or follows `opened`."""
        if not self.accept(text):
            raise self.unexpected(f"{text} for the {opened.text} at {self.source.place(opened.start)}")

    def unexpected(self, expected: str) -> Exception:
        """The error for the next token."""
        got = {"stop": "the end", "end": "the end of the statement"}.get(self.token.kind, self.token.text)
        return self.source.error(self.token.start, "not an expression", got=got, expected=expected)

    def skip_ends(self) -> Token:
        """The first token of the next statement."""
        while self.token.kind == "end":
            self.position += 1
        return self.token

    def statement(self) -> Statement:
        """One statement."""
        start = self.token.start
        following = self.tokens[min(self.position + 1, len(self.tokens) - 1)]
        if self.token.kind != "name" or following.text != "=":
            return Statement(None, self.expression(), start)
        name = self.take()
        self.take()
        if name.text in LITERALS:
            raise self.source.error(start, "cannot be assigned to", got=name.text)
        return Statement(name.text, self.expression(), start)

    def expression(self, tightness: int = 1) -> Tree:
        """Operands joined by operators that bind at least so tightly."""
        left = self.signed()
        while (found := BINARY.get(self.token.text)) and self.token.kind == "operator" and found[0] >= tightness:
            operator, (level, function) = self.take(), found
            left = self._joined(function, operator, left, self.expression(level + 1))
            if level == 1 and BINARY.get(self.token.text, (0, ""))[0] == 1:
                raise self.unexpected("one comparison; join two with * instead")
        return left

    def signed(self) -> Tree:
        """A power with its signs; a minus before a number belongs to the number."""
        sign = self.accept("-", "+")
        if sign is None:
            return self.power()
        of = self.nested(self.signed, sign)
        if sign.text == "+":
            return of
        if isinstance(of, Number):
            return Number(-of.value, sign.start, of.end)
        folded = None if of.folded is None else -of.folded
        return Call("neg", (of,), {}, sign.start, sign.start, of.end, folded)

    def power(self) -> Tree:
        """base ** exponent; 2**-x and x**y**z read as in Python."""
        base = self.postfix()
        operator = self.accept("**")
        if operator is None:
            return base
        return self._joined("power", operator, base, self.nested(self.signed, operator))

    def postfix(self) -> Tree:
        """An atom with .T and brackets behind it."""
        of = self.atom()
        while operator := self.accept(".", "["):
            options: dict[str, Tree] = {}
            if operator.text == "[":
                options["brackets"] = self.index(operator)
            elif self.token.text == "T":
                self.take()
            else:
                name = self.token.text
                hint = f"functions stand alone: {name}(…)" if self.token.kind == "name" else None
                raise self.source.error(operator.start, "only .T can follow a dot", got=f".{name}", hint=hint)
            function = "getitem" if options else "T"
            of = Call(function, (of,), options, operator.start, of.start, self.end)
        return of

    def atom(self) -> Tree:
        """A number, a name, a call, or something in brackets."""
        token = self.take()
        if token.kind == "number":
            return self._number(token)
        if token.kind == "string":
            return Literal(token.text[1:-1], token.start, self.end)
        if token.kind == "name" and token.text in LITERALS:
            return Literal(LITERALS[token.text], token.start, self.end)
        if token.kind == "name":
            return self.call(token) if self.accept("(") else Identifier(token.text, token.start, self.end)
        if token.text == "(":
            return self.nested(lambda: self.bracketed(token), token)
        self.position -= 1
        raise self.unexpected("a name, a number or (")

    def bracketed(self, opened: Token) -> Tree:
        """What stands between ( and ): an expression or a tuple."""
        items: list[Tree] = []
        comma = None
        while self.token.text != ")":
            items.append(self.expression())
            if not (comma := self.accept(",")):
                break
        self.expect(")", opened)
        if len(items) == 1 and comma is None:
            return items[0]
        return Several(tuple(items), opened.start, self.end)

    def call(self, name: Token) -> Tree:
        """The arguments of a function, positional ones first."""
        opened = self.tokens[self.position - 1]
        arguments: list[Tree] = []
        options: dict[str, Tree] = {}
        while self.token.text != ")":
            self.nested(lambda: self.argument(arguments, options), name)
            if not self.accept(","):
                break
        self.expect(")", opened)
        return Call(name.text, tuple(arguments), options, name.start, name.start, self.end)

    def argument(self, arguments: list[Tree], options: dict[str, Tree]) -> None:
        """One argument, or `option=value`."""
        start, name = self.position, self.take()
        if name.kind == "name" and self.accept("="):
            if name.text in options:
                raise self.source.error(name.start, "an option is given twice", got=name.text)
            options[name.text] = self.expression()
            return
        self.position = start
        if options:
            raise self.unexpected("options to stand last")
        arguments.append(self.expression())

    def index(self, opened: Token) -> Literal:
        """What stands between [ and ]: integers, slices, `...`, None."""
        parts: list[object] = []
        comma = None
        while self.token.text != "]":
            parts.append(self.index_part())
            if not (comma := self.accept(",")):
                break
        if not parts:
            raise self.unexpected("an index")
        self.expect("]", opened)
        return Literal(tuple(parts) if comma or len(parts) > 1 else parts[0], opened.start, self.end)

    def index_part(self) -> object:
        """One axis of an index."""
        if self.accept("..."):
            return Ellipsis
        if self.token.text == "None":
            self.take()
            return None
        bounds = [self.bound()]
        while len(bounds) < 3 and self.accept(":"):
            bounds.append(self.bound())
        if len(bounds) > 1:
            return slice(*bounds)
        if bounds[0] is None:
            raise self.unexpected("an integer, a slice, ... or None")
        return bounds[0]

    def bound(self) -> int | None:
        """An integer, or nothing."""
        start, sign = self.position, self.accept("-")
        if self.token.kind == "number" and self.token.text.isdigit() and len(self.token.text) < 19:
            return int(self.take().text) * (-1 if sign else 1)
        self.position = start
        return None

    def nested(self, read: Callable[[], Tree | None], opened: Token) -> Tree:
        """What `read` gives, one level deeper. Raises GraphError BG105 beyond MOST_NESTED."""
        self.depth += 1
        if self.depth > MOST_NESTED:
            raise self.source.error(opened.start, "nested too deeply", expected=f"≤ {MOST_NESTED} levels")
        result = read()
        self.depth -= 1
        return result  # type: ignore[return-value]

    def _number(self, token: Token) -> Number:
        value = float(token.text)
        if not math.isfinite(value):
            raise self.source.error(token.start, "the number is too large", got=token.text)
        return Number(value, token.start, self.end)

    def _joined(self, function: str, operator: Token, left: Tree, right: Tree) -> Call:
        a, b = left.folded, right.folded
        known = a is not None and b is not None and function in FOLDED and not (function == "div" and b == 0)
        folded = FOLDED[function](a, b) if known else None  # type: ignore[arg-type]
        return Call(function, (left, right), {}, operator.start, left.start, right.end, folded)
