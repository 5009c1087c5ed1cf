"""A page for each operation, made from its card: formula, rules, work, Jacobian, special values.

Labels stand in English and Chinese; docstrings of cards are English. An example of each card on symbolic dimensions is
made from its signature; cards with parameters have theirs in `EXAMPLES`.
"""

from __future__ import annotations

import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from backgraph.calculus.jacobian import jacobian_values
from backgraph.errors import BackgraphError
from backgraph.evaluate import evaluate
from backgraph.language.check import parse_signature
from backgraph.language.dims import at, shape_text, symbol
from backgraph.language.node import FLOATS, Node
from backgraph.language.notation import Gradient, Name, Partial, Relation, Tree
from backgraph.language.op import BUILT_IN, CARDS, Array, Elementwise, Operation
from backgraph.language.ops import leaf, linear, loss, random, reduce, shape
from backgraph.language.ops.leaf import variable
from backgraph.language.text.functions import function_named
from backgraph.language.walk import substitute
from backgraph.rules import simplify
from backgraph.show.coefficients import coefficient
from backgraph.show.explain import explain_text
from backgraph.show.jacobian_text import grid
from backgraph.show.local import Local
from backgraph.show.names_zh import OPERATIONS
from backgraph.show.notation_of_edges import entry
from backgraph.show.probe import probes
from backgraph.show.render import render
from backgraph.show.rule_formula import LETTERS
from backgraph.show.structure import Structure, structure
from backgraph.show.text import text

Example = tuple[Operation, tuple[Node, ...]]
m, n, k = symbol("m"), symbol("n"), symbol("k")


def _x(*dims: object, name: str = "x", dtype: str = "float64") -> Node:
    return variable(name, dims, dtype, "input")  # type: ignore[arg-type]


EXAMPLES: dict[str, Callable[[], Example]] = {
    "variable": lambda: (leaf.Variable("x", "input", (n,), "float64"), ()),
    "constant": lambda: (leaf.Constant("float64", (), np.float64(0.5).tobytes()), ()),
    "size": lambda: (leaf.Size(m, "float64"), ()),
    "size_of": lambda: (leaf.SizeOf(), (_x(n),)),
    "eye": lambda: (leaf.Eye(n, "float64"), ()),
    "broadcast": lambda: (shape.Broadcast((2, 3), (1,)), (_x(3),)),
    "sum_to": lambda: (shape.SumTo((n,)), (_x(m, n), _x(n, name="b"))),
    "transpose": lambda: (shape.Transpose((1, 0)), (_x(m, n),)),
    "reshape": lambda: (shape.Reshape((6,)), (_x(2, 3),)),
    "slice": lambda: (shape.Slice(((1, 2, 1),)), (_x(4),)),
    "place": lambda: (shape.Place((4,), ((1, 2, 1),)), (_x(2),)),
    "concatenate": lambda: (shape.Concatenate(0), (_x(2, name="a"), _x(3, name="b"))),
    "take": lambda: (shape.Take(), (_x(n, name="A"), _x(m, name="i", dtype="int64"))),
    "scatter_add": lambda: (shape.ScatterAdd((4,)), (_x(3), _x(3, name="i", dtype="int64"))),
    "cast": lambda: (shape.Cast("float32"), (_x(n),)),
    "sum": lambda: (reduce.Sum((0,)), (_x(m, n),)),
    "cumsum": lambda: (reduce.CumSum(False), (_x(n),)),
    "one_hot": lambda: (loss.OneHot(k, "float64"), (_x(m, name="y", dtype="int64"),)),
    "random_mask": lambda: (random.RandomMask((m, n), 0.5, 0, "float64"), (_x(name="key", dtype="int64"),)),
    "where": lambda: (CARDS["where"], (_x(n, name="c", dtype="bool"), _x(n, name="a"), _x(n, name="b"))),  # type: ignore[dict-item]
}
"""Cards with parameters, or operands of other types, applied to leaves."""
SPECIAL = (-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan)
LONGEST = 80
"""Longer formulas are left to `explain`."""
PAIRS = (0.0, 1.0, np.inf, np.nan)


def files() -> Iterator[tuple[str, str]]:
    """Paths with what they hold."""
    yield "docs/operations/README.md", "\n".join(index()) + "\n"
    for name in built_in():
        yield f"docs/operations/{name}.md", re.sub("\n{3,}", "\n\n", "\n".join(page(name))) + "\n"


def built_in() -> list[str]:
    """The operations of backgraph itself, whatever a program has added to them."""
    return [name for name in CARDS if name in BUILT_IN]


