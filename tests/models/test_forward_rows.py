"""What is predicted of a row has the same bits alone, in any batch, and with any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from backgraph.data import Table
from backgraph.models.fitted import Fitted
from backgraph.models.trainer import Recipe, Trainer
from backgraph.optim import Adam

ROWS = 10_000


def table(rows: int = ROWS) -> Table:
    """Numbers, some missing, colours, 40 places (an embedding) and days."""
    random = np.random.Generator(np.random.Philox(11))
    number = random.normal(size=rows)
    place = random.integers(0, 40, rows)
    return Table(
        {
            "a": number,
            "b": np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows)),
            "colour": np.array(["red", "green", ""], dtype=object)[random.integers(0, 3, rows)],
            "place": np.array([f"place {n}" for n in place], dtype=object),
            "day": np.datetime64("2024-01-01", "us") + random.integers(0, 500, rows) * np.timedelta64(86_400_000_000),
            "y": np.where(number + place % 3 > 1, "yes", "no").astype(object),
            "z": number * 3 + place % 3,
        }
    )


def fitted(target: str, dtype: str) -> Fitted:
    columns = table().drop([name for name in ("y", "z") if name != target])
    trainer = Trainer(columns, target, Recipe((32, 16), Adam(learning_rate=0.01), dtype=dtype, batch_size=256))
    trainer.run(1)
    return trainer.fitted


@pytest.mark.slow
@pytest.mark.parametrize(("target", "dtype"), [("y", "float32"), ("z", "float64")])
def test_a_row_alone_has_the_bits_of_the_row_in_the_batch(target: str, dtype: str) -> None:
    model, rows = fitted(target, dtype), table()
    X, codes = model.preparation.matrix(rows), model.preparation.codes(rows)
    assert codes.shape == (ROWS, 1)
    whole = model.mlp.scores(model.parameters, X, codes)
    alone = [model.mlp.scores(model.parameters, X[n : n + 1], codes[n : n + 1]) for n in range(ROWS)]
    assert np.concatenate(alone).tobytes() == whole.tobytes()


def test_the_same_of_tables_in_parts_of_any_size() -> None:
    model, rows = fitted("y", "float32"), table()
    whole = model.predict_proba(rows)
    for first, size in ((0, 1), (17, 3), (4_095, 2), (5_000, 4_999), (9_999, 1)):
        part = model.predict_proba(rows.rows(np.arange(first, first + size)))
        assert part.tobytes() == whole[first : first + size].tobytes()
