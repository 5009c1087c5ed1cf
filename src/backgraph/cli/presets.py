"""What `backgraph train` does where an option is not given: a network of a textbook, or one for tables.

A preset is a value for each such option; None means that the rows decide (`models.rates`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from backgraph.errors import TrainingError, nearest
from backgraph.models.defaults import ACTIVATION, HIDDEN, SCHEDULE

Options = TypeVar("Options", bound=Any)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Values of options that were not given; `tuned` is the optimiser that takes rate and decay from the rows."""

    hidden: str
    activation: str
    optimizer: str
    schedule: str
    early_stopping: bool
    epochs: int | None = None
    batch_size: int | None = None
    dropout: str | None = None
    label_smoothing: float | None = None
    tuned: str | None = None


PRESETS = {
    "plain": Preset(
        hidden="64", activation="relu", optimizer="adam", schedule="constant", early_stopping=False, epochs=30,
        batch_size=32, dropout="0", label_smoothing=0.0,
    ),
    "table": Preset(
        hidden=",".join(map(str, HIDDEN)), activation=ACTIVATION, optimizer="adamw", schedule=SCHEDULE,
        early_stopping=True, tuned="adamw",
    ),
}  # fmt: skip


def preset_of(name: str | None, own_table: bool, validated: bool) -> Preset:
    """The preset of that name; without one that for tables where there is a table. TrainingError BG401.

    Only what is validated ends early by itself.
    """
    name = name or ("table" if own_table else "plain")
    if name not in PRESETS:
        hint = nearest(name, list(PRESETS))
        raise TrainingError("BG401", "--preset", "unknown", got=name, expected=" or ".join(PRESETS), hint=hint)
    preset = PRESETS[name]
    return preset if validated else replace(preset, early_stopping=False)


def filled(options: Options, preset: Preset) -> Options:
    """The options (a dataclass) with the preset's value for each that was not given."""
    named = {each.name for each in fields(options)} & {each.name for each in fields(preset)}
    return replace(options, **{name: getattr(preset, name) for name in named if getattr(options, name) is None})
