"""Drawings as text: what is in them, that it is sound, and that nothing else is."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import random
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

import backgraph as bg
from backgraph.errors import BackgraphError
from backgraph.language.node import Node
from backgraph.language.walk import topological_order
from backgraph.show.colours import PALETTES
from backgraph.show.cost import accounts
from backgraph.show.derive import is_number
from backgraph.show.draw import Drawing, draw, draw_text
from backgraph.show.memory import live_bytes, lives
from backgraph.show.picture import PAPER
from tests.random_graphs import Graph, graphs, leaves_in
from tests.show.drawn import Drawn, deep, gallery
from tests.show.geometry import faults
from tests.show.networks import example, page
from tests.timing import processor_seconds

GALLERY = gallery()
SVG = "{http://www.w3.org/2000/svg}"
TAGS = {"svg", "title", "desc", "defs", "path", "marker", "rect", "g", "use", "text"}
ATTRIBUTES = {
    "viewBox", "width", "height", "role", "aria-labelledby", "aria-label", "id", "class", "d", "fill", "stroke",
    "stroke-width", "stroke-dasharray", "stroke-linecap", "marker-end", "refX", "refY", "markerWidth", "markerHeight",
    "markerUnits", "orient", "x", "y", "rx", "transform", "display", "font-family", "font-size", "data-from", "data-to",
    "{http://www.w3.org/1999/xlink}href",
}  # fmt: skip
WORDS = {"aria-label", "data-label"}
"""Attributes that are read aloud, and may say anything."""
BOOK = "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))"
README = Path(__file__).parents[2] / "docs" / "images" / "example.svg"


@functools.cache
def drawing(name: str, fold: bool = True) -> Drawing:
    return fresh(GALLERY[name], fold)


def fresh(case: Drawn, fold: bool = True) -> Drawing:
    return draw(case.cost, case.wrt, case.names, **{**case.options, "fold": fold})


def parsed(text: str) -> ET.Element:
    """The drawing as a tree; raises if it is no XML, or has tags or attributes that no drawing needs."""
    root = ET.fromstring(text)
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in TAGS, element.tag
        assert set(element.attrib) <= ATTRIBUTES, element.attrib
        for name, value in element.attrib.items():
            if name not in WORDS:
                assert "script" not in value
                assert value.replace("url(#", "").count("url(") == 0
                assert not name.endswith("href") or value.startswith("#")
    return root


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


@pytest.mark.parametrize("name", GALLERY)
def test_a_drawing_is_sound_svg(name: str) -> None:
    found = drawing(name)
    root = parsed(found.svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(each.startswith(found.prefix) for each in ids if each)
    assert {use.get("{http://www.w3.org/1999/xlink}href", "")[1:] for use in root.iter(SVG + "use")} <= set(ids)
    assert len(of_class(root, "box")) == len(found.ladder.items)
    assert len(of_class(root, "edge")) == len(found.ladder.links)
    assert fresh(GALLERY[name]).svg == found.svg, "the same drawing, the same bytes"


@pytest.mark.parametrize("name", GALLERY)
def test_nothing_lies_over_anything(name: str) -> None:
    assert faults(drawing(name).picture) == []


@pytest.mark.parametrize("name", [name for name in GALLERY if not name.startswith(("fifty", "recurrent"))])
def test_nothing_lies_over_anything_where_every_node_is_drawn(name: str) -> None:
    assert faults(drawing(name, fold=False).picture) == []


def test_the_checks_find_what_is_wrong() -> None:
    picture = drawing("example").picture
    box, *rest = picture.boxes
    onto = dataclasses.replace(box, area=rest[0].area)
    assert any("overlap" in fault for fault in faults(dataclasses.replace(picture, boxes=(onto, *rest))))
    edge, *others = picture.edges
    middle = rest[3].area
    through = dataclasses.replace(edge, points=((0, middle.top + 9), (picture.width, middle.top + 9)))
    assert any("edge" in fault for fault in faults(dataclasses.replace(picture, edges=(through, *others))))
    tag, *tags = picture.tags
    over = dataclasses.replace(tag, area=rest[2].area)
    assert any("label" in fault for fault in faults(dataclasses.replace(picture, tags=(over, *tags))))


def random_drawing(graph: Graph, fold: bool) -> Drawing:
    outputs, values = graph
    cost = outputs[0]
    targets = leaves_in(values)
    try:
        return draw(cost, targets, fold=fold)
    except BackgraphError:  # no differentiable path to one of them
        return draw(cost, fold=fold)


@settings(max_examples=12)
@given(graphs())
def test_random_graphs_are_drawn_soundly(graph: Graph) -> None:
    for fold in (True, False):
        found = random_drawing(graph, fold)
        assert faults(found.picture) == []
    parsed(found.svg)


@pytest.mark.slow
@settings(max_examples=200)
@given(graphs())
def test_200_random_graphs_are_drawn_soundly(graph: Graph) -> None:
    for fold in (True, False):
        found = random_drawing(graph, fold)
        assert faults(found.picture) == []
        parsed(found.svg)
        assert faults(dataclasses.replace(found, look=PAPER).picture) == []


@pytest.mark.parametrize("name", ["example", *page(), "attention", "two_losses", "second_derivative"])
def test_every_node_is_what_is_executed(name: str) -> None:
    case = GALLERY[name]
    assert isinstance(case.cost, Node)
    found = drawing(name, fold=False)
    account = accounts(case.cost, case.wrt, case.names)
    seen = [(life.item.value, life.made, life.last, str(life.bytes)) for life in lives(found.full)]
    assert seen == [(life.node, life.made, life.last, str(life.bytes)) for life in account.lifetimes]
    sizes = dict.fromkeys(found.sizes, 7)
    assert max(live_bytes(lives(found.full), sizes)) == account.peak(sizes)[1]


@pytest.mark.parametrize("name", ["example", *page(), "attention", "update", "adam"])
def test_every_node_counts_as_the_graph_does(name: str) -> None:
    found = drawing(name, fold=False)
    drawn = [item for item in found.full.items if not item.is_leaf]
    ends = [item.value for item in drawn if item.stays]
    graph = [node for node in topological_order(ends) if node.inputs and not is_number(node)]
    assert len(drawn) == len(graph)
    assert {item.value for item in drawn} == set(graph)
    pairs = {(given, node) for node in graph for given in node.inputs if not is_number(given)}
    assert len(found.full.links) == len(pairs)
    assert {(link.source.value, link.target.value) for link in found.full.links} == pairs


@pytest.mark.parametrize("name", ["example", "update", "forward", "residual", "chinese", "fifty_layers"])
def test_golden_drawings(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"draw/{name}.svg", drawing(name).svg)


def test_golden_dot_and_description(golden: Callable[[str, str], None]) -> None:
    found = drawing("update")
    golden("draw/update.dot", found.dot)
    golden("draw/update.txt", found.describe() + "\n")


def test_the_readme_shows_what_is_drawn_now() -> None:
    expected = draw_text(BOOK, ["W1", "W2"]).svg
    assert README.read_text(encoding="utf-8") == expected, "write it with: backgraph draw … -o docs/images/example.svg"
    for readme in ("README.md", "README.zh-CN.md"):
        assert "docs/images/example.svg" in (README.parents[2] / readme).read_text(encoding="utf-8")


def test_the_books_example_is_the_mirrored_ladder() -> None:
    found = draw_text(BOOK, ["W1", "W2"])
    told = found.describe()
    for formula in ("G = (softmax(U⁽²⁾) − onehot(y))/m", "∇W⁽²⁾ J = Hᵀ G + 2λ W⁽²⁾", "∇W⁽¹⁾ J = Xᵀ G' + 2λ W⁽¹⁾"):
        assert formula in told
    rows = {item.caption + str(item.row): item for item in found.ladder.items}
    forward = next(item for item in found.ladder.items if item.caption == "relu")
    rule = next(item for item in found.ladder.items if item.caption == "rule of relu")
    assert forward.row == rule.row, "a rule stands in the row of its operation"
    sums = [item for item in found.ladder.items if item.path == "sum"]
    for item in sums:
        sides = {link.path for link in found.ladder.links if link.target is item}
        assert sides == {"gradient", "side"}, "the two contributions arrive from left and right"
    assert rows


def test_fifty_layers_fold_into_one_card() -> None:
    found = drawing("fifty_decayed")
    assert len(found.ladder.items) < 50 < len(found.full.items)
    assert "layers 2–49 (48×)" in found.ladder.bands
    stood_for = [old for item in found.ladder.items for old in item.stands_for]
    assert len(stood_for) == len(set(map(id, stood_for))) == len(found.full.items), "nothing is lost"
    assert "H⁽ℓ⁾ = relu(U⁽ℓ⁾): m×h, relu, 48×" in found.describe()
    assert "U⁽ℓ⁾ = H⁽ℓ⁻¹⁾ W⁽ℓ⁾" in found.describe()


def test_blocks_that_differ_are_not_folded() -> None:
    H = bg.input("X", ("m", "n"))
    weights = [bg.parameter(f"W{i}", ("n", "n")) for i in range(1, 7)]
    for i, W in enumerate(weights):
        H = (bg.relu if i % 2 else bg.tanh)(H @ W)
    found = draw(bg.sum(H), weights)
    assert found.ladder.bands.count("layer 1") > 0
    assert all("(5×)" not in band for band in found.ladder.bands)


def test_numbers_that_do_not_rise_are_not_called_layers() -> None:
    experts = "G = softmax(X@V); E1 = relu(X@W1); E2 = relu(X@W2); sum((G[:, 0:1]*E1 + G[:, 1:2]*E2 - Y)**2)"
    found = draw_text(experts, ["V", "W1", "W2"], shapes="X:m d, V:d 2, Y:m h")
    assert set(found.ladder.bands) == {"input", "", "loss"}
    net = draw_text("sum((relu(relu(X@W1)@W2)@W3 - Y)**2)", ["W1", "W2", "W3"])
    assert list(dict.fromkeys(net.ladder.bands)) == ["input", "layer 1", "layer 2", "layer 3", "loss"]


def test_one_weight_used_in_every_step() -> None:
    found = drawing("recurrent")
    assert len(found.ladder.items) < 40
    assert "∇W J = h⁽⁰⁾ᵀ G⁽¹⁾ + h⁽¹⁾ᵀ G⁽²⁾ + … + h⁽⁴⁹⁾ᵀ G⁽⁵⁰⁾" in found.describe()


def test_several_costs_have_gradients_of_their_own() -> None:
    told = drawing("two_costs").describe()
    assert "∇W J₁ = Xᵀ G₁'" in told
    assert "∇W J₂ = Xᵀ G₂'" in told
    paths = {item.path for item in drawing("two_costs").ladder.items}
    assert {"gradient", "other"} <= paths


def test_paper_has_no_captions() -> None:
    captions = {item.caption for item in drawing("paper").ladder.items if not item.is_leaf}
    boxes = drawing("paper").picture.boxes
    assert captions
    assert all(label.size >= 15 for box in boxes for label in box.labels)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast(theme: str) -> None:
    palette = PALETTES[theme]
    pairs = [(palette.text, fill) for fill in (palette.paper, palette.band)] + [(palette.note, palette.band)]
    for style in palette.styles.values():
        pairs += [(style.stroke, style.fill), (style.stroke, palette.band), (style.stroke, palette.paper)]
        pairs += [(palette.text, style.fill), (palette.paper, style.stroke)]
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def contrast(a: str, b: str) -> float:
    """By WCAG 2.1."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PIECES = [
    "<script>alert(1)</script>", '"', "'", "&", "]]>", "<!--", "-->", "</svg>", "</script>", "\x00", "\x01", "\x03",
    "javascript:", "\u202e", "\ud800", "{", "}", "{ℓ}", "\\", "\n", "onload=", "url(x)", "𝔘", "权", "%s", "{0}", "<g>",
    "</title>", "&lt;", "_", "^", "W1",
]  # fmt: skip


