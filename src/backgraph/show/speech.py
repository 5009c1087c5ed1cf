"""Maths as it is read aloud: H transpose times G; G 减去 Y. For screen readers and labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from backgraph.language.dims import Shape, shape_text
from backgraph.language.notation import (
    Apply,
    Bars,
    BigSum,
    Entry,
    Gradient,
    Indexed,
    Iverson,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Relation,
    Sum,
    Transposed,
    Tree,
)
from backgraph.show.glyphs import printable
from backgraph.show.layout import Layout
from backgraph.show.names import SPELLED, parts_of
from backgraph.show.text import number_text

ENGLISH = {
    "comma": ", ", "plus": " plus ", "minus": " minus ", "negative": "minus ", "times": " times ",
    "elementwise": " elementwise times ",
    "open": "open bracket ", "close": " close bracket", "gradient": "gradient of {J} by {V}", "over": "{a} over {b}",
    "squared": "{a} squared", "power": "{a} to the power of {b}", "transpose": "{a} transpose", "of": "{f} of {a}",
    "and": " and ", "where": "one where {a}, else zero", "sum": "sum of {a}", "sum_over": "sum over {i} of {a}",
    "sum_to": "sum of {a} over the copies of {V}", "along": "{a} along {i}",
    "product": "product of {a}", "product_over": "product over {i} of {a}",
    "bars": "absolute value of {a}", "at": "{a} at {i}", "partial": "partial derivative of {J} by {V}",
    "prime": " prime", "sub": " sub {i}", "by": " by ", "scalar": "scalar", "shape": "shape {s}", "step": "step {n}",
    "=": " equals ", ">": " greater than ", "<": " less than ", "≥": " at least ", "≤": " at most ", "←": " becomes ",
    "≠": " not equal to ",
}  # fmt: skip
CHINESE = {
    "comma": "，", "plus": " 加 ", "minus": " 减 ", "negative": "负 ", "times": " 乘 ", "elementwise": " 逐元素乘 ",
    "open": "左括号 ", "close": " 右括号", "gradient": "{J} 对 {V} 的梯度", "over": "{a} 除以 {b}",
    "squared": "{a} 的平方", "power": "{a} 的 {b} 次幂", "transpose": "{a} 的转置", "of": "{a} 的 {f}",
    "and": " 与 ", "where": "{a} 处为一，其余为零", "sum": "{a} 的总和", "sum_over": "{a} 对 {i} 求和",
    "sum_to": "{a} 对 {V} 的各份复制求和", "along": "沿 {i} 的 {a}",
    "product": "{a} 的连乘积", "product_over": "{a} 对 {i} 连乘",
    "bars": "{a} 的绝对值", "at": "{a} 在 {i} 处", "partial": "{J} 对 {V} 的偏导数",
    "prime": " 撇", "sub": " 下标 {i}", "by": " 乘 ", "scalar": "标量", "shape": "形状 {s}", "step": "第 {n} 步",
    "=": " 等于 ", ">": " 大于 ", "<": " 小于 ", "≥": " 不小于 ", "≤": " 不大于 ", "←": " 变为 ", "≠": " 不等于 ",
}  # fmt: skip
LANGUAGES = {"en": ENGLISH, "zh": CHINESE}


class Speech(Layout):
    """Trees as words."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__()
        self.words = words
        self.signs = (words["plus"], words["minus"], words["negative"])  # type: ignore[misc]
        self.hadamard = words["elementwise"]  # type: ignore[misc]
        self.scale = words["times"]  # type: ignore[misc]
        self.beside = " "  # type: ignore[misc]

    def say(self, key: str, **parts: str) -> str:
        """Words with what they are about."""
        return self.words[key].format(**parts)

    def name(self, text: str) -> str:
        stem, layer, subscript, primes = parts_of(text)
        below = self.say("sub", i=subscript) if subscript else ""
        words = SPELLED.get(stem, stem) + (f" {layer}" if layer else "") + below + self.words["prime"] * len(primes)
        return printable(words.replace("ℓ", "l"))

    def number(self, value: float) -> str:
        return number_text(value)

    def bracketed(self, text: str) -> str:
        return f"{self.words['open']}{text}{self.words['close']}"

    def gradient(self, tree: Gradient) -> str:
        return self.say("gradient", J=self.write(tree.cost), V=self.write(tree.of))

    def is_bare(self, factor: Tree, tree: Product, position: int) -> bool:
        return isinstance(factor, Quotient) or super().is_bare(factor, tree, position)

    def quotient(self, tree: Quotient) -> str:
        above, below = (self.inside(part, not isinstance(part, Sum)) for part in (tree.above, tree.below))
        return self.say("over", a=above, b=below)

    def power(self, tree: Power) -> str:
        base = self.inside(tree.base, not isinstance(tree.base, (Sum, Product, Quotient)))
        if tree.exponent == Number(2.0):
            return self.say("squared", a=base)
        return self.say("power", a=base, b=self.write(tree.exponent))

    def transposed(self, tree: Transposed) -> str:
        return self.say("transpose", a=self.inside(tree.of, not isinstance(tree.of, (Sum, Product))))

    def apply(self, tree: Apply) -> str:
        arguments = self.words["and"].join(self.write(argument) for argument in tree.arguments)
        spoken = self.say("of", f=printable(tree.function.replace("_", " ")), a=arguments)
        return self.say("along", a=spoken, i=", ".join(tree.over)) if tree.over else spoken

    def relation(self, tree: Relation) -> str:
        symbol = self.words.get(tree.symbol, f" {printable(tree.symbol)} ")
        return f"{self.write(tree.left)}{symbol}{self.write(tree.right)}"

    def iverson(self, tree: Iverson) -> str:
        return self.say("where", a=self.write(tree.condition))

    def big_sum(self, tree: BigSum) -> str:
        kind = "product" if tree.symbol == "Π" else "sum"
        of = self.inside(tree.of, not isinstance(tree.of, Sum))
        if tree.to is not None:
            return self.say("sum_to", a=of, V=self.write(tree.to))
        return self.say(f"{kind}_over", i=", ".join(tree.over), a=of) if tree.over else self.say(kind, a=of)

    def bars(self, tree: Bars) -> str:
        return self.say("bars", a=self.write(tree.of))

    def indexed(self, tree: Indexed) -> str:
        return self.say("at", a=self.write(tree.of), i=printable(tree.index))

    def entry(self, tree: Entry) -> str:
        return self.write(tree.of) + self.say("sub", i=" ".join(tree.letters))

    def partial(self, tree: Partial) -> str:
        return self.say("partial", J=self.write(tree.cost), V=self.write(tree.by))

    def shape(self, shape: Shape) -> str:
        """`shape h by k`."""
        words = shape_text(shape)
        if words == "scalar":
            return self.words["scalar"]
        return self.say("shape", s=words.replace("×", self.words["by"]))


@cache
def speech(lang: str) -> Speech:
    """The reader of a language."""
    return Speech(LANGUAGES[lang])
