"""The programs of docs/estimators.md print what the page shows."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest

from tests.docs.markdown import blocks, matches, read

pytest.importorskip("sklearn")
pytestmark = pytest.mark.oracle


def test_the_page_prints_what_it_shows() -> None:
    found = blocks(read("docs/estimators.md"))
    for program, shown in zip(found[::2], found[1::2], strict=True):
        names: dict[str, Any] = {}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(program.content, names)
        assert matches(shown.content, printed.getvalue()), printed.getvalue()