def hostile_names() -> list[str]:
    choose = random.Random(0)
    return ["".join(choose.choices(PIECES, k=choose.randint(1, 4))) for _ in range(300)]


def hostile(count: int) -> Iterator[Drawing]:
    """Drawings whose leaves, values and costs have hostile names, three in each."""
    for first, second, third in zip(*[iter(hostile_names()[: 3 * count])] * 3, strict=True):
        X, W, y = bg.input(first, ("m", "n")), bg.parameter(second, ("n", "k")), bg.labels("y")
        U = X @ W
        yield draw(bg.cross_entropy(bg.relu(U), y), [W], {U: third}, cost_name=third + "J")


def test_hostile_names_cannot_inject() -> None:
    boxes = set[int]()
    for found in hostile(100):
        boxes.add(len(of_class(parsed(found.svg), "box")))
        lines = len(found.ladder.items) + len(found.ladder.links)
        assert len(found.dot.splitlines()) == 4 + lines
    assert len(boxes) == 1


def test_hostile_names_cannot_inject_into_a_page() -> None:
    for found in hostile(6):
        check_page(found.html)


@pytest.mark.slow
def test_no_hostile_name_injects_into_a_page() -> None:
    for found in hostile(100):
        check_page(found.html)


SCRIPTS = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def check_page(html: str) -> None:
    """Only our own script and two tables per view run or stand in scripts, and they parse."""
    found = SCRIPTS.findall(html)
    assert [kind for kind, _ in found] == [' type="application/json"'] * 2 + [' type="application/json" id="words"', ""]
    for kind, content in found:
        if kind:
            json.loads(content)
    outside = SCRIPTS.sub("", html)
    assert "<script" not in outside.lower()
    tags = re.findall(r"<[a-zA-Z][^>]*>", outside)
    assert not [tag for tag in tags if re.search(r"\son\w+\s*=", re.sub(r'"[^"]*"', '""', tag))]
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in html


