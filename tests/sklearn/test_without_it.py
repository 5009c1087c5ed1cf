"""Without scikit-learn everything else works, and the estimators name the extra to install."""

from __future__ import annotations

import sys

import pytest

from backgraph.errors import UsageError


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.startswith("backgraph.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UsageError, match=r"BG602.*pip install 'backgraph\[sklearn\]'"):
        __import__("backgraph.sklearn")
