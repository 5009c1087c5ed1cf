from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

import backgraph as bg
from backgraph.errors import BackgraphError
from backgraph.language.op import BUILT_IN, CARDS
from backgraph.language.parse import ASSUMED
from backgraph.language.walk import topological_order
from backgraph.rules import RULES
from backgraph.show import page as pages
from backgraph.show import words_en, words_zh
from backgraph.show.explain import explain, explain_text
from backgraph.show.text import text as text_of
from tests.show.networks import Case, deep, example, page, three_layers
from tests.timing import processor_seconds

FORMULAS = [
    "G = (softmax(U⁽²⁾) − onehot(y))/m",
    "∇W⁽²⁾ J = Hᵀ G + 2λ W⁽²⁾",
    "∇H J = G W⁽²⁾ᵀ",
    "G' = ∇H J ⊙ [H > 0]",
    "∇W⁽¹⁾ J = Xᵀ G' + 2λ W⁽¹⁾",
]
PAGE = page()


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_books_example(named: bool, lang: str) -> None:
    text = explain(*example(named), lang=lang).text()
    places = [text.index(formula) for formula in FORMULAS]
    assert places == sorted(places), "steps stand in the order of execution"


STATEMENTS = (
    "U1 = X@W1; H = relu(U1); U2 = H@W2; J = cross_entropy(U2, y) + lam*(sum(W1**2)+sum(W2**2))",
    "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2)+sum(W2**2))",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_books_example_from_text(statement: str) -> None:
    text = explain_text(statement, ["W1", "W2"]).text()
    assert all(formula in text for formula in FORMULAS)
    assert "y holds integer labels, m" in text


def test_text_with_open_shapes() -> None:
    text = explain_text("mean(sigmoid(a*b+c))", ["a"]).text()
    assert "shape of mul" not in text
    assert "∇a J = Σ_→a " in text


def test_a_renamed_deeper_relative() -> None:
    text = explain(*three_layers()).text()
    for formula in (
        "G = (softmax(U⁽³⁾) − onehot(t))/b",
        "∇V⁽³⁾ L = A⁽²⁾ᵀ G + 2μ V⁽³⁾",
        "∇A⁽²⁾ L = G V⁽³⁾ᵀ",
        "G' = ∇A⁽²⁾ L ⊙ [A⁽²⁾ > 0]",
        "∇V⁽²⁾ L = A⁽¹⁾ᵀ G'",
        "G'' = (1 − (A⁽¹⁾)²) ⊙ ∇A⁽¹⁾ L",
        "∇V⁽¹⁾ L = A⁽⁰⁾ᵀ G''",
        "∇c⁽¹⁾ L = Σ_b G''",
    ):
        assert formula in text


def test_paths_shapes_and_kept_values_are_told() -> None:
    text = re.sub(r"\s+", " ", explain(*example()).text())
    assert "2 paths reach W⁽²⁾: through U⁽²⁾ (Hᵀ G) and through the decay (2λ W⁽²⁾); contributions of all paths" in text
    assert "h×m times m×k gives h×k, the shape of W⁽²⁾; G Hᵀ would not fit." in text
    assert "Rule of matmul for its second input: C = A B gives ∇B J = Aᵀ ∇C J." in text
    assert "Kept from the forward pass: H (m×h) for steps 2 and 4, so until step 4; U⁽²⁾ (m×k) for step 1." in text
    assert "It keeps H (needed until step 4) from the forward pass" in text
    assert "After this step H and ∇H J can be freed." in text
    assert "relu'(0) = 0" in text


def test_index_form() -> None:
    text = explain(*example(), index=True).text()
    assert "∂J/∂W⁽²⁾_jk = Σ_i H_ij G_ik" in text
    assert "∂J/∂H_ij = Σ_k G_ik W⁽²⁾_jk" in text


@pytest.mark.parametrize(
    ("cost", "wrt", "formulas"),
    [
        ("cross_entropy(tanh(X@W1 + b)@W2, y)", ["W1", "b"], [
            "∂J/∂U⁽²⁾_ij = (softmax(U⁽²⁾)_ij − onehot(y)_ij)/m", "∂J/∂U⁽¹⁾_ij = (1 − H_ij²) ∂J/∂H_ij",
            "∂J/∂b_i = Σ_j G'_ji",
        ]),
        ("sum((R - P@Q.T)**2)", ["P", "Q"], [
            "∂J/∂U_ij = 2 (U_ij − R_ij)", "∂J/∂P_ij = Σ_k G_ik Q_kj", "∂J/∂Q_ij = Σ_k G_ki P_kj",
        ]),
        ("sum((n*g + b)**2)", ["g"], ["∂J/∂g_i = 2 Σ_j n_ji (n_ji g_i + b_i)"]),
    ],
)  # fmt: skip
def test_index_form_of_every_operation(cost: str, wrt: list[str], formulas: list[str]) -> None:
    shapes = {"b": "h"} if "X@" in cost else {"n": "m h", "g": "h", "b": "h"} if "n*g" in cost else ""
    text = re.sub(r"\s+", " ", explain_text(cost, wrt, shapes=shapes, index=True).text())
    for formula in formulas:
        assert f"Element by element: {formula}." in text


def test_conventions_are_stated_only_where_they_apply() -> None:
    text = explain(*PAGE["self_power"]).text()
    for word in ("minibatch", "layer", "⊙", "[condition]", "scikit-learn", "relu"):
        assert word not in text


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("form", ["text", "latex", "markdown", "html", "json"])
def test_golden(golden, lang: str, form: str) -> None:
    suffix = {"text": "txt", "latex": "tex", "markdown": "md"}.get(form, form)
    golden(f"show/example.{lang}.{suffix}", str(explain(*example(), lang=lang, format=form, index=True)))


def test_golden_one_line_and_three_layers(golden) -> None:
    golden("show/one_line.txt", explain(*example(named=False)).text())
    golden("show/three_layers.txt", explain(*three_layers()).text())
    golden("show/example.ascii.txt", explain(*example(), ascii=True).text())


@pytest.mark.parametrize("name", PAGE)
def test_golden_page(golden, name: str) -> None:
    golden(f"show/page/{name}.txt", explain(*PAGE[name]).text())


@pytest.mark.parametrize("case", [*PAGE.values(), example(False), three_layers()])
def test_nothing_is_left_unnamed(case: Case) -> None:
    for lang in ("en", "zh"):
        explanation = explain(*case, lang=lang, index=True)
        for text in (explanation.text(), explanation.latex(), explanation.html(), explanation.markdown()):
            assert "[0]" not in text
            assert not re.search(r"\b(operand|stand-in|variable)\b", text)
        json.dumps(explanation.to_json())


@pytest.mark.parametrize("case", [*PAGE.values(), example(), three_layers()])
def test_latex_is_balanced(case: Case) -> None:
    source = explain(*case).latex()
    body = source.split(r"\begin{document}")[1]
    bare = source.replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
    assert body.count(r"\left") == body.count(r"\right")
    assert body.count(r"\(") == body.count(r"\)")
    assert source.isascii()


def test_ascii_is_ascii() -> None:
    for case in (*PAGE.values(), example(), three_layers()):
        assert explain(*case, ascii=True, index=True).text().isascii()


def test_the_languages_have_the_same_sentences() -> None:
    braces = {lang: {key: set(re.findall(r"{\w+}", text)) for key, text in words.WORDS.items()}
              for lang, words in (("en", words_en), ("zh", words_zh))}  # fmt: skip
    assert braces["en"].keys() == braces["zh"].keys()
    for table in ("ASSUMED",):
        english, chinese = getattr(words_en, table), getattr(words_zh, table)
        assert english.keys() == chinese.keys() == ASSUMED.keys()
    optional = {key for key in braces["en"] if key.startswith("note_")}
    assert all(braces["en"][key] == braces["zh"][key] for key in braces["en"].keys() - optional)
    assert {name for name, card in CARDS.items() if card.ties} <= words_zh.TIES.keys()


def test_operations_and_rules_have_chinese_names() -> None:
    assert words_zh.OPERATIONS.keys() >= BUILT_IN
    assert words_zh.RULES.keys() == {rule.name for rule in RULES}
    prose = re.compile(r"\b(is|are|where (?!\()|for|of|the|in|with|over|scalars|elementwise)\b")
    for rule in RULES:
        assert not prose.search(words_zh.RULES[rule.name][1] or rule.equation), rule.name


def test_chinese_pages_are_chinese() -> None:
    """What is left in Latin letters is maths, names of operations, and the names of other people's software."""
    operations = {"relu", "add", "mul", "sum", "cross_entropy", "matmul", "square", "softmax", "onehot", "broadcast"}
    maths = {"exp", "log", "lam", "one", "hot"}
    others = {"scikit", "learn", "MLP", "PyTorch", "SGD", "weight_decay", "Adam", "AdamW"}
    page = explain_text(STATEMENTS[1], ["W1", "W2"], lang="zh").text()
    entries = re.compile(r"[A-Z⁾]_[ijk]+")
    assert set(re.findall(r"[A-Za-z_]{3,}", entries.sub("", page))) <= operations | maths | others


def test_every_card_with_a_rule_can_be_told() -> None:
    sample = {"x": bg.parameter("x", (3,)), "a": bg.parameter("a", (3,)), "b": bg.parameter("b", (3,))}
    for card in CARDS.values():
        if isinstance(card, bg.Elementwise) and card.name not in ("where", "sign", "stop_gradient"):
            inputs = list(sample.values())[: len(card.rules)]
            if card(*inputs).dtype == "float64":
                text = explain(bg.sum(card(*inputs)), inputs[:1], {}).text()
                assert f"Rule of {card.name}" in re.sub(r"\s+", " ", text)


def test_a_gradient_that_is_zero_everywhere() -> None:
    x = bg.parameter("x", (3,))
    assert "Nothing arrives" in explain(bg.sum(bg.sign(x)), [x]).text()


def test_a_users_g_is_respected() -> None:
    X, G = bg.input("X", ("m", "n")), bg.parameter("G", ("n", "k"))
    J = bg.sum(bg.tanh(X @ G))
    text = explain(J, [G], {}).text()
    assert "∇G J = Xᵀ ∇U J" in text


def test_unknown_language_or_format() -> None:
    with pytest.raises(BackgraphError, match="BG601"):
        explain(*example(), lang="fr")
    with pytest.raises(BackgraphError, match="BG601"):
        explain(*example(), format="pdf")


def test_two_hundred_nodes_in_time() -> None:
    case = deep(32)
    assert len(topological_order([case.cost])) >= 200
    assert processor_seconds(lambda: explain(*case).text()) < 3  # 0.15: benchmarks/explain_time.py


def test_a_chain_of_hundreds_of_nodes_stays_readable() -> None:
    s = bg.parameter("s")
    node = s
    for _ in range(300):
        node = bg.sin(node) + s
    text = explain(node, [s], {}).text()
    assert max(map(len, text.splitlines())) < 200


def test_import_needs_numpy_only() -> None:
    program = "import sys, backgraph.show.explain; print('llvmlite' in sys.modules, 'rich' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "html", "json", "numpy"])
def test_targets_inside_the_graph_and_the_cost_itself(form: str) -> None:
    s = bg.parameter("s")
    inner = bg.exp(s)
    cost = bg.sin(inner) * s
    for wrt in ([inner], [cost], [cost, s], [s, s]):
        assert str(explain(cost, wrt, format=form, values=True))
    assert "∇V J = s cos(V)" in explain(cost, [inner]).text().replace("cos(V) s", "s cos(V)")
    assert "∇J J = 1" in explain(cost, [cost]).text()
    assert str(explain(s, [s], format=form))


def test_a_second_derivative() -> None:
    X, W = bg.input("X", ("m", "n")), bg.parameter("W", ("n", "k"))
    slope = bg.gradient(bg.cross_entropy(bg.tanh(X @ W), bg.labels("y")), W)[0]
    explanation = explain(bg.sum(slope**2), [W], values=True)
    assert explanation.worked is not None
    assert all(check.status == "right" for check in explanation.worked.checks.values())


def test_what_is_said_of_products_is_said_with_a_bias_too() -> None:
    text = re.sub(r"\s+", " ", explain_text("cross_entropy(relu(X@W1 + b1)@W2 + b2, y)", ["W1", "W2"]).text())
    assert "∂U⁽²⁾/∂W⁽²⁾ would have four indices (three for a single example)" in text
    assert "every example uses the same W⁽²⁾" in text


@pytest.mark.parametrize(
    ("cost", "wrt", "said"),
    [
        ("sum(relu(V))", "V", "Where V < 0 the forward pass put 0"),
        ("sum(relu(v*w)*c)", "w", "Where v ⊙ w < 0 the forward pass put 0"),
        ("sum(relu(V@A)*C)", "A", "H > 0 says where; U itself need not be kept."),
        ("cross_entropy(Q, y)", "Q", "Unnormalised log-probabilities Q are any real numbers"),
        ("cross_entropy(Q*s, y)", "s", "Unnormalised log-probabilities Q ⊙ s are any real numbers"),
        ("nll(softmax(Q), y)", "Q", "so Q are called unnormalised log-probabilities"),
        ("-sum(log_softmax(Q)*T)", "Q", "so Q are called unnormalised log-probabilities"),
    ],
)
def test_notes_follow_from_the_graph_not_from_names(cost: str, wrt: str, said: str) -> None:
    page = re.sub(r"\s+", " ", explain_text(cost, [wrt]).text())
    assert page.count(said) == 1
    assert ("need not be kept" in page) == ("need not be kept" in said), "what is given is not kept anyway"


def test_open_shapes_in_chinese() -> None:
    text = explain_text("cross_entropy(relu(X@W1 + b1)@W2, y)", ["b1"], lang="zh").text()
    assert "shape of" not in text
    assert "∇b⁽¹⁾ J = Σ_→b⁽¹⁾ G'" in text
    assert "b⁽¹⁾ 的形状" in text


def test_what_is_repeated_is_said() -> None:
    text = explain_text("sum((X@W + b - mean(X@W, axis=1, keepdims=True))**2)", ["W", "b"], shapes="b:h").text()
    assert "b (h) is repeated along m" in text
    assert "(m×1) is repeated along h" in text
    chinese = explain_text("sum(tanh(X@W + b)**2)", ["W"], shapes="b:h", lang="zh").text()
    assert "b（h）沿 m 重复" in chinese


def test_partial_reductions_name_their_axis() -> None:
    text = explain_text("U = X@X.T; sum(max(U, axis=1)**2) + sum(sum(U, axis=0)**2)", ["X"]).text()
    assert "max_axis1(U)" in text
    assert "Σ_axis0 U" in text
    assert "counted from 0" in re.sub(r"\s+", " ", text)
    assert "max_h(U)" in explain_text("sum(max(X@W, axis=1))", ["W"]).text()
    assert r"\max_{h}\left(U\right)" in explain_text("sum(max(X@W, axis=1))", ["W"]).latex()


def test_a_number_that_stands_for_an_array_is_said_to() -> None:
    text = re.sub(r"\s+", " ", explain_text("sum(a+b)", ["a"]).text())
    assert "∇a J = Σ_→a 1" in text
    assert "1 stands for an array (shape of a, b) with this number everywhere" in text


def test_no_step_whose_name_nothing_reads() -> None:
    found = explain_text("r = X@w - y; sum(r**2)", ["w"])
    assert [text_of(step.name) for step in found.derivation.steps] == ["∇r J", "∇w J"]


def test_a_long_sum_is_one_formula() -> None:
    found = explain_text("+".join(f"a{i}*b{i}**2" for i in range(200)), ["a7"])
    assert len(found.derivation.forward) == 1
    assert len(found.derivation.steps) == 1
    assert max(map(pages.width, found.text().splitlines())) <= pages.COLUMNS + len("   scalar")


def test_named_numbers_keep_their_name() -> None:
    assert "k = 3" in explain_text("k = 3; sum(x**k)", ["x"]).text()
    assert "J = x²" in explain_text("x = 3; x**2", ["x"]).text()


def test_sizes_are_no_layers() -> None:
    text = explain_text("mean(X@W)", ["W"], shapes="X:n1 d, W:d n2").text()
    assert "n₁" in text
    assert "n⁽¹⁾" not in text


def test_zero_is_printed_without_a_sign() -> None:
    assert pages.number_words(-0.0) == "0"


def test_stacked_products_are_explained() -> None:
    text = explain_text("sum(einsum('bi,ij,bj->b', X, A, Y)**2)", ["A"]).text()
    assert "axes of size 1" in re.sub(r"\s+", " ", text)