def test_a_page_loads_nothing() -> None:
    html = drawing("update").html
    check_page(html)
    addresses = set(re.findall(r"https?://[^\"' )]+", html))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, "names of namespaces only"
    assert "@import" not in html
    assert drawing("update").html == html


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="rsvg-convert is not installed")
@pytest.mark.parametrize("name", ["example", "chinese", "dark"])
def test_another_renderer_shows_it(name: str, tmp_path: Path) -> None:
    svg, png = tmp_path / "drawing.svg", tmp_path / "drawing.png"
    svg.write_text(drawing(name).svg, encoding="utf-8")
    subprocess.run(["rsvg-convert", "--width=900", str(svg), "-o", str(png)], check=True, timeout=60)
    data = png.read_bytes()
    assert len(set(pixels(data))) > 40, "not blank"


def pixels(png: bytes) -> bytes:
    """The compressed rows of a PNG, unpacked."""
    at, rows = 8, b""
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            rows += png[at + 8 : at + 8 + size]
        at += 12 + size
    return zlib.decompress(rows)


def large(nodes: int) -> tuple[Node, list[Node]]:
    """A random graph of about so many nodes."""
    choose = random.Random(1)
    weights = [bg.parameter(f"W{i}", ("n", "n")) for i in range(5)]
    pool: list[Node] = [*weights, *(bg.input(f"X{i}", ("n", "n")) for i in range(3))]
    kinds: list[Callable[[Node, Node], Node]] = [
        lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a @ b,
        lambda a, _: bg.tanh(a), lambda a, _: bg.relu(a), lambda a, _: bg.exp(a), lambda a, _: a.T,
    ]  # fmt: skip
    while len(pool) < nodes:
        pool.append(choose.choice(kinds)(choose.choice(pool[-30:]), choose.choice(pool[-30:])))
    used = {given for node in pool for given in node.inputs}
    cost = bg.sum(pool[-1])
    for node in pool[:-1]:
        if node not in used:
            cost = cost + bg.sum(node)
    return cost, [W for W in weights if W in topological_order([cost])]


