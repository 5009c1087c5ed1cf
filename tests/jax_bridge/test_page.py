"""The programs of docs/jax.md print what the page shows."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest

from tests.docs.markdown import blocks, matches, read

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.oracle


def test_the_page_prints_what_it_shows() -> None:
    names: dict[str, Any] = {}
    found = blocks(read("docs/jax.md"))
    with jax.enable_x64(True):
        for program, shown in zip(found[::2], found[1::2], strict=True):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(program.content.replace('jax.config.update("jax_enable_x64", True)', ""), names)
            assert matches(shown.content, printed.getvalue()), printed.getvalue()
