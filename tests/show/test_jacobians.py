"""The annotated chain: formulas read off the rules, structure by probing, products equal to back-propagation."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given

import backgraph as bg
from backgraph.calculus.backprop import backpropagate
from backgraph.calculus.jacobian import jacobian_values
from backgraph.errors import CalculusError, UsageError
from backgraph.evaluate import evaluate
from backgraph.language.dims import at, count, symbol
from backgraph.language.node import FLOATS, Node
from backgraph.language.notation import Name
from backgraph.language.op import Elementwise
from backgraph.language.walk import topological_order
from backgraph.show.bridge import bridges
from backgraph.show.chain import Chain, EdgeJacobian, chain_of
from backgraph.show.coefficients import coefficient
from backgraph.show.jacobians import jacobians, jacobians_text
from backgraph.show.local import Local
from backgraph.show.structure import structure
from backgraph.show.text import text
from tests.language.samples import ALL, Sample
from tests.random_graphs import BATCH, Graph, graphs
from tests.rules.costs import COSTS, Case

NOTES = "z1 = W1@x + b1; a1 = sigmoid(z1); z2 = W2@a1 + b2; y = {end}(z2); C = -sum(t*log(y))"
SHAPES = "b1:h, b2:k, t:k"
TARGETS = ("W1", "b1", "W2", "b2")


def notes(end: str = "softmax") -> Chain:
    return jacobians_text(NOTES.format(end=end), TARGETS, shapes=SHAPES).chain


def edge(chain: Chain, z: str, x: str) -> EdgeJacobian:
    return next(e for e in chain.edges if (text(e.z.name), text(e.x.name)) == (z, x))


def matrix(chain: Chain, z: str, x: str) -> str:
    tree = edge(chain, z, x).matrix
    return "" if tree is None else text(tree)


def element(chain: Chain, z: str, x: str) -> str:
    tree = edge(chain, z, x).element
    return "" if tree is None else text(tree)


def test_the_notes_have_their_jacobians() -> None:
    chain = notes("sigmoid")
    assert matrix(chain, "z⁽²⁾", "a⁽¹⁾") == "W⁽²⁾"
    assert matrix(chain, "z⁽²⁾", "b⁽²⁾") == "I"
    assert matrix(chain, "y", "z⁽²⁾") == "diag(y ⊙ (1 − y))"
    assert matrix(notes(), "y", "z⁽²⁾") == "diag(y) − y yᵀ"
    assert element(notes(), "y", "z⁽²⁾") == "y_i ([i = j] − y_j)"
    assert element(chain, "z⁽²⁾", "W⁽²⁾") == "a⁽¹⁾_k [i = j]"
    assert matrix(chain, "C", "y") == "−(t/y)ᵀ"


def test_the_structure_is_what_the_notes_draw() -> None:
    kinds = {(text(e.z.name), text(e.x.name)): e.structure.kind for e in notes().edges}
    assert kinds["y", "z⁽²⁾"] == "full"
    assert kinds["a⁽¹⁾", "z⁽¹⁾"] == "diagonal"
    assert kinds["z⁽²⁾", "b⁽²⁾"] == "identity"
    assert kinds["z⁽²⁾", "W⁽²⁾"] == "blocks"
    assert kinds["C", "y"] == "row"
    assert edge(notes("sigmoid"), "y", "z⁽²⁾").structure.kind == "diagonal"
    assert edge(notes(), "z⁽²⁾", "W⁽²⁾").structure.brackets == ((0, 1),)


def test_a_minibatch_has_four_axes() -> None:
    chain = jacobians_text("cross_entropy(relu(X@W1)@W2, y)", ["W1", "W2"], sizes={"m": 2}).chain
    last = edge(chain, "U⁽²⁾", "W⁽²⁾")
    assert last.array.ndim == 4
    assert last.structure.brackets == ((1, 3),)
    assert element(chain, "U⁽²⁾", "W⁽²⁾") == "H_ik [j = l]"
    assert element(chain, "H", "U⁽¹⁾") == "[H_kl > 0] [i = k] [j = l]"
    assert text(last.rule) == "Hᵀ ∇U⁽²⁾ J"


def test_rows_come_from_columns() -> None:
    found = {text(bridge.edge.x.name): bridge for bridge in bridges(notes())}
    assert set(found) == {"W⁽¹⁾", "W⁽²⁾"}
    assert all(bridge.difference < 1e-14 for bridge in found.values())
    second = found["W⁽²⁾"]
    assert text(second.outer) == "(∇z⁽²⁾ C) a⁽¹⁾ᵀ"
    assert [text(tree) for tree in second.names] == ["A⁽¹⁾", "G⁽²⁾", "Z⁽²⁾"]
    m, k, h, same = second.shape
    assert (k, second.free) == (same, m * k * h)


def test_rows_come_from_a_row_too() -> None:
    (found,) = bridges(jacobians_text("u = x@W; C = sum((u - t)**2)", ["W"], shapes="x:d, t:k").chain)
    assert not found.columns
    assert found.difference < 1e-14


def test_the_work_is_what_the_orders_take() -> None:
    chain = jacobians_text("z = W@x; y = tanh(z); C = sum((y - t)**2)", ["W"], shapes="x:d, t:h").chain
    h, d = symbol("h"), symbol("d")
    assert chain.work.rules == h * d
    assert chain.work.backward == h * h + h * h * d
    assert chain.work.forward == h * h * (h * d) + h * (h * d)


@pytest.mark.parametrize("case", COSTS, ids=lambda case: case.__name__)
def test_products_of_jacobians_are_the_gradient(case: Callable[[], Case]) -> None:
    cost, wrt = case()
    chain = chain_of(cost, wrt)
    scale = max(float(np.abs(array).max()) for array in chain.by_rules)
    assert scale > 0
    assert chain.difference <= 1e-12 * max(1.0, scale)
    assert all(e.difference <= 1e-10 * max(1.0, np.abs(e.array).max()) for e in chain.edges if e.difference is not None)


@given(graphs(largest=9))
def test_products_are_the_gradient_of_random_graphs(drawn: Graph) -> None:
    (cost, *_), values = drawn
    reached, _ = backpropagate(cost, list(values))
    targets = [leaf for leaf in values if leaf in reached]
    if not targets or any(at(count(node.shape), {"m": BATCH}) == 0 for node in topological_order([cost])):
        return  # there is nothing to differentiate, or an array without elements, which is refused
    known = symbol("m") in {dim for leaf in values for dim in leaf.shape}  # type: ignore[union-attr]
    chain = chain_of(cost, targets, sizes={"m": BATCH} if known else {}, values=values)
    scale = max([1.0, *(float(np.abs(array).max(initial=0.0)) for array in chain.by_rules)])
    assert chain.difference <= 1e-9 * scale


def local_of(sample: Sample, position: int) -> tuple[Local, Node, dict[Node, np.ndarray]]:
    node, leaves, values = sample.build()
    local = Local(node, {leaf: Name(f"x{i}") for i, leaf in enumerate(leaves)} | {node: Name("z")})
    bound = {local.leaves[leaf]: value for leaf, value in values.items()}
    return local, leaves[position], {**values, **bound, local.result: evaluate(node, values)}


def readable() -> list[tuple[Sample, int]]:
    found: list[tuple[Sample, int]] = []
    for sample in ALL:
        node, leaves, _ = sample.build()
        small = node.dtype in FLOATS and 0 < sum(np.size(x) for x in sample.arrays) <= 18
        for position, leaf in enumerate(leaves):
            if small and leaf.dtype in FLOATS and node.op.bprop(leaves, position, node) is not None:
                found.append((sample, position))
    return found


def test_what_is_read_off_a_rule_is_its_jacobian() -> None:
    read: dict[str, int] = {}
    for sample, position in readable():
        local, leaf, values = local_of(sample, position)
        found = coefficient(local.sent(leaf), local.G)
        if found is None:
            continue
        array = jacobian_values(local.node, local.leaves[leaf], values)
        sizes = dict(zip((*found.above, *found.below), array.shape, strict=True))
        for part in found.parts:
            for factor in part.factors:
                sizes |= dict(zip(factor.letters, evaluate(factor.node, values).shape, strict=True))
        written = found.array(lambda node, values=values: evaluate(node, values), sizes)
        np.testing.assert_allclose(written, array, rtol=1e-9, atol=1e-12, err_msg=f"{sample} {position}")
        read[sample.op.name] = read.get(sample.op.name, 0) + 1
    smooth = {sample.op.name for sample, _ in readable() if isinstance(sample.op, Elementwise)}
    assert smooth <= read.keys()
    assert {"matmul", "matvec", "vecmat", "vecdot", "outer", "softmax", "logsumexp", "sum", "transpose"} <= read.keys()


def test_structures_by_probing() -> None:
    eye = np.eye(3)
    assert structure([eye, eye], 1).kind == "identity"
    assert structure([eye, 2 * eye], 1).kind == "diagonal"
    assert structure([np.diag([1.0, 0, 2]), eye], 1).free == 3
    assert structure([np.zeros((3, 3))], 1).kind == "zero"
    assert structure([np.triu(np.ones((3, 3)))], 1).kind == "pattern"
    assert structure([np.ones(3)], 0).kind == "row"
    assert structure([np.ones(3)], 1).kind == "column"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_text_of_the_notes(lang: str, golden: Callable[[str, str], None]) -> None:
    found = jacobians_text(NOTES.format(end="softmax"), TARGETS, shapes=SHAPES, lang=lang, numbers=True)
    golden(f"show/jacobians_{lang}.txt", found.text())


def test_the_picture_is_well_formed_and_the_same_twice() -> None:
    drawn = [jacobians_text(NOTES.format(end="softmax"), TARGETS, shapes=SHAPES) for _ in range(2)]
    first, second = (each.svg() for each in drawn)
    assert first == second
    root = ElementTree.fromstring(first)
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    titles = [each.text for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == "Jacobians from C down to W⁽¹⁾, b⁽¹⁾, W⁽²⁾, b⁽²⁾"
    assert len(titles) == 1 + len(drawn[0].chain.edges)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


PIECES = [*"<>&\"'/;={}[]%#\x00\x01\x02\x05\x1b\n\u202e\ud800权é_0W", "</svg>", "<script>", "]]>", "<!--", "onload="]


class Tags(HTMLParser):
    """Notes the tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def tags_of(names: tuple[str, str, str]) -> tuple[set[str], set[str]]:
    W, x = bg.parameter(names[0], (2, 2)), bg.input(names[1], (2,))
    found = jacobians(bg.sum(W @ x), W, {W @ x: names[2]})
    ElementTree.fromstring(found.svg())
    parser = Tags()
    page = found.html()
    page.encode("utf-8")
    parser.feed(page)
    return parser.tags, parser.attributes


