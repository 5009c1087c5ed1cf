"""The patterns that are kept in a file are those of the rules, and only of these sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import backgraph as bg
from backgraph.rules import RULES, UPDATE_RULES, Rule, kept, simplify
from backgraph.rules.rewrite import simplified
from backgraph.rules.rule import pattern_from, rules_into
from scripts import patterns

EVERY = (*RULES, *UPDATE_RULES)


def test_the_file_is_that_of_the_sources() -> None:
    assert kept.FILE.read_text("utf-8") == patterns.content(), "run python -m scripts.patterns"


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.name)
def test_kept_patterns_are_those_of_the_sample(rule: Rule) -> None:
    assert rule.key in kept.kept_patterns()
    assert rule.patterns == rule.learnt()
    assert {each.card for each in rule.learnt()} == {rule.card}
    assert tuple(pattern_from(json.loads(json.dumps(each.plain))) for each in rule.learnt()) == rule.learnt()


def test_keys_tell_rules_apart() -> None:
    assert len({rule.key for rule in EVERY}) == len(EVERY)


def test_what_is_kept_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = kept.kept_patterns.__wrapped__
    assert whole()
    monkeypatch.setattr(kept, "digest_of_sources", lambda: "of others")
    assert whole() == {}
    monkeypatch.undo()
    monkeypatch.setattr(kept, "FILE", tmp_path / "no such file")
    assert whole() == {}


def test_a_rule_of_a_user_with_the_name_of_one_of_ours() -> None:
    mine: list[Rule] = []

    @rules_into(mine)(s="", A="m n")
    def scale_first(s: bg.Node, A: bg.Node) -> tuple[bg.Node, bg.Node]:
        """tanh(s + A) = s."""
        return bg.tanh(s + A), bg.broadcast(s, A.shape)

    a, s = bg.input("A", ("m", "n")), bg.input("s", ())
    assert mine[0].card == "tanh"
    assert simplified([bg.tanh(s + a)], tuple(mine)).nodes == (bg.broadcast(s, a.shape),)
    assert simplify(a * s).nodes == (s * a,)