@pytest.mark.slow
def test_large_graphs_are_drawn_in_seconds() -> None:
    """Bounds of three times what they take, for machines that are slower."""
    case = deep(50)
    assert processor_seconds(lambda: draw(*case).svg) < 1
    cost, weights = large(260)
    both = draw(cost, weights, fold=False)
    assert len([item for item in both.full.items if not item.is_leaf]) > 700
    whole, weights = large(720)
    assert len(topological_order([whole])) > 1000
    assert processor_seconds(lambda: draw(whole, weights).svg) < 3


def test_files_and_notebooks(tmp_path: Path) -> None:
    found = draw_text(BOOK, ["W1"])
    for ending, text in ((".svg", found.svg), (".html", found.html), (".dot", found.dot)):
        assert found.save(tmp_path / f"drawing{ending}").read_text(encoding="utf-8") == text
    with pytest.raises(BackgraphError, match="BG601"):
        found.save(tmp_path / "drawing.png")
    assert found._repr_svg_() == found.svg
    assert found._repr_html_().startswith('<iframe sandbox="allow-scripts"')


def test_what_cannot_be_drawn_is_said() -> None:
    case = example()
    with pytest.raises(BackgraphError, match="BG601"):
        draw(case.cost, case.wrt, lang="de")
    with pytest.raises(BackgraphError, match="BG108"):
        _ = draw(case.wrt[0] @ case.wrt[1], case.wrt).svg
    with pytest.raises(BackgraphError, match="BG301"):
        _ = draw(case.cost, bg.parameter("V", ("n",))).svg


