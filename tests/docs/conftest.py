"""Documents add operations of a user's own; when a module's tests are done, the tables are as they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backgraph.compiler.lower_scalars import SCALAR
from backgraph.language.op import CARDS


@pytest.fixture(scope="module", autouse=True)
def tables_are_left_as_they_were() -> Iterator[None]:
    before = [(table, dict(table)) for table in (CARDS, SCALAR)]
    yield
    for table, entries in before:
        table.clear()
        table.update(entries)  # type: ignore[arg-type]  # each its own