@pytest.mark.parametrize("count", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_hostile_names_stay_words(count: int) -> None:
    plain = tags_of(("W", "x", "z"))
    random = np.random.default_rng(0)
    for _ in range(count):
        first, second, third = ("".join(random.choice(PIECES, 6)) for _ in range(3))
        tags, attributes = tags_of((first, second, third))
        assert tags <= plain[0] | {"text"}, (first, second, third)
        assert attributes <= plain[1] | {"font-family", "font-size"}


def test_values_and_sizes_are_the_users() -> None:
    W, x = bg.parameter("W", ("h", 2)), bg.input("x", (2,))
    found = jacobians(bg.sum(W @ x), W, {W @ x: "z"}, sizes={"h": 2}, values={x: [5.0, 7.0]}).chain
    assert found.by_rules[0].tolist() == [[5.0, 7.0], [5.0, 7.0]]
    assert edge(found, "z", "W").array.shape == (2, 2, 2)


def test_refusals() -> None:
    W = bg.parameter("W", (300, 300))
    with pytest.raises(CalculusError, match="BG302"):
        jacobians(bg.sum(bg.tanh(W @ bg.input("x", (300,)))), W)
    with pytest.raises(CalculusError, match="BG302"):
        jacobians_text("sum(x**2)", ["x"], sizes={"q": 2})
    with pytest.raises(UsageError, match="BG601"):
        jacobians_text("sum(x**2)", ["x"], lang="fr")
    with pytest.raises(UsageError, match="BG601"):
        jacobians_text("sum(x**2)", ["x"]).svg(theme="pink")