def test_a_forward_graph_of_any_shape_is_drawn() -> None:
    X, W = bg.input("X", ("m", "n")), bg.parameter("W", ("n", "k"))
    assert "U = X W" in draw(X @ W, names={X @ W: "U"}).describe()
    several = draw([X @ W, bg.softmax(X @ W)])
    assert len(several.ladder.executed) == 2
    assert faults(several.picture) == []


def test_labels_of_shapes_in_numbers() -> None:
    found = draw(*example(), sizes={"m": 128, "n": 784})
    numbers = [tag for tag in found.picture.tags if tag.numbers]
    assert numbers
    assert found.sizes == {"m": 128, "n": 784, "h": 64, "k": 64}
    assert list(itertools.islice(found.sizes, 2)) == ["m", "n"]


def test_operations_are_called_in_chinese() -> None:
    found = draw_text(BOOK, ["W1", "W2"], lang="zh")
    for each in (found, dataclasses.replace(found, fold=False)):
        words = " ".join(item.caption for item in each.ladder.items)
        assert not re.search("matmul|add|relu|cross|square|transpose|sum|mul", words), words
    assert "矩阵乘法对输入 2 的规则" in found.describe()
    assert "矩阵乘法 matmul" not in found.html.split("</svg>")[0], "a box has room for one"


def test_chinese_is_set_without_gaps() -> None:
    page = draw_text(BOOK, ["W1", "W2"], lang="zh").html
    said = re.findall(r'<p class="said">(.*?)</p>', page)
    assert said
    plain = [re.sub("<[^>]*>", "·", sentence) for sentence in said]
    assert not [text for text in plain if re.search("[\u4e00-\u9fff] [\u4e00-\u9fff]", text)]
    assert not re.search("<h2[^>]*>[^<]*[\u4e00-\u9fff]:", page)
