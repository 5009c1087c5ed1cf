"""The page on Jacobians: the notes' network of columns, its Jacobians, and the way from one column to a minibatch."""

from __future__ import annotations

from collections.abc import Iterator

from backgraph.show.jacobian_text import sections
from backgraph.show.jacobian_words import words_of
from backgraph.show.jacobians import Jacobians, jacobians_text
from backgraph.show.page import wrapped

NOTES = "z1 = W1@x + b1; a1 = sigmoid(z1); z2 = W2@a1 + b2; y = {end}(z2); C = -sum(t*log(y))"
SHAPES, TARGETS = "b1:h, b2:k, t:k", "W1,b1,W2,b2"
BATCH, WEIGHTS = "cross_entropy(relu(X@W1)@W2, y)", "W1,W2"
PAGES = {"en": "docs/jacobians.md", "zh": "docs/jacobians.zh-CN.md"}
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "# Jacobians",
        "other": "English | [简体中文](jacobians.zh-CN.md)",
        "intro": "The chain rule says that a gradient is a product of Jacobians. `backgraph jacobian` shows them, "
        "on every "
        "edge of any cost: as a formula read off the operation's own rule, as a picture of their structure, and in "
        "numbers; "
        "that their product is what back-propagation computes; and why nobody forms them.",
        "column": "## One example as a column",
        "column_text": "A network with biases, sigmoid and softmax, one example x as a column, its truth t as a "
        "column:",
        "reading": "From the top down the Jacobians stand in the order of the product. That of softmax is full, "
        "since every "
        "probability depends on every logit; that of the sigmoid is diagonal; that of an affine map in its input is "
        "the weight "
        "matrix; that in its weight has three axes, of which each element of z uses one row: the blocks. On the "
        "right stands "
        "what back-propagation computes in place of the product with it.",
        "diagonal": "With a sigmoid at the end, the Jacobian of y is diagonal instead:",
        "equal": "## The product, and what it costs",
        "batch": "## A minibatch of rows",
        "batch_text": "With m examples as rows, the Jacobian of a layer in its weight has four axes:",
        "picture": "The annotated chain",
    },
    "zh": {
        "title": "# 雅可比矩阵",
        "other": "[English](jacobians.md) | 简体中文",
        "intro": "链式法则说，梯度是雅可比矩阵之积。`backgraph jacobian` 对任何代价给出每条边上的雅可比矩阵："
        "从操作自己的规则读出的"
        "公式、结构图和数值；并表明它们的乘积正是反向传播所计算的，以及为什么从不构造它们。",
        "column": "## 一个样本作为一列",
        "column_text": "带偏置、sigmoid 与 softmax 的网络，一个样本 x 是列向量，真实值 t 也是列向量：",
        "reading": "从上往下，雅可比矩阵按乘积的次序排列。softmax 的是满矩阵，因为每个概率依赖所有 logit；sigmoid "
        "的是对角矩阵；"
        "仿射映射对输入的是权重矩阵；对权重的有三个轴，z 的每个元素只用其中一行，即各分块。"
        "右边是反向传播代替这一乘积所计算的。",
        "diagonal": "若最后是 sigmoid，则 y 的雅可比矩阵是对角的：",
        "equal": "## 乘积与计算代价",
        "batch": "## 小批量：样本作为行",
        "batch_text": "m 个样本作为各行时，一层对其权重的雅可比矩阵有四个轴：",
        "picture": "带注释的链",
    },
}


def files() -> Iterator[tuple[str, str]]:
    """Paths with what they hold."""
    for lang, page in PAGES.items():
        column, batch = notes("softmax", lang), minibatch(lang)
        yield page, "\n".join(lines(lang, column)) + "\n"
        yield f"docs/jacobians/{picture('column', lang)}", column.svg()
        yield f"docs/jacobians/{picture('minibatch', lang)}", batch.svg()


def picture(name: str, lang: str) -> str:
    """The name of a file."""
    return f"{name}.svg" if lang == "en" else f"{name}.{lang}.svg"


def notes(end: str, lang: str) -> Jacobians:
    """The network of the notes, with an activation at its end."""
    return jacobians_text(NOTES.format(end=end), TARGETS.split(","), shapes=SHAPES, lang=lang)


def minibatch(lang: str) -> Jacobians:
    """Two layers on a minibatch."""
    return jacobians_text(BATCH, WEIGHTS.split(","), lang=lang)


def lines(lang: str, column: Jacobians) -> Iterator[str]:
    """The page."""
    say = WORDS[lang]
    option = "" if lang == "en" else f" --lang {lang}"
    yield from (
        say["title"],
        "",
        say["other"],
        "",
        say["intro"],
        "",
        say["column"],
        "",
        say["column_text"],
        "",
        "```sh",
    )
    yield f'backgraph jacobian "{NOTES.format(end="softmax")}" \\'
    yield f'    --wrt {TARGETS} --shape "{SHAPES}"{option} -o column.svg'
    yield from ("```", "", f"![{say['picture']}](jacobians/{picture('column', lang)})", "", say["reading"], "")
    yield from (say["diagonal"], "", "```text", *edge_lines(notes("sigmoid", lang), "y", lang), "```", "")
    yield from (say["equal"], "", "```text", *section(column, "product", lang), "", *section(column, "work", lang))
    yield from ("```", "", say["batch"], "", "```text", *section(column, "rows", lang), "```", "")
    yield from (
        say["batch_text"],
        "",
        "```sh",
        f'backgraph jacobian "{BATCH}" --wrt {WEIGHTS}{option} -o minibatch.svg',
    )
    yield from ("```", "", f"![{say['picture']}](jacobians/{picture('minibatch', lang)})")


def section(found: Jacobians, key: str, lang: str) -> Iterator[str]:
    """The lines below a heading of the text."""
    title = words_of(lang)[key]
    for each in sections(found.chain, lang, numbers=False):
        if each.title == title:
            for line in each.lines:
                yield from [line.words] if line.aligned else wrapped(line.words, "", 100)


def edge_lines(found: Jacobians, z: str, lang: str) -> Iterator[str]:
    """What is said of the edges into z."""
    title = words_of(lang)["edges"].format(cost="C")
    lines = next(each.lines for each in sections(found.chain, lang, numbers=False) if each.title == title)
    start = next(i for i, line in enumerate(lines) if line.words.startswith(f"∂{z}/"))
    yield lines[start].words
    for line in lines[start + 1 :]:
        if line.indent == lines[start].indent:
            return
        yield "    " + line.words