def example(name: str) -> Example:
    """A card on leaves with symbolic dimensions."""
    if name in EXAMPLES:
        return EXAMPLES[name]()
    card = CARDS[name]
    op = card if isinstance(card, Operation) else card()
    cores, _ = parse_signature(op.signature)
    letters = letters_for(op, cores)
    if isinstance(op, Elementwise):
        cores = tuple(("n",) for _ in cores)
    return op, tuple(_x(*core, name=letter) for core, letter in zip(cores, letters, strict=True))


def letters_for(op: Operation, cores: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """What the operands are called: as in the docstring; of products, matrices in capitals."""
    if isinstance(op, linear.Bilinear):
        matrices = sum(len(core) > 1 for core in cores)
        return ("A", "B") if matrices == 2 else ("x", "y") if not matrices else tuple("xA"[len(c) - 1] for c in cores)
    if op.name in LETTERS:
        return LETTERS[op.name]
    return ("x",) if len(cores) == 1 else tuple("abc"[: len(cores)])


def index() -> Iterator[str]:
    """All operations in one table."""
    yield "# Operations · 操作"
    yield ""
    yield (
        "One page for each card of the language, made from the card by `python -m scripts.reference`. What a cost "
        "typed as text can call stands in [the language](../language.md); how to add a card in "
        "[adding an operation](../adding-an-operation.md); what rewrites gradients in [the rules](../rules/README.md)."
    )
    yield ""
    yield "每个操作一页，由 `python -m scripts.reference` 从操作卡片生成；卡片的说明文字只有英文。"
    yield ""
    yield "| operation · 操作 | | signature · 签名 |"
    yield "|---|---|---|"
    for name in built_in():
        op, _ = example(name)
        yield f"| [{name}]({name}.md) {chinese(name)} | {cell(summary(op))} | `{op.signature}` |"


def chinese(name: str) -> str:
    """The Chinese name, where it is another."""
    word = OPERATIONS.get(name, name).replace(name, "").replace("即", "").strip()
    return word if any(ord(letter) > 0x2E7F for letter in word) else ""


def cell(words: str) -> str:
    """As it can stand in a table."""
    return words.replace("|", "\\|")


def summary(op: Operation) -> str:
    """The first paragraph of the docstring."""
    return " ".join((inspect.getdoc(op) or "").split("\n\n")[0].split())


def page(name: str) -> Iterator[str]:
    """One operation."""
    op, inputs = example(name)
    node = op.apply(*inputs)
    word = chinese(name)
    yield f"# {name}" + (f" · {word}" if word else "")
    yield ""
    yield summary(op)
    yield from ("", "| | |", "|---|---|")
    for label, value in facts(op, node):
        yield f"| {label} | {value} |"
    if node.dtype in FLOATS and differentiable(node):
        yield from rules(node)
        yield from forward_mode(node)
        yield from pictures(node)
        yield from in_a_cost(op, node)
    yield from special_values(op)
    yield from meaning(op)
    yield from ("", "[All operations · 全部操作](README.md)")


def facts(op: Operation, node: Node) -> Iterator[tuple[str, str]]:
    """Formula, shapes, work, ties, source."""
    names: dict[Node, str | Tree] = {each: Name(str(each.op)) for each in node.inputs}
    trees = (names[each] for each in node.inputs)
    yield "formula · 公式", f"`{cell(text(op.notation(node.inputs, *trees)))}`"  # type: ignore[arg-type]
    yield "signature · 签名", f"`{op.signature}`"
    shapes = [f"{each.op}: {shape_text(each.shape)} {each.dtype}" for each in node.inputs]
    yield "example · 例", cell(f"{', '.join(shapes)} → {shape_text(node.shape)} {node.dtype}".lstrip())
    yield "as text · 文本中", typed(op.name)
    work = op.work(node.inputs)
    yield "multiply-adds · 乘加次数", str(work) if work != 0 else "none · 无"
    if op.is_view:
        yield "memory · 内存", "none: the operand seen differently · 无：换一种方式看操作数"
    if isinstance(op, Elementwise) and op.domain != "real":
        yield "domain · 定义域", op.domain
    if op.ties:
        yield "kinks and ties · 不可导点与相等处", cell(op.ties)
    if op.source:
        yield "source · 出处", op.source


def typed(name: str) -> str:
    """How a cost typed as text calls it."""
    return f"`{name}(…)`" if name.isidentifier() and function_named(name) else "–"


def local(node: Node) -> Local:
    """The card standing alone, on its own leaves."""
    return Local(node, {each: Name(str(each.op)) for each in node.inputs} | {node: Name("z")})


def differentiable(node: Node) -> list[Node]:
    """The operands that a gradient can be sent to."""
    kept = [each for each in dict.fromkeys(node.inputs) if each.dtype in FLOATS]
    positions = {each: node.inputs.index(each) for each in kept}
    return [each for each in kept if node.op.bprop(node.inputs, positions[each], node) is not None]


def rules(node: Node) -> Iterator[str]:
    """bprop, for each operand."""
    yield from ("", "## Back-propagation · 反向传播", "")
    alone = local(node)
    for x in differentiable(node):
        tree, lets = alone.rule(alone.sent(x), Name("J"), ends=False)
        yield f"* `{text(Gradient(Name(str(x.op)), Name('J')))} = {text(tree)}`"
        yield from (f"  where · 其中 `{text(name)} = {text(value)}`" for name, value in lets)
    for x in node.inputs:
        if x not in differentiable(node):
            yield f"* {x.op}: no gradient · 没有梯度"


def forward_mode(node: Node) -> Iterator[str]:
    """jvp: the tangent of the result from those of all operands."""
    movable = [each if each in differentiable(node) else None for each in node.inputs]
    tangents = [None if x is None else variable(f"{x.op}'", x.shape, x.dtype, "tangent") for x in movable]
    tangents_of = [each for each in tangents if each is not None]
    found = node.op.jvp(node.inputs, tangents) if tangents_of else None
    if found is None:
        return
    result = variable("z", node.shape, node.dtype, "result")
    (moved,) = substitute([found], {node: result})
    names: dict[Node, str | Tree] = {each: Name(str(each.op)) for each in (*node.inputs, *tangents_of, result)}
    yield from ("", "## Forward mode · 前向模式", "")
    yield f"`z' = {text(render(simplify(moved).nodes[0], names))}`"


def pictures(node: Node) -> Iterator[str]:
    """The Jacobian in each operand: formula, structure, picture."""
    yield from ("", "## Jacobian · 雅可比矩阵", "")
    alone = local(node)
    values = {each: numbers(number, each) for number, each in enumerate(node.inputs)}
    for x in differentiable(node):
        read = coefficient(alone.sent(x), alone.G)
        matrix, element = alone.formulas(read)
        symbolic = Partial(Name("z"), Name(str(x.op)))
        if matrix is not None:
            yield f"* `{text(Relation('=', symbolic, matrix))}`"
        if element is not None and read is not None and element != matrix:
            left = Partial(entry(Name("z"), read.above), entry(Name(str(x.op)), read.below))
            yield f"* `{text(Relation('=', left, element))}`"
        if element is None:
            yield f"* `{text(symbolic)}`: no closed form is read off the rule · 未从规则中读出封闭形式"
        yield from drawn(alone, x, values, node.rank)


def numbers(seed: int, node: Node) -> Array:
    """Tenths of both signs for a leaf, 2 or 3 for its symbols; integers are 0 and 1 in turn."""
    sizes = {"m": 2, "n": 3, "k": 3}
    dims = [int(at(dim, sizes)) for dim in node.shape]  # type: ignore[union-attr, arg-type]
    if node.dtype not in FLOATS:
        return (np.arange(int(np.prod(dims))).reshape(dims) % 2).astype(node.dtype)
    random = np.random.default_rng(seed)
    return random.choice([-1.0, 1.0], dims) * random.integers(1, 10, dims) / 10


def drawn(alone: Local, x: Node, values: dict[Node, Array], rank: int) -> Iterator[str]:
    """The picture of one Jacobian, at small sizes."""
    arrays: list[Array] = []
    for given in probes(values):
        bound = {alone.leaves[each]: value for each, value in given.items()}
        array = jacobian_values(alone.node, alone.leaves[x], bound)
        if not arrays or np.isfinite(array).all():
            arrays.append(array)
    found = structure(arrays, rank)
    marks = np.where(found.support, "■", "·")
    yield from ("", "  ```text", *("  " + line for line in grid(marks, rank, "i")), "  ```", "")
    yield f"  {KINDS[found.kind]}{brackets(found)}"
    yield ""


KINDS = {
    "number": "a number · 一个数", "row": "a row · 行向量", "column": "a column · 列向量", "zero": "zero · 零",
    "identity": "the identity · 单位矩阵", "diagonal": "diagonal · 对角矩阵", "blocks": "blocks · 分块",
    "full": "full · 满矩阵", "pattern": "a pattern · 稀疏",
}  # fmt: skip


def brackets(found: Structure) -> str:
    """`: zero unless i = k`."""
    if found.kind != "blocks":
        return ""
    letters = "ijklpq"
    pairs = ", ".join(f"{letters[a]} = {letters[b]}" for a, b in found.brackets)
    return f": zero unless · 除非 {pairs} 否则为零"


def in_a_cost(op: Operation, node: Node) -> Iterator[str]:
    """A cost typed as text that uses it, with its gradients; none where the text needs more than the operands."""
    if not op.name.isidentifier() or not function_named(op.name):
        return
    call = f"{op.name}({', '.join(str(each.op) for each in node.inputs)})"
    cost = call if node.shape == () else f"sum({call}**2)"
    wrt = [str(each.op) for each in differentiable(node)]
    shapes = ", ".join(f"{each.op}:{' '.join(map(str, each.shape))}" for each in node.inputs)  # type: ignore[arg-type]
    try:
        found = explain_text(cost, wrt, shapes=shapes).to_json()
    except BackgraphError:
        return
    told = [f"{step['name']} = {step['text']}" for step in found["steps"] if not step["with"]]
    if len(told) < len(found["steps"]) or max(map(len, told)) > LONGEST:
        return
    command = f'backgraph explain "{cost}" --wrt {",".join(wrt)} --shape "{shapes}"'
    forward = [f"{each['name']} = {each['text']}" for each in found["forward"]]
    yield from ("", "## Example · 例", "", "```sh", command, "```", "", "```text", *forward, "", *told, "```")


def special_values(op: Operation) -> Iterator[str]:
    """Values and slopes at 0, infinities and NaN, as the evaluator gives them; of one or two operands elementwise."""
    if not isinstance(op, Elementwise) or len(op.rules) > 2 or op.name == "where":
        return
    operands = [_x(name=name) for name in letters_for(op, [()] * len(op.rules))]
    node = op.apply(*operands)
    if node.dtype not in FLOATS:
        outputs = [node]
    else:
        one = leaf.constant(1.0)
        slopes = [op.bprop(node.inputs, position, one) for position in range(len(operands))]
        outputs = [node, *(slope for slope in slopes if slope is not None)]
    names = [str(each.op) for each in operands]
    head = [*names, "z", *(f"∂z/∂{name}" for name in names[: len(outputs) - 1])]
    yield from ("", "## Special values · 特殊值", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head))
    points = [(value,) for value in SPECIAL] if len(operands) == 1 else itertools.product(PAIRS, repeat=2)
    for point in points:
        found = evaluate(outputs, dict(zip(operands, map(np.float64, point), strict=True)))
        yield "| " + " | ".join(shown(each) for each in (*point, *found)) + " |"


