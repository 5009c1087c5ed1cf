"""Names for the arrays inside the arguments of a function: `W1` where the key of a dictionary says enough, else a path.

A path joins the name of the parameter with keys, indices and fields, as in `params_0_w`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from backgraph.errors import UsageError


def leaf_names(paths: Sequence[Sequence[Any]], parameters: Sequence[str], given: Sequence[str] | None) -> list[str]:
    """One name for each leaf, given JAX's key paths. Raises UsageError BG601 where `given` does not fit."""
    if given is not None:
        if len(given) != len(paths) or len(set(given)) != len(given):
            expected = f"{len(paths)} different names"
            raise UsageError("BG601", "from_jax", "names do not fit the arguments", got=list(given), expected=expected)
        return list(given)
    parts = [[_argument(path[0].idx, parameters), *(_key(entry) for entry in path[1:])] for path in paths]
    whole = ["_".join(part) for part in parts]
    short = [part[-1] if part[-1].isidentifier() else name for part, name in zip(parts, whole, strict=True)]
    times = Counter(short + [name for name in whole if name not in short])
    names = [brief if times[brief] == 1 else name for brief, name in zip(short, whole, strict=True)]
    if len(set(names)) != len(names):
        raise UsageError("BG601", "from_jax", "two arguments have one name", got=names, hint="give names=[…]")
    return names


def _argument(position: int, parameters: Sequence[str]) -> str:
    return parameters[position] if position < len(parameters) else f"argument{position}"


def _key(entry: Any) -> str:
    """`w` for a key, 0 for an index, `w` for a field, as text fit for a name."""
    return re.sub(r"\W+", "_", str(entry)).strip("_")
