"""The report of a run: everything is told, nothing is loaded, nothing runs, whatever columns and labels are called."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backgraph.cli.main import main
from backgraph.data.table import Table
from backgraph.models.report import report
from backgraph.models.trainer import Recipe, Trainer
from backgraph.optim import Adam

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a&b", "</table>", "x\u202ey", "=1+1")
RUNNING = {"script", "iframe", "object", "embed", "link", "base", "form", "input", "foreignobject"}
INSIDE = ("#", "data:image/png;base64,")
"""What an address may begin with: a part of the page itself, or an image written out."""


class Look(HTMLParser):
    """Every tag and attribute of a page, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def trained(table: Table, target: str, epochs: int = 2, **changes: Any) -> Trainer:
    recipe: dict[str, Any] = {"hidden": (4,), "optimizer": Adam(), **changes}
    trainer = Trainer(table, target, Recipe(**recipe))
    trainer.run(epochs)
    return trainer


def numbers(rows: int = 80) -> Table:
    r = np.random.default_rng(0)
    x = r.normal(size=rows)
    return Table({"x": x, "z": r.normal(size=rows), "t": 3 * x + 100})


def named(column: str, label: str, rows: int = 60) -> Table:
    labels = np.array([label if n % 2 else "other" for n in range(rows)], object)
    levels = np.array([label if n % 3 else "level" for n in range(rows)], object)
    return Table({column: np.arange(rows, dtype="float64"), f"{column} level": levels, "class": labels})


def checked(page: str) -> Look:
    look = Look(page)
    assert not look.tags & RUNNING
    for name, value in look.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "href", "xlink:href", "action") or value.startswith(INSIDE)
    return look


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_gets_into_the_markup(name: str) -> None:
    words = "".join(checked(report(trained(named(name, name), "class"), {"data": name})).words)
    assert name[:4] in words


def test_a_classifier_is_told_with_its_mistakes() -> None:
    page = report(trained(named("column", "label"), "class"), {"seconds": 1.25})
    words = "".join(checked(page).words)
    for part in ("Training report: class", "accuracy", "1.25", "Confusion matrix", "The 10 rows it is most wrong about",
                 "probability of the truth", "column level", "∇W⁽¹⁾ J", "Multiply-adds", "Graph of J"):  # fmt: skip
        assert part in words, part
    assert page.count("<svg") == 4  # losses, accuracy, confusion matrix, graph


def test_a_regression_is_told_in_its_own_units() -> None:
    trainer = trained(numbers(), "t")
    words = "".join(checked(report(trainer, {})).words)
    assert "residual" in words
    assert "RMSE" in words
    truth = trainer.outcome.restore(trainer.validation_part.y)  # type: ignore[union-attr]
    assert any(f"{value:.6g}" in words for value in truth[:, 0])


def test_without_epochs_and_without_validation() -> None:
    page = report(trained(numbers(), "t", epochs=0, validation=0.0), {})
    words = "".join(checked(page).words)
    assert "training rows" in words
    assert "Curves" not in words


def test_many_columns_are_folded_away() -> None:
    r = np.random.default_rng(0)
    wide = Table({**{f"c{n}": r.normal(size=40) for n in range(120)}, "t": r.normal(size=40)})
    look = checked(report(trained(wide, "t"), {}))
    assert "details" in look.tags
    assert "… and 20 columns more." in "".join(look.words)


def test_every_run_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--hidden", "8", "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    words = "".join(checked((tmp_path / "run" / "report.html").read_text("utf-8")).words)
    assert "Weights of each unit as an image" in words