def shown(value: object) -> str:
    """A number in at most four digits; −0 keeps its sign."""
    if np.asarray(value).dtype.kind == "b":
        return "yes · 是" if value else "no · 否"
    number = float(value)  # type: ignore[arg-type]
    if np.isnan(number):
        return "NaN"
    if np.isinf(number):
        return "∞" if number > 0 else "−∞"
    return ("−" if np.signbit(number) else "") + f"{abs(number):.4g}"


def meaning(op: Operation) -> Iterator[str]:
    """What it means, in NumPy."""
    yield from ("", "## In NumPy · 用 NumPy 表示", "", "```text", *source(op), "```")


def source(op: Operation) -> list[str]:
    """The function that the evaluator calls, with the helper it names."""
    function = op._numpy if isinstance(op, Elementwise) else type(op).numpy
    if isinstance(function, np.ufunc) or getattr(function, "__name__", "") == "where":
        return [f"np.{function.__name__}"]
    if getattr(function, "__name__", "") == "<lambda>":
        return [lambda_source(op.name)]
    if function is Operation.numpy:
        return ["# its value is given when the graph is evaluated · 求值时给出"]
    return textwrap.dedent(inspect.getsource(function)).rstrip().split("\n")


def lambda_source(name: str) -> str:
    """The lambda in the line of an elementwise card."""
    import ast

    from backgraph.language.ops import elementwise as cards
    from backgraph.language.ops import loss as losses

    for module in (cards, losses):
        for call in ast.walk(ast.parse(inspect.getsource(module))):
            named = isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)
            if named and call.args[0].value == name:  # type: ignore[union-attr]
                return ast.unparse(call.args[2])  # type: ignore[union-attr]
    raise LookupError(name)
