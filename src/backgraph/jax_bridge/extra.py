"""JAX itself, imported when something of it is first used."""

from __future__ import annotations

import importlib
from typing import Any

from backgraph.errors import UsageError


class Module:
    """A module of JAX by name. Using it raises UsageError BG602 where JAX is not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        try:
            module = importlib.import_module(self._name)
        except ImportError as error:
            hint = "type: pip install 'backgraph[jax]'"
            raise UsageError("BG602", "jax_bridge", "JAX is not installed", hint=hint) from error
        return getattr(module, name)


jax = Module("jax")
jnp = Module("jax.numpy")
jaxpr_core = Module("jax.extend.core")
