"""What `backgraph train` says: the data, the network, its gradient as maths, and the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from backgraph.cli.numbers import counted
from backgraph.data.labels import Classes
from backgraph.data.summary import DROPPED, summary_lines
from backgraph.models.trainer import Trainer

MOST_COLUMNS = 20
"""Up to so many columns, each is told."""


def table_lines(trainer: Trainer) -> Iterator[str]:
    """How many rows and columns, and what they are for."""
    train, held_out = trainer.n_train, len(trainer.validation_part.rows)
    columns, features = len(trainer.preparation.columns), len(trainer.preparation.features)
    classes = (
        f" into {counted(len(trainer.outcome), 'class', 'classes')}" if isinstance(trainer.outcome, Classes) else ""
    )
    sizes = f"{counted(columns, 'column')}, {counted(features, 'feature')}"
    yield f"{_shown(trainer.target)}: {trainer.task}{classes}, {sizes}"
    left = f"; {trainer.unlabelled:,} without a label left out" if trainer.unlabelled else ""
    yield f"{counted(train, 'row')} to train on, {held_out:,} to validate on{left}"
    if is_constant(trainer):
        yield f"{_shown(trainer.target)} is the same in all rows: there is nothing to learn"
    if columns <= MOST_COLUMNS:
        yield ""
        yield from (f"  {line}" for line in summary_lines(trainer.summary))
        yield ""
    else:
        counts = Counter(each.treatment if each.treatment == DROPPED else each.holds for each in trainer.summary)
        if len(counts) > 1:
            yield f"columns: {', '.join(f'{kind} {count:,}' for kind, count in counts.items())}"
        yield from (f"{_shown(each.column)}: {each.remark}" for each in trainer.summary if each.remark)


def is_constant(trainer: Trainer) -> bool:
    """Whether the target of the training rows has one value alone."""
    known = trainer.outcome
    return len(known) == 1 if isinstance(known, Classes) else not any(known.scale)


def network_lines(trainer: Trainer) -> Iterator[str]:
    """The network in a line, then the cost and its gradients as maths."""
    from backgraph.show.derive import derive  # not loaded where nobody reads it
    from backgraph.show.text import text

    recipe, network = trainer.recipe, trainer.mlp.network
    count = sum(array.size for array in trainer.parameters.values())
    layers = " → ".join(f"{width:,}" for width in trainer.mlp.widths)
    optimizer = trainer.learner.method.optimizer
    how = f"{type(optimizer).__name__} {optimizer.learning_rate}, minibatches of {trainer.batch_size}"
    yield f"{layers}: {count:,} parameters, {recipe.dtype}; {how}"
    yield ""
    names = {node: name for name, node in network.names.items()}
    derivation = derive(network.cost, network.parameters, names)
    for line in derivation.forward:
        yield f"  {text(line.name)} = {text(line.formula)}"
    for step in derivation.steps:
        yield f"  {text(step.name)} = {text(step.formula)}"
        yield from (f"    {text(name)} = {text(formula)}" for name, formula in step.lets)
    yield ""


def result_line(result: dict[str, Any]) -> str:
    """Loss, scores, seconds, and where the model is."""
    loss = "" if result["loss"] is None else f", loss {result['loss']:.4f}"
    parts = [f"{part} {_scores(result[part])}" for part in ("training", "validation") if result[part]]
    epochs = counted(result["epochs"], "epoch")
    return f"{epochs}{loss}; {'; '.join(parts)}; {result['seconds']:.1f} s\nsaved {result['model']}"


def _scores(scores: dict[str, float]) -> str:
    shown = {name: f"{score:.2%}" if name == "accuracy" else f"{score:.4g}" for name, score in scores.items()}
    return ", ".join(f"{name} {score}" for name, score in shown.items())


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)
