from __future__ import annotations

import pytest

from backgraph.compiler import target
from backgraph.compiler.target import host_levels, host_target
from backgraph.errors import UsageError


def test_the_fastest_level_is_the_default() -> None:
    assert host_target().name == host_levels()[0]


def test_every_machine_has_the_baseline() -> None:
    assert host_levels()[-1] == "baseline"


@pytest.mark.parametrize("name", host_levels())
def test_a_level_can_be_forced(name: str) -> None:
    found = host_target(name)
    assert found.name == name
    assert found.lanes(32) * 32 == found.lanes(64) * 64 == found.vector_bits


def test_an_unknown_level_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"BG601.*did you mean baseline\?"):
        host_target("bassline")


def test_a_missing_level_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "host_levels", lambda: ("baseline",))
    with pytest.raises(UsageError, match=r"BG601.*this machine lacks"):
        host_target("avx512")
