"""The data that comes with the package."""

from __future__ import annotations

from backgraph.data import digits


def test_digits_are_whole() -> None:
    table = digits()
    assert (table.n_rows, len(table.names), table.names[0], table.names[-1]) == (1797, 65, "pixel_0_0", "digit")
    assert set(table.column("digit").tolist()) == set(range(10))
