"""Geometry of the annotated chain: no formula, word or picture lies on another, and nothing leaves the paper."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from backgraph.show import jacobian_picture
from backgraph.show.canvas import Canvas, width_of
from backgraph.show.jacobians import jacobians_text
from backgraph.show.typeset import set_markup
from scripts.reference.costs import COSTS, Cost

Area = tuple[float, float, float, float]
FAST = ("two_layers", "column_network", "residual", "layer_norm", "quantile", "radial_basis")


class Recorder(Canvas):
    """A canvas that remembers what its letters and cells cover."""

    drawn: list[tuple[str, Area]]

    def formula(self, x: float, y: float, markup: str, size: float = 14, colour: str = "") -> float:
        line, k = set_markup(markup), size / 1000
        self.drawn.append((markup, (x, y - line.height * k, x + line.width * k, y + line.depth * k)))
        return super().formula(x, y, markup, size, colour)

    def words(self, x: float, y: float, text: str, size: float = 12, **look: object) -> None:  # type: ignore[override]
        self.drawn.append((text, (x, y - 0.72 * size, x + width_of(text, size), y + 0.2 * size)))
        super().words(x, y, text, size, **look)  # type: ignore[arg-type]

    def shaded(self, x: float, y: float, side: float, fill: str, strength: float) -> None:
        self.drawn.append(("cell", (x, y, x + side, y + side)))
        super().shaded(x, y, side, fill, strength)


def meet(a: Area, b: Area) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > 0.5 and min(a[3], b[3]) - max(a[1], b[1]) > 0.5


def areas(cost: Cost, lang: str, monkeypatch: pytest.MonkeyPatch) -> tuple[list[tuple[str, Area]], float, float]:
    drawn: list[tuple[str, Area]] = []
    monkeypatch.setattr(Recorder, "drawn", drawn, raising=False)
    monkeypatch.setattr(jacobian_picture, "Canvas", Recorder)
    svg = jacobians_text(cost.text, cost.wrt.split(","), shapes=cost.shapes, lang=lang).svg()
    size = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert size is not None
    return drawn, float(size[1]), float(size[2])


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "cost",
    [pytest.param(c, marks=() if c.name in FAST else pytest.mark.slow) for c in COSTS],
    ids=lambda cost: cost.name,
)
def test_nothing_lies_on_anything(cost: Cost, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, width, height = areas(cost, lang, monkeypatch)
    assert len(drawn) > 8
    assert not [(a[0], b[0]) for a, b in combinations(drawn, 2) if meet(a[1], b[1])]
    assert not [name for name, (x0, y0, x1, y1) in drawn if x0 < 0 or y0 < 0 or x1 > width or y1 > height]
