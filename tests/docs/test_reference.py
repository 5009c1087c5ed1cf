"""The generated pages are those that the package makes now: operations, rewrite rules, the gallery."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from backgraph.language.op import BUILT_IN, CARDS
from backgraph.rules import RULES, UPDATE_RULES
from scripts.reference import __main__ as reference
from scripts.reference import gallery, jacobians, operations, rules
from scripts.reference.costs import COSTS
from tests.docs.markdown import ROOT, read

HINT = "run python -m scripts.reference"


def stale(made: dict[str, str]) -> list[str]:
    return [path for path, text in made.items() if not (ROOT / path).is_file() or read(path) != text]


def test_operations_are_up_to_date() -> None:
    assert not stale(dict(operations.files())), HINT


def test_rules_are_up_to_date() -> None:
    assert not stale(dict(rules.files())), HINT


def test_jacobians_are_up_to_date() -> None:
    assert not stale(dict(jacobians.files())), HINT


@pytest.mark.slow
@pytest.mark.parametrize("lang", gallery.PAGES)
def test_the_gallery_is_up_to_date(lang: str) -> None:
    assert not stale({gallery.PAGES[lang]: "\n".join(gallery.lines(lang)) + "\n"}), HINT


@pytest.mark.slow
def test_all_generated_files_are_up_to_date() -> None:
    assert not reference.differences(), HINT


def test_every_operation_and_every_rule_has_its_place() -> None:
    index = read("docs/operations/README.md")
    assert all(f"[{name}]({name}.md)" in index for name in CARDS if name in BUILT_IN)
    index = read("docs/rules/README.md")
    assert all(f"#{rule.name.replace('_', '-')})" in index for rule in (*RULES, *UPDATE_RULES))
    pages = "".join(read(f"docs/rules/{name}.md") for name in rules.SETS)
    assert all(f'<a id="{rule.name.replace("_", "-")}">' in pages for rule in (*RULES, *UPDATE_RULES))


def test_pages_say_what_the_card_says() -> None:
    page = read("docs/operations/softmax.md")
    assert "`∂z/∂x = diag(z) − z zᵀ`" in page
    assert "`∇x J = z ⊙ (∇z J − Σ z ⊙ ∇z J)`" in page
    page = read("docs/operations/matmul.md")
    assert "`∂z_ij/∂B_kl = A_ik [j = l]`" in page
    assert "k·m·n" in page
    assert "| 0 | 0 | 1 | NaN | −∞ |" in read("docs/operations/power.md")


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
def test_every_cost_of_the_gallery_has_a_drawing(cost: gallery.Cost) -> None:
    for lang, page in gallery.PAGES.items():
        path = ROOT / "docs" / gallery.picture(cost, lang)
        assert f"({gallery.picture(cost, lang)})" in read(page)
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_what_is_stale_or_left_over_is_found_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"docs/rules/a.md": "a\n", "docs/gallery.md": "g\n"}
    monkeypatch.setattr(reference, "files", lambda: iter(made.items()))
    (tmp_path / "docs/rules").mkdir(parents=True)
    (tmp_path / "docs/rules/old.md").write_text("old\n")
    (tmp_path / "docs/gallery.md").write_text("was\n")
    assert sorted(reference.differences(tmp_path)) == ["docs/gallery.md", "docs/rules/a.md", "docs/rules/old.md"]
    reference.write(tmp_path)
    assert reference.differences(tmp_path) == []
    assert not (tmp_path / "docs/rules/old.md").exists()
