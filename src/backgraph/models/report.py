"""The report of a run: one HTML file, whole in itself, that tells what was learned, from what, how well, and how.

    scores, curves, confusion matrix or residuals, worst rows, weights as images     what came out
    data, network, formulas of the gradient, drawing, cost accounts                  how

Nothing in it is loaded from anywhere and nothing runs. Names and labels are those of users, and escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from backgraph.data.labels import Classes
from backgraph.data.summary import summary_rows
from backgraph.errors import shown
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.models.report_page import PAGE
from backgraph.models.trainer import Part, Trainer
from backgraph.show.cost import accounts
from backgraph.show.cost_page import CostPage
from backgraph.show.draw import draw
from backgraph.show.explain import explain
from backgraph.show.plots import confusion_matrix, loss_curves, residual_plot, weight_images
from backgraph.train.metrics import confusion

WORST = 10
"""So many rows with the largest loss are shown."""
FEWEST_PIXELS, MOST_UNITS = 64, 64
"""Weights are shown as images where a row is a square of so many numbers or more; of so many units at most."""
FEW_COLUMNS, MOST_COLUMNS = 20, 100
"""More columns are folded away; of more than a hundred only as many are listed."""


def report(trainer: Trainer, result: Mapping[str, object], title: str = "Training report") -> str:
    """The page. `result` are facts in a line each, such as {"seconds": 1.2}; the network is taken as it is now."""
    part, name = _judged(trainer)
    sections = [
        ("Result", _facts(trainer, result)),
        ("Curves", _curves(trainer)),
        (f"What it says about the {name} rows", _answers(trainer, part) if len(part.rows) else ""),
        ("Weights of the first layer", _weights(trainer)),
        ("Data", _data(trainer)),
        ("Network", _network(trainer)),
        ("Gradient", _gradient(trainer)),
        ("Work and memory of a step", _cost(trainer)),
    ]
    body = "".join(f"<section><h2>{escape(head)}</h2>\n{text}</section>\n" for head, text in sections if text)
    return PAGE.format(title=escape(f"{title}: {shown(trainer.target)}"), body=body)


def _judged(trainer: Trainer) -> tuple[Part, str]:
    held_out = trainer.validation_part
    return (held_out, "validation") if len(held_out.rows) else (trainer.training_part, "training")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table><tr>{cells}</tr>\n{lines}</table></div>\n'


def _facts(trainer: Trainer, result: Mapping[str, object]) -> str:
    parts = [("training", trainer.training_part), ("validation", trainer.validation_part)]
    found = {name: trainer.scores(part) for name, part in parts if len(part.rows)}
    metrics = [(metric, *(f"{found[name][metric]:.6g}" for name in found)) for metric in trainer.metrics]
    facts = [(key, f"{value:.6g}" if isinstance(value, float) else value) for key, value in result.items()]
    return _table(("metric", *found), metrics) + _table(("fact", "value"), facts)


def _curves(trainer: Trainer) -> str:
    """The losses, then each metric of the validation rows."""
    history = trainer.training.history
    names = list(dict.fromkeys(name for row in history for name in row))
    lines = {name: np.array([row.get(name, math.nan) for row in history], "float64") for name in names}
    losses = {name: line for name, line in lines.items() if name.endswith("loss") and not name.endswith("log loss")}
    pictures = [loss_curves(losses, title="Loss", prefix="losses")] if losses else []
    others = {name: line for name, line in lines.items() if name not in losses}
    pictures += [
        loss_curves({n: line}, title=n, measure=n, prefix=f"curve{i}") for i, (n, line) in enumerate(others.items())
    ]
    return _pictures(pictures) if history else ""


def _pictures(pictures: Sequence[str]) -> str:
    return "".join(f"<figure>{picture}</figure>\n" for picture in pictures)


def _answers(trainer: Trainer, part: Part) -> str:
    says = trainer.mlp.predict_proba(trainer.parameters, part.X, part.examples.codes)
    if isinstance(trainer.outcome, Classes):
        return _classified(trainer.outcome, part, says)
    truth, guess = (np.asarray(trainer.outcome.restore(each))[:, 0] for each in (part.y, says))
    worst = np.argsort(-abs(truth - guess), kind="stable")[:WORST]
    rows = [
        (f"{part.numbering.numbers[i]:,}", f"{truth[i]:.6g}", f"{guess[i]:.6g}", f"{truth[i] - guess[i]:.6g}")
        for i in worst
    ]
    picture = residual_plot(truth, guess, unit=shown(trainer.target))
    return _pictures([picture]) + _worst((part.numbering.word, "truth", "prediction", "residual"), rows)


def _classified(classes: Classes, part: Part, says: Array) -> str:
    guess = says.argmax(axis=1)
    names = [shown(label) for label in classes.labels]
    picture = confusion_matrix(confusion(part.y, guess, len(classes)), names)
    right = says[np.arange(len(says)), part.y]
    worst = np.argsort(right, kind="stable")[:WORST]
    rows = [
        (f"{part.numbering.numbers[i]:,}", names[part.y[i]], names[guess[i]], f"{right[i]:.2%}", f"{says[i].max():.2%}")
        for i in worst
    ]
    head = (part.numbering.word, "truth", "prediction", "probability of the truth", "of the prediction")
    return _pictures([picture]) + _worst(head, rows)


def _worst(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return f"<h3>The {len(rows)} rows it is most wrong about</h3>\n{_table(head, rows)}"


def _weights(trainer: Trainer) -> str:
    first = trainer.parameters[trainer.mlp.network.weights[0]]
    side = math.isqrt(len(first))
    image = side * side == len(first) >= FEWEST_PIXELS and not trainer.preparation.embeddings
    return _pictures([weight_images(first[:, :MOST_UNITS], shape=(side, side))]) if image else ""


def _data(trainer: Trainer) -> str:
    head, *rows = summary_rows(trainer.summary[:MOST_COLUMNS])
    more = len(trainer.summary) - MOST_COLUMNS
    rest = f"<p>… and {more:,} columns more.</p>\n" if more > 0 else ""
    counted = f"{trainer.n_train:,} rows to train on, {len(trainer.validation_part.rows):,} to validate on."
    table = _table(head, rows) + rest
    if len(rows) > FEW_COLUMNS:
        table = f"<details><summary>{len(trainer.summary):,} columns</summary>\n{table}</details>\n"
    return f"<p>{counted}</p>\n{table}"


def _network(trainer: Trainer) -> str:
    network, recipe, how = trainer.mlp.network, trainer.recipe, trainer.learner.method
    rows = [
        (str(node.op), " × ".join(map(str, array.shape)), f"{array.size:,}")
        for node, array in trainer.parameters.items()
    ]
    total = sum(array.size for array in trainer.parameters.values())
    picture = draw(network.cost, network.parameters, _names(trainer), sizes={"m": how.batch_size}).svg
    method = f"{how.optimizer}; minibatches of {how.batch_size}; seed {recipe.seed}; {recipe.dtype}."
    return (
        f"<p>{escape(method)} {total:,} parameters.</p>\n{_table(('parameter', 'shape', 'numbers'), rows)}"
        f'<div class="wide">{picture}</div>\n'
    )


def _names(trainer: Trainer) -> dict[Node, str]:
    return {node: name for name, node in trainer.mlp.network.names.items()}


def _gradient(trainer: Trainer) -> str:
    network = trainer.mlp.network
    return explain(network.cost, network.parameters, _names(trainer)).html()


def _cost(trainer: Trainer) -> str:
    network = trainer.mlp.network
    found = accounts(network.cost, network.parameters, _names(trainer))
    return f"<pre>{escape(CostPage(found, {'m': trainer.batch_size}).text())}</pre>\n"
